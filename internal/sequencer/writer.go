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
	prefix  batch // open and loss lines that go before a batch
	buf     []byte
	written []Written
}

// maxWritten is how many elements of writer.written are kept for the next write.
const maxWritten = 1024

// errAborted says that the output ended the goroutine that called it.
var errAborted = errors.New("the output ended the goroutine")

// write writes b and notes which of its lines were written. The caller has the
// turn to write; s.mu is not held.
func (s *Sequencer) write(b *batch) {
	f := &s.writer.fail
	if f.err != nil && b.last == nil && s.cfg.Now().Before(f.next) {
		s.lose(b, f.err)
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
			s.lose(b, err)
		}
		s.report(b.err)
	}()
	err = s.attempt(b)
	if errors.Is(err, ErrElsewhere) && !b.unsafe {
		if b.last != nil { // its number has to be the last one
			s.loseLines(b.lines[b.written:], err)
			b.buf, b.lines, b.written = b.buf[:0], b.lines[:0], 0
		}
		err = s.attempt(b)
	}
}

// attempt writes what is left of b, if the output takes it.
func (s *Sequencer) attempt(b *batch) (err error) {
	place, err := s.prepare(len(b.rest()))
	if err != nil {
		return err
	}
	prefix := s.buildPrefix(place, b)
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
	n, err = s.output(lines, prefix.lines, b.lines[b.written:])
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
func (s *Sequencer) buildPrefix(place Place, b *batch) *batch {
	p, f := &s.writer.prefix, &s.writer.fail
	p.buf, p.lines, p.written = p.buf[:0], p.lines[:0], 0
	s.takeLosses(place.Lost)
	if f.torn && !place.Fresh {
		p.buf = append(p.buf, tornEnd...)
	}
	opened := place.Segment == 1 && b.written < len(b.lines) && b.lines[b.written].typ == event.TypeOpen
	open := place.Fresh && !opened || f.open
	if !open && len(f.losses) == 0 && b.last == nil {
		return p
	}
	now := s.cfg.Now()
	var opens [][]byte
	if open {
		opens = s.openBodies(s.openRefs(b), place.Segment, now)
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
		s.addOwnLocked(p, event.TypeOpen, 0, body)
	}
	for i, body := range losses {
		s.addOwnLocked(p, event.TypeLoss, f.losses[i].N, body)
	}
	if b.last != nil {
		s.addOwnLocked(b, event.TypeClose, s.seq+1, b.last)
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

// openRefs returns what is known of the spans that are open before the rest of b is
// written.
func (s *Sequencer) openRefs(b *batch) []event.SpanRef {
	s.mu.Lock()
	refs := s.open.refs()
	s.mu.Unlock()
	for _, l := range b.lines[b.written:] {
		if l.typ == event.TypeEnd {
			refs = append(refs, l.span.Ref)
		}
	}
	return refs
}

// addOwnLocked adds an event of the stream itself. s.mu must be held.
func (s *Sequencer) addOwnLocked(p *batch, typ event.Type, n uint64, body []byte) {
	s.seq++
	s.counts.Accepted++
	p.add(nil, typ, s.seq, n, 0, body, event.Checksum(body))
}

// account notes the outcome of a write of n bytes of the prefix and the rest of b.
func (s *Sequencer) account(place Place, b *batch, n int, err error) {
	prefix := &s.writer.prefix
	written := s.writer.written[:0]
	note := func(p *batch, base int) {
		for p.written < len(p.lines) && base+p.lines[p.written].end <= n {
			l := p.lines[p.written]
			written = append(written, Written{
				Span: l.span, Type: l.typ, Seq: l.seq,
				Offset: place.Offset + int64(base+l.begin), Len: l.end - l.begin,
			})
			p.written++
		}
	}
	base := len(prefix.buf) - b.restBegin()
	note(prefix, 0)
	note(b, base)
	s.mu.Lock()
	s.counts.Written += uint64(len(written))
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
		s.loseLines(prefix.lines[prefix.written:], err)
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

// trim lets go of buffers that a burst has made large.
func (w *writer) trim() {
	if cap(w.buf) > maxPooledBatch {
		w.buf = nil
	}
	if cap(w.prefix.buf) > maxPooledBatch {
		w.prefix.buf = nil
	}
	if cap(w.written) > maxWritten {
		w.written = nil
	}
}
