package sequencer

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/wfslog/wfslog/internal/event"
)

// writer is what only the goroutine that writes uses.
type writer struct {
	fail    failure
	kept    batch // sheltered lines that could not be written, to be tried before all others
	prefix  batch // open and loss lines that go before a batch
	buf     []byte
	written []Written
}

// maxWritten is how many elements of writer.written are kept for the next write.
const maxWritten = 4096

// errAborted says that the output ended the goroutine that called it.
var errAborted = errors.New("the output ended the goroutine")

// write writes what was kept and b, and notes which of their lines were written. The
// caller has the turn to write; s.mu is not held.
func (s *Sequencer) write(b *batch) {
	f := &s.writer.fail
	if f.err != nil && b.last == nil && !b.urgent && s.cfg.Now().Before(f.next) {
		s.fail(b, f.err)
		return
	}
	err := errAborted
	defer func() {
		if err == nil {
			return
		}
		if b.unsafe {
			b.err = fmt.Errorf("wfslog: events may not last: %w", err)
		} else {
			f.failed(err, s.cfg.Now())
			s.fail(b, err)
		}
		s.report(b.err)
	}()
	err = s.attempts(b)
	if errors.Is(err, ErrElsewhere) && !b.unsafe {
		if b.last != nil { // its number has to be the last one
			s.loseLines(b.unwritten(), err)
			b.buf, b.lines, b.written = b.buf[:0], b.lines[:0], 0
		}
		err = s.attempts(b)
	}
}

// attempts writes what was kept, and what is left of b, if the output takes it.
func (s *Sequencer) attempts(b *batch) error {
	kept := &s.writer.kept
	if len(kept.lines) > 0 {
		if err := s.attempt(kept, b.lines); err != nil && !kept.unsafe {
			return err
		} else if err != nil {
			s.report(fmt.Errorf("wfslog: events may not last: %w", err))
		}
		kept.reset()
	}
	if b.written == len(b.lines) && b.last == nil {
		return nil
	}
	return s.attempt(b, nil)
}

// attempt writes what is left of b, if the output takes it. The next lines are those
// that will follow.
func (s *Sequencer) attempt(b *batch, next []line) (err error) {
	place, err := s.prepare(len(b.rest()))
	if err != nil {
		return err
	}
	prefix := s.buildPrefix(place, b, next)
	lines := b.rest()
	if len(prefix.buf) > 0 {
		s.writer.buf = append(append(s.writer.buf[:0], prefix.buf...), lines...)
		lines = s.writer.buf
	}
	n, err := 0, errAborted
	defer func() {
		s.account(place, b, max(0, min(n, len(lines))), err)
		s.writer.trim()
	}()
	n, err = s.output(lines, prefix.lines, b.unwritten())
	if err == nil && n < len(lines) {
		err = io.ErrShortWrite
	}
	return err
}

func (s *Sequencer) prepare(n int) (place Place, err error) {
	defer guard(&err)
	return s.cfg.Output.Prepare(n)
}

func (s *Sequencer) output(lines []byte, groups ...[]line) (n int, err error) {
	first, last := uint64(math.MaxUint64), uint64(0)
	for _, group := range groups {
		for _, l := range group {
			first, last = min(first, l.seq), max(last, l.seq)
		}
	}
	defer guard(&err)
	return s.cfg.Output.Write(lines, first, last)
}

// report tells the user of an error.
func (s *Sequencer) report(err error) {
	if s.cfg.OnError == nil {
		return
	}
	defer func() { _ = recover() }() // a panic in there must not stop the host
	s.cfg.OnError(err)
}

// tornEnd ends the line that a partial write has left. With the newline alone, a
// line that lacked nothing else would become readable after it was counted as
// lost.
const tornEnd = "!\n"

// buildPrefix returns what has to be written before the rest of b: the end of a
// torn line, the lines that begin a segment unless b begins with one, and the
// losses. It also adds a close event to b.
func (s *Sequencer) buildPrefix(place Place, b *batch, next []line) *batch {
	p, f := &s.writer.prefix, &s.writer.fail
	p.reset()
	s.takeLosses(place.Lost)
	if f.torn && !place.Fresh {
		p.buf = append(p.buf, tornEnd...)
	}
	opened := b.written < len(b.lines) && b.lines[b.written].segment == place.Segment
	open := place.Fresh && !opened || f.open
	if !open && len(f.losses) == 0 && b.last == nil {
		return p
	}
	now := s.cfg.Now()
	var opens [][]byte
	if open {
		opens = s.openBodies(s.openRefs(b.unwritten(), next), place.Segment, now)
	}
	losses := make([][]byte, len(f.losses))
	for i, l := range f.losses {
		losses[i] = streamBody(&event.Event{
			Stream: s.stream, Time: now.UTC(), Type: event.TypeLoss, From: l.From, To: l.To, Bytes: l.Bytes, Cause: l.Cause,
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, body := range opens {
		s.addOwnLocked(p, event.TypeOpen, place.Segment, 0, body)
	}
	unstated := f.losses[:0]
	for i, body := range losses {
		s.addOwnLocked(p, event.TypeLoss, 0, f.losses[i].N, body)
		if !p.lines[len(p.lines)-1].sheltered {
			unstated = append(unstated, f.losses[i])
		}
	}
	f.losses = unstated
	if b.last != nil {
		s.addOwnLocked(b, event.TypeClose, 0, s.seq+1, b.last)
	}
	return p
}

// takeLosses notes what the output has found to be lost.
func (s *Sequencer) takeLosses(lost []Loss) {
	for _, l := range lost {
		s.writer.fail.add(l)
		s.mu.Lock()
		s.counts.Lost += l.N - l.Again
		s.counts.Written -= min(l.N-l.Again, s.counts.Written)
		s.mu.Unlock()
		if !l.Expected {
			s.report(fmt.Errorf("wfslog: %d events of %d to %d: %s", l.N, l.From, l.To, l.Cause))
		}
	}
}

// openRefs returns what is known of the spans that are open before the given lines,
// and those of the current batch, are written.
func (s *Sequencer) openRefs(lines ...[]line) []event.SpanRef {
	s.mu.Lock()
	defer s.mu.Unlock()
	refs := s.open.refs()
	for _, lines := range append(lines, s.cur.lines) {
		for _, l := range lines {
			if l.typ == event.TypeEnd {
				refs = append(refs, l.span.Ref)
			}
		}
	}
	return refs
}

// addOwnLocked adds an event of the stream itself. An open event begins a segment.
// s.mu must be held.
func (s *Sequencer) addOwnLocked(p *batch, typ event.Type, segment int, n uint64, body []byte) {
	s.seq++
	s.counts.Accepted++
	p.add(nil, typ, s.seq, n, 0, body, event.Checksum(body))
	p.lines[len(p.lines)-1].segment = segment
	if typ != event.TypeClose { // whoever finds it has nothing else to find
		s.shelterLocked(p)
	}
}

// account notes the outcome of a write of n bytes of the prefix and the rest of b.
func (s *Sequencer) account(place Place, b *batch, n int, err error) {
	prefix := &s.writer.prefix
	written, sheltered := s.writer.written[:0], 0
	note := func(p *batch, base int) {
		for p.written < len(p.lines) && base+p.lines[p.written].end <= n {
			l := p.lines[p.written]
			written = append(written, Written{
				Span: l.span, Type: l.typ, Seq: l.seq,
				Offset: place.Offset + int64(base+l.begin), Len: l.end - l.begin,
			})
			if l.sheltered {
				sheltered++
			}
			p.written++
		}
	}
	base := len(prefix.buf) - b.restBegin()
	note(prefix, 0)
	note(b, base)
	s.mu.Lock()
	s.sheltered -= sheltered
	s.counts.Written += uint64(len(written) - sheltered)
	s.counts.Bytes += uint64(n)
	s.mu.Unlock()

	f := &s.writer.fail
	if n == base+len(b.buf) {
		b.unsafe = err != nil
		*f = failure{}
	} else {
		f.settle(prefix.lines[:prefix.written])
		f.open = false // unless an open line is among those that are lost now
		// Nobody knows what an output has done that did not return.
		_, panicked := errors.AsType[*panicError](err)
		if n > 0 || panicked || err == errAborted {
			f.torn = panicked || err == errAborted || !endsLine(prefix.buf, b.buf, base, n)
		}
		s.loseLines(prefix.unwritten(), err)
		s.writer.keepFirst(prefix)
	}
	s.tell(place.Segment, written)
	clear(written)
	s.writer.written = written[:0]
}

// endsLine reports whether n bytes, of prefix first and then of buf, which begins
// at base, are whole lines.
func endsLine(prefix, buf []byte, base, n int) bool {
	if n <= len(prefix) {
		return prefix[n-1] == '\n'
	}
	return buf[n-base-1] == '\n'
}

// tell hands what was written to the user of the sequencer.
func (s *Sequencer) tell(segment int, written []Written) {
	if s.cfg.OnWritten == nil || len(written) == 0 {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			s.report(fmt.Errorf("wfslog: panic in OnWritten: %v", p))
		}
	}()
	s.cfg.OnWritten(segment, written)
}

// keepFirst keeps the sheltered lines of a prefix that are not written. A segment that
// they begin is to begin with them. What was kept and is written is dropped.
func (w *writer) keepFirst(prefix *batch) {
	var kept batch
	kept.keepRest(prefix)
	if len(kept.lines) > 0 || w.kept.written > 0 {
		kept.keepRest(&w.kept)
		w.kept.buf, w.kept.lines, w.kept.written = kept.buf, kept.lines, 0
	}
}

// trim lets go of buffers that a burst has made large.
func (w *writer) trim() {
	if cap(w.buf) > maxPooledBatch {
		w.buf = nil
	}
	if cap(w.prefix.buf) > maxPooledBatch {
		w.prefix.buf = nil
	}
	if len(w.kept.lines) == 0 && cap(w.kept.buf) > maxPooledBatch {
		w.kept.buf = nil
	}
	if cap(w.written) > maxWritten {
		w.written = nil
	}
}
