package wfslog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// background returns a context whose spans are logged through h, in a run of its
// own.
func background(h slog.Handler) context.Context {
	return wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), slog.New(h)), "test")
}

// summary returns an event in short: type, path and what is special to its type.
func summary(ev wfslog.Event) string {
	text := fmt.Sprintf("%s %q", ev.Type, ev.Span)
	switch ev.Type {
	case "start":
		text += fmt.Sprintf(" %s %s%s %v", ev.Kind, ev.Name, ev.Agent, ev.Flags)
	case "log":
		text += fmt.Sprintf(" %s after=%d", ev.Msg, ev.After)
	case "end":
		text += fmt.Sprintf(" n=%d kids=%d %s %s", ev.N, ev.Kids, ev.Status, ev.Error)
	case "set":
		if ev.Resource != nil {
			text += fmt.Sprintf(" %v", *ev.Resource)
		}
	case "inject":
		text += fmt.Sprintf(" %d", ev.Ordinal)
	case "open", "close":
		return string(ev.Type)
	}
	if len(ev.Attrs) > 0 {
		text += " " + string(ev.Attrs)
	}
	return strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, " []", ""), "  ", " "))
}

func summaries(t *testing.T, s *sink) (all []string) {
	t.Helper()
	for _, ev := range s.events(t) {
		all = append(all, summary(ev))
	}
	return all
}

func TestSpans(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name string
		opts wfslog.Options
		do   func(ctx context.Context, log *slog.Logger)
		want []string
	}{
		{
			name: "the whole hierarchy",
			do: func(ctx context.Context, log *slog.Logger) {
				it := wfslog.StartIteration(ctx, slog.Int("round", 1))
				turn := wfslog.StartInteraction(it, "workflow.agent1", wfslog.Input("q"))
				act := wfslog.StartAction(turn, "llm_call", wfslog.Model("m1"))
				log.InfoContext(act, "streaming")
				wfslog.End(act, wfslog.Output("a"))
				log.InfoContext(turn, "done")
				wfslog.End(turn)
				wfslog.End(it)
				wfslog.End(ctx)
			},
			want: []string{
				`start "" workflow test`,
				`start "1" iteration {"round":1}`,
				`start "1/1" interaction agent1 {"input":"q"}`,
				`start "1/1/1" action llm_callagent1 {"model":"m1"}`,
				`log "1/1/1" streaming after=0`,
				`end "1/1/1" n=3 kids=0 ok {"output":"a"}`,
				`log "1/1" done after=1`,
				`end "1/1" n=3 kids=1 ok`,
				`end "1" n=2 kids=1 ok`,
				`end "" n=2 kids=1 ok`,
			},
		},
		{
			name: "ended twice",
			do: func(ctx context.Context, _ *slog.Logger) {
				it := wfslog.StartIteration(ctx)
				wfslog.End(it)
				wfslog.End(it, slog.Int("again", 1))
			},
			want: []string{`start "" workflow test`, `start "1" iteration`, `end "1" n=2 kids=0 ok`},
		},
		{
			name: "EndErr",
			do: func(ctx context.Context, _ *slog.Logger) {
				var none error
				wfslog.EndErr(wfslog.StartAction(ctx, "a"), &boom)
				wfslog.EndErr(wfslog.StartAction(ctx, "b"), &none)
				wfslog.EndErr(wfslog.StartAction(ctx, "c"), nil)
			},
			want: []string{
				`start "" workflow test`,
				`start "1" action a`, `end "1" n=2 kids=0 error boom`,
				`start "2" action b`, `end "2" n=2 kids=0 ok`,
				`start "3" action c`, `end "3" n=2 kids=0 ok`,
			},
		},
		{
			name: "annotations and resources",
			do: func(ctx context.Context, _ *slog.Logger) {
				wfslog.Annotate(ctx, slog.String("model", "m1"))
				wfslog.Annotate(ctx)
				wfslog.AddResource(ctx, "corpus", "file:///data", slog.Int("files", 3))
			},
			want: []string{
				`start "" workflow test`, `set "" {"model":"m1"}`, `set "" {corpus file:///data} {"files":3}`,
			},
		},
		{
			name: "without a span nothing",
			do: func(ctx context.Context, _ *slog.Logger) {
				none := wfslog.Suppress(ctx)
				wfslog.End(none)
				wfslog.Annotate(none, slog.Int("a", 1))
				wfslog.AddResource(none, "r", "u")
				wfslog.End(wfslog.StartIteration(none))
			},
			want: []string{`start "" workflow test`},
		},
		{
			name: "starts are held until something below is written",
			opts: wfslog.Options{JournalLevel: slog.LevelInfo},
			do: func(ctx context.Context, log *slog.Logger) {
				it := wfslog.StartIteration(ctx, slog.Int("round", 1))
				wfslog.StartAction(it, "silent")
				act := wfslog.StartAction(it, "loud")
				log.DebugContext(act, "not recorded")
				log.InfoContext(act, "recorded")
			},
			want: []string{
				`start "" workflow test`, `start "1" iteration {"round":1}`, `start "1/2" action loud`,
				`log "1/2" recorded after=0`,
			},
		},
		{
			name: "an end whose start was not written is not recorded",
			opts: wfslog.Options{JournalLevel: slog.LevelWarn},
			do: func(ctx context.Context, log *slog.Logger) {
				wfslog.End(wfslog.StartAction(ctx, "silent"))
				act := wfslog.StartAction(ctx, "loud")
				log.WarnContext(act, "recorded")
				wfslog.End(act)
			},
			want: []string{
				`start "" workflow test`, `start "2" action loud`, `log "2" recorded after=0`, `end "2" n=3 kids=0 ok`,
			},
		},
		{
			name: "a held start is written for the end, if its level is admitted",
			opts: wfslog.Options{JournalLevel: slog.LevelInfo},
			do: func(ctx context.Context, _ *slog.Logger) {
				act := wfslog.StartAction(ctx, "a", slog.Int("x", 1))
				wfslog.EndErr(act, &boom)
			},
			want: []string{`start "" workflow test`, `start "1" action a {"x":1}`, `end "1" n=2 kids=0 error boom`},
		},
		{
			name: "after the end",
			do: func(ctx context.Context, log *slog.Logger) {
				act := wfslog.StartAction(ctx, "a")
				wfslog.End(act)
				log.InfoContext(act, "late")
				wfslog.Annotate(act, slog.Int("x", 1))
				wfslog.StartAction(act, "late child")
			},
			want: []string{
				`start "" workflow test`, `start "1" action a`, `end "1" n=2 kids=0 ok`, `log "1" late after=0`,
				`set "1" {"x":1}`, `start "1/1" action late child`,
			},
		},
		{
			name: "nil contexts",
			do: func(_ context.Context, log *slog.Logger) {
				wfslog.End(noContext)
				wfslog.Annotate(noContext, slog.Int("x", 1))
				ctx := wfslog.StartWorkflow(wfslog.WithLogger(noContext, log), "nil")
				log.InfoContext(wfslog.Suppress(wfslog.WithLevel(noContext, 0)), "not recorded")
				assert.NotPanics(t, func() { log.Handler().Enabled(noContext, slog.LevelInfo) })
				wfslog.End(ctx)
			},
			want: []string{`start "" workflow test`, `start "" workflow nil`, `end "" n=2 kids=0 ok`},
		},
		{
			name: "names and agents",
			do: func(ctx context.Context, _ *slog.Logger) {
				turn := wfslog.StartInteraction(ctx, "agent1")
				wfslog.StartInteraction(turn, "workflow.agent2.tools")
				wfslog.StartInteraction(turn, "workflow")
				wfslog.StartAction(turn, "")
				wfslog.StartWorkflow(ctx, "")
			},
			want: []string{
				`start "" workflow test`, `start "1" interaction agent1`, `start "1/1" interaction agent2.tools`,
				`start "1/2" interaction`, `start "1/3" action agent1`, `start "" workflow workflow`,
			},
		},
		{
			name: "WithLevel lowers the journal's minimum",
			opts: wfslog.Options{JournalLevel: slog.LevelWarn},
			do: func(ctx context.Context, log *slog.Logger) {
				log.InfoContext(ctx, "not recorded")
				log.InfoContext(wfslog.WithLevel(ctx, slog.LevelInfo), "recorded")
			},
			want: []string{`start "" workflow test`, `log "" recorded after=0`},
		},
		{
			name: "cancelled contexts record as well as live ones",
			do: func(ctx context.Context, log *slog.Logger) {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				act := wfslog.StartAction(ctx, "a")
				log.InfoContext(act, "m")
				wfslog.End(act)
			},
			want: []string{
				`start "" workflow test`, `start "1" action a`, `log "1" m after=0`, `end "1" n=3 kids=0 ok`,
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newSink(t, tt.opts)
			tt.do(background(h), slog.New(h))
			assert.Equal(t, append([]string{"open"}, tt.want...), summaries(t, s))
		})
	}
}

func TestHeldStartsKeepTheirTimes(t *testing.T) {
	h, s := newSink(t, wfslog.Options{JournalLevel: slog.LevelInfo})
	before := time.Now()
	ctx := background(h)
	act := wfslog.StartAction(ctx, "a")
	between := time.Now()
	slog.New(h).InfoContext(act, "m")
	events := s.events(t)
	require.Len(t, events, 4)
	for _, start := range events[1:3] {
		assert.WithinRange(t, start.Time, before.Round(0), between.Round(0))
		assert.Equal(t, slog.LevelDebug, start.Level)
	}
	assert.False(t, events[3].Time.Before(between.Round(0)))
}

func TestSpanFromContext(t *testing.T) {
	h, _ := newSink(t, wfslog.Options{})
	ctx := background(h)
	root, ok := wfslog.SpanFromContext(ctx)
	require.True(t, ok)
	turn := wfslog.StartInteraction(wfslog.StartIteration(ctx), "workflow.agent1")
	act := wfslog.WithLevel(wfslog.WithLogger(wfslog.StartAction(turn, "llm_call"), nil), slog.LevelDebug)
	got, ok := wfslog.SpanFromContext(act)
	require.True(t, ok)
	assert.Equal(t, wfslog.Span{Run: root.Run, Path: "1/1/1", Kind: wfslog.KindAction, Name: "llm_call", Agent: "agent1"}, got)
	assert.Equal(t, root.Run.String(), got.TraceID())
	assert.NotZero(t, got.SpanID())
	assert.NotEqual(t, root.SpanID(), got.SpanID())
	for name, ctx := range map[string]context.Context{
		"nil": nil, "no span": context.Background(), "suppressed": wfslog.Suppress(act),
	} {
		_, ok := wfslog.SpanFromContext(ctx)
		assert.False(t, ok, name)
	}
}

func TestStartsUseTheDefaultLogger(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	h, s := newSink(t, wfslog.Options{})
	slog.SetDefault(slog.New(h))
	other, _ := newSink(t, wfslog.Options{})
	ctx := wfslog.StartWorkflow(context.Background(), "w")
	wfslog.End(wfslog.StartAction(wfslog.WithLogger(ctx, slog.New(other)), "elsewhere"))
	wfslog.End(wfslog.StartAction(wfslog.WithLogger(wfslog.WithLogger(ctx, slog.New(other)), nil), "here"))
	assert.Equal(t, []string{
		"open", `start "" workflow w`, `start "2" action here`, `end "2" n=2 kids=0 ok`,
	}, summaries(t, s))
}

func TestWithLevelLowersTheOperationalLog(t *testing.T) {
	var next bytes.Buffer
	h, _ := newSink(t, wfslog.Options{Next: newJSON(&next, slog.LevelDebug)})
	log := slog.New(h)
	log.Debug("not shown")
	lowered := wfslog.WithLevel(context.Background(), wfslog.LevelTrace)
	log.DebugContext(lowered, "shown")
	log.Log(lowered, wfslog.LevelTrace, "not admitted by the next handler")
	assert.Equal(t, []string{"DEBUG shown {}"}, jsonLines(t, &next))
}

func TestDepthIsCapped(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	ctx := background(h)
	for range 70 {
		ctx = wfslog.StartAction(ctx, "deeper")
	}
	span, ok := wfslog.SpanFromContext(ctx)
	require.True(t, ok)
	assert.Equal(t, 64, 1+strings.Count(span.Path, "/"))
	assert.True(t, strings.HasSuffix(span.Path, "/1/7"), "a child of the ancestor at depth 63: %s", span.Path)
	events := s.events(t)
	assert.Equal(t, []string{"depth"}, events[len(events)-1].Flags)
}

func TestPanicIsRecordedAndGoesOn(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	ctx := background(h)
	type value struct{ N int }
	assert.PanicsWithValue(t, value{7}, func() {
		act := wfslog.StartAction(ctx, "a")
		defer wfslog.End(act)
		panic(value{7})
	})
	assert.PanicsWithError(t, "boom", func() {
		var err error
		act := wfslog.StartAction(ctx, "b")
		defer wfslog.EndErr(act, &err)
		panic(errors.New("boom"))
	})
	got := summaries(t, s)
	assert.Contains(t, got, `end "1" n=2 kids=0 error panic: wfslog_test.value {"N":7}`)
	assert.Contains(t, got, `end "2" n=2 kids=0 error panic: boom`)
}

func TestPanicsOfAllKindsAreDescribed(t *testing.T) {
	var index []int
	tests := []struct {
		name string
		do   func()
		want string
	}{
		{"text", func() { panic("text") }, "panic: text"},
		{"nil", func() { panic(nil) }, "panic: panic called with nil argument"},
		{"runtime error", func() { _ = index[7] }, "panic: runtime error: index out of range [7] with length 0"},
		{"error that panics", func() { panic(panicsOnError{}) }, "panic: !PANIC: Error method of wfslog_test.panicsOnError"},
		{"value that contains itself", func() { panic(selfMap()) }, `panic: map[string]interface {} {"self":{"self":`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newSink(t, wfslog.Options{})
			ctx := background(h)
			failed := errors.New("the panic counts")
			assert.Panics(t, func() {
				defer wfslog.EndErr(ctx, &failed, slog.Int("k", 1))
				tt.do()
			})
			events := s.events(t)
			end := events[len(events)-1]
			assert.Equal(t, "error", end.Status)
			assert.Equal(t, slog.LevelError, end.Level)
			assert.Contains(t, end.Error, tt.want)
			assert.JSONEq(t, `{"k":1}`, string(end.Attrs))
		})
	}
}

// TestEndInADeferredFunctionDoesNotSeeThePanic says what the documentation of End
// means by "called by defer".
func TestEndInADeferredFunctionDoesNotSeeThePanic(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	ctx := background(h)
	assert.PanicsWithValue(t, "text", func() {
		defer func() { wfslog.End(ctx) }()
		panic("text")
	})
	assert.Contains(t, summaries(t, s), `end "" n=2 kids=0 ok`)
}

func TestGoexitEndsTheSpan(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	ctx := background(h)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer wfslog.End(wfslog.StartAction(ctx, "a"))
		runtime.Goexit()
	}()
	<-done
	assert.Contains(t, summaries(t, s), `end "1" n=2 kids=0 ok`)
}

func TestWorkflowInWorkflowIsANewRunWithALink(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	outer := wfslog.StartAction(background(h), "delegate")
	inner := wfslog.StartWorkflow(outer, "sub")
	outerSpan, _ := wfslog.SpanFromContext(outer)
	innerSpan, _ := wfslog.SpanFromContext(inner)
	assert.NotEqual(t, outerSpan.Run, innerSpan.Run)
	assert.Empty(t, innerSpan.Path)
	events := s.events(t)
	link := events[len(events)-1].Link
	require.NotNil(t, link)
	assert.Equal(t, wfslog.Link{Trace: outerSpan.TraceID(), Span: outerSpan.SpanID().String()}, *link)
}

func TestTwoHandlersHaveACompleteStreamEach(t *testing.T) {
	h1, s1 := newSink(t, wfslog.Options{})
	h2, s2 := newSink(t, wfslog.Options{JournalLevel: slog.LevelInfo})
	log := slog.New(slog.NewMultiHandler(h1, h2))
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), "both")
	act := wfslog.StartAction(ctx, "a")
	log.WithGroup("workflow.x").InfoContext(act, "m")
	log.DebugContext(act, "only the first records this")
	wfslog.End(act)
	want := []string{"open", `start "" workflow both`, `start "1" action a`, `log "1" m after=0`}
	assert.Equal(t, append(want, `log "1" only the first records this after=0`, `end "1" n=4 kids=0 ok`), summaries(t, s1))
	assert.Equal(t, append(want[:4:4], `end "1" n=3 kids=0 ok`), summaries(t, s2))
}

// TestSpansThatNeverEndAreFreed is about memory: contexts hold spans, and of
// those that no context holds only a bounded number is remembered.
func TestSpansThatNeverEndAreFreed(t *testing.T) {
	h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: slog.DiscardHandler})
	defer h.Close()
	ctx := background(h)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	start := func(n int) {
		for range n {
			wfslog.StartAction(ctx, "never ends")
		}
	}
	spans := 1_000_000
	if eventtest.Race {
		spans /= 10
	}
	start(20_000) // more than are remembered
	before := heap()
	start(spans)
	after := heap()
	assert.Less(t, after, before+before/4+1<<20, "heap in bytes after %d spans more", spans)
	runtime.KeepAlive(ctx)
}

type nopSink struct{}

func (nopSink) Write(p []byte) (int, error) { return len(p), nil }
func (nopSink) Close() error                { return nil }

func TestHandlerConcurrentSafe(t *testing.T) {
	var next bytes.Buffer
	var mu sync.Mutex
	h, s := newSink(t, wfslog.Options{Next: slog.NewJSONHandler(lockedWriter{&mu, &next}, nil)})
	ctx := background(h)
	const goroutines, rounds = 16, 50
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			log := slog.New(h).WithGroup(fmt.Sprintf("workflow.agent%d", g)).With("g", g)
			for range rounds {
				turn := wfslog.StartInteraction(ctx, fmt.Sprintf("agent%d", g))
				log.InfoContext(turn, "m", slog.Group("group", "k", 1))
				wfslog.Annotate(ctx, slog.Int("g", g))
				wfslog.End(turn)
				h.Stats()
			}
		})
	}
	wg.Wait()
	wfslog.End(ctx)
	events := s.events(t)
	for i, ev := range events {
		require.Equal(t, uint64(i+1), ev.Seq)
	}
	last := events[len(events)-1]
	assert.Equal(t, uint64(goroutines*rounds+2), last.N, "start, annotations and end of the root")
	assert.Equal(t, uint64(goroutines*rounds), last.Kids)
}

// TestSharedGroupsConcurrentSafe logs groups through one logger with three groups,
// where handlers are known to append to a slice that they share.
func TestSharedGroupsConcurrentSafe(t *testing.T) {
	var next bytes.Buffer
	var mu sync.Mutex
	h, s := newSink(t, wfslog.Options{
		Next:        slog.NewJSONHandler(lockedWriter{&mu, &next}, nil),
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr { a.Key += fmt.Sprint(len(groups)); return a },
	})
	log := slog.New(h).WithGroup("workflow.a").WithGroup("g1").WithGroup("g2").WithGroup("g3")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				log.Info("m", slog.Group("h", slog.Group("i", "k", 1)))
				log.With("a", 1).WithGroup("g4").Info("m", "k", 1)
			}
		})
	}
	wg.Wait()
	for _, ev := range s.logs(t) {
		assert.Contains(t, []string{`{"g1":{"g2":{"g3":{"h":{"i":{"k5":1}}}}}}`, `{"g1":{"g2":{"g3":{"a3":1,"g4":{"k4":1}}}}}`}, string(ev.Attrs))
	}
	assert.Len(t, s.logs(t), 400)
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (w lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}
