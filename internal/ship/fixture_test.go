package ship_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
	"github.com/wfslog/wfslog/internal/ship"
)

var errDown = errors.New("destination is down")

// recorder is a forwarder that keeps what it delivers.
type recorder struct {
	// try decides the outcome of a call of Forward, the n-th, counted from 1; nil
	// means that all work.
	try func(ctx context.Context, n int) error

	mu      sync.Mutex // protects following fields
	tries   []try
	batches [][]event.Event // delivered
	closed  int
}

// try is a call of Forward.
type try struct {
	at    time.Time
	batch []event.Event
}

func (r *recorder) Forward(ctx context.Context, batch []event.Event) error {
	r.mu.Lock()
	r.tries = append(r.tries, try{time.Now(), batch})
	n := len(r.tries)
	r.mu.Unlock()
	if r.try != nil {
		if err := r.try(ctx, n); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.batches = append(r.batches, batch)
	return nil
}

func (r *recorder) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed++
	return nil
}

// down is a forwarder that nothing gets through, until it is up.
func down() *recorder {
	return &recorder{try: func(context.Context, int) error { return errDown }}
}

// delivered returns the numbers of the events that were delivered, by stream.
func (r *recorder) delivered() map[string][]uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	seqs := map[string][]uint64{}
	for _, b := range r.batches {
		for _, ev := range b {
			seqs[ev.Stream] = append(seqs[ev.Stream], ev.Seq)
		}
	}
	return seqs
}

func (r *recorder) count() (tries, batches, closed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.tries), len(r.batches), r.closed
}

var testRun = event.RunID{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}

// process is what a handler with one forwarder has.
type process struct {
	*sequencer.Sequencer
	w         *journal.Writer
	forwarder ship.Forwarder
	shipper   *ship.Shipper
	root      sequencer.Span

	mu   sync.Mutex // protects following field
	errs []error
}

const program = "test"

func start(dir string, f ship.Forwarder, o *journal.Options) *process {
	return startAs(dir, program, 0, f, o)
}

func startAs(dir, program string, place int, f ship.Forwarder, o *journal.Options) *process {
	p := &process{forwarder: f, root: sequencer.Span{Ref: event.SpanRef{Run: testRun, Kind: event.KindWorkflow}}}
	id := sequencer.NewID()
	if o == nil {
		o = &journal.Options{}
	}
	o.Sync = journal.SyncNever // power failures are not tested
	p.w = journal.NewWriter(dir, program, id, o)
	p.shipper = ship.New(ship.Config{Path: p.w.SegmentPath, Forwarder: f, Place: place, OnError: func(err error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.errs = append(p.errs, err)
	}})
	p.Sequencer = sequencer.New(sequencer.Config{ID: id, Output: p.w, OnWritten: p.shipper.Written})
	return p
}

func (p *process) log(msg string) error {
	_, err := p.append(msg)
	return err
}

func (p *process) append(msg string) (seq uint64, err error) {
	ev := event.Event{Stream: p.Stream(), Run: testRun, Type: event.TypeLog, Msg: msg}
	return p.Append(&p.root, event.TypeLog, seqtest.Body(ev, fmt.Sprintf(`{"msg":%q}`, msg)))
}

// forModes runs a test with and without crash rings.
func forModes(t *testing.T, test func(t *testing.T)) {
	before := ring.After
	t.Cleanup(func() { ring.After = before })
	for name, after := range map[string]int{"direct": math.MaxInt, "ring": 0} {
		ring.After = after
		t.Run(name, test)
	}
}

// logN logs n records, which the journal has then.
func (p *process) logN(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NoError(t, p.log("hello"))
	}
	require.NoError(t, p.Drain())
}

// flush does what a handler's Flush does for its forwarder.
func (p *process) flush(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Drain())
	require.NoError(t, p.shipper.Flush(t.Context()))
}

// close ends the process in order.
func (p *process) close(t *testing.T) {
	t.Helper()
	require.NoError(t, p.Close("closed"))
	require.NoError(t, p.shipper.Close(t.Context()))
}

// errors returns what OnError was told.
func (p *process) errors() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.errs)
}

// written returns the numbers of the events in the journal, by stream, in the order
// of its files: the first lines of a segment have later numbers than what follows.
func written(t require.TestingT, dir string) map[string][]uint64 {
	segments, err := journal.Segments(dir)
	require.NoError(t, err)
	seqs := map[string][]uint64{}
	for _, segment := range segments {
		f, err := segment.Open()
		require.NoError(t, err)
		defer f.Close()
		lines, err := seqtest.Read(f)
		require.NoError(t, err)
		for _, ev := range lines.Events {
			seqs[ev.Stream] = append(seqs[ev.Stream], ev.Seq)
		}
	}
	return seqs
}

// assertSame asserts that got is want, and says where they begin to differ.
func assertSame(t assert.TestingT, want, got map[string][]uint64) {
	assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)), "streams")
	for id, w := range want {
		g := got[id]
		for i := range max(len(w), len(g)) {
			if i >= len(w) || i >= len(g) || w[i] != g[i] {
				around := func(s []uint64) []uint64 { return s[min(max(0, i-2), len(s)):min(i+4, len(s))] }
				assert.Fail(t, "other events", "stream %s differs at %d: want … %d … (%d), got … %d … (%d)",
					id, i, around(w), len(w), around(g), len(g))
				break
			}
		}
	}
}

// positions returns the paths of the position files in dir, and of what else is no
// segment.
func positions(t require.TestingT, dir string) (paths []string) {
	entries, err := os.ReadDir(filepath.Join(dir, "journal"))
	require.NoError(t, err)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".jsonl") {
			paths = append(paths, filepath.Join(dir, "journal", e.Name()))
		}
	}
	return paths
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}
