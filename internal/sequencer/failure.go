package sequencer

import (
	"errors"
	"fmt"
	"math"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/wfslog/wfslog/internal/event"
)

// Time between two tries to write while the output fails.
const (
	minBackoff = time.Millisecond
	maxBackoff = time.Second
)

// failure is the state of an output that does not take lines.
type failure struct {
	err     error  // nil: the output works
	losses  []Loss // not stated yet
	torn    bool   // the last write ended within a line
	open    bool   // a lost event was a start or an open: the open spans have to be named again
	next    time.Time
	backoff time.Duration
}

// maxLosses bounds what is remembered of losses that cannot be stated yet; above
// it, losses are joined.
const maxLosses = 16

// add notes a loss. There is one for each cause, so that a long failure needs one
// line.
func (f *failure) add(l Loss) {
	for i := range f.losses {
		if known := &f.losses[i]; known.Cause == l.Cause || i+1 == maxLosses {
			known.From, known.To = min(known.From, l.From), max(known.To, l.To)
			known.N += l.N
			known.Bytes += l.Bytes
			return
		}
	}
	f.losses = append(f.losses, l)
}

// settle drops the losses that were stated by the written lines of a prefix.
func (f *failure) settle(written []line) {
	stated := 0
	for _, l := range written {
		if l.typ == event.TypeLoss && !l.sheltered { // those are not remembered any more
			stated++
		}
	}
	f.losses = append(f.losses[:0], f.losses[stated:]...)
}

// failed notes that the output was asked in vain.
func (f *failure) failed(err error, now time.Time) {
	f.err = err
	f.backoff = min(max(2*f.backoff, minBackoff), maxBackoff)
	f.next = now.Add(f.backoff)
}

// fail keeps the rest of b, and counts as lost what of it is not sheltered.
func (s *Sequencer) fail(b *batch, err error) {
	b.err = fmt.Errorf("wfslog: events cannot be written yet: %w", err)
	if s.loseLines(b.unwritten(), err) > 0 {
		b.err = fmt.Errorf("wfslog: events are being lost: %w", err)
	}
	s.writer.kept.keepRest(b)
}

// loseLines counts those of the lines as lost that are not sheltered, and returns how
// many they are.
func (s *Sequencer) loseLines(lines []line, err error) uint64 {
	f := &s.writer.fail
	l := Loss{From: math.MaxUint64, Cause: Cause(err)}
	for _, line := range lines {
		if line.sheltered {
			continue
		}
		l.N++
		l.From, l.To = min(l.From, line.seq), max(l.To, line.seq)
		l.Bytes += uint64(line.end - line.begin)
		f.open = f.open || line.typ == event.TypeStart || line.typ == event.TypeOpen
	}
	if l.N == 0 {
		return 0
	}
	f.add(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Lost += l.N
	return l.N
}

// maxCause bounds the text of a cause in bytes.
const maxCause = 256

// Cause returns the text of an error for a loss event: the kernel's words without
// a path, where there are any.
func Cause(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	text := ""
	if p, ok := errors.AsType[*panicError](err); ok {
		text = fmt.Sprintf("panic: %v", p.value)
	} else {
		text = err.Error()
	}
	if len(text) <= maxCause {
		return text
	}
	end := maxCause
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
