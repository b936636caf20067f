package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/treetext"
)

// page is what show prints.
type page struct {
	*screen
	doc    *wfslog.Document
	fields []field
	lines  []string
	err    error
}

// field is a field of a node, safe to show.
type field struct{ name, text, color string }

func (p *page) write() error {
	if p.err != nil {
		return p.err
	}
	return p.writeLines(p.lines)
}

// add adds a field, unless it is empty.
func (p *page) add(name, text string) { p.addColored(name, text, "") }

func (p *page) addColored(name, text, color string) {
	if text != "" {
		p.fields = append(p.fields, field{name, termtext.String(text), color})
	}
}

// flush adds the lines of the fields that were added.
func (p *page) flush() {
	width := 0
	for _, f := range p.fields {
		width = max(width, len(f.name))
	}
	for _, f := range p.fields {
		name := p.paint(faint, f.name) + strings.Repeat(" ", width-len(f.name)+2)
		for i, part := range p.wrap(f.text, width+2) {
			if i > 0 {
				name = strings.Repeat(" ", width+2)
			}
			p.lines = append(p.lines, name+p.paint(f.color, part))
		}
	}
	p.fields = nil
}

// title begins a section.
func (p *page) title(text string) {
	p.lines = append(p.lines, "", p.paint(bold, text))
}

// block adds a text behind a line, unless it is empty.
func (p *page) block(title, text string) {
	if text == "" {
		return
	}
	p.title(title)
	gutter := p.paint(faint, p.glyph("│", "|")) + " "
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for _, part := range p.wrap(termtext.String(strings.ReplaceAll(line, "\t", "    ")), 2) {
			p.lines = append(p.lines, gutter+part)
		}
	}
}

// head adds the first line.
func (p *page) head(status, text string) {
	begin := p.paint(statusColor(status), treetext.Mark(status, p.ascii)) + " "
	for _, part := range p.wrap(termtext.String(text), 2) {
		p.lines = append(p.lines, begin+p.paint(bold, part))
		begin = "  "
	}
	p.lines = append(p.lines, "")
}

// run adds all of the run itself.
func (p *page) run() {
	d := p.doc
	p.head(d.Status, cmp.Or(d.Workflow, "workflow"))
	p.add("run", d.Run.String())
	p.common(&d.Node)
	if len(d.Iterations) > 0 {
		p.add("iterations", strconv.Itoa(len(d.Iterations)))
	}
	complete := "yes"
	if !d.Complete {
		complete = "no: " + incomplete(&d.Integrity)
	}
	p.add("complete", complete)
	in := d.Integrity
	p.add("events", fmt.Sprintf("%d from %s", in.Events, strings.Join(in.Streams, ", ")))
	for _, part := range []struct {
		name string
		n    uint64
	}{{"conflicts", in.Conflicts}, {"late", in.Late}} {
		if part.n > 0 {
			p.add(part.name, strconv.FormatUint(part.n, 10))
		}
	}
	p.flush()
	p.agents()
	p.errors()
	p.texts(&d.Node)
	p.below(&d.Node, 1)
}

// node adds all of a node within the run.
func (p *page) node(f found) {
	n := f.node
	name := cmp.Or(n.Agent, n.Name, n.Level)
	if f.kind == "iteration" {
		name = strconv.Itoa(n.Number)
	}
	p.head(n.Status, f.kind+" "+name)
	p.add("run", p.doc.Run.String()+" "+p.doc.Workflow)
	p.add("node", treetext.Ref(n))
	if parent := treetext.Ref(f.parent); parent != "" {
		p.add("in", parent)
	}
	p.common(n)
	p.flush()
	p.texts(n)
	p.below(n, 0)
}

// common adds the fields that any node may have.
func (p *page) common(n *wfslog.Node) {
	p.addColored("status", n.Status, statusColor(n.Status))
	if n.Missing {
		p.addColored("missing", "its start", yellow)
	}
	if n.Late {
		p.addColored("late", "after the end of its span", yellow)
	}
	p.add("flags", strings.Join(n.Flags, ", "))
	p.add("event", n.Event)
	p.add("time", exact(n.Time))
	p.add("started", exact(n.StartedAt))
	p.add("ended", exact(n.EndedAt))
	if n.DurationMS != "" {
		p.add("took", p.duration(n.Duration()))
	}
	p.add("level", n.Level)
	p.add("logger", n.Logger)
	p.add("tool", n.Tool)
	p.add("model", n.Model)
	p.add("provider", n.Provider)
	p.add("finish", n.FinishReason)
	p.usage(n)
	for _, r := range n.Resources {
		p.add("resource", strings.TrimSpace(r.Name+" "+r.URI))
	}
	if s := n.Source; s != nil {
		p.add("source", fmt.Sprintf("%s:%d %s", s.File, s.Line, s.Function))
	}
	if l := n.Link; l != nil {
		p.add("link", strings.TrimSpace(l.Trace+" "+l.Span))
	}
}

func exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

func (p *page) usage(n *wfslog.Node) {
	cost := n.CostUSD
	if u := n.Usage; u != nil {
		var parts []string
		if u.Calls > 0 {
			parts = append(parts, "calls "+strconv.FormatUint(u.Calls, 10))
		}
		for _, bucket := range []struct {
			name string
			n    *uint64
		}{
			{"input", u.InputTokens},
			{"output", u.OutputTokens},
			{"cache read", u.CacheReadTokens},
			{"cache write", u.CacheWriteTokens},
			{"reasoning", u.ReasoningTokens},
		} {
			if bucket.n != nil {
				parts = append(parts, bucket.name+" "+strconv.FormatUint(*bucket.n, 10))
			}
		}
		p.add("usage", strings.Join(parts, ", "))
		if u.CostUSD != "" {
			cost = u.CostUSD
		}
	}
	p.add("cost", treetext.Cost(cost, false))
}

// texts adds the texts of a node.
func (p *page) texts(n *wfslog.Node) {
	p.block("Message", n.Msg)
	p.block("Error", n.Error)
	p.block("Input", pretty(n.Input))
	p.block("Output", pretty(n.Output))
	p.block("Metadata", pretty(n.Metadata))
	p.block("Attributes", pretty(n.Attrs))
}

// below adds what is in a node.
func (p *page) below(n *wfslog.Node, depth int) {
	var b strings.Builder
	opts := treetext.Options{
		Filter: treetext.Filter{Level: treetext.LevelLog, Depth: max(depth, 1)},
		Color:  p.color, ASCII: p.ascii, Width: p.width, Columns: columns, Short: p.tty,
	}
	p.err = treetext.WriteBelow(&b, p.doc, n, opts)
	if b.Len() > 0 {
		p.title("In it")
		p.lines = append(p.lines, strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")...)
	}
}

func (p *page) agents() {
	if len(p.doc.Agents) == 0 {
		return
	}
	t := table{columns: []column{
		{title: "AGENT", shrink: 10},
		{title: "TURNS", right: true},
		{title: "ACTIONS", right: true},
		{title: "CALLS", right: true, rank: 2},
		{title: "TOKENS", right: true, rank: 1},
		{title: "COST", right: true, rank: 1},
		{title: "ERRORS", right: true},
	}}
	for _, name := range slices.Sorted(maps.Keys(p.doc.Agents)) {
		a := p.doc.Agents[name]
		if a == nil {
			continue
		}
		tokens, cost, calls := "", "", ""
		if u := a.Usage; u != nil {
			tokens, cost = treetext.Tokens(u, p.tty, p.glyph("→", "->")), treetext.Cost(u.CostUSD, p.tty)
			calls = strconv.FormatUint(u.Calls, 10)
		}
		failed := cell{text: strconv.FormatUint(a.Errors, 10)}
		if a.Errors > 0 {
			failed.color = red
		}
		t.add(cell{text: termtext.String(name)}, cell{text: strconv.FormatUint(a.Interactions, 10)},
			cell{text: strconv.FormatUint(a.Actions, 10)}, cell{text: calls}, cell{text: tokens}, cell{text: cost}, failed)
	}
	p.title("Agents")
	p.lines = append(p.lines, t.lines(p.screen, "  ")...)
}

func (p *page) errors() {
	if len(p.doc.Errors) == 0 {
		return
	}
	t := table{columns: []column{{shrink: 10}, {rank: 1}, {shrink: 20}}}
	for _, e := range p.doc.Errors {
		if e == nil {
			continue
		}
		ref := treetext.Ref(&wfslog.Node{Span: e.Span})
		if e.Seq > 0 {
			ref = treetext.Ref(&wfslog.Node{Seq: e.Seq, Stream: e.Stream})
		}
		text := e.Error
		if text == "" || e.Msg != "" && e.Msg != e.Error {
			text = strings.TrimSuffix(e.Msg+": "+e.Error, ": ")
		}
		first, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		first = strings.TrimSuffix(first, "\r")
		t.add(cell{cmp.Or(ref, "-"), faint}, cell{p.time(e.Time), faint}, cell{termtext.String(first), red})
	}
	p.title("Errors")
	p.lines = append(p.lines, t.lines(p.screen, "  ")...)
	if n := uint64(len(p.doc.Errors)); p.doc.ErrorsTotal > n {
		p.lines = append(p.lines, p.paint(faint, fmt.Sprintf("  and %d more", p.doc.ErrorsTotal-n)))
	}
}
