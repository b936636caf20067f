package wfslog

import (
	"io"

	"github.com/wfslog/wfslog/internal/hook"
)

// write writes the document of the run to w, in its flat form if flat is set, or only
// makes its sums if w is nil. It returns the document, which holds no nodes if the run
// is large, and the number of its iterations.
func (t *runTree) write(w io.Writer, flat bool) (d *Document, iterations int, err error) {
	defer t.close()
	f := t.fold(0)
	r := renderer{w: w, clean: true}
	if f.parts == nil {
		d = f.document()
		switch {
		case t.err != nil:
			return nil, 0, t.err
		case w != nil && flat:
			r.flatDocument(d)
		case w != nil:
			r.document(d)
		}
		return d, len(d.Iterations), r.err
	}
	f.carried.ranges = t.ranges()
	counts := countSink{}
	switch {
	case w == nil:
		f.sink = &counts
		d = f.document()
	case flat:
		f.sink = &counts
		d = f.document()
		f = t.fold(0)
		r.flatHead(d)
		f.sink = &flatSink{r: &r, run: d.Run, paths: []string{""}}
		f.document() // the same again, for its nodes
	default:
		sink := &nestedSink{r: &r, levels: make([]sinkLevel, 1)}
		f.sink = sink
		f.parts.beginning = r.head
		d = f.document()
		sink.end()
		r.tail(d)
	}
	if t.err == nil {
		r.flush()
		t.err = r.err
	}
	return d, counts.iterations, t.err
}

// countSink counts the iterations of the root.
type countSink struct{ iterations, depth int }

func (s *countSink) node(list string, _ *Node) {
	if list == listIterations && s.depth == 0 {
		s.iterations++
	}
}

func (s *countSink) open(list string, n *Node) {
	s.node(list, n)
	s.depth++
}

func (s *countSink) close() { s.depth-- }

// nestedSink writes nodes as documents have them.
type nestedSink struct {
	r      *renderer
	levels []sinkLevel // of the nodes that are open, the root's first
}

// sinkLevel is the list of an open node that is being written.
type sinkLevel struct {
	list  string // "" before the first
	nodes int
}

// depth returns where the innermost open node stands.
func (s *nestedSink) depth() int { return 2 * (len(s.levels) - 1) }

// next begins the line of a node of the given list.
func (s *nestedSink) next(list string) {
	l := &s.levels[len(s.levels)-1]
	if l.list != list {
		s.end()
		s.r.openList(s.depth()+1, list)
		*l = sinkLevel{list: list}
	}
	s.r.separate(s.depth()+2, l.nodes)
	l.nodes++
}

// end ends the list of the innermost open node, if it has one.
func (s *nestedSink) end() {
	if s.levels[len(s.levels)-1].list != "" {
		s.r.closeList(s.depth() + 1)
	}
}

func (s *nestedSink) node(list string, n *Node) {
	s.next(list)
	s.r.node(s.depth()+2, n)
}

func (s *nestedSink) open(list string, n *Node) {
	s.next(list)
	s.r.text("{")
	s.r.lines, s.r.comma = false, false
	s.r.fields(n)
	s.levels = append(s.levels, sinkLevel{})
}

func (s *nestedSink) close() {
	s.end()
	if s.levels[len(s.levels)-1].list != "" {
		s.r.line(s.depth())
	}
	s.levels = s.levels[:len(s.levels)-1]
	s.r.text("}")
}

// flatSink writes nodes in the flat form.
type flatSink struct {
	r     *renderer
	run   RunID
	paths []string // of the nodes that are open, the root's first
}

func (s *flatSink) node(list string, n *Node) {
	s.r.flatNode(s.run, kindOfList(list), n, s.paths[len(s.paths)-1])
}

func (s *flatSink) open(list string, n *Node) {
	s.r.flatLine(s.run, kindOfList(list), n, s.paths[len(s.paths)-1])
	s.paths = append(s.paths, n.Span)
}

func (s *flatSink) close() { s.paths = s.paths[:len(s.paths)-1] }

var _ = hook.SetWriteTree(func(builder any, w io.Writer, run RunID, flat bool) (any, int, error) {
	t, err := builder.(*TreeBuilder).treeOf(run)
	if err != nil {
		return nil, 0, err
	}
	return t.write(w, flat)
})
