package wfslog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
)

// joiningDirEnv names the directory of a child process that uses its default run.
const joiningDirEnv = "WFSLOG_TEST_JOINING_DIR"

// joinRun logs in two default runs, one after the other, without a word about the
// process that has started this one. The second is not closed.
func joinRun(dir string) error {
	for i, name := range []string{"first", "second"} {
		h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler, Workflow: name, Journal: noSync})
		slog.SetDefault(slog.New(h))
		slog.Default().WithGroup("workflow.worker").Info("at work", wfslog.Action("work"))
		ctx := wfslog.StartIteration(context.Background())
		wfslog.End(ctx)
		if i == 1 {
			return h.Flush(context.Background())
		}
		if err := h.Close(); err != nil {
			return err
		}
	}
	return errors.New("not reached")
}

// startJoining runs this program as a child process with the given environment.
func startJoining(t *testing.T, dir string, env []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(env, joiningDirEnv+"="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestProcessJoinsTheRunInItsEnvironment(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder(t, dir, wfslog.Options{Journal: noSync})
	root := r.workflow("lead")
	it := wfslog.StartIteration(root)
	for range 2 {
		act := wfslog.StartAction(it, "start_worker")
		startJoining(t, dir, wfslog.Env(act, nil))
		wfslog.End(act)
	}
	wfslog.End(it)
	wfslog.End(root)
	require.NoError(t, r.Close())

	saved := savedIn(t, dir)
	require.Len(t, saved, 1, "the process that started the run writes its document, and no other")
	documents := folded(t, dir)
	require.Len(t, documents, 1)
	for name := range documents {
		assert.Contains(t, saved[name], `"start_worker"`)
		assert.NotContains(t, saved[name], `"workflow.worker"`, "of what it has recorded itself")
	}
	doc := documentIn(t, dir, spanOf(t, root).Run)
	assert.True(t, doc.Complete, "%+v", doc.Integrity)
	assert.Equal(t, "ok", doc.Status)
	assert.Len(t, doc.Integrity.Streams, 5)
	actions := doc.Iterations[0].Actions
	require.Len(t, actions, 2)
	for i, act := range actions {
		require.Len(t, act.Workflows, 2, "default runs of process %d", i)
		for k, run := range act.Workflows {
			assert.Regexp(t, []string{`^1/\d/1~[a-z0-9]{8}$`, `^1/\d/1~[a-z0-9]{8}\.2$`}[k], run.Span)
			assert.Equal(t, []string{"first", "second"}[k], run.Name)
			assert.Equal(t, "ok", run.Status, "also if nobody has closed it")
			assert.Equal(t, []string{event.FlagDefault}, run.Flags)
			assert.Len(t, run.Iterations, 1)
			assert.Equal(t, "worker", run.Interactions[0].Agent)
		}
	}
}

func TestProcessDoesNotJoinTheTraceOfOthers(t *testing.T) {
	for _, state := range []string{"", "vendor=1", "wfslog=nonsense"} {
		dir := t.TempDir()
		env := append(wfslog.Env(context.Background(), nil),
			"TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "TRACESTATE="+state)
		startJoining(t, dir, env)
		documents := folded(t, dir)
		assert.Len(t, documents, 2, "each default run is a run")
		for _, text := range documents {
			assert.NotContains(t, text, "0af7651916cd43dd8448eb211c80319c")
		}
	}
}

// documentIn returns the document of a run that the journal in dir makes.
func documentIn(t *testing.T, dir string, run wfslog.RunID) *wfslog.Document {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "journal", "*.jsonl"))
	require.NoError(t, err)
	tree := wfslog.NewTreeBuilder(nil)
	for _, path := range files {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = tree.Write(text)
		require.NoError(t, err)
	}
	doc, err := tree.Document(run)
	require.NoError(t, err)
	return doc
}

// savedIn returns the documents in dir, by file name.
func savedIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	require.NoError(t, err)
	documents := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		documents[filepath.Base(path)] = string(text)
	}
	return documents
}

// A process that goes on in the run of another one leaves the document to that.
func TestOnlyTheStarterOfARunWritesItsDocument(t *testing.T) {
	lead := newRecorder(t, t.TempDir(), wfslog.Options{Journal: noSync})
	worker := newRecorder(t, t.TempDir(), wfslog.Options{Journal: noSync, SaveOn: wfslog.SaveInteractions})
	root := lead.workflow("lead")
	ctx := from(worker, injected(root))
	it := wfslog.StartIteration(ctx)
	wfslog.End(wfslog.StartInteraction(it, "agent1"))
	wfslog.End(it)
	worker.log.InfoContext(ctx, "at work")
	require.NoError(t, worker.Save(t.Context()))
	require.NoError(t, worker.Flush(t.Context()))
	require.NoError(t, worker.Close())
	assert.Empty(t, savedIn(t, worker.Dir()))
	wfslog.End(root)
	require.NoError(t, lead.Close())
	assert.Equal(t, folded(t, lead.Dir()), savedIn(t, lead.Dir()))
}

// What another context of the same process adds to a run, or another handler with the
// same directory, is in the document that is saved, whatever part of it is written
// already.
func TestSavedDocumentsHaveWhatOtherContextsAdd(t *testing.T) {
	for name, other := range map[string]bool{"the same handler": false, "another handler": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := newRecorder(t, dir, wfslog.Options{Journal: noSync})
			r2 := r
			if other {
				r2 = newRecorder(t, dir, wfslog.Options{Journal: noSync})
			}
			root := r.workflow("lead")
			early := injected(root)
			var jobs []textMap
			for range 4 {
				it := wfslog.StartIteration(root)
				turn := wfslog.StartInteraction(it, "agent1")
				jobs = append(jobs, injected(turn))
				ctx := from(r2, injected(it))
				r2.log.InfoContext(ctx, "at once")
				wfslog.End(wfslog.StartInteraction(ctx, "helper"))
				wfslog.End(turn)
				wfslog.End(it)
			}
			require.NoError(t, r.Save(t.Context()))
			assert.Equal(t, folded(t, dir), savedIn(t, dir))
			for _, job := range jobs { // of iterations that have ended
				wfslog.End(wfslog.StartAction(from(r2, job), "late"))
			}
			wfslog.End(wfslog.StartIteration(from(r2, early))) // it stands before all of them
			require.NoError(t, r.Save(t.Context()))
			assert.Equal(t, folded(t, dir), savedIn(t, dir))
			wfslog.End(root)
			assert.Equal(t, folded(t, dir), savedIn(t, dir))

			wfslog.End(wfslog.StartAction(from(r2, jobs[0]), "after the end")) // nothing of the run is in memory
			require.NoError(t, r2.Close())
			require.NoError(t, r.Close())
			assert.Equal(t, folded(t, dir), savedIn(t, dir))
			doc := documentIn(t, dir, spanOf(t, root).Run)
			assert.True(t, doc.Complete, "%+v", doc.Integrity)
			assert.Len(t, doc.Iterations, 5)
			assert.Len(t, doc.Iterations[1].Interactions[0].Actions, 2)
		})
	}
}

// An end counts all events of its span in the stream, those of other contexts
// included, so that the loss of one shows.
func TestEndCountsWhatOtherContextsAdd(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	root := background(h)
	ctx := from(h, injected(root))
	slog.New(h).InfoContext(ctx, "m")
	wfslog.Annotate(ctx, slog.Int("a", 1))
	wfslog.End(wfslog.StartAction(ctx, "a"))
	wfslog.End(root)
	all := summaries(t, s)
	assert.Equal(t, `end "" n=5 kids=1 ok`, all[len(all)-1])
}
