package wfslog_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// newDefaultRun lets the next use of the default run make a new one, in which other
// tests have started nothing.
func newDefaultRun(t *testing.T) {
	t.Helper()
	h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: slog.DiscardHandler})
	slog.New(h).WithGroup("workflow.a").Info("m")
	require.NoError(t, h.Close())
}

func TestDefaultRun(t *testing.T) {
	newDefaultRun(t)
	h, s := newSink(t, wfslog.Options{Workflow: "my program"})
	log := slog.New(h)
	log.Info("no agent, no span: not recorded")
	log.WithGroup("workflow.agent1").Info("an agent's record")
	it := wfslog.StartIteration(wfslog.WithLogger(context.Background(), log))
	wfslog.End(it)
	require.NoError(t, h.Close())
	events := s.events(t)
	assert.Equal(t, []string{
		"open",
		`start "" workflow my program [default]`,
		`log "" an agent's record after=0`,
		`start "1" iteration`,
		`end "1" n=2 kids=0 ok`,
		`end "" n=3 kids=1`,
		"close",
	}, summaries(t, s))
	first := events[1].Run
	assert.False(t, events[1].Time.After(events[3].Time), "the root starts before its child")

	h2, s2 := newSink(t, wfslog.Options{})
	slog.New(h2).WithGroup("workflow.agent1").Info("m")
	assert.NotEqual(t, first, s2.events(t)[1].Run, "a run that is closed is not used again")
	assert.Equal(t, uint64(1), h.Stats().WithoutContext)
}

// defaultRunOf returns the run of an agent's record without a context.
func defaultRunOf(t *testing.T, h *wfslog.Handler, s *sink) wfslog.RunID {
	t.Helper()
	slog.New(h).WithGroup("workflow.a").Info("m")
	logs := s.logs(t)
	require.NotEmpty(t, logs)
	return logs[len(logs)-1].Run
}

func TestDefaultRunLivesUntilItsLastHandlerCloses(t *testing.T) {
	h1, s1 := newSink(t, wfslog.Options{Workflow: "one"})
	h2, s2 := newSink(t, wfslog.Options{Workflow: "two"})
	unused, _ := newSink(t, wfslog.Options{})
	run := defaultRunOf(t, h1, s1)
	assert.Equal(t, run, defaultRunOf(t, h2, s2), "one for the process")
	assert.Equal(t, "one", s1.events(t)[1].Name)
	assert.Equal(t, "two", s2.events(t)[1].Name)
	require.NoError(t, h1.Close())
	assert.Equal(t, []string{`end "" n=3 kids=0`, "close"}, summaries(t, s1)[3:], "its stream is complete")
	assert.Equal(t, run, defaultRunOf(t, h2, s2))
	require.NoError(t, unused.Close())
	assert.Equal(t, run, defaultRunOf(t, h2, s2))
	require.NoError(t, h2.Close())

	h3, s3 := newSink(t, wfslog.Options{})
	assert.NotEqual(t, run, defaultRunOf(t, h3, s3))
}

func TestClosedHandlerDoesNotKeepTheDefaultRun(t *testing.T) {
	closed, _ := newSink(t, wfslog.Options{})
	require.NoError(t, closed.Close())
	slog.New(closed).WithGroup("workflow.a").Info("too late")
	assert.Equal(t, uint64(1), closed.Stats().AfterClose)
	assert.Zero(t, closed.Stats().WithoutContext)

	h1, s1 := newSink(t, wfslog.Options{})
	run := defaultRunOf(t, h1, s1)
	slog.New(closed).WithGroup("workflow.a").Info("too late")
	require.NoError(t, h1.Close())
	h2, s2 := newSink(t, wfslog.Options{})
	assert.NotEqual(t, run, defaultRunOf(t, h2, s2))
}

func TestDefaultRunIsNoSpanOfTheContext(t *testing.T) {
	newDefaultRun(t)
	h, s := newSink(t, wfslog.Options{})
	ctx := wfslog.WithLogger(context.Background(), slog.New(h))
	_, ok := wfslog.SpanFromContext(ctx)
	assert.False(t, ok)
	wfslog.End(ctx)
	assert.Empty(t, s.events(t), "there is nothing to end")
	wfslog.StartInteraction(ctx, "agent1")
	assert.Equal(t, []string{"open", `start "" workflow wfslog.test [default]`, `start "1" interaction agent1`}, summaries(t, s))
}

// TestDefaultRunCanBeAnnotated does so without a span in the context, also for nil.
func TestDefaultRunCanBeAnnotated(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	newDefaultRun(t)
	tree := wfslog.NewTreeBuilder(nil)
	h := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler, Workflow: "my program"})
	ctx := wfslog.WithLogger(context.Background(), slog.New(h))
	wfslog.Annotate(wfslog.Suppress(ctx), slog.String("reviewer", "nobody"))
	wfslog.AddResource(wfslog.Suppress(ctx), "secret", "")
	wfslog.Annotate(ctx)
	require.Empty(t, tree.Runs())

	slog.SetDefault(slog.New(h))
	var none context.Context
	wfslog.Annotate(none, slog.String("reviewer", "agent2"))
	wfslog.AddResource(ctx, "corpus", "file:///data/corpus", slog.Int("files", 3))
	wfslog.End(ctx)
	wfslog.Annotate(ctx, slog.String("reviewer", "agent3"))
	require.NoError(t, h.Close())
	require.Len(t, tree.Runs(), 1)
	doc, err := tree.Document(tree.Runs()[0])
	require.NoError(t, err)
	assert.Equal(t, "my program", doc.Workflow)
	assert.True(t, doc.Complete)
	assert.JSONEq(t, `{"files":3,"reviewer":"agent3"}`, string(doc.Metadata))
	require.Len(t, doc.Resources, 1)
	assert.Equal(t, "corpus", doc.Resources[0].Name)
}

func TestDefaultRunConcurrentSafe(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: slog.DiscardHandler})
				slog.New(h).WithGroup("workflow.a").Info("m")
				wfslog.StartIteration(wfslog.WithLogger(context.Background(), slog.New(h)))
				assert.NoError(t, h.Close())
				assert.Equal(t, uint64(1), h.Stats().WithoutContext)
			}
		})
	}
	wg.Wait()
}
