package wfslog

import (
	"runtime"
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

	batch  *foldBatch   // of some children
	loaded int          // how many of the next ones are in it
	ahead  []*foldBatch // of those behind them, which are being folded
	begun  int          // how many children are in these
}

// foldBatch are some children of a span, which are folded together. Other goroutines fold
// the next batches while the nodes of one are written.
type foldBatch struct {
	fold *fold
	kids int
	err  error
	done chan struct{} // gets a value when the fields above are set

	// What the next batch may use when this one has been written.
	memory foldMemory
	reader lineReader
	lines  []foldLine
	buf    []byte // of those in files
}

// maxAhead is how many batches are folded ahead. It takes two thirds of the time to fold
// them, and the rest to write them: more would be too many.
const maxAhead = 3

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
		b := foldBatch{reader: t.reader}
		t.foldRanks(&b, t.within(p))
		t.reader = b.reader
		t.fail(b.err)
		return b.fold
	}
	f := newFold(&t.in, &foldCarry{}, &foldMemory{})
	sp := f.span(t.path(p))
	f.parts = &foldParts{t: t, of: sp, position: p}
	var starts []uint32
	t.children(p, func(kid uint32) { starts = t.starts(starts, kid) })
	slices.Sort(starts)
	lines, _, err := t.lines(&t.reader, t.own(p), nil, nil)
	t.fail(err)
	for i, rank := range t.own(p) {
		for ; len(starts) > 0 && starts[0] < rank; starts = starts[1:] {
			t.addStart(f, sp, starts[0])
		}
		f.add(&lines[i])
	}
	for _, rank := range starts {
		t.addStart(f, sp, rank)
	}
	t.fail(t.finish(f))
	return f
}

// fail notes an error, if it is the first.
func (t *runTree) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// close ends the reading of lines.
func (t *runTree) close() {
	t.reader.close()
	for _, b := range t.free {
		b.reader.close()
	}
}

// addStart counts the start of a child of sp.
func (t *runTree) addStart(f *fold, sp *foldSpan, rank uint32) {
	e := t.entries.at(t.order[rank])
	f.count(sp, f.stream(t.streamID(e.stream), e.seq)).kids++
}

// foldRanks makes b of events, of which the ranks are given.
func (t *runTree) foldRanks(b *foldBatch, ranks []uint32) {
	ranks = slices.Clone(ranks)
	slices.Sort(ranks)
	in := t.in
	b.lines, b.buf, b.err = t.lines(&b.reader, ranks, b.lines, b.buf)
	in.lines = b.lines
	b.fold = foldWith(&in, &foldCarry{}, &b.memory)
	if err := t.finish(b.fold); b.err == nil {
		b.err = err
	}
}

// finish notes what parts have in common. It fails if a line is not what it was. Only the
// fold of the root sets what others need to know.
func (t *runTree) finish(f *fold) error {
	f.finish()
	if f.origin >= 0 {
		t.origin, t.hasOrigin = f.streams[f.origin].id, true
	}
	if t.hasOrigin {
		f.origin = slices.IndexFunc(f.streams, func(s foldStream) bool { return s.id == t.origin })
	}
	if f.changed {
		return errChanged
	}
	return nil
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
	if ps.loaded == 0 {
		ps.release() // it has been written
		if ps.t.size(p) > ps.t.limit {
			return ps.large(f, n, list, p, scope, to)
		}
		ps.load(kids)
	}
	ps.loaded--
	batch := ps.batch.fold
	node, u := batch.node(batch.span(ps.t.path(p)), scope, to)
	f.put(n, list, node)
	return u
}

// load waits for the batch of the first of kids, and has the next ones folded meanwhile.
func (ps *foldParts) load(kids []foldKid) {
	for len(ps.ahead) < min(runtime.GOMAXPROCS(0), maxAhead) && ps.begun < len(kids) {
		b := ps.begin(kids[ps.begun:])
		if b == nil {
			break
		}
		ps.ahead = append(ps.ahead, b)
		ps.begun += b.kids
	}
	b := ps.ahead[0]
	ps.ahead = slices.Delete(ps.ahead, 0, 1)
	<-b.done
	ps.t.fail(b.err)
	ps.batch, ps.loaded = b, b.kids
	ps.begun -= b.kids
}

// begin begins to fold the first of kids together, as many as are small enough. It
// returns nil if none is.
func (ps *foldParts) begin(kids []foldKid) *foldBatch {
	t := ps.t
	var ranks []uint32
	size := int64(0)
	n := 0
	for n < len(kids) {
		p := kids[n].part
		if size += t.size(p); size > t.limit {
			break
		}
		ranks = append(ranks, t.within(p)...)
		n++
	}
	if n == 0 {
		return nil
	}
	b := &foldBatch{done: make(chan struct{}, 1)}
	if last := len(t.free) - 1; last >= 0 {
		b, t.free = t.free[last], t.free[:last]
		b.memory.reuse()
	}
	b.kids = n
	go func() {
		t.foldRanks(b, ranks)
		b.done <- struct{}{} // it has room
	}()
	return b
}

// release lets others use the memory of the last batch, of which all has been written.
func (ps *foldParts) release() {
	if ps.batch != nil {
		ps.t.free = append(ps.t.free, ps.batch)
		ps.batch = nil
	}
}

// large makes the node of a child that is folded in parts itself. What is inside it
// has to be summed up before it can be written.
func (ps *foldParts) large(f *fold, n *Node, list string, p uint32, scope foldScope, to *foldTotals) usageSum {
	t := ps.t
	g := t.fold(p)
	g.sink = f.sink
	if _, counting := f.sink.(*countSink); counting {
		node, u := g.node(g.parts.of, scope, to)
		g.parts.release()
		t.sums[p] = spanSum{node.Status, node.Usage}
		f.put(n, list, node)
		return u
	}
	sum, known := t.sums[p]
	if !known {
		first := t.fold(p)
		first.sink = &countSink{}
		node, _ := first.node(first.parts.of, scope, &foldTotals{})
		first.parts.release()
		sum = spanSum{node.Status, node.Usage}
	}
	g.parts.opening = func(kid *Node) {
		whole := *kid // what is inside it does not depend on what it sums up to
		whole.Status, whole.Usage = sum.status, sum.usage
		f.sink.open(list, &whole)
	}
	node, u := g.node(g.parts.of, scope, to)
	g.parts.release()
	f.sink.close()
	f.noteStatus(n, node)
	return u
}
