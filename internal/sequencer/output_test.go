package sequencer_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
)

// output keeps segments in memory. A test decides the outcome of each call.
type output struct {
	mu       sync.Mutex // protects following fields
	segments []*bytes.Buffer
	writes   [][]byte
	closes   int
	syncs    int
	rotate   bool // the next Prepare begins a segment
	lost     []sequencer.Loss

	prepare func() error                    // nil: always works
	write   func(lines []byte) (int, error) // what of lines gets written; nil: all
	gate    func(lines []byte)              // called before a write

	syncGate func() // called before a sync

	shelterSize int // of a shelter; 0: there is none
	shelter     *ring.Ring
	mem         []byte // of shelter
	shelterErr  error  // the shelter is lost, and this was not told
}

func (o *output) Shelter() (sequencer.Shelter, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.shelterErr; err != nil {
		o.shelter, o.shelterErr = nil, nil
		return nil, err
	}
	if o.shelterSize == 0 {
		return nil, nil
	}
	if o.shelter == nil {
		o.mem = make([]byte, 4096+o.shelterSize)
		o.shelter, _ = ring.New(o.mem, [8]byte{1, 2, 3, 4, 5, 6, 7, 8})
	}
	return o.shelter, nil
}

// loseShelter makes the shelter one that takes nothing any more, and has nothing.
func (o *output) loseShelter() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.shelter == nil || o.shelterErr != nil {
		return
	}
	clear(o.mem)
	_ = o.shelter.Err() // notices it
	o.shelterErr = errors.New("the shelter is gone")
}

func (o *output) Prepare(int) (sequencer.Place, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.prepare != nil {
		if err := o.prepare(); err != nil {
			return sequencer.Place{}, err
		}
	}
	if o.rotate || len(o.segments) == 0 {
		o.rotate = false
		o.segments = append(o.segments, &bytes.Buffer{})
	}
	size := o.current().Len()
	place := sequencer.Place{Segment: len(o.segments), Fresh: size == 0, Offset: int64(size), Lost: o.lost}
	o.lost = nil
	return place, nil
}

// current returns the newest segment. o.mu must be held.
func (o *output) current() *bytes.Buffer { return o.segments[len(o.segments)-1] }

func (o *output) Write(lines []byte, first, last uint64) (int, error) {
	if o.gate != nil {
		o.gate(lines)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if first > last {
		return 0, errors.New("first is behind last")
	}
	n, err := len(lines), error(nil)
	if o.write != nil {
		n, err = o.write(lines)
	}
	o.current().Write(lines[:n])
	o.writes = append(o.writes, bytes.Clone(lines[:n]))
	o.rotate = o.rotate || errors.Is(err, sequencer.ErrElsewhere)
	return n, err
}

func (o *output) Sync() error {
	if o.syncGate != nil {
		o.syncGate()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.syncs++
	return nil
}

func (o *output) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closes++
	return nil
}

// read returns what can be read of all segments.
func (o *output) read(t require.TestingT) *seqtest.Stream {
	o.mu.Lock()
	defer o.mu.Unlock()
	var readers []io.Reader
	for _, s := range o.segments {
		readers = append(readers, bytes.NewReader(s.Bytes()))
	}
	got, err := seqtest.Read(readers...)
	require.NoError(t, err)
	if o.shelter != nil && o.shelterErr == nil {
		id, lines, err := ring.Read(bytes.NewReader(o.mem))
		require.NoError(t, err)
		require.Equal(t, stream, id)
		got.AddMissing(lines)
	}
	return got
}

func (o *output) text() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var text strings.Builder
	for _, s := range o.segments {
		text.WriteString(s.String() + "---\n")
	}
	return text.String()
}

// clock is a clock that stands still.
type clock struct {
	mu  sync.Mutex // protects following field
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// timer is what sequencers use in place of one that measures time.
type timer struct {
	mu    sync.Mutex // protects following field
	calls []func()
}

func (t *timer) later(_ time.Duration, f func()) (stop func() bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, f)
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		waits := len(t.calls) > 0
		t.calls = nil
		return waits
	}
}

// fire makes the timer call what it is to call, and returns how much that was.
func (t *timer) fire() int {
	t.mu.Lock()
	calls := t.calls
	t.calls = nil
	t.mu.Unlock()
	for _, f := range calls {
		f()
	}
	return len(calls)
}

var run = event.RunID{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}

const stream = "0102030405060708"

func newSequencer(o sequencer.Output, c *clock) *sequencer.Sequencer {
	return newTimedSequencer(o, c, &timer{})
}

func newTimedSequencer(o sequencer.Output, c *clock, t *timer) *sequencer.Sequencer {
	return sequencer.New(sequencer.Config{
		ID: [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, Output: o, Now: c.Now, Later: t.later,
		Open: event.Open{Host: "host", PID: 7},
	})
}

// spanBody returns the body of an event of the span at path.
func spanBody(typ event.Type, path, msg string) []byte {
	ev := event.Event{Stream: stream, Run: run, Span: path, Type: typ}
	switch typ {
	case event.TypeStart:
		ev.Kind = event.KindAction
	case event.TypeLog:
		ev.Msg = msg
	}
	return seqtest.Body(ev, "")
}

// newSpan returns a span whose start is held.
func newSpan(s *sequencer.Sequencer, parent *sequencer.Span, path string) *sequencer.Span {
	sp := &sequencer.Span{Parent: parent, Ref: event.SpanRef{Run: run, Span: path, Kind: event.KindAction, Name: "n"}}
	s.Hold(sp, spanBody(event.TypeStart, path, ""))
	return sp
}

func appendLog(s *sequencer.Sequencer, sp *sequencer.Span, msg string) error {
	_, err := s.Append(sp, event.TypeLog, spanBody(event.TypeLog, sp.Ref.Span, msg))
	return err
}

func appendEnd(s *sequencer.Sequencer, sp *sequencer.Span) error {
	_, err := s.Append(sp, event.TypeEnd, spanBody(event.TypeEnd, sp.Ref.Span, ""))
	return err
}

// msgs returns the messages of the log events, in the order of the files.
func msgs(s *seqtest.Stream) (msgs []string) {
	for _, ev := range s.Events {
		if ev.Type == event.TypeLog {
			msgs = append(msgs, ev.Msg)
		}
	}
	return msgs
}

// types returns the types of all events, in the order of the files.
func types(s *seqtest.Stream) (types []event.Type) {
	for _, ev := range s.Events {
		types = append(types, ev.Type)
	}
	return types
}

func must(t testing.TB, err error) {
	t.Helper()
	require.NoError(t, err)
}

var errFull = &errnoError{syscall.ENOSPC}

// errnoError is an error of a path, as package os makes them.
type errnoError struct{ err error }

func (e *errnoError) Error() string { return "write /secret/path: " + e.err.Error() }

func (e *errnoError) Unwrap() error { return e.err }
