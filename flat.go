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
	r.flatDocument(d)
	return r.err
}

// flatDocument writes the whole of d.
func (r *renderer) flatDocument(d *Document) {
	r.flatHead(d)
	r.flatLists(d.Run, &d.Node)
	r.flush()
}

// flatHead appends the document's own line.
func (r *renderer) flatHead(d *Document) {
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
}

// flatLists appends what is inside n, a span.
func (r *renderer) flatLists(run RunID, n *Node) {
	for _, l := range n.lists() {
		for _, kid := range l.nodes {
			r.flatNode(run, l.kind, kid, n.Span) // no deeper than paths can be
		}
	}
}

// flatNode appends a node of the span at path, and what is inside it.
func (r *renderer) flatNode(run RunID, kind string, n *Node, path string) {
	r.flatLine(run, kind, n, path)
	r.flatLists(run, n)
}

func (r *renderer) flatLine(run RunID, kind string, n *Node, path string) {
	r.braces(func() {
		r.string("kind", kind)
		r.key("run")
		r.run(run)
		r.key("parent")
		r.buf = encode.AppendText(r.buf, path)
		r.fields(n)
	})
	r.text("\n")
	if len(r.buf) >= renderChunk {
		r.flush()
	}
}
