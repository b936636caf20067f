package journal

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
)

// clock is a clock that stands still.
type clock struct {
	mu  sync.Mutex // protects following field
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 6, 14, 5, 0, time.UTC)} }

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

var (
	testRun = event.RunID{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}
	testID  = [16]byte{0x9f, 0x86, 0xd0, 0x81, 0x88, 0x4c, 0x7d, 0x65, 1, 2, 3, 4, 5, 6, 7, 8}
)

// mode says how lines survive the end of the process.
type mode struct {
	name      string
	ringAfter int // number of writes after which there is a crash ring
}

var (
	direct = mode{"direct", math.MaxInt}
	ringed = mode{"ring", 0}
	modes  = []mode{direct, ringed}
)

// forModes runs a test in each of the modes.
func forModes(t *testing.T, test func(t *testing.T, m mode)) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { test(t, m) })
	}
}

// fixture is a journal with a sequencer, as a handler has it.
type fixture struct {
	*sequencer.Sequencer
	w    *Writer
	root sequencer.Span

	mu    sync.Mutex // protects following field
	later []func()   // what the sequencer's timer is to call
	told  []string   // errors
}

// newFixture returns a journal on a file system, with the start of a root held.
func newFixture(fs fileSystem, now func() time.Time, dir string, id [16]byte, o Options) *fixture {
	return direct.newFixture(fs, now, dir, id, o)
}

// newFixture is the function in one of the modes. The timer does nothing by itself.
func (m mode) newFixture(fs fileSystem, now func() time.Time, dir string, id [16]byte, o Options) *fixture {
	f := &fixture{w: newWriter(fs, now, dir, "test", id, o)}
	f.w.ringAfter = m.ringAfter
	later := func(_ time.Duration, call func()) func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.later = append(f.later, call)
		return func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			waits := len(f.later) > 0
			f.later = nil
			return waits
		}
	}
	f.Sequencer = sequencer.New(sequencer.Config{
		ID: id, Output: f.w, Now: now, Later: later,
		OnError: func(err error) { f.told = append(f.told, err.Error()) },
	})
	f.root.Ref = event.SpanRef{Run: testRun, Kind: event.KindWorkflow}
	ev := event.Event{Stream: f.Stream(), Run: testRun, Type: event.TypeStart, Kind: event.KindWorkflow}
	f.Hold(&f.root, seqtest.Body(ev, ""))
	return f
}

// tick lets the timer call what it is to call.
func (f *fixture) tick() {
	f.mu.Lock()
	later := f.later
	f.later = nil
	f.mu.Unlock()
	for _, call := range later {
		call()
	}
}

// log appends a record.
func (f *fixture) log(msg string) error {
	_, err := f.Append(&f.root, event.TypeLog, f.body(msg))
	return err
}

func (f *fixture) body(msg string) []byte {
	return seqtest.Body(event.Event{Stream: f.Stream(), Run: testRun, Type: event.TypeLog, Msg: msg}, "")
}

// readDir returns what can be read of the journal in dir, by stream.
func readDir(t require.TestingT, dir string) map[string]*seqtest.Stream {
	rings, err := Rings(dir)
	require.NoError(t, err)
	lines := map[string][]byte{}
	for _, r := range rings {
		lines[r.Stream], err = r.Lines()
		require.NoError(t, err)
	}
	segments, err := Segments(dir)
	require.NoError(t, err)
	readers := map[string][]io.Reader{}
	for _, s := range segments {
		r, err := s.Open()
		require.NoError(t, err)
		defer r.Close()
		readers[s.Stream] = append(readers[s.Stream], r)
	}
	streams := map[string]*seqtest.Stream{}
	for id, rs := range readers {
		streams[id], err = seqtest.Read(rs...)
		require.NoError(t, err)
		streams[id].AddMissing(lines[id])
	}
	return streams
}

// readOne returns the only stream of the journal in dir.
func readOne(t require.TestingT, dir string) *seqtest.Stream {
	streams := readDir(t, dir)
	require.Len(t, streams, 1)
	for _, s := range streams {
		return s
	}
	return nil
}

// msgs returns the messages of the records, in the order of the files.
func msgs(s *seqtest.Stream) (msgs []string) {
	for _, ev := range s.Events {
		if ev.Type == event.TypeLog {
			msgs = append(msgs, ev.Msg)
		}
	}
	return msgs
}

// losses returns what the loss events say.
func losses(s *seqtest.Stream) (losses []string) {
	for _, ev := range s.Events {
		if ev.Type == event.TypeLoss {
			losses = append(losses, fmt.Sprintf("%d of %d-%d: %s", ev.N, ev.From, ev.To, ev.Cause))
		}
	}
	return losses
}

// files returns the paths of all files in dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, dirName))
	require.NoError(t, err)
	var paths []string
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, dirName, e.Name()))
	}
	return paths
}
