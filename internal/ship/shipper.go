// Package ship reads the journal and hands its events to forwarders, at least
// once and in the order of each stream. It is what Redis, NATS and OpenTelemetry
// stand on.
//
// There is one [Shipper] for each stream and [Forwarder]. How far it has come is
// in a file beside the segments, so that what a process leaves undelivered is
// delivered by the next one of the same program that has the same forwarder:
//
//	<program>.<UTC start>.<pid>.<stream>.<forwarder>.position
//
// The file exists from the stream's first event until all of the stream is
// delivered. It is locked as long as a process takes care of the stream.
package ship

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// A Forwarder sends events on. Its methods are called by one goroutine at a time.
type Forwarder interface {
	// Forward sends a batch of events, all of one stream and in its order. It must
	// not change batch, but may retain it. Nil means that all of it is delivered;
	// otherwise the same batch comes again. Once ctx is done, Forward should return.
	Forward(ctx context.Context, batch []event.Event) error
	// Close is called once, after the last Forward has returned.
	Close() error
}

// Bounds of a batch. A single longer line is a batch of its own.
const (
	maxEvents = 512
	maxBytes  = 1 << 20
)

// Times of a [Shipper].
const (
	linger       = 100 * time.Millisecond // for more events, unless a batch is full
	minDelay     = 200 * time.Millisecond // after a failure, of which up to half is left out
	maxDelay     = 30 * time.Second
	saveInterval = time.Second // between two saves of a position
	closeGrace   = time.Second // for a Forward whose context is done
)

// Config sets up a [Shipper].
type Config struct {
	// Path returns the path of the stream's n-th segment, as
	// [github.com/wfslog/wfslog/handlers/journal.Writer.SegmentPath] does.
	Path      func(n int) string
	Forwarder Forwarder
	// Place is the forwarder's place in the list of its handler, counted from 0.
	// Together with the type, it says which forwarder of another process is the same.
	Place int
	// OnError is told of every failure; it must return soon. Nil is allowed.
	OnError func(error)
}

// Stats tells what a shipper has done and what it has left to do.
type Stats struct {
	LagEvents uint64 // written to the shipper's own stream and not yet delivered
	LagBytes  int64  // likewise
	Delivered uint64 // events, those of abandoned streams included
	Damaged   uint64 // lines that could not be read and were skipped
	Missing   uint64 // segments that were gone and were skipped
}

// Shipper delivers the events of one stream, and then those that ended processes
// have left. It is safe for concurrent use, but for [Shipper.Written].
type Shipper struct {
	cfg       Config
	forwarder string  // part of the names of its files
	own       *stream // the handler's

	wake    chan struct{} // there may be something to do; never closed
	urgent  chan struct{} // somebody waits for it; never closed
	closing chan struct{} // closed by Close
	done    chan struct{} // closed by the goroutine at its end, or by Close if there is none

	// What only the goroutine uses.
	abandoned []string // paths of position files of other processes, perhaps
	left      *stream  // the abandoned stream that is being delivered
	closeErr  error    // of the forwarder; may be read when done is closed

	mu         sync.Mutex // protects following fields, and the parts of streams
	started    bool
	closed     bool
	cancel     context.CancelFunc // ends Forward
	total      int64              // bytes written to the stream
	catchingUp bool               // there may be abandoned streams
	flushing   int                // calls of Flush that wait
	progress   chan struct{}      // closed when some of what they wait for is done
	stats      Stats
}

// New returns a shipper. Nothing is created before the first event.
func New(cfg Config) *Shipper {
	s := &Shipper{
		cfg: cfg, forwarder: forwarderName(cfg.Place, cfg.Forwarder),
		wake: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}), progress: make(chan struct{}),
	}
	s.own = newStream(cfg.Path, s.forwarder)
	return s
}

// Written notes lines that the stream has written to a segment. It is for
// [sequencer.Config.OnWritten]: one goroutine at a time calls it. It neither blocks
// nor allocates, and retains nothing. Only the first call does I/O: before anybody is
// told that the event is written, it creates the position file, without which nobody
// would know after a crash that something was left. It starts the goroutine, too.
// After Close nothing is noted.
func (s *Shipper) Written(segment int, lines []sequencer.Written) {
	if len(lines) == 0 {
		return
	}
	last := &lines[len(lines)-1]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	idle, full := s.stats.LagBytes == 0, s.fullLocked()
	n := s.own.extend(segment, last.Offset+int64(last.Len), uint64(len(lines)))
	s.total += n
	s.stats.LagBytes += n
	s.stats.LagEvents += uint64(len(lines))
	if !s.started {
		s.started, s.catchingUp = true, true
		_ = s.own.save() // tried again and told by the goroutine
		var ctx context.Context
		ctx, s.cancel = context.WithCancel(context.Background())
		go s.run(ctx)
	} else if idle || !full && s.fullLocked() {
		signal(s.wake)
	}
}

// fullLocked reports whether there is enough for a batch. s.mu must be held.
func (s *Shipper) fullLocked() bool {
	return s.stats.LagEvents >= maxEvents || s.stats.LagBytes >= maxBytes
}

// Stats returns what the shipper has done so far.
func (s *Shipper) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// errClosed is returned by Flush.
var errClosed = errors.New("wfslog: forwarder is closed")

// Flush returns when everything that was written before, also by processes that
// had ended when the first event was written, is delivered, or skipped because it
// cannot be read. If ctx is done first, it returns ctx's error, and one if Close
// comes first. A wait after a failure is cut short.
func (s *Shipper) Flush(ctx context.Context) error {
	s.mu.Lock()
	target := s.total
	s.flushing++
	defer func() {
		s.mu.Lock()
		s.flushing--
		s.mu.Unlock()
	}()
	for first := true; ; first = false {
		flushed := s.total-s.stats.LagBytes >= target && !s.catchingUp
		progress := s.progress
		s.mu.Unlock()
		if flushed {
			return nil
		}
		if first {
			signal(s.urgent)
		}
		select {
		case <-progress:
		case <-s.done:
			return errClosed
		case <-ctx.Done():
			return ctx.Err()
		}
		s.mu.Lock()
	}
}

// progressLocked tells Flush that something is done. s.mu must be held.
func (s *Shipper) progressLocked() {
	if s.flushing > 0 {
		close(s.progress)
		s.progress = make(chan struct{})
	}
}

// Close ends the shipper; the stream must have been closed before. The batch that
// is being delivered is finished, one more is delivered, and the rest if it is less
// than a batch. A batch that fails now is not tried again. When ctx is done, Forward
// is told so, and given one more second. What is not delivered by then is left to
// the next process.
//
// Close returns the error of the forwarder's Close, or one that says that the
// forwarder has not returned in time. It may be called more than once.
func (s *Shipper) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
		if !s.started {
			go func() {
				defer close(s.done)
				s.closeErr = s.closeForwarder()
			}()
		}
	}
	cancel := s.cancel
	s.mu.Unlock()
	select {
	case <-s.done:
		return s.closeErr
	case <-ctx.Done():
	}
	if cancel != nil {
		cancel()
	}
	select {
	case <-s.done:
		return s.closeErr
	case <-time.After(closeGrace):
		return fmt.Errorf("wfslog: forwarder %s does not return: %w", s.forwarder, ctx.Err())
	}
}

// signal wakes whoever receives from c, now or later.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
