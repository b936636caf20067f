package wfslog

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/wfslog/wfslog/internal/event"
)

// byteOrderMark is what some editors put before the first line of a file.
var byteOrderMark = []byte("\xef\xbb\xbf")

// lineHead is what the index takes from an event.
type lineHead struct {
	seq    uint64
	stream []byte // "" for a foreign line without identity
	run    RunID  // zero for an event of the stream itself
	span   []byte
	kind   kindCode
	flags  entryFlags
	own    *ownEvent // of the stream itself
	bad    *badLine  // the line is no event, and nothing else is set

	text   []byte // the line
	source uint32 // where it stays; noSource if it is to be kept in memory
	offset int64  // in the source
}

// headOf returns the head of any event.
func headOf(ev *Event) lineHead {
	h := lineHead{seq: ev.Seq, stream: []byte(ev.Stream), span: []byte(ev.Span), kind: codeOf(ev.Kind)}
	if ev.Type == event.TypeStart {
		h.flags |= entryStart
	}
	if ev.Foreign {
		h.flags |= entryForeign
	}
	if slices.Contains(ev.Flags, event.FlagPartial) {
		h.flags |= entryPartial
	}
	if ofRun(ev) {
		h.run = ev.Run
	} else {
		h.own = newOwnEvent(ev)
	}
	return h
}

// badLine is a line that is no event.
type badLine struct {
	treeLine
	hash lineHash // of all of it
	err  error
}

// lineIntake reads lines from one place.
type lineIntake struct {
	b        *TreeBuilder
	source   uint32 // that the lines stay in; noSource if they are to be kept in memory
	splitter lineSplitter
	envelope event.Envelope
	heads    []lineHead // of lines that have been scanned
}

const noSource = ^uint32(0)

// add reads one line, and adds its event.
func (in *lineIntake) add(l *treeLine) {
	in.heads = in.heads[:0]
	in.scan(l)
	in.b.insert(in.heads, 0)
}

// scan reads one line, and appends what the index takes from it to in.heads. It touches
// nothing of the builder.
func (in *lineIntake) scan(l *treeLine) {
	text := bytes.TrimSuffix(bytes.TrimPrefix(l.text, byteOrderMark), []byte("\r"))
	if n := leadingNULs(text); n > 0 {
		hole := *l
		hole.text, hole.size = text[:n], int64(n)
		in.scanned(lineHead{bad: newBadLine(&hole, &ParseError{Err: event.ErrNUL})})
		text = text[n:]
	}
	if len(text) == 0 {
		return
	}
	if l.sum != nil {
		in.scanned(lineHead{bad: newBadLine(l, &ParseError{Err: fmt.Errorf("%w: %d bytes", ErrLineTooLong, l.size)})})
		return
	}
	var h lineHead
	if e := &in.envelope; e.Scan(text) {
		h = lineHead{seq: e.Seq, stream: e.Stream, run: e.Run, span: e.Span, kind: codeOf(e.Kind)}
		if e.Type == event.TypeStart {
			h.flags |= entryStart
		}
		if e.Partial {
			h.flags |= entryPartial
		}
		if e.Plain {
			h.flags |= entryPlain
		}
	} else {
		ev, err := event.ParseLine(text)
		if err != nil {
			in.scanned(lineHead{bad: newBadLine(l, err)})
			return
		}
		h = headOf(&ev)
	}
	h.text, h.source, h.offset = text, in.source, l.offset+int64(cap(l.text)-cap(text))
	in.scanned(h)
}

func (in *lineIntake) scanned(h lineHead) { in.heads = append(in.heads, h) }

// insert adds what was scanned of lines, whose numbers begin behind before.
func (b *TreeBuilder) insert(heads []lineHead, before int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range heads {
		b.stats.Lines++
		if bad := heads[i].bad; bad != nil {
			bad.number += before
			b.addBadLocked(bad)
		} else {
			b.insertLocked(&heads[i])
		}
	}
}

// leadingNULs returns the number of zero bytes at the beginning of text: what a
// file system leaves where a file grew and its content did not get to the disk.
// What was written behind them is whole.
func leadingNULs(text []byte) (n int) {
	for n < len(text) && text[n] == 0 {
		n++
	}
	return n
}

// insertLocked adds an event. b.mu must be held.
func (b *TreeBuilder) insertLocked(h *lineHead) {
	if len(h.stream) == 0 {
		sum := hashLine(h.text)
		if _, known := b.anonymous[sum]; known {
			b.stats.Duplicates++
			return
		}
		b.anonymous[sum] = struct{}{}
		h.source = noSource // its bytes tell its place among others
		b.appendLocked(nil, h)
		return
	}
	s := b.streamLocked(h.stream)
	slot := s.slot(h.seq)
	if *slot == 0 {
		*slot = b.appendLocked(s, h) + 1
		return
	}
	i := *slot - 1
	foreign := b.entries.at(i).flags&entryForeign != 0
	switch {
	case foreign && h.flags&entryForeign == 0: // what was passed on is the same event
		others := uint64(max(len(b.variants[i])-1, 0))
		b.stats.Duplicates += 1 + others
		b.stats.Conflicts -= others
		delete(b.variants, i)
		*slot = b.replaceLocked(s, i, h) + 1
	case !foreign && h.flags&entryForeign != 0:
		b.stats.Duplicates++
	default:
		*slot = b.conflictLocked(s, i, h) + 1
	}
}

// conflictLocked chooses between the event with the given index and another one
// of the same identity: the smaller bytes win. It returns the index of the winner.
// b.mu must be held.
func (b *TreeBuilder) conflictLocked(s *treeStream, i uint32, h *lineHead) uint32 {
	known, err := b.reader.line(&b.store, b.entries.at(i).place())
	if err != nil {
		b.failed = cmp.Or(b.failed, err)
		return i
	}
	if bytes.Equal(known, h.text) {
		b.stats.Duplicates++
		return i
	}
	variants := b.variants[i]
	if variants == nil {
		variants = map[lineHash]struct{}{hashLine(known): {}}
		b.variants[i] = variants
	}
	sum := hashLine(h.text)
	if _, known := variants[sum]; known {
		b.stats.Duplicates++
		return i
	}
	variants[sum] = struct{}{}
	b.stats.Conflicts++
	if bytes.Compare(h.text, known) < 0 {
		return b.replaceLocked(s, i, h)
	}
	return i
}

// replaceLocked makes an event take the place of the one with the given index, and
// returns its own. b.mu must be held.
func (b *TreeBuilder) replaceLocked(s *treeStream, i uint32, h *lineHead) uint32 {
	old := b.entries.at(i)
	old.dead = true
	if old.span != noSpan {
		b.runOf(old).events--
	} else {
		b.setOwnLocked(s, i, nil)
	}
	b.stats.Events--
	j := b.appendLocked(s, h)
	if variants := b.variants[i]; variants != nil {
		delete(b.variants, i)
		b.variants[j] = variants
	}
	return j
}

// runOf returns the run of an event that has one.
func (b *TreeBuilder) runOf(e *treeEntry) *treeRun { return b.runList[b.spans.spans.at(e.span).run] }

// appendLocked adds an entry, and returns its index. b.mu must be held.
func (b *TreeBuilder) appendLocked(s *treeStream, h *lineHead) uint32 {
	e := treeEntry{
		seq: h.seq, source: h.source, offset: h.offset, len: uint32(len(h.text)), stream: noStream, span: noSpan,
		next: noEntry, kind: h.kind, flags: h.flags,
	}
	if e.source == noSource {
		place := b.store.add(h.text)
		e.source, e.offset = place.source, place.offset
	}
	if s != nil {
		e.stream = s.index
	}
	b.stats.Events++
	if h.own != nil {
		i := b.entries.add(e)
		b.addOwnLocked(s, i, h.own) // only lines with a stream are its own
		return i
	}
	run := b.runLocked(h.run)
	e.span = b.spanLocked(run, h.span)
	i := b.entries.add(e)
	if run.events++; run.firstEntry == noEntry {
		run.firstEntry = i
	} else {
		b.entries.at(run.lastEntry).next = i
	}
	run.lastEntry = i
	return i
}

// addOwnLocked adds what an event of s itself says. b.mu must be held.
func (b *TreeBuilder) addOwnLocked(s *treeStream, i uint32, own *ownEvent) {
	b.setOwnLocked(s, i, own)
	if own.gone != "" {
		b.gone[own.gone] = append(b.gone[own.gone], goneEvent{s, i})
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
func (b *TreeBuilder) setOwnLocked(s *treeStream, i uint32, own *ownEvent) {
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

func newBadLine(l *treeLine, err error) *badLine {
	bad := &badLine{treeLine: *l, err: err}
	if l.sum != nil {
		bad.hash = lineHash(l.sum)
	} else {
		bad.hash = hashLine(l.text)
	}
	return bad
}

// addBadLocked counts a line that is no event, once however often it comes. b.mu must be
// held.
func (b *TreeBuilder) addBadLocked(bad *badLine) {
	if _, known := b.bad[bad.hash]; known {
		return
	}
	b.bad[bad.hash] = struct{}{}
	b.stats.Bad++
	b.problemLocked(&bad.treeLine, bad.err)
	for id := range namedRuns(bad.text) {
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
