// Package treetext draws the tree of a run for a terminal: a line for each node,
// safe to show whatever the run recorded.
package treetext

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
)

// Options configure [Write]. The zero value shows spans and actions, all of them,
// without colours.
type Options struct {
	// Color colours statuses and what is less important.
	Color bool
	// Logs shows log records as well.
	Logs bool
	// Fold is the number of successful actions of the same name in a row, with
	// nothing inside them, that are shown; further ones are counted. 0 means all.
	Fold int
	// Width is the number of columns that lines are kept within by cutting messages,
	// errors, inputs and outputs; 0 means any number. Where not much would be left of
	// them, lines are longer.
	Width int
}

const (
	maxLabel   = 100 // runes of a name
	maxText    = 120 // runes of a message or an error
	maxContent = 50  // runes of an input or an output
	minNote    = 10  // runes that Width leaves of any of these
	maxAlign   = 60  // runes of the tree's first column that others are aligned behind
)

// row is a line of the tree in columns.
type row struct {
	tree   string // lines that lead to the node
	kind   string
	label  string
	status string
	took   string
	usage  string
	note   string // message or error
	path   string
}

func (r *row) width() int {
	return utf8.RuneCountInString(r.tree) + utf8.RuneCountInString(r.kind) + 1 + utf8.RuneCountInString(r.label)
}

// Write draws the tree of doc. It returns the error of w.
func Write(w io.Writer, doc *wfslog.Document, opts Options) error {
	d := drawer{opts: opts}
	d.root(doc)
	_, err := io.WriteString(w, d.text(doc))
	return err
}

type drawer struct {
	opts Options
	rows []row
}

func (d *drawer) root(doc *wfslog.Document) {
	r := d.describe("workflow", &doc.Node)
	r.label, r.path = label(doc.Workflow), doc.Run.String()
	d.rows = append(d.rows, r)
	d.children(&doc.Node, "")
}

// child is a node with the name of the array it stands in.
type child struct {
	kind string
	node *wfslog.Node
}

func (d *drawer) childrenOf(n *wfslog.Node) []child {
	var all []child
	add := func(kind string, nodes []*wfslog.Node) {
		for _, c := range nodes {
			all = append(all, child{kind, c})
		}
	}
	add("iteration", n.Iterations)
	add("workflow", n.Workflows)
	add("interaction", n.Interactions)
	add("action", n.Actions)
	if d.opts.Logs {
		add("log", n.Logs)
	}
	return all
}

func (d *drawer) children(n *wfslog.Node, indent string) {
	all := d.childrenOf(n)
	for i := 0; i < len(all); {
		shown := 1
		if same := d.sameFrom(all[i:]); d.opts.Fold > 0 && same > d.opts.Fold+1 {
			for _, c := range all[i : i+d.opts.Fold] {
				d.child(c, indent, false)
			}
			branch := "├─ "
			if i+same == len(all) {
				branch = "└─ "
			}
			more := fmt.Sprintf("%d more %s", same-d.opts.Fold, label(all[i].node.Name))
			d.rows = append(d.rows, row{tree: indent + branch, kind: string(termtext.Ellipsis), label: more})
			shown = same
		} else {
			d.child(all[i], indent, i == len(all)-1)
		}
		i += shown
	}
}

// sameFrom returns how many actions in a row, from the first of nodes on, can be
// folded.
func (d *drawer) sameFrom(nodes []child) int {
	for i, c := range nodes {
		if c.kind != "action" || c.node.Name != nodes[0].node.Name || !succeeded(c.node) || len(d.childrenOf(c.node)) > 0 {
			return i
		}
	}
	return len(nodes)
}

func succeeded(n *wfslog.Node) bool {
	return n.Status == "ok" || n.Status == "" && n.Error == "" && !n.Missing
}

func (d *drawer) child(c child, indent string, last bool) {
	branch, below := "├─ ", "│  "
	if last {
		branch, below = "└─ ", "   "
	}
	r := d.describe(c.kind, c.node)
	r.tree = indent + branch
	d.rows = append(d.rows, r)
	d.children(c.node, indent+below)
}

func (d *drawer) describe(kind string, n *wfslog.Node) row {
	r := row{kind: kind, status: n.Status, path: n.Span}
	switch kind {
	case "iteration":
		r.label = strconv.Itoa(n.Number)
	case "interaction":
		r.label = label(n.Agent)
	case "log":
		r.label = label(n.Level)
	default:
		r.label = label(n.Name)
	}
	switch {
	case n.Missing:
		r.note = "its start is missing"
	case n.Error != "":
		r.note = n.Error
	case kind == "action" && len(n.Output) > 0:
		r.note = strings.TrimPrefix(content(n.Input)+" → "+content(n.Output), " ")
	case kind == "action" && len(n.Input) > 0:
		r.note = content(n.Input)
	default:
		r.note = n.Msg
	}
	if n.DurationMS != "" {
		r.took = termtext.Duration(n.Duration())
	}
	r.usage = usage(n)
	return r
}

// content returns the beginning of an input or an output.
func content(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value) // no string: as it is
	}
	head, wasCut := termtext.Cut(text, maxContent)
	if wasCut {
		head += string(termtext.Ellipsis)
	}
	return head
}

// usage returns the tokens and the cost of a node.
func usage(n *wfslog.Node) string {
	var parts []string
	cost := n.CostUSD
	if u := n.Usage; u != nil {
		for _, bucket := range []struct {
			name string
			n    *uint64
		}{
			{"in", u.InputTokens},
			{"out", u.OutputTokens},
			{"cache read", u.CacheReadTokens},
			{"cache write", u.CacheWriteTokens},
			{"reasoning", u.ReasoningTokens},
		} {
			if bucket.n != nil {
				parts = append(parts, bucket.name+" "+strconv.FormatUint(*bucket.n, 10))
			}
		}
		if u.CostUSD != "" {
			cost = u.CostUSD
		}
	}
	if cost != "" {
		parts = append(parts, "$"+string(cost))
	}
	return strings.Join(parts, ", ")
}

// label returns a name that is short enough for the first column.
func label(name string) string { return cut(name, maxLabel) }

// cut returns the beginning of text, safe to show.
func cut(text string, maxRunes int) string {
	head, wasCut := termtext.Cut(text, maxRunes)
	head = termtext.String(head)
	if wasCut {
		head += string(termtext.Ellipsis)
	}
	return head
}

func (d *drawer) text(doc *wfslog.Document) string {
	var b strings.Builder
	width, statusWidth, tookWidth := 0, 0, 0
	for i := range d.rows {
		r := &d.rows[i]
		r.status, r.note, r.path = cut(r.status, maxLabel), cut(r.note, maxText), cut(r.path, maxText)
		r.usage = termtext.String(r.usage)
		if w := r.width(); w <= maxAlign {
			width = max(width, w)
		}
		statusWidth = max(statusWidth, min(utf8.RuneCountInString(r.status), len("interrupted")))
		tookWidth = max(tookWidth, utf8.RuneCountInString(r.took))
	}
	for i := range d.rows {
		r := &d.rows[i]
		line := d.paint(termtext.Faint, r.tree+r.kind) + " " + r.label + spaces(width-r.width())
		line += "  " + d.paint(statusColor(r.status), r.status) + spaces(statusWidth-utf8.RuneCountInString(r.status))
		line += "  " + spaces(tookWidth-utf8.RuneCountInString(r.took)) + r.took
		columns := max(width, r.width()) + 2 + max(statusWidth, utf8.RuneCountInString(r.status)) + 2 + tookWidth
		if r.usage != "" {
			line += "  " + r.usage
			columns += 2 + utf8.RuneCountInString(r.usage)
		}
		if r.path != "" {
			columns += 2 + utf8.RuneCountInString(r.path)
		}
		if note := d.fit(r.note, d.opts.Width-columns-2); note != "" {
			line += "  " + note
		}
		if r.path != "" {
			line += "  " + d.paint(termtext.Faint, r.path)
		}
		b.WriteString(strings.TrimRight(line, " "))
		b.WriteByte('\n')
	}
	if !doc.Complete {
		b.WriteString(d.paint(termtext.Yellow, "not complete: "+incomplete(&doc.Integrity)))
		b.WriteByte('\n')
	}
	return b.String()
}

// incomplete says what is known to be missing in a document.
func incomplete(in *wfslog.Integrity) string {
	if in.Missing == 0 && in.Lost == 0 && in.Damaged == 0 {
		return "not everything has ended"
	}
	return fmt.Sprintf("%d events missing, %d lost, %d damaged", in.Missing, in.Lost, in.Damaged)
}

// fit cuts a note, which is safe to show, to the columns that are left for it.
func (d *drawer) fit(note string, columns int) string {
	if columns = max(columns, minNote); d.opts.Width <= 0 || utf8.RuneCountInString(note) <= columns {
		return note
	}
	head, _ := termtext.Cut(note, columns-1)
	return strings.TrimRight(head, " ") + string(termtext.Ellipsis)
}

func (d *drawer) paint(color, text string) string {
	if !d.opts.Color || color == "" || text == "" {
		return text
	}
	return color + text + termtext.Reset
}

func statusColor(status string) string {
	switch status {
	case "ok":
		return termtext.Green
	case "error":
		return termtext.Red
	case "open", "interrupted":
		return termtext.Yellow
	}
	return ""
}

func spaces(n int) string { return strings.Repeat(" ", max(n, 0)) }
