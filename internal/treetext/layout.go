package treetext

import (
	"sort"
	"strings"

	"github.com/wfslog/wfslog/internal/termtext"
)

// Colours of marks and texts.
const (
	bold   = termtext.Bold
	faint  = termtext.Faint
	red    = termtext.Red
	green  = termtext.Green
	yellow = termtext.Yellow
	cyan   = termtext.Cyan
)

const (
	maxAlign = 60 // columns of the tree that others are aligned behind
	minNote  = 16 // columns that are left for notes before other columns are
)

func (d *drawer) columns(text string) int { return d.opts.Columns(text) }

// column is a column between the tree and the notes.
type column struct {
	text  func(*row) string
	right bool // aligned
	color string
	width int
}

// layout writes the rows.
func (d *drawer) layout(b *strings.Builder) {
	align := maxAlign
	if d.opts.Width > 0 {
		align = min(align, max(d.opts.Width/2, 20))
	}
	first, notes := 0, 0
	columns := []*column{
		{text: func(r *row) string { return r.took }, right: true},
		{text: func(r *row) string { return r.tokens }, right: true},
		{text: func(r *row) string { return r.cost }, right: true},
		{text: func(r *row) string { return r.ref }, color: faint},
	}
	for i := range d.rows {
		r := &d.rows[i]
		if w := d.treeColumns(r); w <= align {
			first = max(first, w)
		} else if d.opts.Width > 0 {
			first = align
		}
		notes = max(notes, d.columns(r.note))
		for _, c := range columns {
			c.width = max(c.width, d.columns(c.text(r)))
		}
	}
	columns = d.choose(columns, first, notes)
	for i := range d.rows {
		d.line(b, &d.rows[i], first, columns)
	}
}

// choose leaves out columns that are empty or, from the third back, that leave too
// little room for notes.
func (d *drawer) choose(columns []*column, first, notes int) []*column {
	used := func() int {
		n := first
		for _, c := range columns {
			if c.width > 0 {
				n += 2 + c.width
			}
		}
		return n
	}
	for _, drop := range []int{3, 2, 1, 0} {
		room := d.opts.Width - used() - 2
		if d.opts.Width > 0 && room < min(notes, minNote) {
			columns[drop].width = 0
		}
	}
	var kept []*column
	for _, c := range columns {
		if c.width > 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

func (d *drawer) treeColumns(r *row) int {
	return d.columns(r.tree) + d.columns(r.mark) + 1 + d.columns(r.label)
}

// line writes a row whose tree takes the given number of columns.
func (d *drawer) line(b *strings.Builder, r *row, first int, columns []*column) {
	label := r.label
	if over := d.treeColumns(r) - first; over > 0 && d.opts.Width > 0 {
		label = d.cut(label, max(d.columns(label)-over, 1))
	}
	used := d.treeColumns(&row{tree: r.tree, mark: r.mark, label: label})
	var line strings.Builder
	line.WriteString(d.paint(faint, r.tree) + d.paint(r.color, r.mark) + " " + label)
	pending := spaces(first - used)
	used = max(used, first)
	for _, c := range columns {
		text := c.text(r)
		gap := c.width - d.columns(text)
		used += 2 + c.width
		switch {
		case text == "":
			pending += spaces(2 + c.width)
		case c.right:
			line.WriteString(pending + spaces(2+gap) + d.paint(c.color, text))
			pending = ""
		default:
			line.WriteString(pending + "  " + d.paint(c.color, text))
			pending = spaces(gap)
		}
	}
	if note := r.note; note != "" {
		if room := d.opts.Width - used - 2; d.opts.Width > 0 {
			note = d.cut(note, room)
		}
		if note != "" {
			line.WriteString(pending + "  " + d.paint(r.noted, note))
		}
	}
	b.WriteString(line.String())
	b.WriteByte('\n')
}

// fit cuts a text to the width of a line.
func (d *drawer) fit(text string) string {
	if d.opts.Width <= 0 {
		return text
	}
	return d.cut(text, d.opts.Width)
}

// cut cuts a text, which is safe to show, to a number of columns.
func (d *drawer) cut(text string, columns int) string {
	return Cut(text, columns, d.glyphs.ellipsis, d.opts.Columns)
}

// Cut returns text if it takes at most max columns, and otherwise the longest
// beginning of it that does together with an ellipsis.
func Cut(text string, maxColumns int, ellipsis string, columns func(string) int) string {
	if len(text) <= maxColumns || columns(text) <= maxColumns {
		return text
	}
	room := maxColumns - columns(ellipsis)
	if room < 0 {
		return ""
	}
	var ends []int // of the runes
	for i := range text {
		ends = append(ends, i)
		if len(ends) > 4*maxColumns { // the rest does not fit, unless it is mostly combining marks
			break
		}
	}
	n := sort.Search(len(ends), func(i int) bool { return columns(text[:ends[i]]) > room })
	return strings.TrimRight(text[:ends[max(n-1, 0)]], " ") + ellipsis
}

func (d *drawer) paint(color, text string) string {
	if !d.opts.Color || color == "" || text == "" {
		return text
	}
	return color + text + termtext.Reset
}

// uncolored returns text without the escape sequences that paint adds; the text
// itself has none.
func uncolored(text string) string {
	for {
		before, rest, found := strings.Cut(text, "\x1b[")
		if !found {
			return text
		}
		_, after, _ := strings.Cut(rest, "m")
		text = before + after
	}
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }
