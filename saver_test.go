package wfslog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
)

// recorder is a handler with a directory of its own.
type recorder struct {
	*wfslog.Handler
	log *slog.Logger
}

func newRecorder(t require.TestingT, dir string, opts wfslog.Options) recorder {
	opts.Dir = dir
	if opts.Next == nil {
		opts.Next = slog.DiscardHandler
	}
	h := wfslog.NewHandler(&opts)
	require.Equal(t, dir, h.Dir())
	return recorder{h, slog.New(h)}
}

// workflow starts a run that logs to the recorder alone.
func (r recorder) workflow(name string) context.Context {
	return wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), r.log), name)
}

// folded returns the documents that the journal in dir makes, by file name.
func folded(t require.TestingT, dir string) map[string]string {
	b := readJournal(t, dir)
	require.Empty(t, b.Problems())
	return documentsOf(t, b)
}

// readJournal reads the journal in dir.
func readJournal(t require.TestingT, dir string) *wfslog.TreeBuilder {
	b := wfslog.NewTreeBuilder(nil)
	rings, err := journal.Rings(dir) // before the segments
	require.NoError(t, err)
	for _, r := range rings {
		lines, err := r.Lines()
		require.NoError(t, err)
		_, err = b.Write(lines)
		require.NoError(t, err)
	}
	segments, err := journal.Segments(dir)
	require.NoError(t, err)
	for _, segment := range segments {
		f, err := segment.Open()
		require.NoError(t, err)
		_, err = b.ReadFrom(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	return b
}

// saved returns the documents in dir, by file name.
func saved(t require.TestingT, dir string) map[string]string {
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	documents := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, json.Valid(text), "%s: %s", path, text)
		documents[filepath.Base(path)] = string(text)
	}
	return documents
}

// isSaved reports whether the documents in dir are what the journal makes.
func isSaved(t require.TestingT, dir string) bool {
	want := folded(t, dir)
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != text {
			return false
		}
	}
	return len(want) > 0
}

// requireSaved checks that the documents in dir are what the journal makes.
func requireSaved(t require.TestingT, dir string) {
	want, got := folded(t, dir), saved(t, dir)
	require.Len(t, got, len(want))
	for name, text := range want {
		require.Equal(t, text, got[name], name)
	}
}

func TestDocumentIsSavedWhenAnIterationEnds(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder(t, dir, wfslog.Options{})
	run := r.workflow("The research: of 2026!")
	assert.Empty(t, saved(t, dir))
	for i := range 20 {
		ctx := wfslog.StartIteration(run)
		turn := wfslog.StartInteraction(ctx, "agent1", wfslog.Input(i))
		r.log.WithGroup("workflow.agent2").InfoContext(ctx, "asked", wfslog.Action("llm_call"), wfslog.Tokens(i, 1))
		wfslog.End(turn)
		if i == 7 {
			err := errors.New("no answer")
			wfslog.EndErr(ctx, &err)
		} else {
			wfslog.End(ctx)
		}
		requireSaved(t, dir)
	}
	wfslog.AddResource(run, "corpus", "file:///corpus")
	wfslog.End(run, slog.Bool("good", true))
	requireSaved(t, dir)
	require.NoError(t, r.Close())
	requireSaved(t, dir)

	for name, text := range saved(t, dir) {
		assert.Regexp(t, `^the-research-of-2026-\d{8}T\d{6}Z-[0-9a-f]{12}\.json$`, name)
		var d wfslog.Document
		require.NoError(t, json.Unmarshal([]byte(text), &d))
		assert.Len(t, d.Iterations, 20)
		assert.True(t, d.Complete)
		assert.EqualValues(t, 190, *d.Usage.InputTokens)
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode())
	}
}

func TestWhenDocumentsAreSaved(t *testing.T) {
	// The text says after which of the steps there is an up-to-date document: an
	// interaction ends, its iteration ends, Save, the workflow ends, Flush, Close.
	tests := []struct {
		policy wfslog.SavePolicy
		want   string
	}{
		{wfslog.SaveIterations, "- i s w f c"},
		{wfslog.SaveInteractions, "t i s w f c"},
		{wfslog.SaveWorkflow, "- - s w f c"},
		{wfslog.SaveNever, "- - s - - -"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.policy), func(t *testing.T) {
			dir := t.TempDir()
			r := newRecorder(t, dir, wfslog.Options{SaveOn: tt.policy})
			run := r.workflow("w")
			var got []string
			step := func(name string, f func()) {
				f()
				if isSaved(t, dir) {
					got = append(got, name)
				} else {
					got = append(got, "-")
				}
			}
			iteration := wfslog.StartIteration(run)
			turn := wfslog.StartInteraction(iteration, "agent1")
			step("t", func() {
				wfslog.End(turn)
				if tt.policy == wfslog.SaveInteractions { // nobody waits for that one
					require.Eventually(t, func() bool { return isSaved(t, dir) }, time.Minute, time.Millisecond)
				}
			})
			step("i", func() { wfslog.End(iteration) })
			step("s", func() { require.NoError(t, r.Save(t.Context())) })
			step("w", func() { wfslog.End(run) })
			step("f", func() {
				wfslog.Annotate(run, slog.Int("late", 1))
				require.NoError(t, r.Flush(t.Context()))
			})
			step("c", func() { require.NoError(t, r.Close()) })
			assert.Equal(t, tt.want, strings.Join(got, " "))
		})
	}
}

func TestSavedDocumentsAreWhatTheJournalMakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "wfslog")
		require.NoError(t, err)
		defer os.RemoveAll(dir)
		segments := journal.Options{SegmentBytes: rapid.SampledFrom([]int64{0, 4 << 10}).Draw(t, "segment"), Sync: journal.SyncNever}
		first := newRecorder(t, dir, wfslog.Options{Journal: segments})
		// The second stream may begin at any time.
		level := rapid.SampledFrom([]slog.Level{slog.LevelInfo, slog.LevelError}).Draw(t, "level")
		second := newRecorder(t, dir, wfslog.Options{Journal: segments, JournalLevel: level})
		logger := slog.New(slog.NewMultiHandler(first, second))

		root := wfslog.WithLogger(context.Background(), logger)
		contexts := []context.Context{wfslog.StartWorkflow(root, "first"), wfslog.StartWorkflow(root, "second")}
		any := func() context.Context { return rapid.SampledFrom(contexts).Draw(t, "context") }
		latest := func() context.Context { return contexts[len(contexts)-1] }
		t.Repeat(map[string]func(*rapid.T){
			"iteration":   func(t *rapid.T) { contexts = append(contexts, wfslog.StartIteration(contexts[0])) },
			"other":       func(t *rapid.T) { contexts = append(contexts, wfslog.StartIteration(any())) },
			"interaction": func(t *rapid.T) { contexts = append(contexts, wfslog.StartInteraction(any(), "agent1")) },
			"action":      func(t *rapid.T) { contexts = append(contexts, wfslog.StartAction(latest(), "search")) },
			"log":         func(t *rapid.T) { logger.InfoContext(any(), "log", "key", "value") },
			"error":       func(t *rapid.T) { logger.ErrorContext(latest(), "no", wfslog.Err(errors.New("failed"))) },
			"record": func(t *rapid.T) {
				logger.WithGroup("workflow.agent2").InfoContext(latest(), "asked", wfslog.Action("llm_call"), wfslog.Tokens(2, 3), wfslog.Cost(0.1))
			},
			"annotate": func(t *rapid.T) { wfslog.Annotate(any(), slog.String("note", "n")) },
			"end": func(t *rapid.T) {
				ctx := any()
				span, _ := wfslog.SpanFromContext(ctx)
				wfslog.End(ctx)
				if span.Kind == wfslog.KindIteration {
					saved(t, dir) // it is valid
				}
			},
			"end of the latest": func(t *rapid.T) { wfslog.End(latest()) },
			"save": func(t *rapid.T) {
				require.NoError(t, first.Save(context.Background()))
				requireSaved(t, dir)
			},
		})
		wfslog.End(contexts[0])
		require.NoError(t, first.Close())
		require.NoError(t, second.Close())
		requireSaved(t, dir)
	})
}

func TestLateEventsOfASealedIterationAreSaved(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder(t, dir, wfslog.Options{Journal: journal.Options{SegmentBytes: 2 << 10}})
	run := r.workflow("w")
	var iterations []context.Context
	for range 10 {
		ctx := wfslog.StartIteration(run)
		wfslog.End(ctx)
		iterations = append(iterations, ctx)
	}
	r.log.InfoContext(iterations[3], "late")
	require.NoError(t, r.Save(t.Context()))
	requireSaved(t, dir)
	ctx := wfslog.StartIteration(run)
	r.log.InfoContext(iterations[9], "late too")
	wfslog.End(ctx)
	requireSaved(t, dir)
	wfslog.End(run)
	r.log.InfoContext(iterations[0], "after the end")
	require.NoError(t, r.Close())
	requireSaved(t, dir)
}

func TestDocumentOfADefaultRunKeepsTheStatusOfSealedIterations(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder(t, dir, wfslog.Options{Workflow: "w"})
	ctx := wfslog.WithLogger(context.Background(), r.log)
	failure := errors.New("failed")
	iteration := wfslog.StartIteration(ctx)
	wfslog.EndErr(iteration, &failure)
	for range 3 {
		wfslog.End(wfslog.StartIteration(ctx))
		requireSaved(t, dir)
	}
	for _, text := range saved(t, dir) {
		var d wfslog.Document
		require.NoError(t, json.Unmarshal([]byte(text), &d))
		assert.Equal(t, "error", d.Status)
	}
	require.NoError(t, r.Close())
	requireSaved(t, dir)
}

func TestDocumentThatSomebodyChangedIsWrittenAnew(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, path string)
	}{
		{"deleted", func(t *testing.T, path string) { require.NoError(t, os.Remove(path)) }},
		{"directory deleted", func(t *testing.T, path string) {
			entries, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.json"))
			require.NoError(t, err)
			for _, entry := range entries {
				require.NoError(t, os.Remove(entry))
			}
		}},
		{"replaced", func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path+"~", []byte("{}"), 0o600))
			require.NoError(t, os.Rename(path+"~", path))
		}},
		{"truncated", func(t *testing.T, path string) { require.NoError(t, os.Truncate(path, 10)) }},
		{"a link", func(t *testing.T, path string) {
			require.NoError(t, os.Remove(path))
			target := filepath.Join(t.TempDir(), "target")
			require.NoError(t, os.WriteFile(target, []byte("precious"), 0o600))
			require.NoError(t, os.Symlink(target, path))
			t.Cleanup(func() {
				text, err := os.ReadFile(target)
				require.NoError(t, err)
				assert.Equal(t, "precious", string(text))
			})
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			r := newRecorder(t, dir, wfslog.Options{})
			run := r.workflow("w")
			for i := range 4 {
				wfslog.End(wfslog.StartIteration(run))
				requireSaved(t, dir)
				if i < 3 {
					for name := range saved(t, dir) {
						tt.change(t, filepath.Join(dir, name))
					}
				}
			}
			require.NoError(t, r.Close())
		})
	}
}

func TestDocumentThatCannotBeSavedIsReported(t *testing.T) {
	dir := t.TempDir()
	reports := make(chan error, 10)
	r := newRecorder(t, dir, wfslog.Options{OnError: func(err error) { reports <- err }})
	run := r.workflow("w")
	// A directory of the document's name that is not empty is in its way.
	span, _ := wfslog.SpanFromContext(run)
	r.log.InfoContext(run, "begins")
	var name string
	for name = range folded(t, dir) {
	}
	obstacle := filepath.Join(dir, name, "obstacle")
	require.NoError(t, os.MkdirAll(obstacle, 0o700))
	wfslog.End(wfslog.StartIteration(run))
	assert.ErrorContains(t, <-reports, "save document of run "+span.Run.String())
	require.Error(t, r.Save(t.Context()))

	require.NoError(t, os.RemoveAll(filepath.Join(dir, name)))
	require.NoError(t, r.Save(t.Context()))
	requireSaved(t, dir)
	require.NoError(t, r.Close())
}

func TestDocumentOfAHandlerThatFollowsAnother(t *testing.T) {
	dir := t.TempDir()
	first := newRecorder(t, dir, wfslog.Options{})
	run := first.workflow("w")
	wfslog.End(wfslog.StartIteration(run))
	require.NoError(t, first.Close())

	second := newRecorder(t, dir, wfslog.Options{})
	run = wfslog.WithLogger(run, second.log)
	wfslog.End(wfslog.StartIteration(run))
	wfslog.End(run)
	require.NoError(t, second.Close())
	requireSaved(t, dir)
}

func TestSavesConcurrentSafe(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder(t, dir, wfslog.Options{Journal: journal.Options{SegmentBytes: 64 << 10}})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			run := r.workflow(fmt.Sprint("run", i))
			for range 5 {
				ctx := wfslog.StartIteration(run)
				var agents sync.WaitGroup
				for range 4 {
					agents.Go(func() {
						turn := wfslog.StartInteraction(ctx, "agent")
						r.log.InfoContext(turn, "works", wfslog.Action("llm_call"), wfslog.Input("question"))
						wfslog.End(turn)
					})
				}
				agents.Wait()
				wfslog.End(ctx)
				assert.NoError(t, r.Save(context.Background()))
			}
			wfslog.End(run)
		})
	}
	wg.Wait()
	require.NoError(t, r.Close())
	requireSaved(t, dir)
}

func TestHandlerThatBeginsWhileTheJournalIsScanned(t *testing.T) {
	dir := t.TempDir()
	first := newRecorder(t, dir, wfslog.Options{})
	run := first.workflow("w")
	sealed := wfslog.StartIteration(run)
	for range 500 {
		first.log.InfoContext(sealed, "asked", wfslog.Input(strings.Repeat("x", 1000)))
	}
	wfslog.End(sealed)
	for range 20 {
		first.log.InfoContext(sealed, "late") // the next save looks for everything again
		scanned := make(chan error, 1)
		go func() { scanned <- first.Save(context.Background()) }()
		for range 5 {
			later := newRecorder(t, dir, wfslog.Options{})
			defer later.Close()
			later.log.InfoContext(run, "in a stream that is new")
		}
		require.NoError(t, <-scanned)
		require.NoError(t, first.Save(t.Context()))
		requireSaved(t, dir)
	}
	require.NoError(t, first.Close())
}

// The clock of a file system may be a little behind, by up to 10 ms on Linux.
func TestScanFindsWhatWasWrittenWhenTheRunBegan(t *testing.T) {
	dir := t.TempDir()
	first := newRecorder(t, dir, wfslog.Options{})
	began := time.Now()
	run := first.workflow("w")
	require.NoError(t, first.Close())
	segments, err := journal.Segments(dir)
	require.NoError(t, err)
	behind := began.Add(-10 * time.Millisecond)
	require.NoError(t, os.Chtimes(segments[0].Path, behind, behind))
	second := newRecorder(t, dir, wfslog.Options{})
	second.log.InfoContext(run, "in the second stream")
	require.NoError(t, second.Close())
	requireSaved(t, dir)
}
