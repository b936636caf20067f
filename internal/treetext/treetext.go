// Package treetext draws the tree of a run for a terminal: a line for each node,
// safe to show whatever the run recorded.
package treetext

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
)

// Options configure [Write]. The zero value shows spans and actions, all of them
// and whole, without colours.
type Options struct {
	Filter

	// Color colours marks and what is less important.
	Color bool
	// ASCII draws with ASCII characters only.
	ASCII bool
	// Fold is how many successful actions of the same name in a row, with nothing
	// inside them, stand on lines of their own; more than that are one line. 0 means
	// any number.
	Fold int
	// Width is the number of columns that lines are kept within: texts are cut, and
	// columns left out where there is no room. 0 means any number.
	Width int
	// Columns returns the number of columns that a text takes; nil means
	// [termtext.Width].
	Columns func(text string) int
	// Short shortens ids and numbers of tokens.
	Short bool
	// Time formats the start of the run; nil means RFC 3339.
	Time func(time.Time) string
}

// Write draws the tree of doc. It returns the error of w.
func Write(w io.Writer, doc *wfslog.Document, opts Options) error {
	d := newDrawer(opts)
	s := newSelector(opts.Filter)
	root := s.tree(doc)
	d.children(root, "")
	var b strings.Builder
	b.WriteString(d.head(doc))
	d.layout(&b)
	for _, line := range d.foot(doc, s.hidden) {
		b.WriteString(line)
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteBelow draws what is in a node of doc.
func WriteBelow(w io.Writer, doc *wfslog.Document, n *wfslog.Node, opts Options) error {
	d := newDrawer(opts)
	s := newSelector(opts.Filter)
	s.turns, _ = turnsBefore(&doc.Node, n)
	it := &item{node: n}
	s.kids(it, 0, sameAgent(n.Agent, opts.Agent))
	d.children(it, "")
	var b strings.Builder
	d.layout(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// turnsBefore returns how many interactions in root come before what is in n, and
// whether n was found; n itself counts if it is one.
func turnsBefore(root, n *wfslog.Node) (turns int, found bool) {
	if root == n {
		return 0, true
	}
	for _, list := range []struct {
		nodes []*wfslog.Node
		turns int // of each
	}{{root.Iterations, 0}, {root.Workflows, 0}, {root.Interactions, 1}, {root.Actions, 0}} {
		for _, kid := range list.nodes {
			below, found := turnsBefore(kid, n)
			turns += list.turns + below
			if found {
				return turns, true
			}
		}
	}
	return turns, false
}

func newDrawer(opts Options) *drawer {
	if opts.Columns == nil {
		opts.Columns = func(text string) int { return termtext.Width([]byte(text)) }
	}
	return &drawer{opts: opts, glyphs: glyphsOf(opts.ASCII)}
}

// drawer makes the lines of a tree.
type drawer struct {
	opts   Options
	glyphs *glyphs
	rows   []row
}

// glyphs are the characters that a tree is drawn with.
type glyphs struct {
	branch, last, line, blank      string
	ok, failed, open, other, log   string
	arrow, times, ellipsis, hidden string
}

func glyphsOf(ascii bool) *glyphs {
	if ascii {
		return &asciiGlyphs
	}
	return &unicodeGlyphs
}

var unicodeGlyphs = glyphs{
	branch: "├─ ", last: "└─ ", line: "│  ", blank: "   ",
	ok: "✓", failed: "✗", open: "▶", other: "●", log: "·",
	arrow: "→", times: "×", ellipsis: "…", hidden: "≡",
}

var asciiGlyphs = glyphs{
	branch: "|- ", last: "`- ", line: "|  ", blank: "   ",
	ok: "+", failed: "x", open: ">", other: "o", log: "-",
	arrow: "->", times: "x", ellipsis: "...", hidden: "=",
}

// children adds the rows of what is in it.
func (d *drawer) children(it *item, indent string) {
	agents := 0 // columns of the agents' names, so that their turns are aligned
	for _, kid := range it.kids {
		if kid.kind == kindInteraction {
			agents = max(agents, min(d.columns(d.label(kid.node.Agent)), maxAgent))
		}
	}
	for i := 0; i < len(it.kids); {
		kid, same := it.kids[i], 1
		if n := sameFrom(it.kids[i:]); d.opts.Fold > 0 && n > d.opts.Fold {
			same = n
		}
		branch, below := d.glyphs.branch, d.glyphs.line
		if i+same == len(it.kids) {
			branch, below = d.glyphs.last, d.glyphs.blank
		}
		var r row
		if same > 1 {
			r = d.folded(it.kids[i : i+same])
		} else {
			r = d.describe(kid, agents)
		}
		r.tree = indent + branch
		d.rows = append(d.rows, r)
		d.children(kid, indent+below)
		i += same
	}
}

// sameFrom returns how many actions in a row, from the first of items on, can be
// folded.
func sameFrom(items []*item) int {
	first := items[0].node
	for i, it := range items {
		n := it.node
		plainOK := n.Status == "ok" || n.Status == "" && n.Error == "" && !n.Missing
		if it.kind != kindAction || n.Name != first.Name || n.Tool != first.Tool || !plainOK || len(it.kids) > 0 || it.logs > 0 {
			return max(i, 1)
		}
	}
	return len(items)
}

// head returns the line of the run itself.
func (d *drawer) head(doc *wfslog.Document) string {
	id := doc.Run.String()
	if d.opts.Short {
		id = id[len(id)-shortID:]
	}
	mark, color := d.mark(doc.Status)
	parts := []string{
		d.paint(color, mark) + " " + d.paint(bold, d.label(doc.Workflow)), id, d.paint(color, d.label(doc.Status)),
	}
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	add(d.duration(&doc.Node))
	if tokens := d.tokens(&doc.Node); tokens != "" {
		add(tokens + " tok")
	}
	add(d.cost(&doc.Node))
	if n := len(doc.Agents); n > 0 {
		add(termtext.Counted(n, "agent"))
	}
	if doc.ErrorsTotal > 0 {
		add(d.paint(red, termtext.Counted(doc.ErrorsTotal, "error")))
	}
	if !doc.StartedAt.IsZero() {
		format := d.opts.Time
		if format == nil {
			format = func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
		}
		add(d.paint(faint, format(doc.StartedAt)))
	}
	line := ""
	for i, part := range parts {
		if i > 0 {
			part = "  " + part
		}
		if d.opts.Width > 0 && i > 0 && d.columns(uncolored(line+part)) > d.opts.Width {
			continue
		}
		line += part
	}
	if d.opts.Width > 0 && d.columns(uncolored(line)) > d.opts.Width {
		line = d.cut(uncolored(line), d.opts.Width)
	}
	return line + "\n"
}

// shortID is how many of the last digits of a run's id are shown: those in the
// names of documents.
const shortID = 12

// foot returns what is to be said below the tree.
func (d *drawer) foot(doc *wfslog.Document, h hidden) (lines []string) {
	if !doc.Complete {
		lines = append(lines, d.paint(yellow, d.fit("not complete: "+incomplete(&doc.Integrity))))
	}
	var left []string
	if h.logs > 0 {
		left = append(left, termtext.Counted(h.logs, "log record"))
	}
	if h.others > 0 {
		left = append(left, termtext.Counted(h.others, "other node"))
	}
	if len(left) > 0 {
		lines = append(lines, d.paint(faint, d.fit(strings.Join(left, " and ")+" hidden")))
	}
	return lines
}

// incomplete says what is known to be missing in a document.
func incomplete(in *wfslog.Integrity) string {
	if in.Missing == 0 && in.Lost == 0 && in.Damaged == 0 {
		return "not everything has ended"
	}
	return fmt.Sprintf("%d events missing, %d lost, %d damaged", in.Missing, in.Lost, in.Damaged)
}
