package wfslog

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
)

// spanSum is what a node says that depends on what is inside it.
type spanSum struct {
	status string
	usage  *UsageTotals
}

// runTree is a run as it was when its document was asked for: its spans in the order
// of the document, each before what is inside it, and which events belong to each. A
// span is named by its position in this order.
type runTree struct {
	in        foldInput // but for the lines
	store     lineStore
	reader    lineReader
	entries   list[treeEntry]
	table     list[treeSpan]
	tokens    []string
	streamIDs []string
	conflicts map[uint32]uint32 // by entry

	order  []uint32 // entries by (stream, seq, bytes); a rank is an index of it
	spans  []uint32 // by position: indexes of the table
	end    []uint32 // by position: the position behind what is inside the span
	first  []uint32 // by position: where its events begin, with the end of the last behind it
	events []uint32 // ranks, ascending for each span
	weight []int64  // by position: of all events of the spans before, in bytes of memory

	limit     int64 // of the memory that a part may take
	free      []*foldBatch
	origin    string // the stream that wrote the root's start
	hasOrigin bool
	sums      map[uint32]spanSum // of spans that were summed up before they are written
	err       error              // the first
}

// tree returns the tree of a run, nil if there are no events of it.
func (b *TreeBuilder) tree(id RunID) (*runTree, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	run := b.runs[id]
	if run == nil || run.events == 0 {
		return nil, nil
	}
	if b.failed != nil {
		return nil, b.failed
	}
	t := &runTree{
		limit: cmp.Or(b.partSize, partSize),
		in:    foldInput{run: id, damaged: run.damaged, streams: map[string]streamFacts{}},
		store: lineStore{sources: b.store.sources}, entries: b.entries.snapshot(), table: b.spans.spans.snapshot(),
		tokens: b.tokens.tokens, streamIDs: b.streamIDs, conflicts: map[uint32]uint32{}, sums: map[uint32]spanSum{},
	}
	byStream := map[uint32][]uint32{}
	for i := run.firstEntry; i != noEntry; {
		e := b.entries.at(i)
		if !e.dead {
			byStream[e.stream] = append(byStream[e.stream], i)
			if variants := b.variants[i]; variants != nil {
				t.conflicts[i] = uint32(len(variants) - 1)
			}
		}
		i = e.next
	}
	for stream := range byStream {
		if stream != noStream {
			s := b.streams[b.streamIDs[stream]]
			t.in.streams[s.id] = b.factsLocked(s)
		}
	}
	for _, i := range run.refs {
		s := b.streams[b.streamIDs[b.entries.at(i).stream]]
		own := s.own[i]
		if _, ok := t.in.streams[s.id]; !ok || own == nil {
			continue
		}
		t.in.refs = own.appendRefs(t.in.refs, id, s.id, b.entries.at(i).seq)
	}
	spans := make([]uint32, 0, run.spans)
	for i := run.firstSpan; i != noSpan; i = b.spans.spans.at(i).next {
		spans = append(spans, i)
	}
	t.in.best = bestRefs(t.in.refs)
	t.sort(byStream)
	t.arrange(spans)
	return t, nil
}

// sort brings the events into their order.
func (t *runTree) sort(byStream map[uint32][]uint32) {
	streams := make([]uint32, 0, len(byStream))
	events := 0
	for s, entries := range byStream {
		streams = append(streams, s)
		events += len(entries)
	}
	slices.SortFunc(streams, func(a, b uint32) int { return cmp.Compare(t.streamID(a), t.streamID(b)) })
	t.order = make([]uint32, 0, events)
	for _, s := range streams {
		entries := byStream[s]
		bySeq := func(a, b uint32) int { return cmp.Compare(t.entries.at(a).seq, t.entries.at(b).seq) }
		if s == noStream {
			bySeq = func(a, b uint32) int { return bytes.Compare(t.text(a), t.text(b)) }
		}
		if !slices.IsSortedFunc(entries, bySeq) {
			slices.SortFunc(entries, bySeq)
		}
		t.order = append(t.order, entries...)
	}
}

// text returns the line of an event without identity: all of them are in memory.
func (t *runTree) text(entry uint32) []byte {
	e := t.entries.at(entry)
	return t.store.sources[e.source].text[e.offset : e.offset+int64(e.len)]
}

func (t *runTree) streamID(index uint32) string {
	if index == noStream {
		return ""
	}
	return t.streamIDs[index]
}

// arrange finds the order of the spans, which are given parents first, and the events
// of each.
func (t *runTree) arrange(spans []uint32) {
	n := len(spans)
	// The children of each span, as lists.
	const none = noSpan
	firstKid, nextKid := make([]uint32, n), make([]uint32, n)
	for i := range firstKid {
		firstKid[i] = none
	}
	for i := n - 1; i > 0; i-- {
		parent := t.table.at(t.table.at(spans[i]).parent).local
		nextKid[i], firstKid[parent] = firstKid[parent], uint32(i)
	}
	t.spans, t.end = make([]uint32, 0, n), make([]uint32, n)
	positions := make([]uint32, n) // by local number
	var kids []uint32
	var visit func(i uint32)
	visit = func(i uint32) { // at most event.MaxDepth deep
		p := len(t.spans)
		positions[i] = uint32(p)
		t.spans = append(t.spans, spans[i])
		from := len(kids)
		for k := firstKid[i]; k != none; k = nextKid[k] {
			kids = append(kids, k)
		}
		of := kids[from:]
		byElement := func(a, b uint32) int { return t.compare(spans[a], spans[b]) }
		if !slices.IsSortedFunc(of, byElement) {
			slices.SortFunc(of, byElement)
		}
		for k := from; k < from+len(of); k++ {
			visit(kids[k])
		}
		kids = kids[:from]
		t.end[p] = uint32(len(t.spans))
	}
	visit(0)

	t.first, t.weight = make([]uint32, n+1), make([]int64, n+1)
	at := func(rank uint32) (position uint32, e *treeEntry) {
		e = t.entries.at(t.order[rank])
		return positions[t.table.at(e.span).local], e
	}
	for rank := range t.order {
		p, e := at(uint32(rank))
		t.first[p+1]++
		t.weight[p+1] += int64(e.len) + nodeSize
	}
	for p := range n {
		t.first[p+1] += t.first[p]
		t.weight[p+1] += t.weight[p]
	}
	t.events = make([]uint32, len(t.order))
	filled := nextKid // its work is done
	copy(filled, t.first)
	for rank := range t.order {
		p, _ := at(uint32(rank))
		t.events[filled[p]] = uint32(rank)
		filled[p]++
	}
}

// compare compares spans with the same parent.
func (t *runTree) compare(a, b uint32) int {
	x, y := t.table.at(a), t.table.at(b)
	order := cmp.Compare(x.ordinal, y.ordinal)
	if order == 0 && x.token != y.token {
		order = cmp.Compare(t.token(x.token), t.token(y.token))
	}
	return cmp.Or(order, cmp.Compare(x.counter, y.counter))
}

func (t *runTree) token(number uint32) string {
	if number == 0 {
		return ""
	}
	return t.tokens[number]
}

// path returns the path of the span at a position.
func (t *runTree) path(p uint32) string { return string(t.appendPath(nil, t.spans[p])) }

func (t *runTree) appendPath(buf []byte, span uint32) []byte {
	sp := t.table.at(span)
	if sp.parent == noSpan {
		return buf
	}
	buf = t.appendPath(buf, sp.parent)
	if len(buf) > 0 {
		buf = append(buf, '/')
	}
	buf = strconv.AppendUint(buf, uint64(sp.ordinal), 10)
	if sp.token != 0 {
		buf = append(buf, '~')
		buf = append(buf, t.token(sp.token)...)
		if sp.counter > 1 {
			buf = append(buf, '.')
			buf = strconv.AppendUint(buf, uint64(sp.counter), 10)
		}
	}
	return buf
}

// size returns about how much memory it takes to fold the span at a position with all
// that is inside it.
func (t *runTree) size(p uint32) int64 { return t.weight[t.end[p]] - t.weight[p] }

// own returns the ranks of the events of the span at a position, without those inside.
func (t *runTree) own(p uint32) []uint32 { return t.events[t.first[p]:t.first[p+1]] }

// within returns the ranks of the events of the span at a position and of all inside.
func (t *runTree) within(p uint32) []uint32 { return t.events[t.first[p]:t.first[t.end[p]]] }

// children calls f for each child of the span at a position that has events, or of which
// something inside has. Of others, all events were replaced by those of other spans.
func (t *runTree) children(p uint32, f func(kid uint32)) {
	for kid := p + 1; kid < t.end[p]; kid = t.end[kid] {
		if len(t.within(kid)) > 0 {
			f(kid)
		}
	}
}

// maxGap is how much is read between lines that are read together.
const maxGap = 4 << 10

// lines returns the lines of events, of which the ranks are given in ascending order.
// It may use the memory of old lines, and of buf for those that it reads from files by r.
// After the first error, lines may be anything.
func (t *runTree) lines(r *lineReader, ranks []uint32, old []foldLine, buf []byte) (lines []foldLine, _ []byte, err error) {
	lines = slices.Grow(old[:0], len(ranks))[:len(ranks)]
	buf = slices.Grow(buf[:0], int(t.readSize(ranks)))
	for i := 0; i < len(ranks); {
		e := t.entries.at(t.order[ranks[i]])
		source := &t.store.sources[e.source]
		if source.file == nil {
			lines[i] = t.line(ranks[i], source.text[e.offset:e.offset+int64(e.len)])
			i++
			continue
		}
		n, end := t.together(ranks[i:])
		size := int(end - e.offset)
		text := buf[len(buf) : len(buf)+size]
		buf = buf[:len(buf)+size]
		if err == nil {
			err = r.readAt(source.file, text, e.offset)
		}
		for k := range n {
			l := t.entries.at(t.order[ranks[i+k]])
			from := l.offset - e.offset
			lines[i+k] = t.line(ranks[i+k], text[from:from+int64(l.len)])
		}
		i += n
	}
	return lines, buf, err
}

// readSize returns how much is read for events.
func (t *runTree) readSize(ranks []uint32) (size int64) {
	for len(ranks) > 0 {
		e := t.entries.at(t.order[ranks[0]])
		if t.store.sources[e.source].file == nil {
			ranks = ranks[1:]
			continue
		}
		n, end := t.together(ranks)
		size += end - e.offset
		ranks = ranks[n:]
	}
	return size
}

func (t *runTree) line(rank uint32, text []byte) foldLine {
	i := t.order[rank]
	e := t.entries.at(i)
	return foldLine{
		line: text, stream: t.streamID(e.stream), seq: e.seq, conflicts: t.conflicts[i], plain: e.flags&entryPlain != 0,
	}
}

// together returns how many of the first events stand close to each other in a file,
// and where the last of them ends.
func (t *runTree) together(ranks []uint32) (n int, end int64) {
	first := t.entries.at(t.order[ranks[0]])
	end = first.offset + int64(first.len)
	for n = 1; n < len(ranks); n++ {
		e := t.entries.at(t.order[ranks[n]])
		if e.source != first.source || e.offset < end || e.offset > end+maxGap || e.offset+int64(e.len) > first.offset+maxReadAtOnce {
			break
		}
		end = e.offset + int64(e.len)
	}
	return n, end
}

// kindOf returns what the events of the span at a position say of its kind: the start
// that describes it, or else the first that says something.
func (t *runTree) kindOf(p uint32) (kind kindCode, started bool) {
	best := -1
	for _, rank := range t.own(p) {
		e := t.entries.at(t.order[rank])
		switch {
		case e.flags&entryStart != 0:
			r := 0
			if e.flags&entryForeign != 0 {
				r += 2
			}
			if e.flags&entryPartial != 0 {
				r++
			}
			if best < 0 || r < best {
				best, kind = r, e.kind
			}
		case best < 0 && kind == 0:
			kind = e.kind
		}
	}
	return kind, best >= 0
}

// starts appends, for each stream, the rank of the first start of the span at a
// position.
func (t *runTree) starts(ranks []uint32, p uint32) []uint32 {
	last := noStream - 1
	for _, rank := range t.own(p) {
		e := t.entries.at(t.order[rank])
		if e.flags&entryStart != 0 && e.stream != last {
			last = e.stream
			ranks = append(ranks, rank)
		}
	}
	return ranks
}

// ordinal returns the ordinal of the span at a position.
func (t *runTree) ordinal(p uint32) uint32 { return t.table.at(t.spans[p]).ordinal }
