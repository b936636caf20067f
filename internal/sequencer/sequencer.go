// Package sequencer orders the events of one stream: it gives each its number,
// counts what belongs to each span, completes the checksum, and writes the lines
// of all callers that wait together in one write. What could not be written is
// counted and stated by a loss event as soon as one can be written:
//
//	emitted = readable + stated lost
//
// Callers encode a line's body before they come here, so that under the lock only
// a few numbers are formatted and the line is copied.
//
// Where the output has a [Shelter], callers do not wait for a write: a copy of the
// line there survives the end of the process, and the lines of some milliseconds are
// written together.
package sequencer

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// Output takes the lines of a stream. All of its methods but Sync are called by
// one goroutine at a time.
type Output interface {
	// Prepare makes ready for a write of about n bytes, beginning a new segment
	// where that is due. What it has found to be lost it tells once, and not beside
	// an error.
	Prepare(n int) (Place, error)
	// Write writes whole lines, whose events have numbers from first to last, and
	// returns the number of bytes that were written, also beside an error. If all
	// were, the error says that they may not last. An error that wraps [ErrElsewhere]
	// asks for Prepare and another Write of what is left.
	Write(lines []byte, first, last uint64) (int, error)
	// Sync makes what was written safe against power loss. It may be called
	// together with the other methods.
	Sync() error
	Close() error
}

// Place says where the next write will go.
type Place struct {
	Segment int    // counted from 1
	Fresh   bool   // nothing has been written to the segment
	Offset  int64  // of the next write in the segment
	Lost    []Loss // earlier writes that Prepare found to be gone
}

// Loss says which events of a stream cannot be read.
type Loss struct {
	From, To uint64 // first and last seq
	N        uint64 // number of events; not all from From to To need be lost
	Again    uint64 // of them, those whose loss was stated by an event that is lost
	Bytes    uint64
	Cause    string
	Expected bool // not an error: somebody wanted it so
}

// Written tells of one line that was written.
type Written struct {
	Span   *Span // nil for an event of the stream itself
	Type   event.Type
	Seq    uint64
	Offset int64 // in the segment
	Len    int   // with the newline
}

// ErrElsewhere is wrapped by the error of an [Output] that can not go on where it
// was, but perhaps at another place.
var ErrElsewhere = errors.New("the output goes on elsewhere")

// Errors of [Sequencer.Append].
var (
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("wfslog: handler is closed")
	// ErrStarted is returned for a second start of a span.
	ErrStarted = errors.New("wfslog: the span's start is already written")
	// ErrEnded is returned for a second end of a span.
	ErrEnded = errors.New("wfslog: the span's end is already written")
)

// Config sets up a [Sequencer]. Functions may be nil. OnError and OnWritten are
// called without any lock held, but between two writes: what they append to the
// same sequencer would wait for them.
type Config struct {
	// ID is the stream's; see [NewID].
	ID     [16]byte
	Output Output
	// Now is the clock; nil means [time.Now].
	Now func() time.Time
	// Open describes the writer. The sequencer fills in format, id, segment and
	// spans.
	Open event.Open
	// OnError is told of every failed write, and of losses that the output found.
	OnError func(error)
	// OnWritten is told of the lines of every write, in the order of the writes
	// and, unless they are sheltered, before their Append returns. It must not retain
	// lines.
	OnWritten func(segment int, lines []Written)
	// Later calls f in a goroutine of its own when d has passed, unless the returned
	// function is called before, which then returns true; nil means [time.AfterFunc].
	Later func(d time.Duration, f func()) (stop func() bool)
}

// Counts are what a stream has done so far.
type Counts struct {
	Accepted uint64 // events that were given a number
	Written  uint64 // or sheltered: the end of the process does not lose them
	Lost     uint64
	Bytes    uint64 // bytes written
}

// Sequencer orders the events of one stream. It is safe for concurrent use.
type Sequencer struct {
	cfg    Config
	stream string // the first 8 bytes of the id, in hex

	mu      sync.Mutex // protects following fields
	seq     uint64
	cur     *batch // takes lines while another batch is being written
	writing bool   // some goroutine writes; it alone may use the fields of writer
	closed  bool
	open    openSpans
	counts  Counts
	idle    chan struct{} // closed when nobody writes; made by Close

	shelter   Shelter     // nil if there is none
	former    Shelter     // has lines that are not written yet; or nil
	sheltered int         // lines that are in the shelter, or were, and are not written
	stopTimer func() bool // of the timer that begins to write them; nil if there is none
	timers    sync.WaitGroup

	writer writer
	spares [maxSpares]atomic.Pointer[batch] // that nobody looks at

	closing  sync.Once
	closeErr error
}

// NewID returns a new random stream id.
func NewID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails: crypto/rand crashes the program instead
	return id
}

// New returns a sequencer for a new stream.
func New(cfg Config) *Sequencer {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Later == nil {
		cfg.Later = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	s := &Sequencer{cfg: cfg, stream: hex.EncodeToString(cfg.ID[:8])}
	s.cur = s.newBatch()
	return s
}

// Stream returns the 16 hex digits that stand on every line.
func (s *Sequencer) Stream() string { return s.stream }

// Counts returns what the stream has done so far.
func (s *Sequencer) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Append writes one event with the given body, which it does not retain, and
// returns its number when the output, or its shelter, has it. sp is the event's
// span. The starts of sp and of its ancestors that are still held are written before
// it.
func (s *Sequencer) Append(sp *Span, typ event.Type, body []byte) (seq uint64, err error) {
	sum := event.Checksum(body)
	s.mu.Lock()
	switch {
	case s.closed:
		err = ErrClosed
	case typ == event.TypeStart && sp.started:
		err = ErrStarted
	case typ == event.TypeEnd && sp.ended:
		err = ErrEnded
	}
	if err != nil {
		s.mu.Unlock()
		return 0, err
	}
	first := len(s.cur.lines)
	s.openLocked()
	if typ == event.TypeStart {
		s.startLocked(sp.Parent)
		s.setStartedLocked(sp)
	} else {
		s.startLocked(sp)
	}
	if typ == event.TypeEnd {
		sp.ended = true
		s.open.remove(sp)
	}
	seq = s.addLocked(sp, typ, body, sum)
	return seq, s.commit(first)
}

// openLocked makes the first line of the stream the one with the first number.
// s.mu must be held.
func (s *Sequencer) openLocked() {
	if s.seq > 0 {
		return
	}
	for _, body := range s.openBodies(nil, 1, s.cfg.Now()) {
		s.addOwnLocked(s.cur, event.TypeOpen, 1, 0, body)
	}
}

// addLocked gives a line its number and adds it to the current batch.
// s.mu must be held.
func (s *Sequencer) addLocked(sp *Span, typ event.Type, body []byte, sum uint32) uint64 {
	s.seq++
	s.counts.Accepted++
	var n, kids uint64
	if sp != nil {
		sp.n++
		n, kids = sp.n, sp.kids
		if typ == event.TypeStart && sp.Parent != nil {
			sp.Parent.kids++
		}
	}
	s.cur.add(sp, typ, s.seq, n, kids, body, sum)
	s.shelterLocked(s.cur)
	return s.seq
}

// commit makes sure that the lines of the current batch from the first on survive the
// end of the process. It is called with s.mu held and returns without it.
func (s *Sequencer) commit(first int) error {
	if s.cur.isSheltered(first) {
		s.writeSoonLocked()
		s.mu.Unlock()
		return nil
	}
	return s.settle(len(s.cur.lines) - 1)
}

// settle waits until the current batch is written, or writes it, and returns the
// error of the line with the given index. It is called with s.mu held and returns
// without it.
func (s *Sequencer) settle(index int) error {
	b := s.cur
	if s.writing {
		b.join()
		s.mu.Unlock()
		if b.await() {
			err := b.result(index)
			s.leave(b)
			return err
		}
		s.mu.Lock() // the goroutine that wrote before hands over: b is s.cur
	}
	s.takeTurnLocked()
	s.mu.Unlock()
	s.lead(b)
	err := b.result(index)
	s.leave(b)
	return err
}

// takeTurnLocked makes the caller, or a goroutine that it starts, the writer of the
// current batch, which it returns. s.mu must be held.
func (s *Sequencer) takeTurnLocked() *batch {
	b := s.cur
	s.writing = true
	b.refs.Add(1)
	s.cur = s.newBatch()
	return b
}

// lead writes b and ends the caller's turn as the writer, also if the output
// ends the goroutine.
func (s *Sequencer) lead(b *batch) {
	defer func() {
		shelter := s.askForShelter()
		s.mu.Lock()
		s.moveLocked(shelter)
		s.yieldLocked()
		s.mu.Unlock()
		b.finish()
	}()
	s.write(b)
}

// yieldLocked ends the caller's turn as the writer. If others wait with a batch,
// one of them becomes the writer. s.mu must be held.
func (s *Sequencer) yieldLocked() {
	if s.cur.wake != nil {
		s.cur.wake <- struct{}{} // stays s.writing: the turn is handed over
		return
	}
	s.writing = false
	if s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
	if s.sheltered > 0 {
		s.writeSoonLocked()
	}
}

// Sync makes all events safe against power loss whose Append has returned, as far
// as the output can make it so.
func (s *Sequencer) Sync() error {
	if s.Counts().Accepted == 0 {
		return nil
	}
	return errors.Join(s.Drain(), s.syncOutput())
}

func (s *Sequencer) syncOutput() (err error) {
	defer guard(&err)
	return s.cfg.Output.Sync()
}

// Close appends a close event with the given reason and closes the output.
// Appends that come later fail with [ErrClosed]. Only the first call does
// anything; others wait for it and return its error. A stream without events
// leaves nothing behind.
func (s *Sequencer) Close(reason string) error {
	s.closing.Do(func() { s.closeErr = s.close(reason) })
	return s.closeErr
}

func (s *Sequencer) close(reason string) error {
	s.mu.Lock()
	s.closed = true
	s.cancelTimerLocked()
	if s.writing {
		idle := make(chan struct{})
		s.idle = idle
		s.mu.Unlock()
		<-idle // nobody begins to write any more
		s.mu.Lock()
	}
	begun := s.seq > 0
	s.writer.kept.keepRest(s.cur) // all are sheltered, for nobody waits
	s.cur = s.newBatch()
	s.mu.Unlock()
	s.timers.Wait()
	var err error
	if begun {
		ev := event.Event{Stream: s.stream, Time: s.cfg.Now().UTC(), Type: event.TypeClose, Reason: reason}
		b := s.newBatch()
		b.last = streamBody(&ev)
		s.write(b)
		err = b.err
		shelter := s.askForShelter()
		s.mu.Lock()
		s.moveLocked(shelter)
		s.giveUpLocked()
		s.mu.Unlock()
	}
	return errors.Join(err, s.closeOutput())
}

func (s *Sequencer) closeOutput() (err error) {
	defer guard(&err)
	return s.cfg.Output.Close()
}

// panicError is what became of a panic in an output.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("panic in the output: %v\n%s", e.value, e.stack)
}

// guard turns a panic of an output into an error.
func guard(err *error) {
	if p := recover(); p != nil {
		*err = &panicError{p, debug.Stack()}
	}
}
