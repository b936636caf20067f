package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/cmd/wfslog/cli"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/ring"
)

// withRing begins a run that has its last records in a crash ring alone, and returns
// how to end it.
func withRing(t *testing.T) (dir string, end func()) {
	t.Helper()
	after := ring.After
	ring.After = 0
	t.Cleanup(func() { ring.After = after })
	dir = t.TempDir()
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler})
	log := slog.New(h)
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), "w")
	if rings, err := journal.Rings(dir); err != nil || len(rings) == 0 {
		require.NoError(t, h.Close())
		t.Skip("no crash ring in this directory")
	}
	ctx = wfslog.StartIteration(ctx)
	for i := range 10 {
		log.InfoContext(ctx, fmt.Sprint("record ", i))
	}
	return dir, func() { require.NoError(t, h.Close()) }
}

// kill copies a journal as it is, which is what a killed process leaves: the ring
// first, for its lines may be written meanwhile.
func kill(t *testing.T, dir string) (left string) {
	t.Helper()
	left = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(left, "journal"), 0o700))
	for _, kind := range []string{"*.ring", "*.jsonl"} {
		paths, err := filepath.Glob(filepath.Join(dir, "journal", kind))
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(left, "journal", filepath.Base(path)), text, 0o600))
		}
	}
	return left
}

// run runs a command and returns what it wrote.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cli.Main(t.Context(), args, strings.NewReader(""), &out, &errs)
	assert.Empty(t, errs.String(), "%q", args)
	return out.String()
}

// Whoever reads a journal sees what a program has logged, whether or not that is in a
// segment yet.
func TestCommandsReadCrashRings(t *testing.T) {
	dir, end := withRing(t)
	killed := kill(t, dir)
	for _, dir := range []string{dir, killed} {
		assert.Contains(t, run(t, "tree", "--level", "log", dir), "record 9")
		assert.Contains(t, run(t, "show", "--json", dir), "record 9")
		assert.Contains(t, run(t, "build", "--stdout", dir), "record 9")
		assert.Contains(t, run(t, "ls", "--json", dir), `"events":12,`)
	}
	assert.Contains(t, run(t, "verify", dir), "The journal is whole: 13 events in 1 stream, of which 1 is still being written.\n")
	assert.Contains(t, run(t, "verify", killed), "13 events in 1 stream")
	assert.NotContains(t, run(t, "verify", killed), "missing")
	end()
	assert.Contains(t, run(t, "verify", dir), "14 events in 1 stream")
}

// Building the documents of a killed process brings its crash ring into the journal.
func TestBuildRecoversCrashRings(t *testing.T) {
	dir, end := withRing(t)
	killed := kill(t, dir)
	end()
	before := run(t, "verify", "--json", killed)
	assert.Contains(t, before, `"events":13,`)
	run(t, "build", killed)
	rings, err := filepath.Glob(filepath.Join(killed, "journal", "*.ring"))
	require.NoError(t, err)
	assert.Empty(t, rings)
	after := run(t, "verify", "--json", killed)
	assert.Contains(t, after, `"events":16,`, "what there was, and a stream that says that the writer is gone")
	assert.Contains(t, after, `"duplicates":0,`)
	documents, err := filepath.Glob(filepath.Join(killed, "w-*.json"))
	require.NoError(t, err)
	require.Len(t, documents, 1)
	text, err := os.ReadFile(documents[0])
	require.NoError(t, err)
	assert.Contains(t, string(text), "record 9")
	assert.Contains(t, string(text), `"interrupted"`)
}
