package sequencer

import (
	"fmt"
	"math"
	"time"
)

// Shelter keeps copies of lines that are not written yet where they survive the end
// of the process.
type Shelter interface {
	// Put takes a line, and returns its place, which is not 0. Places only grow. It is
	// not ok if the line has to be written at once instead.
	Put(line []byte) (at uint64, ok bool)
	// Release says that the lines before a place are written.
	Release(before uint64)
}

// Shelterer is an [Output] that may have a shelter.
type Shelterer interface {
	Output
	// Shelter returns what takes the lines from now on, nil if nothing does. It is
	// called after each write, by the goroutine that wrote. One that it does not return
	// any more has its lines released when all are written. The error says, once, why
	// there is no shelter any more.
	Shelter() (Shelter, error)
}

const (
	// writeDelay is how long a line may stay in the shelter alone: for somebody who
	// watches the file it is no time, and at 50 writes a second they cost nothing.
	writeDelay = 20 * time.Millisecond
	// maxWaiting is how many bytes may wait for the timer: a larger write costs hardly
	// less for each byte.
	maxWaiting = 128 << 10
)

// shelterLocked puts the last line of b into the shelter, if there is one and it has
// room. s.mu must be held.
func (s *Sequencer) shelterLocked(b *batch) {
	if s.shelter == nil {
		return
	}
	l := &b.lines[len(b.lines)-1]
	if l.at, l.sheltered = s.shelter.Put(b.buf[l.begin:l.end]); l.sheltered {
		s.sheltered++
		s.counts.Written++
	}
}

// writeSoonLocked makes sure that sheltered lines are written when some time has
// passed, or there are many. s.mu must be held.
func (s *Sequencer) writeSoonLocked() {
	switch {
	case s.writing || s.closed:
	case len(s.cur.buf) >= maxWaiting:
		go s.leadAlone(s.takeTurnLocked())
	case s.stopTimer == nil:
		s.timers.Add(1)
		s.stopTimer = s.cfg.Later(max(writeDelay, s.writer.fail.backoff), s.writeInTime)
	}
}

// leadAlone is lead for a batch that nobody waits for.
func (s *Sequencer) leadAlone(b *batch) {
	s.lead(b)
	s.leave(b)
}

// writeInTime is called by the timer.
func (s *Sequencer) writeInTime() {
	defer s.timers.Done()
	s.mu.Lock()
	s.stopTimer = nil
	if s.writing || s.closed || s.sheltered == 0 {
		s.mu.Unlock()
		return
	}
	b := s.takeTurnLocked()
	s.mu.Unlock()
	s.leadAlone(b)
}

// cancelTimerLocked makes sure that the timer does nothing any more. s.mu must be
// held.
func (s *Sequencer) cancelTimerLocked() {
	if s.stopTimer != nil && s.stopTimer() {
		s.timers.Done()
	}
	s.stopTimer = nil
}

// Drain returns when the output has all events whose Append has returned, or cannot
// take them: then they stay sheltered, and are tried again later.
func (s *Sequencer) Drain() error {
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		s.closing.Do(func() {}) // waits for Close
		return nil
	case s.sheltered == 0:
		s.mu.Unlock()
		return nil
	}
	s.cur.urgent = true
	return s.settle(allLines)
}

// askForShelter returns the output's shelter.
func (s *Sequencer) askForShelter() Shelter {
	out, ok := s.cfg.Output.(Shelterer)
	if !ok {
		return nil
	}
	shelter, err := func() (shelter Shelter, err error) {
		defer guard(&err)
		return out.Shelter()
	}()
	if err != nil {
		s.report(fmt.Errorf("wfslog: %w; each record is written to the journal at once instead", err))
	}
	return shelter
}

// moveLocked makes shelter what takes the lines, and tells it what is written. The
// caller must have the turn to write, and s.mu be held.
func (s *Sequencer) moveLocked(shelter Shelter) {
	kept, cur := s.writer.kept.unwritten(), s.cur.lines
	if shelter != s.shelter {
		for _, lines := range [][]line{kept, cur} {
			for i := range lines {
				lines[i].at = 0
			}
		}
		s.shelter, s.former = shelter, s.shelter
	}
	if s.former != nil && s.sheltered == 0 {
		s.former.Release(math.MaxUint64)
		s.former = nil
	}
	if shelter == nil {
		return
	}
	before := uint64(math.MaxUint64)
	for i := range kept {
		if at := kept[i].at; at > 0 {
			before = min(before, at)
		}
	}
	for i := range cur {
		if at := cur[i].at; at > 0 {
			before = min(before, at)
			break // those that follow are behind it
		}
	}
	shelter.Release(before)
}

// giveUpLocked counts what could not be written before the end of the stream as lost,
// if it has no place in the shelter either. s.mu must be held.
func (s *Sequencer) giveUpLocked() {
	for _, l := range s.writer.kept.unwritten() {
		if l.at == 0 {
			s.counts.Lost++
			s.counts.Written--
		}
	}
}
