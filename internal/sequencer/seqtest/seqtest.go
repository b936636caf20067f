// Package seqtest recounts what a stream has written, for tests.
package seqtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// Stream is what can be read of one stream.
type Stream struct {
	Events []event.Event  // in the order of the files
	Seen   map[uint64]int // number of an event → how often it was read
	Max    uint64         // largest number
	Stated uint64         // events that loss events state
	Bad    int            // lines that are no events, and runs of zero bytes
	Torn   int            // unfinished last lines of files
	Closed bool           // there is a close event
}

// Read reads the segments of one stream.
func Read(segments ...io.Reader) (*Stream, error) {
	s := &Stream{Seen: map[uint64]int{}}
	for _, r := range segments {
		lines := event.NewScanner(r)
		for lines.Scan() {
			s.add(lines)
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// AddMissing adds those lines of a crash ring that were not read from a segment.
func (s *Stream) AddMissing(text []byte) {
	for lines := event.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if seq, _ := event.SeqOf(lines.Line()); s.Seen[seq] == 0 {
			s.add(lines)
		}
	}
}

func (s *Stream) add(lines *event.Scanner) {
	ev, err := event.ParseLine(lines.Line())
	switch {
	case !lines.Whole() && lines.Problem() == nil:
		s.Torn++
		return
	case err != nil:
		s.Bad++
		return
	}
	ev.Attrs = nil // part of the line
	s.Events = append(s.Events, ev)
	s.Seen[ev.Seq]++
	s.Max = max(s.Max, ev.Seq)
	switch ev.Type {
	case event.TypeLoss:
		s.Stated += ev.N
	case event.TypeClose:
		s.Closed = true
	}
}

// Check returns what is wrong with the accounting of a stream that was able to
// write at its end: every event that was accepted must be readable exactly once, or
// be one of those whose loss is stated; and spans must have the counts that their
// ends say.
func (s *Stream) Check(counts sequencer.Counts) error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for seq, n := range s.Seen {
		if n != 1 {
			fail("event %d was read %d times", seq, n)
		}
	}
	readable := uint64(len(s.Seen))
	if s.Max > counts.Accepted {
		fail("event %d is beyond the %d accepted", s.Max, counts.Accepted)
	}
	if readable+s.Stated != counts.Accepted {
		fail("%d accepted, but %d readable and %d stated lost", counts.Accepted, readable, s.Stated)
	}
	if counts.Written != readable || counts.Lost != s.Stated {
		fail("counts say %d written and %d lost, but %d readable and %d stated lost", counts.Written, counts.Lost, readable, s.Stated)
	}
	for seq := uint64(1); seq <= counts.Accepted; seq++ {
		if s.Seen[seq] == 0 && !s.states(seq) {
			fail("the loss of event %d is not stated", seq)
		}
	}
	return errors.Join(errs...)
}

// states reports whether a loss event speaks of the given one.
func (s *Stream) states(seq uint64) bool {
	for _, ev := range s.Events {
		if ev.Type == event.TypeLoss && ev.N > 0 && ev.From <= seq && seq <= ev.To {
			return true
		}
	}
	return false
}

var limits = encode.Limits{}.WithDefaults()

// Body returns the body of an event, with attrs unless it is empty.
func Body(ev event.Event, attrs string) []byte {
	e := encode.New(&limits)
	defer e.Free()
	ev.AppendBody(e)
	if attrs != "" {
		e.Buf = append(e.Buf, `,"attrs":`...)
		e.Buf = append(e.Buf, attrs...)
	}
	return append([]byte(nil), e.Buf...)
}
