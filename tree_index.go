package wfslog

import (
	"bytes"
	"hash/maphash"

	"github.com/wfslog/wfslog/internal/event"
)

// The index of a [TreeBuilder] has no text and no pointers, so that a journal may be
// much larger than memory: 40 bytes for each event, of which a page of its stream
// takes four more, and 28 bytes for each span. What has been added is not changed,
// but for fields that say so: documents are made without holding up those who write.

// treeEntry is a distinct event.
type treeEntry struct {
	offset int64 // of its line in the source
	seq    uint64
	len    uint32 // of its line
	source uint32
	stream uint32 // noStream for a foreign line without identity
	span   uint32 // noSpan for an event of the stream itself
	next   uint32 // the next entry of the same run, or noEntry; it may change
	kind   kindCode
	flags  entryFlags
	dead   bool // another line has taken its place; it may change
}

// What stands for none of its kind.
const (
	noEntry  = ^uint32(0)
	noStream = ^uint32(0)
	noSpan   = ^uint32(0)
)

// entryFlags are what the tree needs to know of an event.
type entryFlags uint8

const (
	entryStart entryFlags = 1 << iota
	entryForeign
	entryPartial
	entryPlain // see [event.Envelope]
)

// kindCode is what an event says of the kind of its span: nothing, one of the kinds, or
// something that is none.
type kindCode uint8

const (
	codeNone kindCode = iota
	codeWorkflow
	codeIteration
	codeInteraction
	codeAction
	codeOther
)

var kindsByCode = [...]Kind{
	codeWorkflow: KindWorkflow, codeIteration: KindIteration, codeInteraction: KindInteraction, codeAction: KindAction, codeOther: "?",
}

func codeOf(kind Kind) kindCode {
	switch kind {
	case "":
		return codeNone
	case KindWorkflow:
		return codeWorkflow
	case KindIteration:
		return codeIteration
	case KindInteraction:
		return codeInteraction
	case KindAction:
		return codeAction
	}
	return codeOther
}

func (e *treeEntry) place() linePlace {
	return linePlace{source: e.source, len: e.len, offset: e.offset}
}

// treeSpan is a span, or an ancestor of one, of which there need be no events.
type treeSpan struct {
	spanKey
	run   uint32
	local uint32 // its number among the spans of the run: parents come first
	next  uint32 // the next span of the run, or noSpan; it may change
}

// spanKey names a span by its parent, which is noSpan for a root, and the last element
// of its path.
type spanKey struct {
	parent  uint32
	ordinal uint32
	token   uint32 // an index, 0 for none
	counter uint32
}

// spanTable finds spans by their keys: a hash table with open addressing, which takes
// a quarter of the memory of a map.
type spanTable struct {
	spans list[treeSpan]
	seed  maphash.Seed
	slots []uint32 // index of a span + 1, 0 if free; their number is a power of two
}

// find returns the slot of the span with a key, or the free one where it belongs.
func (t *spanTable) find(key spanKey) *uint32 {
	mask := uint64(len(t.slots) - 1)
	for i := maphash.Comparable(t.seed, key); ; i++ {
		slot := &t.slots[i&mask]
		if *slot == 0 || t.spans.at(*slot-1).spanKey == key {
			return slot
		}
	}
}

// add adds a span, unless one with its key is there.
func (t *spanTable) add(sp treeSpan) (index uint32, added bool) {
	const first = 16
	if 2*int(t.spans.n) >= len(t.slots) {
		if len(t.slots) == 0 {
			t.seed = maphash.MakeSeed()
		}
		t.slots = make([]uint32, max(2*len(t.slots), first))
		for i := range t.spans.n {
			*t.find(t.spans.at(i).spanKey) = i + 1
		}
	}
	slot := t.find(sp.spanKey)
	if *slot == 0 {
		*slot = t.spans.add(sp) + 1
		added = true
	}
	return *slot - 1, added
}

// tokenTable numbers the tokens of spans that were started from other processes.
type tokenTable struct {
	tokens []string // the first is ""
	index  map[string]uint32
}

func (t *tokenTable) number(token string) uint32 {
	if token == "" {
		return 0
	}
	if t.index == nil {
		t.tokens, t.index = []string{""}, map[string]uint32{}
	}
	i, known := t.index[token]
	if !known {
		i = uint32(len(t.tokens))
		t.tokens = append(t.tokens, token)
		t.index[token] = i
	}
	return i
}

// treeRun is what is known of a run.
type treeRun struct {
	id      RunID
	index   uint32
	events  int
	damaged uint64
	refs    []uint32 // open events that name spans of the run; some may have been replaced

	firstEntry, lastEntry uint32
	firstSpan, lastSpan   uint32 // the root is the first
	spans                 uint32

	// The span of the last event, with its ancestors from the root on: the next event is
	// often in the same, or near.
	path  []byte
	stack []uint32
}

// span returns the span at a valid path.
func (b *TreeBuilder) spanLocked(run *treeRun, path []byte) uint32 {
	if run.firstSpan == noSpan {
		run.stack = append(run.stack, b.addSpanLocked(run, spanKey{parent: noSpan, ordinal: run.index}))
	}
	if bytes.Equal(path, run.path) {
		return run.stack[len(run.stack)-1]
	}
	// What both paths begin with needs not be looked for.
	depth, from := 0, 0
	for i := 0; ; i++ {
		endOld, endNew := i == len(run.path), i == len(path)
		if (endOld || run.path[i] == '/') && (endNew || path[i] == '/') && i > 0 {
			depth++
			from = i + 1
		}
		if endOld || endNew || run.path[i] != path[i] {
			break
		}
	}
	run.stack = run.stack[:depth+1]
	for from < len(path) {
		end := bytes.IndexByte(path[from:], '/')
		if end < 0 {
			end = len(path) - from
		}
		key := b.spanKeyLocked(path[from : from+end])
		key.parent = run.stack[len(run.stack)-1]
		run.stack = append(run.stack, b.addSpanLocked(run, key))
		from += end + 1
	}
	run.path = append(run.path[:0], path...)
	return run.stack[len(run.stack)-1]
}

// spanKeyLocked returns the key of the element of a path but for its parent.
func (b *TreeBuilder) spanKeyLocked(element []byte) (key spanKey) {
	for _, c := range element {
		if c < '0' || c > '9' {
			e := event.LastElement(string(element))
			return spanKey{ordinal: e.Ordinal, token: b.tokens.number(e.Token), counter: e.Counter}
		}
		key.ordinal = key.ordinal*10 + uint32(c-'0')
	}
	return key
}

func (b *TreeBuilder) addSpanLocked(run *treeRun, key spanKey) uint32 {
	i, added := b.spans.add(treeSpan{spanKey: key, run: run.index, local: run.spans, next: noSpan})
	if added {
		if run.spans++; run.firstSpan == noSpan {
			run.firstSpan = i
		} else {
			b.spans.spans.at(run.lastSpan).next = i
		}
		run.lastSpan = i
	}
	return i
}

// treeStream is what is known of a stream.
type treeStream struct {
	id    string
	index uint32
	pages map[uint64]*entryPage // by seq / pageSize
	page  *entryPage            // the last used
	at    uint64                // its key
	own   map[uint32]*ownEvent  // the stream's own events, by their entries
	facts *streamFacts          // what they and those of others say; nil if that is not known
}

// pageSize is the number of events of a page: those that follow each other share one,
// and one alone does not cost much more than in a map.
const pageSize = 32

type entryPage [pageSize]uint32 // index of the entry + 1, 0 if there is none

// slot returns where the index of the entry with the given seq stands.
func (s *treeStream) slot(seq uint64) *uint32 {
	key := seq / pageSize
	if s.page == nil || s.at != key {
		page := s.pages[key]
		if page == nil {
			page = &entryPage{}
			s.pages[key] = page
		}
		s.page, s.at = page, key
	}
	return &s.page[seq%pageSize]
}

// streamLocked returns the stream with the given id.
func (b *TreeBuilder) streamLocked(id []byte) *treeStream {
	if s := b.lastStream; s != nil && s.id == string(id) {
		return s
	}
	s := b.streams[string(id)]
	if s == nil {
		s = &treeStream{id: string(id), index: uint32(len(b.streamIDs)), pages: map[uint64]*entryPage{}, own: map[uint32]*ownEvent{}}
		b.streams[s.id] = s
		b.streamIDs = append(b.streamIDs, s.id)
	}
	b.lastStream = s
	return s
}

// runLocked returns the run with the given id.
func (b *TreeBuilder) runLocked(id RunID) *treeRun {
	if r := b.lastRun; r != nil && r.id == id {
		return r
	}
	run := b.runs[id]
	if run == nil {
		run = &treeRun{id: id, index: uint32(len(b.runList)), firstEntry: noEntry, lastEntry: noEntry, firstSpan: noSpan, lastSpan: noSpan}
		b.runs[id] = run
		b.runList = append(b.runList, run)
	}
	b.lastRun = run
	return run
}
