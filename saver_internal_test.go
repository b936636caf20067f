package wfslog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// iterate records n iterations of a few events each, and returns how many bytes
// were written to the document and how much the heap has grown meanwhile.
func iterate(t testing.TB, n int) (written, heap int64) {
	h := NewHandler(&Options{Dir: t.TempDir(), Next: slog.DiscardHandler})
	log := slog.New(h).WithGroup("workflow.agent1")
	run := StartWorkflow(WithLogger(context.Background(), log), "w")
	before := heapInUse()
	for i := range n {
		ctx := StartIteration(run)
		for range 3 {
			log.InfoContext(ctx, "asked the model", Action("llm_call"), Input(i), Output("an answer"), Tokens(100, 10))
		}
		End(ctx)
	}
	heap = heapInUse() - before
	End(run)
	written = h.core.saver.bytes.Load()
	require.NoError(t, h.Close())
	return written, heap
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestSavingIsLinear(t *testing.T) {
	few, _ := iterate(t, 100)
	many, heap := iterate(t, 2000)
	assert.Less(t, float64(many)/2000, 1.1*float64(few)/100, "bytes written for an iteration")
	assert.Less(t, heap, int64(1<<20), "memory for 2000 iterations")
}

// BenchmarkSaveIterations shows that saving after each iteration takes the same
// time, memory and bytes for each, however many there are.
func BenchmarkSaveIterations(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var written, heap int64
			for b.Loop() {
				written, heap = iterate(b, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/iteration")
			b.ReportMetric(float64(written)/float64(n), "written-B/iteration")
			b.ReportMetric(float64(heap)/float64(n), "heap-B/iteration")
		})
	}
}

func TestStreamThatBecomesTheFirstChangesTheSealedPart(t *testing.T) {
	dir := t.TempDir()
	options := Options{Dir: dir, Next: slog.DiscardHandler}
	first := NewHandler(&options)
	options.JournalLevel = slog.LevelError
	second := NewHandler(&options)
	for second.core.seq.Stream() > first.core.seq.Stream() { // the smaller id decides
		second = NewHandler(&options)
	}
	log := slog.New(slog.NewMultiHandler(first, second))
	run := StartWorkflow(WithLogger(context.Background(), log), "w")
	for range 3 {
		ctx := StartIteration(run)
		log.InfoContext(ctx, "in the first stream only")
		End(ctx)
	}
	log.ErrorContext(run, "in both")
	require.NoError(t, first.Save(t.Context()))

	b := NewTreeBuilder(nil)
	for _, h := range []*Handler{first, second} {
		r := h.core.saver.streams[h.core.seq.Stream()]
		f, err := os.Open(r.path(1))
		require.NoError(t, err)
		_, err = b.ReadFrom(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	d, err := b.Document(b.Runs()[0])
	require.NoError(t, err)
	var want bytes.Buffer
	_, err = d.WriteTo(&want)
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(dir, d.FileName()))
	require.NoError(t, err)
	assert.Equal(t, want.String(), string(got))
	require.NoError(t, first.Close())
	require.NoError(t, second.Close())
}

func TestSaverForgetsWhatHasEnded(t *testing.T) {
	h := NewHandler(&Options{Dir: t.TempDir(), Next: slog.DiscardHandler})
	ctx := WithLogger(context.Background(), slog.New(h))
	for range 100 {
		run := StartWorkflow(ctx, "w")
		End(StartIteration(run))
		End(run)
	}
	assert.Empty(t, h.core.saver.runs)
	assert.Zero(t, h.core.saver.refs)
	require.NoError(t, h.Close())
}

func TestSaverHoldsNoMoreThanItMay(t *testing.T) {
	d := &documentSaver{runs: map[RunID]*runSaver{}, streams: map[string]*savedStream{}}
	s := &savedStream{id: "0123456789abcdef", path: func(int) string { return "nowhere" }}
	var lines []sequencer.Written
	for i := range 2 * maxRuns {
		root := &sequencer.Span{Ref: event.SpanRef{Run: RunID{byte(i >> 16), byte(i >> 8), byte(i)}, Kind: KindWorkflow}}
		lines = append(lines[:0], sequencer.Written{Span: root, Type: event.TypeStart, Seq: uint64(i), Len: 10})
		d.written(s, 1, lines)
	}
	assert.LessOrEqual(t, len(d.runs), maxRuns)
	assert.Equal(t, len(d.runs), d.refs)

	// One run alone must not hold more either: its events are left to the journal.
	root := &sequencer.Span{Ref: event.SpanRef{Run: RunID{255}, Kind: KindWorkflow}}
	d.written(s, 1, []sequencer.Written{{Span: root, Type: event.TypeStart, Seq: 1, Len: 10}})
	lines = lines[:0]
	for range maxRefs / 10 {
		lines = append(lines, sequencer.Written{Span: root, Type: event.TypeLog, Seq: 2, Len: 10})
	}
	for range 11 {
		d.written(s, 1, lines)
		assert.LessOrEqual(t, d.refs, maxRefs)
	}
	assert.True(t, d.runs[RunID{255}] == nil || d.runs[RunID{255}].rescan)
}

func TestLossesThatCouldNotBeReadAreReadAgain(t *testing.T) {
	const stream = "0123456789abcdef"
	line := eventtest.Line(event.Event{Seq: 2, Stream: stream, Type: event.TypeLoss, From: 1, To: 1}, 1, 0)
	file := &segmentFile{stream: stream, path: filepath.Join(t.TempDir(), "segment.jsonl")}
	s := &savedStream{id: stream, own: []lineRef{{file: file, len: int64(len(line))}}}
	d := &documentSaver{streams: map[string]*savedStream{stream: s}}
	require.NoError(t, os.Mkdir(file.path, 0o700)) // cannot be read
	_, err := d.factsOf([]string{stream})
	require.Error(t, err)
	require.NoError(t, os.Remove(file.path))
	require.NoError(t, os.WriteFile(file.path, line, 0o600))
	for range 2 {
		facts, err := d.factsOf([]string{stream})
		require.NoError(t, err)
		assert.Len(t, facts[stream].losses, 1)
	}
}

func TestWhatIsTooLargeIsNotRead(t *testing.T) {
	file := &segmentFile{path: t.TempDir()} // cannot be read
	large := lineRef{file: file, len: maxTail + 1, iteration: 1}
	many := lineRef{file: file, len: 1, events: maxTail / nodeSize}
	for _, refs := range [][]lineRef{{large}, {large, {file: file, len: 1, iteration: 2}}, {many}} {
		w := &documentWrite{run: &runSaver{}, refs: refs}
		assert.ErrorIs(t, w.write(), errTooLarge)
	}
}

func TestSaveReturnsWhenTheContextIsDone(t *testing.T) {
	h := NewHandler(&Options{Dir: t.TempDir(), Next: slog.DiscardHandler})
	End(StartWorkflow(WithLogger(context.Background(), slog.New(h)), "w"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.core.saver.all.Lock() // as if much was being saved
	require.ErrorIs(t, h.Save(ctx), context.Canceled)
	require.ErrorIs(t, h.Flush(ctx), context.Canceled)
	h.core.saver.all.Unlock()
	require.NoError(t, h.Close())
}

func TestSaveOfWhatIsTooLargeFails(t *testing.T) {
	h := NewHandler(&Options{Dir: t.TempDir(), Next: slog.DiscardHandler})
	StartWorkflow(WithLogger(context.Background(), slog.New(h)), "w")
	for _, r := range h.core.saver.runs {
		r.abandoned = true
	}
	require.ErrorIs(t, h.Save(t.Context()), errTooLarge)
	require.NoError(t, h.Save(t.Context()), "nothing has changed")
	require.ErrorIs(t, h.Close(), errTooLarge, "the end of the stream has")
}
