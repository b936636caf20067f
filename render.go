package wfslog

import (
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/jsonscan"
)

// renderer writes documents in the only form they have: what it has written, read
// by encoding/json and written again, is the same bytes.
type renderer struct {
	buf   []byte
	lines bool // members of the current object stand on lines of their own
	comma bool // the current object has members
	clean bool // all values are those of a fold: valid, and as documents have them
	w     io.Writer
	n     int64 // bytes written to w
	err   error // the first
}

// renderChunk is how much of a document is collected before it is written.
const renderChunk = 64 << 10

// WriteTo writes d as documents are saved: each field of the document on a line,
// and each node on a line, indented by depth. It fails if w does, or if a value
// of d is not valid JSON, which no TreeBuilder lets happen.
func (d *Document) WriteTo(w io.Writer) (int64, error) {
	r := renderer{w: w}
	r.document(d)
	return r.n, r.err
}

// document writes the whole of d.
func (r *renderer) document(d *Document) {
	r.head(d)
	if len(d.Iterations) > 0 {
		r.list(1, listIterations, d.Iterations)
	}
	r.tail(d)
	r.flush()
}

// flush writes what is collected.
func (r *renderer) flush() {
	if r.err == nil && len(r.buf) > 0 {
		n, err := r.w.Write(r.buf)
		r.n += int64(n)
		r.err = err
	}
	r.buf = r.buf[:0]
}

// head appends what comes before the iterations.
func (r *renderer) head(d *Document) {
	r.text("{")
	r.lines, r.comma = true, false
	r.key("format")
	r.buf = encode.AppendText(r.buf, d.Format)
	r.string("workflow", d.Workflow)
	r.key("run")
	r.run(d.Run)
	r.time("started_at", d.StartedAt)
}

// tail appends what comes after the iterations.
func (r *renderer) tail(d *Document) {
	root := d.Node
	root.Iterations = nil
	root.StartedAt = time.Time{} // in the head
	r.lists(&root, 0)
	r.lines, r.comma = true, true
	r.fields(&root)
	if len(d.Agents) > 0 {
		r.key("agents")
		r.agents(d.Agents)
	}
	if len(d.Errors) > 0 {
		r.openList(1, "errors")
		for i, e := range d.Errors {
			r.separate(2, i)
			r.documentError(e)
		}
		r.closeList(1)
		r.lines, r.comma = true, true
	}
	r.key("errors_total")
	r.uint(d.ErrorsTotal)
	r.key("complete")
	r.bool(d.Complete)
	r.key("integrity")
	r.integrity(&d.Integrity)
	r.text("\n}\n")
}

// lists appends the children of n, which stands at the given depth.
func (r *renderer) lists(n *Node, depth int) {
	for _, l := range n.lists() {
		if len(l.nodes) > 0 {
			r.list(depth+1, l.name, l.nodes)
		}
	}
}

// list appends a list of nodes, the last field of something or followed by
// another list.
func (r *renderer) list(depth int, name string, nodes []*Node) {
	r.openList(depth, name)
	for i, n := range nodes {
		r.separate(depth+1, i)
		r.node(depth+1, n) // no deeper than paths can be
	}
	r.closeList(depth)
}

func (r *renderer) openList(depth int, name string) {
	r.text(",")
	r.line(depth)
	r.text(`"`)
	r.text(name)
	r.text(`": [`)
}

func (r *renderer) closeList(depth int) {
	r.line(depth)
	r.text("]")
}

// separate begins the line of the element of a list with the given index.
func (r *renderer) separate(depth, index int) {
	if index > 0 {
		r.text(",")
	}
	r.line(depth)
}

func (r *renderer) line(depth int) {
	r.text("\n")
	for range depth {
		r.text("  ")
	}
}

// node appends n, which stands at the given depth.
func (r *renderer) node(depth int, n *Node) {
	r.text("{")
	r.lines, r.comma = false, false
	r.fields(n)
	if !n.isLeaf() {
		r.lists(n, depth)
		r.line(depth)
	}
	r.text("}")
	if r.w != nil && len(r.buf) >= renderChunk {
		r.flush()
	}
}

// fields appends the fields of n but for its children.
func (r *renderer) fields(n *Node) {
	r.string("span", n.Span)
	r.positive("seq", n.Seq)
	r.string("stream", n.Stream)
	r.positive("number", uint64(max(n.Number, 0)))
	r.string("name", n.Name)
	r.string("agent", n.Agent)
	r.string("event", n.Event)
	r.flag("missing", n.Missing)
	r.flag("late", n.Late)
	r.strings("flags", n.Flags)
	r.time("time", n.Time)
	r.string("level", n.Level)
	r.string("logger", n.Logger)
	r.string("msg", n.Msg)
	r.string("status", n.Status)
	r.string("error", n.Error)
	r.time("started_at", n.StartedAt)
	r.time("ended_at", n.EndedAt)
	r.value("duration_ms", []byte(n.DurationMS))
	r.string("model", n.Model)
	r.string("provider", n.Provider)
	r.string("tool", n.Tool)
	r.string("finish_reason", n.FinishReason)
	r.value("input", n.Input)
	r.value("output", n.Output)
	r.value("metadata", n.Metadata)
	r.value("attrs", n.Attrs)
	r.resources(n.Resources)
	if s := n.Source; s != nil {
		r.object("source", func() {
			r.string("function", s.Function)
			r.string("file", s.File)
			r.positive("line", uint64(max(s.Line, 0)))
		})
	}
	if l := n.Link; l != nil {
		r.object("link", func() {
			r.key("trace")
			r.buf = encode.AppendText(r.buf, l.Trace)
			r.string("span", l.Span)
		})
	}
	r.usage(n.Usage)
	r.value("cost_usd", []byte(n.CostUSD))
}

func (r *renderer) resources(resources []*Resource) {
	if len(resources) == 0 {
		return
	}
	r.key("resources")
	for i, res := range resources {
		r.text(opening(i))
		r.braces(func() {
			r.key("name")
			r.buf = encode.AppendText(r.buf, res.Name)
			r.string("uri", res.URI)
		})
	}
	r.text("]")
}

func (r *renderer) usage(u *UsageTotals) {
	if u == nil {
		return
	}
	r.object("usage", func() {
		r.positive("calls", u.Calls)
		for i, n := range u.buckets() {
			if *n != nil {
				r.key(bucketKeys[i])
				r.uint(**n)
			}
		}
		r.value("cost_usd", []byte(u.CostUSD))
	})
}

func (r *renderer) agents(agents map[string]*AgentTotals) {
	r.braces(func() {
		for _, name := range slices.Sorted(maps.Keys(agents)) {
			a := agents[name]
			if r.comma {
				r.text(",")
			}
			r.buf = encode.AppendText(r.buf, name)
			r.text(":")
			r.braces(func() {
				r.count("interactions", a.Interactions)
				r.count("actions", a.Actions)
				r.count("errors", a.Errors)
				r.usage(a.Usage)
			})
		}
	})
}

func (r *renderer) documentError(e *DocumentError) {
	r.lines = false
	r.braces(func() {
		r.key("span")
		r.buf = encode.AppendText(r.buf, e.Span)
		r.positive("seq", e.Seq)
		r.string("stream", e.Stream)
		r.time("time", e.Time)
		r.string("level", e.Level)
		r.string("msg", e.Msg)
		r.string("error", e.Error)
	})
}

func (r *renderer) integrity(i *Integrity) {
	r.braces(func() {
		r.count("events", i.Events)
		r.count("missing", i.Missing)
		r.count("lost", i.Lost)
		r.count("damaged", i.Damaged)
		r.count("conflicts", i.Conflicts)
		r.count("late", i.Late)
		if len(i.Streams) == 0 {
			r.key("streams")
			r.text("[]")
		}
		r.strings("streams", i.Streams)
	})
}

// key begins a member of the current object. name needs no escaping.
func (r *renderer) key(name string) {
	if r.comma {
		r.text(",")
	}
	r.comma = true
	if r.lines {
		r.line(1)
	}
	r.text(`"`)
	r.text(name)
	r.text(`":`)
	if r.lines {
		r.text(" ")
	}
}

// object appends a member whose value is an object on one line.
func (r *renderer) object(name string, members func()) {
	r.key(name)
	r.braces(members)
}

func (r *renderer) braces(members func()) {
	lines := r.lines
	r.lines, r.comma = false, false
	r.text("{")
	members()
	r.text("}")
	r.lines, r.comma = lines, true
}

// opening returns what comes before the element of a list with the given index.
func opening(index int) string {
	if index > 0 {
		return ","
	}
	return "["
}

func (r *renderer) text(s string) { r.buf = append(r.buf, s...) }

func (r *renderer) uint(n uint64) { r.buf = strconv.AppendUint(r.buf, n, 10) }

func (r *renderer) bool(b bool) { r.buf = strconv.AppendBool(r.buf, b) }

func (r *renderer) run(id RunID) {
	r.text(`"`)
	r.buf = hex.AppendEncode(r.buf, id[:])
	r.text(`"`)
}

// The following methods append a member. All but count leave it out if its value
// is zero.

func (r *renderer) count(name string, n uint64) {
	r.key(name)
	r.uint(n)
}

func (r *renderer) positive(name string, n uint64) {
	if n > 0 {
		r.count(name, n)
	}
}

func (r *renderer) flag(name string, set bool) {
	if set {
		r.key(name)
		r.text("true")
	}
}

func (r *renderer) string(name, text string) {
	if text != "" {
		r.key(name)
		r.buf = encode.AppendText(r.buf, text)
	}
}

func (r *renderer) strings(name string, list []string) {
	if len(list) == 0 {
		return
	}
	r.key(name)
	for i, s := range list {
		r.text(opening(i))
		r.buf = encode.AppendText(r.buf, s)
	}
	r.text("]")
}

func (r *renderer) time(name string, t time.Time) {
	if !t.IsZero() {
		r.key(name)
		r.text(`"`)
		r.buf = t.AppendFormat(r.buf, time.RFC3339Nano)
		r.text(`"`)
	}
}

func (r *renderer) value(name string, value []byte) {
	if len(value) == 0 {
		return
	}
	r.key(name)
	if r.clean { // a tenth less time for a whole document than to look at them again
		r.buf = append(r.buf, value...)
		return
	}
	n, err := jsonscan.Value(value)
	if err == nil && n != len(value) {
		err = jsonscan.ErrSyntax
	}
	if err != nil {
		if r.err == nil {
			r.err = fmt.Errorf("wfslog: field %q of a document: %w", name, err)
		}
		r.text("null")
		return
	}
	r.buf = encode.AppendClean(r.buf, value)
}
