package sequencer

import (
	"slices"

	"github.com/wfslog/wfslog/internal/event"
)

// MaxOpenSpans is how many open spans a stream remembers for the first lines of
// a new segment; above it, the oldest is forgotten. So spans that never end do
// not hold memory for ever.
const MaxOpenSpans = 10_000

// Span is what one stream knows of one span. The caller sets the exported
// fields before it hands the span over and does not change them any more.
type Span struct {
	Parent *Span // nil for the root, and if Remote is set
	Ref    event.SpanRef
	// Remote is set for a span that another process has started, or another context
	// of this one: the stream writes what belongs to it, but never its start.
	Remote bool

	// The sequencer's mutex protects following fields.
	held    []byte // body of a start that is not written yet
	n       uint64 // events of the span, in this stream
	kids    uint64 // children whose start is in this stream
	started bool
	ended   bool

	prev, next *Span // in the list of open spans
}

// Hold keeps the body of sp's start, which it does not retain, until the first
// event of sp or below is appended. If a start is already held, it is replaced.
// It reports whether the start was not yet written.
func (s *Sequencer) Hold(sp *Span, body []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sp.started {
		return false
	}
	sp.held = slices.Clone(body)
	return true
}

// State reports whether the start and the end of sp were appended.
func (s *Sequencer) State(sp *Span) (started, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return sp.started, sp.ended
}

// startLocked adds the held starts of sp and its ancestors, the root's first.
// s.mu must be held.
func (s *Sequencer) startLocked(sp *Span) {
	if sp == nil || sp.started || sp.Remote {
		return
	}
	s.startLocked(sp.Parent) // at most event.MaxDepth deep
	body := sp.held
	s.setStartedLocked(sp)
	if body != nil {
		s.addLocked(sp, event.TypeStart, body, event.Checksum(body))
	}
}

// setStartedLocked notes that sp's start is being appended. s.mu must be held.
func (s *Sequencer) setStartedLocked(sp *Span) {
	sp.started = true
	sp.held = nil
	s.open.push(sp)
}

// openSpans is the list of spans with a start and no end, the newest last.
type openSpans struct {
	first, last *Span
	n           int
}

func (l *openSpans) push(sp *Span) {
	sp.prev = l.last
	if l.last != nil {
		l.last.next = sp
	} else {
		l.first = sp
	}
	l.last = sp
	l.n++
	if l.n > MaxOpenSpans {
		l.remove(l.first)
	}
}

// remove takes sp out; a span that is not in the list is left alone.
func (l *openSpans) remove(sp *Span) {
	if sp.prev == nil && sp != l.first {
		return
	}
	if sp.prev != nil {
		sp.prev.next = sp.next
	} else {
		l.first = sp.next
	}
	if sp.next != nil {
		sp.next.prev = sp.prev
	} else {
		l.last = sp.prev
	}
	sp.prev, sp.next = nil, nil
	l.n--
}

// refs returns what is known of the spans in the list, the oldest first.
func (l *openSpans) refs() []event.SpanRef {
	refs := make([]event.SpanRef, 0, l.n)
	for sp := l.first; sp != nil; sp = sp.next {
		refs = append(refs, sp.Ref)
	}
	return refs
}
