package wfslog

import (
	"slices"
)

// A run whose events take more memory than partSize is folded in parts: a span that is
// too large is folded without what is inside it, and its children apart from it, as
// many at once as are small enough. So the memory that it takes to make a document does
// not depend on how large that is, as long as the index has room, and no span has too
// many events of its own.

// partSize is how much memory a part may take.
const partSize = 2 << 20

// foldParts are the children of a span, which are folded apart from it.
type foldParts struct {
	t         *runTree
	of        *foldSpan
	position  uint32
	beginning func(*Document) // gets the document of a root before what is in it; nil: nobody
	opening   func(*Node)     // gets the node of another span before what is in it; nil: nobody

	batch  *fold // of some children
	loaded int   // how many of the next ones are in it
}

// nodeSink takes the nodes of a tree in the order of the document, each with the name
// of the list that it belongs to.
type nodeSink interface {
	node(list string, n *Node)
	// open takes a node of which the contents follow, up to close.
	open(list string, n *Node)
	close()
}

// fold folds the span at a position without what is inside it, unless all of that is
// small enough.
func (t *runTree) fold(p uint32) *fold {
	if p == 0 && t.size(p) <= t.limit {
		f, _ := t.foldRanks(t.within(p), nil, &foldMemory{})
		return f
	}
	f := newFold(&t.in, &foldCarry{}, &foldMemory{})
	sp := f.span(t.path(p))
	f.parts = &foldParts{t: t, of: sp, position: p}
	var starts []uint32
	t.children(p, func(kid uint32) { starts = t.starts(starts, kid) })
	slices.Sort(starts)
	lines, _ := t.lines(t.own(p), nil)
	for i, rank := range t.own(p) {
		for ; len(starts) > 0 && starts[0] < rank; starts = starts[1:] {
			t.addStart(f, sp, starts[0])
		}
		f.add(&lines[i])
	}
	for _, rank := range starts {
		t.addStart(f, sp, rank)
	}
	t.finish(f)
	return f
}

// addStart counts the start of a child of sp.
func (t *runTree) addStart(f *fold, sp *foldSpan, rank uint32) {
	e := t.entries.at(t.order[rank])
	f.count(sp, f.stream(t.streamID(e.stream), e.seq)).kids++
}

// foldRanks folds events, of which the ranks are given, with the lines in buf.
func (t *runTree) foldRanks(ranks []uint32, buf []byte, memory *foldMemory) (*fold, []byte) {
	ranks = slices.Clone(ranks)
	slices.Sort(ranks)
	in := t.in
	in.lines, buf = t.lines(ranks, buf)
	f := foldWith(&in, &foldCarry{}, memory)
	t.finish(f)
	return f, buf
}

// finish notes what parts have in common.
func (t *runTree) finish(f *fold) {
	f.finish()
	if f.changed && t.err == nil {
		t.err = errChanged
	}
	if f.origin >= 0 {
		t.origin, t.hasOrigin = f.streams[f.origin].id, true
	}
	if t.hasOrigin {
		f.origin = slices.IndexFunc(f.streams, func(s foldStream) bool { return s.id == t.origin })
	}
}

// ranges returns the first and the last seq of the run in each stream.
func (t *runTree) ranges() map[string]seqRange {
	ranges := map[string]seqRange{}
	for _, i := range t.order {
		e := t.entries.at(i)
		if e.stream == noStream {
			continue
		}
		id := t.streamIDs[e.stream]
		r, known := ranges[id]
		if !known {
			r.min = e.seq
		}
		r.max = e.seq // they come in this order
		ranges[id] = r
	}
	return ranges
}

// kids returns the children by their kinds.
func (ps *foldParts) kids(f *fold, parent Kind) (kids foldKids) {
	t := ps.t
	t.children(ps.position, func(p uint32) {
		code, started := t.kindOf(p)
		if !started {
			code = codeOf(f.kindWithoutStart(t.path(p), kindsByCode[code], parent))
		}
		kids[code] = append(kids[code], foldKid{ordinal: t.ordinal(p), part: p})
	})
	return kids
}

// kid makes the node of the first of kids, which belongs to a list of n, the node that
// f makes.
func (ps *foldParts) kid(f *fold, n *Node, list string, kids []foldKid, scope foldScope, to *foldTotals) usageSum {
	p := kids[0].part
	if ps.loaded == 0 && ps.t.size(p) > ps.t.limit {
		return ps.large(f, n, list, p, scope, to)
	}
	if ps.loaded == 0 {
		ps.load(kids)
	}
	ps.loaded--
	node, u := ps.batch.node(ps.batch.span(ps.t.path(p)), scope, to)
	f.put(n, list, node)
	return u
}

// load folds the first of kids together, as many as are small enough.
func (ps *foldParts) load(kids []foldKid) {
	t := ps.t
	var ranks []uint32
	size := int64(0)
	for i := range kids {
		p := kids[i].part
		if size += t.size(p); size > t.limit && i > 0 {
			break
		}
		ranks = append(ranks, t.within(p)...)
		ps.loaded++
	}
	t.memory.reuse() // what was folded before has been written
	ps.batch, t.buf = t.foldRanks(ranks, t.buf, &t.memory)
}

// large makes the node of a child that is folded in parts itself. What is inside it
// has to be summed up before it can be written.
func (ps *foldParts) large(f *fold, n *Node, list string, p uint32, scope foldScope, to *foldTotals) usageSum {
	t := ps.t
	g := t.fold(p)
	g.sink = f.sink
	if _, counting := f.sink.(*countSink); counting {
		node, u := g.node(g.parts.of, scope, to)
		t.sums[p] = spanSum{node.Status, node.Usage}
		f.put(n, list, node)
		return u
	}
	sum, known := t.sums[p]
	if !known {
		first := t.fold(p)
		first.sink = &countSink{}
		node, _ := first.node(first.parts.of, scope, &foldTotals{})
		sum = spanSum{node.Status, node.Usage}
	}
	g.parts.opening = func(kid *Node) {
		whole := *kid // what is inside it does not depend on what it sums up to
		whole.Status, whole.Usage = sum.status, sum.usage
		f.sink.open(list, &whole)
	}
	node, u := g.node(g.parts.of, scope, to)
	f.sink.close()
	f.noteStatus(n, node)
	return u
}
