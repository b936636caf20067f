package wfslog

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/wfslog/wfslog/internal/event"
)

// byteOrderMark is what some editors put before the first line of a file.
var byteOrderMark = []byte("\xef\xbb\xbf")

// add reads one line.
func (b *TreeBuilder) add(l *treeLine) {
	text := bytes.TrimSuffix(bytes.TrimPrefix(l.text, byteOrderMark), []byte("\r"))
	if n := leadingNULs(text); n > 0 {
		hole := *l
		hole.text, hole.size = text[:n], int64(n)
		b.addBad(&hole, &ParseError{Err: event.ErrNUL})
		text = text[n:]
	}
	if len(text) == 0 {
		return
	}
	if l.sum != nil {
		b.addBad(l, &ParseError{Err: fmt.Errorf("%w: %d bytes", ErrLineTooLong, l.size)})
		return
	}
	ev, err := event.ParseLine(text)
	if err != nil {
		b.addBad(l, err)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Lines++
	b.insertLocked(&ev, text)
}

// leadingNULs returns the number of zero bytes at the beginning of text: what a
// file system leaves where a file grew and its content did not get to the disk.
// What was written behind them is whole.
func leadingNULs(text []byte) int { return len(text) - len(bytes.TrimLeft(text, "\x00")) }

// insertLocked adds an event with the given line. b.mu must be held.
func (b *TreeBuilder) insertLocked(ev *Event, text []byte) {
	if ev.Stream == "" {
		sum := hashLine(text)
		if _, known := b.anonymous[sum]; known {
			b.stats.Duplicates++
			return
		}
		b.anonymous[sum] = struct{}{}
		b.appendLocked(nil, ev, text)
		return
	}
	s := b.streams[ev.Stream]
	if s == nil {
		s = &treeStream{id: ev.Stream, entries: map[uint64]int{}, own: map[int]*ownEvent{}}
		b.streams[s.id] = s
	}
	i, known := s.entries[ev.Seq]
	if !known {
		s.entries[ev.Seq] = b.appendLocked(s, ev, text)
		return
	}
	e := &b.entries[i]
	switch {
	case e.foreign && !ev.Foreign: // what was passed on is the same event
		others := uint64(max(len(b.variants[i])-1, 0))
		b.stats.Duplicates += 1 + others
		b.stats.Conflicts -= others
		delete(b.variants, i)
		b.replaceLocked(i, ev, text)
	case !e.foreign && ev.Foreign, bytes.Equal(e.line, text):
		b.stats.Duplicates++
	default:
		b.conflictLocked(i, ev, text)
	}
}

// conflictLocked chooses between the event with the given index and another one
// of the same identity: the smaller bytes win. b.mu must be held.
func (b *TreeBuilder) conflictLocked(i int, ev *Event, text []byte) {
	e := &b.entries[i]
	variants := b.variants[i]
	if variants == nil {
		variants = map[lineHash]struct{}{hashLine(e.line): {}}
		b.variants[i] = variants
	}
	sum := hashLine(text)
	if _, known := variants[sum]; known {
		b.stats.Duplicates++
		return
	}
	variants[sum] = struct{}{}
	b.stats.Conflicts++
	if bytes.Compare(text, e.line) < 0 {
		b.replaceLocked(i, ev, text)
	}
}

// appendLocked adds an entry. b.mu must be held.
func (b *TreeBuilder) appendLocked(s *treeStream, ev *Event, text []byte) int {
	b.entries = append(b.entries, treeEntry{stream: s, seq: ev.Seq})
	b.stats.Events++
	i := len(b.entries) - 1
	b.replaceLocked(i, ev, text)
	return i
}

// replaceLocked makes ev the event with the given index. b.mu must be held.
func (b *TreeBuilder) replaceLocked(i int, ev *Event, text []byte) {
	e := &b.entries[i]
	if e.run != nil {
		e.run.events--
		e.run = nil
	} else if e.stream != nil {
		b.setOwnLocked(e.stream, i, nil)
	}
	e.line, e.foreign = b.arena.add(text), ev.Foreign
	if ofRun(ev) {
		e.run = b.runLocked(ev.Run)
		e.run.events++
		e.run.entries = append(e.run.entries, i)
		return
	}
	own := newOwnEvent(ev)
	b.setOwnLocked(e.stream, i, own) // only lines with a stream are its own
	if own.gone != "" {
		b.gone[own.gone] = append(b.gone[own.gone], i)
	}
	for _, ref := range own.refs {
		run := b.runLocked(ref.Run)
		if n := len(run.refs); n == 0 || run.refs[n-1] != i {
			run.refs = append(run.refs, i)
		}
	}
}

// setOwnLocked makes own, or nothing if it is nil, the event of s itself with the
// given index. b.mu must be held.
func (b *TreeBuilder) setOwnLocked(s *treeStream, i int, own *ownEvent) {
	for _, ev := range []*ownEvent{s.own[i], own} {
		if ev != nil && b.streams[ev.gone] != nil {
			b.streams[ev.gone].facts = nil
		}
	}
	s.facts = nil
	if own == nil {
		delete(s.own, i)
	} else {
		s.own[i] = own
	}
}

// ofRun reports whether ev belongs to a span, also if its type is not known.
func ofRun(ev *Event) bool {
	switch ev.Type {
	case event.TypeOpen, event.TypeLoss, event.TypeClose, event.TypeGone:
		return false
	}
	return !ev.Run.IsZero()
}

func newOwnEvent(ev *Event) *ownEvent {
	own := &ownEvent{closes: ev.Type == event.TypeClose}
	switch ev.Type {
	case event.TypeGone:
		own.gone = ev.Gone
	case event.TypeLoss:
		own.loss = &streamLoss{from: ev.From, to: ev.To, n: ev.N}
	case event.TypeOpen:
		if ev.Open != nil {
			own.refs = ev.Open.Spans
		}
	}
	return own
}

// appendRefs appends the spans of a run that the event names, which has the given
// place.
func (own *ownEvent) appendRefs(refs []foldRef, run RunID, stream string, seq uint64) []foldRef {
	for i, ref := range own.refs {
		if ref.Run == run {
			refs = append(refs, foldRef{stream: stream, seq: seq, index: i, SpanRef: ref})
		}
	}
	return refs
}

// runLocked returns the run with the given id. b.mu must be held.
func (b *TreeBuilder) runLocked(id RunID) *treeRun {
	run := b.runs[id]
	if run == nil {
		run = &treeRun{id: id}
		b.runs[id] = run
	}
	return run
}

// addBad counts a line that is no event, once however often it comes.
func (b *TreeBuilder) addBad(l *treeLine, err error) {
	sum := hashLine(l.text)
	if l.sum != nil {
		sum = lineHash(l.sum)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Lines++
	if _, known := b.bad[sum]; known {
		return
	}
	b.bad[sum] = struct{}{}
	b.stats.Bad++
	b.problemLocked(l, err)
	for id := range namedRuns(l.text) {
		b.runLocked(id).damaged++
	}
}

// addTorn counts an unfinished line.
func (b *TreeBuilder) addTorn(l *treeLine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Torn++
	b.problemLocked(l, ErrTorn)
}

func (b *TreeBuilder) problemLocked(l *treeLine, err error) {
	if len(b.problems) >= b.maxProblems {
		return
	}
	if pe, ok := err.(*ParseError); ok {
		pe.File, pe.Line = l.file, l.number
	}
	b.problems = append(b.problems, Problem{File: l.file, Line: l.number, Offset: l.offset, Size: l.size, Err: err})
}

// namedRuns returns the runs that a damaged line names, each once.
func namedRuns(text []byte) map[RunID]struct{} {
	const field = `"run":"`
	runs := map[RunID]struct{}{}
	for {
		i := bytes.Index(text, []byte(field))
		if i < 0 {
			return runs
		}
		text = text[i+len(field):]
		const digits = 2 * len(RunID{})
		if len(text) <= digits || text[digits] != '"' {
			continue
		}
		if id, err := event.ParseRunID(string(text[:digits])); err == nil {
			runs[id] = struct{}{}
		}
	}
}

func hashLine(text []byte) lineHash {
	sum := sha256.Sum256(text)
	return lineHash(sum[:])
}

// lineArena keeps lines together, so that many small ones are cheap. What it has
// returned is never changed.
type lineArena struct {
	chunk []byte
}

// Sizes of chunks: a small builder shall stay small.
const (
	minArenaChunk = 4 << 10
	maxArenaChunk = 1 << 20
)

func (a *lineArena) add(text []byte) []byte {
	if len(text) > cap(a.chunk)-len(a.chunk) {
		size := min(max(2*cap(a.chunk), minArenaChunk), maxArenaChunk)
		if len(text) > size/4 {
			return bytes.Clone(text)
		}
		a.chunk = make([]byte, 0, size)
	}
	from := len(a.chunk)
	a.chunk = append(a.chunk, text...)
	return a.chunk[from:len(a.chunk):len(a.chunk)]
}
