package gone_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
	"github.com/wfslog/wfslog/internal/gone"
	"github.com/wfslog/wfslog/internal/process"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// dirVariable makes the test binary a program that records in the directory of that
// name until its standard input ends.
const dirVariable = "WFSLOG_TEST_GONE"

func TestMain(m *testing.M) {
	dir := os.Getenv(dirVariable)
	if dir == "" {
		os.Exit(m.Run())
	}
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler})
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), slog.New(h)), "w")
	wfslog.StartIteration(ctx)
	_, _ = os.Stdout.WriteString("recorded\n")
	_, _ = io.ReadAll(os.Stdin)
	os.Exit(1) // without a word
}

// status returns that of the only run in dir.
func status(t *testing.T, dir string) string {
	b := wfslog.NewTreeBuilder(nil)
	segments, err := journal.Segments(dir)
	require.NoError(t, err)
	for _, s := range segments {
		f, err := s.Open()
		require.NoError(t, err)
		_, err = b.ReadFrom(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	require.Len(t, b.Runs(), 1)
	d, err := b.Document(b.Runs()[0])
	require.NoError(t, err)
	return d.Status
}

func TestOnlyDeadWritersAreGone(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), dirVariable+"="+dir)
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(stdout, make([]byte, len("recorded\n")))
	require.NoError(t, err)

	require.NoError(t, gone.Record(dir))
	assert.Equal(t, "open", status(t, dir), "while the writer lives")

	require.NoError(t, stdin.Close())
	require.Error(t, cmd.Wait())
	streams, err := gone.Streams(dir)
	require.NoError(t, err)
	assert.Len(t, streams, 1)
	require.NoError(t, gone.Record(dir))
	assert.Equal(t, "interrupted", status(t, dir), "after its death")

	streams, err = gone.Streams(dir)
	require.NoError(t, err)
	assert.Empty(t, streams, "once that was said")
}

func TestClosedStreamsAreNotGone(t *testing.T) {
	dir := t.TempDir()
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler})
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), slog.New(h)), "w")
	wfslog.End(ctx)
	require.NoError(t, h.Close())
	streams, err := gone.Streams(dir)
	require.NoError(t, err)
	assert.Empty(t, streams)
}

func TestWritersOnOtherMachinesProveNothing(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(dir+"/journal", 0o700))
	// Nobody holds the lock of a file that was copied here.
	line := eventtest.Line(event.Event{
		Seq: 1, Stream: "0123456789abcdef", Type: event.TypeOpen, Open: &event.Open{Format: event.Format, Segment: 1, Boot: "elsewhere"},
	}, 0, 0)
	require.NoError(t, os.WriteFile(dir+"/journal/p.20261122T061405Z.1.0123456789abcdef.000001.jsonl", line, 0o600))
	streams, err := gone.Streams(dir)
	require.NoError(t, err)
	assert.Empty(t, streams)
}

// BenchmarkStreams shows that each stream of a directory takes the same time,
// however many there are.
func BenchmarkStreams(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			dir := b.TempDir()
			for range n {
				id := sequencer.NewID()
				w := journal.NewWriter(dir, "p", id, nil)
				seq := sequencer.New(sequencer.Config{ID: id, Output: w, Open: event.Open{Boot: process.BootID()}})
				require.NoError(b, seq.AppendGone("0123456789abcdef")) // any event
				require.NoError(b, w.Close())                          // without a close event, as if killed
			}
			for b.Loop() {
				streams, err := gone.Streams(dir)
				require.NoError(b, err)
				require.Len(b, streams, n)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/stream")
		})
	}
}
