package main

import (
	"fmt"
	"slices"
	"strings"
)

// Table returns the table of that name in Markdown, or "" if nothing of it was
// measured.
func (r *report) Table(name string) (string, error) {
	switch name {
	case "null":
		return r.byMode("null/", nameJSON, nil), nil
	case "handler":
		return r.byRecord("handler/", nameJSON), nil
	case "unbuffered":
		return r.byMode("file/", nameJSON, func(s string) bool { return !strings.HasSuffix(s, bufferedName("")) }), nil
	case "buffered":
		return r.byMode("file/", bufferedName(nameJSON), func(s string) bool {
			return strings.HasSuffix(s, bufferedName("")) || strings.HasPrefix(s, nameWfslog)
		}), nil
	case "span":
		return r.byMode("span", nameBatch, nil), nil
	case "escape":
		return r.byRecord("escape/", nameJSON), nil
	case "latency":
		return r.plain("latency/"), nil
	case "rebuild":
		return r.plain("rebuild/"), nil
	case "memory":
		return r.plain("index memory/"), nil
	case "physical":
		return r.plain("physical/"), nil
	case "saving":
		return r.plain("saving/"), nil
	}
	return "", fmt.Errorf("no table %q", name)
}

// rows is a table: a row for each side, in the order in which they first came.
type rows struct {
	head  []string
	names []string
	cells map[string][]string
}

func newRows(first string) *rows { return &rows{head: []string{first}, cells: map[string][]string{}} }

// column adds a column; sides without a cell in it have an empty one.
func (t *rows) column(head string, cell map[string]string, order []string) {
	for _, name := range order {
		if !slices.Contains(t.names, name) {
			t.names = append(t.names, name)
			t.cells[name] = make([]string, len(t.head)-1)
		}
	}
	t.head = append(t.head, head)
	for _, name := range t.names {
		t.cells[name] = append(t.cells[name], cell[name])
	}
}

func (t *rows) String() string {
	if len(t.names) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(t.head, " | "), " --- |"+strings.Repeat(" --: |", len(t.head)-1))
	for _, name := range t.names {
		fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(t.cells[name], " | "))
	}
	return b.String()
}

// byMode has, for each record, a table with a column for each mode.
func (r *report) byMode(prefix, reference string, keep func(side string) bool) string {
	var all []string
	names := []string{""}
	if prefix != "span" {
		names = nil
		for _, rec := range records {
			names = append(names, rec.name)
		}
	}
	for _, name := range names {
		t := newRows("")
		for _, m := range modes {
			g := r.find(strings.TrimSuffix(prefix, "/") + strings.TrimSuffix("/"+name, "/") + "/" + m.name)
			if g == nil || g.side(reference) == nil {
				continue
			}
			if t.head[0] == "" {
				t.head[0] = g.title()
				t.column("ns, serial", g.cells(keep, func(s *sideResult) string { return thousands(median(s.values)) }), g.order(keep))
			}
			ratio := func(of func(*sideResult) []float64) map[string]string {
				return g.cells(keep, func(s *sideResult) string {
					if len(of(s)) == 0 {
						return ""
					}
					v := summarize(ratios(of(s), of(g.side(reference))))
					text := number(v.Median) + " " + quartiles(v)
					if s.note != "" {
						text += ", " + s.note
					}
					return text
				})
			}
			t.column(m.title(), ratio(func(s *sideResult) []float64 { return s.values }), g.order(keep))
			if m.goroutines == 1 {
				t.column("processor time", ratio(func(s *sideResult) []float64 { return s.cpu }), g.order(keep))
			}
		}
		if text := t.String(); text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "\n")
}

// byRecord is a table with a column for each record.
func (r *report) byRecord(prefix, reference string) string {
	t := newRows("")
	for _, g := range r.groups {
		name, ok := strings.CutPrefix(g.name, prefix)
		if !ok || g.side(reference) == nil {
			continue
		}
		t.column(name+", "+g.unit, g.cells(nil, func(s *sideResult) string { return thousands(median(s.values)) }), g.order(nil))
		t.column("ratio", g.cells(nil, func(s *sideResult) string {
			v := summarize(ratios(s.values, g.side(reference).values))
			return number(v.Median) + " " + quartiles(v)
		}), g.order(nil))
	}
	return t.String()
}

// plain is a table of the values themselves, with a column for each group.
func (r *report) plain(prefix string) string {
	t := newRows("")
	for _, g := range r.groups {
		if name, ok := strings.CutPrefix(g.name, prefix); ok && len(g.sides) > 0 {
			t.column(name+", "+g.unit, g.cells(nil, func(s *sideResult) string { return number(median(s.values)) }), g.order(nil))
		}
	}
	return t.String()
}

func (g *group) order(keep func(side string) bool) (names []string) {
	for _, s := range g.sides {
		if keep == nil || keep(s.name) {
			names = append(names, s.name)
		}
	}
	return names
}

func (g *group) cells(keep func(side string) bool, text func(s *sideResult) string) map[string]string {
	cells := map[string]string{}
	for _, s := range g.sides {
		if keep == nil || keep(s.name) {
			cells[s.name] = text(s)
		}
	}
	return cells
}

// title is what the group is about, without its mode.
func (g *group) title() string {
	for _, rec := range records {
		if strings.Contains(g.name, "/"+rec.name+"/") {
			return rec.name + ": " + rec.what
		}
	}
	return "a span"
}

func (m mode) title() string {
	if m.goroutines == 1 {
		return "ratio, 1 goroutine"
	}
	return fmt.Sprintf("%s goroutines", thousands(float64(m.goroutines)))
}
