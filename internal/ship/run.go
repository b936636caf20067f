package ship

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// run delivers what there is until the shipper is closed.
func (s *Shipper) run(ctx context.Context) {
	defer close(s.done)
	defer s.end()
	s.findAbandoned()
	for s.await() {
		if !s.ship(ctx, s.own) || !s.shipAbandoned(ctx) {
			return
		}
		s.savePositions()
	}
	for s.ship(ctx, s.own) && s.nearlyDone() {
		// So that a forwarder that keeps up leaves nothing.
	}
}

// nearlyDone reports whether there is something to be delivered, but not enough
// for a batch.
func (s *Shipper) nearlyDone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats.LagBytes > 0 && !s.fullLocked()
}

// await returns true when something should be delivered, and false when the
// shipper is being closed.
func (s *Shipper) await() bool {
	var waited <-chan time.Time
	for !s.isClosing() {
		s.mu.Lock()
		pending := s.stats.LagBytes > 0
		due := pending && (s.flushing > 0 || s.fullLocked()) || s.catchingUp
		s.mu.Unlock()
		if due {
			return true
		}
		if pending && waited == nil {
			waited = time.After(linger)
		}
		select {
		case <-waited:
			return true
		case <-s.own.saveTimer():
			s.savePositions()
		case <-s.wake:
		case <-s.urgent:
		case <-s.closing:
		}
	}
	return false
}

func (s *Shipper) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// ship delivers the next batch of a stream, if there is one. It returns false if
// that was given up because the shipper is being closed.
func (s *Shipper) ship(ctx context.Context, st *stream) bool {
	s.mu.Lock()
	p, ok := st.front()
	s.mu.Unlock()
	if !ok {
		return true
	}
	b, err := st.read(p)
	if err != nil && st == s.left {
		s.report(err)
		s.leave(st, false) // it must not hold up the others
		s.left = nil
		return true
	}
	if err != nil && !s.retry(ctx, func() error { b, err = st.read(p); return err }) {
		return false
	}
	if len(b.events) > 0 && !s.retry(ctx, func() error { return s.forward(ctx, b.events) }) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size, events := st.advance(&b)
	if st == s.own {
		s.stats.LagBytes -= size
		s.stats.LagEvents -= events
	}
	s.stats.Delivered += uint64(len(b.events))
	s.stats.Damaged += b.damaged
	s.stats.Missing += b.missing
	s.progressLocked()
	return true
}

// retry calls try until it works. It returns false if it gave up because the
// shipper is being closed: then a failure is the last.
func (s *Shipper) retry(ctx context.Context, try func() error) bool {
	for delay := minDelay; ctx.Err() == nil; delay = min(2*delay, maxDelay) {
		err := try()
		if err == nil {
			return true
		}
		s.report(err)
		if s.isClosing() {
			return false
		}
		s.savePositions()
		select {
		case <-time.After(delay/2 + rand.N(delay/2)): // not when all others try again
		case <-s.urgent:
		case <-s.closing:
		}
	}
	return false
}

func (s *Shipper) forward(ctx context.Context, events []event.Event) (err error) {
	defer func() {
		if err = panicError(err, recover()); err != nil {
			err = fmt.Errorf("wfslog: forward %d events to %s: %w", len(events), s.forwarder, err)
		}
	}()
	return s.cfg.Forwarder.Forward(ctx, events)
}

func (s *Shipper) closeForwarder() (err error) {
	defer func() {
		if err = panicError(err, recover()); err != nil {
			err = fmt.Errorf("wfslog: close forwarder %s: %w", s.forwarder, err)
		}
	}()
	return s.cfg.Forwarder.Close()
}

// panicError returns err, or an error that tells of what was recovered.
func panicError(err error, recovered any) error {
	if recovered == nil {
		return err
	}
	return fmt.Errorf("panic: %v\n%s", recovered, debug.Stack())
}

func (s *Shipper) report(err error) {
	if s.cfg.OnError != nil {
		s.cfg.OnError(err)
	}
}

// savePositions saves how far the streams are delivered, if that is due.
func (s *Shipper) savePositions() {
	for _, st := range []*stream{s.own, s.left} {
		if st == nil || !st.saveDue() {
			continue
		}
		if err := st.save(); err != nil {
			s.report(err)
		}
	}
}

// errAborted says that the forwarder ended the goroutine that called it.
var errAborted = errors.New("wfslog: forwarder ended the goroutine")

// end saves the positions or removes their files, and closes the forwarder.
func (s *Shipper) end() {
	s.mu.Lock()
	closed, delivered := s.closed, s.stats.LagBytes == 0
	cancel := s.cancel
	s.mu.Unlock()
	defer cancel()
	if !closed {
		s.report(errAborted)
	}
	s.leave(s.own, closed && delivered && !s.own.hasRing())
	if s.left != nil {
		s.leave(s.left, false)
	}
	s.closeErr = s.closeForwarder()
}

// leave ends the work on a stream, which is delivered as a whole or is left to
// another process.
func (s *Shipper) leave(st *stream, delivered bool) {
	var err error
	if delivered {
		err = st.file.remove()
	} else {
		err = st.save()
	}
	st.file.unlock()
	if err != nil {
		s.report(err)
	}
}
