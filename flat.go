package wfslog

import (
	"io"

	"github.com/wfslog/wfslog/internal/encode"
)

// WriteFlat writes the nodes of d as JSON lines, the document's own first and each
// node before those inside it. Instead of lists of children, each line but the
// first has kind ("iteration", "workflow", "interaction", "action" or "log"), the
// run, and parent, the path of the span that the node is in.
func (d *Document) WriteFlat(w io.Writer) error {
	r := renderer{w: w}
	r.braces(func() {
		r.string("format", d.Format)
		r.key("kind")
		r.text(`"workflow"`)
		r.string("workflow", d.Workflow)
		r.key("run")
		r.run(d.Run)
		r.key("span")
		r.text(`""`)
		r.fields(&d.Node)
		if len(d.Agents) > 0 {
			r.key("agents")
			r.agents(d.Agents)
		}
		r.count("errors_total", d.ErrorsTotal)
		r.key("complete")
		r.bool(d.Complete)
		r.key("integrity")
		r.integrity(&d.Integrity)
	})
	r.text("\n")
	r.flat(d, &d.Node, "")
	r.flush()
	return r.err
}

// flat appends what is inside n, the node of the span at path.
func (r *renderer) flat(d *Document, n *Node, path string) {
	for _, l := range n.lists() {
		for _, kid := range l.nodes {
			r.braces(func() {
				r.string("kind", l.kind)
				r.key("run")
				r.run(d.Run)
				r.key("parent")
				r.buf = encode.AppendText(r.buf, path)
				r.fields(kid)
			})
			r.text("\n")
			if len(r.buf) >= renderChunk {
				r.flush()
			}
			r.flat(d, kid, kid.Span) // no deeper than paths can be
		}
	}
}
