package wfslogtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/wfslogtest"
)

// fakeTest is a test that notes its failures.
type fakeTest struct {
	mu       sync.Mutex // protects following fields
	cleanups []func()
	failures []string
}

func (*fakeTest) Name() string { return "TestFake" }
func (*fakeTest) Helper()      {}

func (f *fakeTest) Cleanup(cleanup func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cleanups = append(f.cleanups, cleanup)
}

func (f *fakeTest) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

// end ends the test, and returns its failures.
func (f *fakeTest) end() []string {
	for _, cleanup := range f.cleanups {
		cleanup()
	}
	return f.failures
}

// work has two agents take their turns at the same time.
func work(rec *wfslogtest.Recorder) {
	ctx := wfslog.StartIteration(rec.Context())
	defer wfslog.End(ctx)
	plan := wfslog.StartInteraction(ctx, "planner", wfslog.Input("What is 6 times 7?"))
	rec.Logger().InfoContext(plan, "planned", wfslog.Action("plan"), wfslog.Output([]string{"a", "b"}))
	wfslog.End(plan)
	var wg sync.WaitGroup
	for _, agent := range []string{"agent1", "agent2"} {
		turn := wfslog.StartInteraction(ctx, agent)
		wg.Go(func() {
			defer wfslog.End(turn, wfslog.Output(42))
			log := rec.Logger().WithGroup("workflow." + agent)
			for i := range 3 {
				call := wfslog.StartAction(turn, "llm_call", wfslog.Model("m1"), wfslog.Input(i))
				log.DebugContext(call, "streaming", "chunk", i)
				wfslog.End(call, wfslog.Tokens(10+i, 2), wfslog.Cost(0.25))
			}
			log.ErrorContext(turn, "gave up", wfslog.Err(errors.New("no network")))
		})
	}
	wg.Wait()
}

func document(t *testing.T, rec *wfslogtest.Recorder) string {
	t.Helper()
	var b bytes.Buffer
	_, err := rec.Document().WriteTo(&b)
	require.NoError(t, err)
	return b.String()
}

func TestDocumentsAreTheSameEachTime(t *testing.T) {
	var document1, tree1 string
	for i := range 100 {
		test := &fakeTest{}
		rec := wfslogtest.New(test)
		work(rec)
		doc, tree := document(t, rec), rec.Tree()
		if i == 0 {
			document1, tree1 = doc, tree
		}
		require.Equal(t, document1, doc, "document of run %d", i)
		require.Equal(t, tree1, tree, "tree of run %d", i)
		require.Empty(t, test.end())
	}
	assert.NotContains(t, document1, time.Now().Format("2006-01-02T15"), "no time is that of the test")
}

func TestGoldenFilesOfARun(t *testing.T) {
	rec := wfslogtest.New(t)
	work(rec)
	rec.Golden("testdata/work.golden")
	rec.Golden("testdata/work.json")
}

func TestRecordersConcurrentSafe(t *testing.T) {
	want := make(chan string, 8)
	t.Run("group", func(t *testing.T) {
		for range cap(want) {
			t.Run("same", func(t *testing.T) {
				t.Parallel()
				test := &fakeTest{}
				rec := wfslogtest.New(test)
				other := wfslogtest.New(test)
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						_ = rec.Tree()
						rec.AssertCount(0, wfslogtest.Query{Agent: "nobody"})
					})
				}
				work(rec)
				wg.Wait()
				assert.Empty(t, other.Find(wfslogtest.Query{}), "each recorder has its own")
				want <- document(t, rec)
				assert.Empty(t, test.end())
			})
		}
	})
	first := <-want
	for range cap(want) - 1 {
		assert.Equal(t, first, <-want)
	}
}

func TestRunsHaveDifferentIDs(t *testing.T) {
	rec := wfslogtest.New(t)
	assert.Equal(t, t.Name(), rec.Document().Workflow)
	for _, name := range []string{"first", "second"} {
		wfslog.End(wfslog.StartWorkflow(rec.Context(), name))
	}
	docs := rec.Documents()
	require.Len(t, docs, 2, "the test's own is empty")
	assert.Equal(t, "first", docs[0].Workflow)
	assert.Equal(t, "second", docs[1].Workflow)
	assert.NotEqual(t, docs[0].Run, docs[1].Run)
	require.NotNil(t, docs[0].Link)
	own, ok := wfslog.SpanFromContext(rec.Context())
	require.True(t, ok)
	assert.Equal(t, own.Run.String(), docs[0].Link.Trace)
	assert.Equal(t, 2, strings.Count(rec.Tree(), "\n"), "the tree:\n%s", rec.Tree())

	wfslog.Annotate(rec.Context(), slog.Int("n", 1))
	require.Len(t, rec.Documents(), 3)
	assert.Equal(t, own.Run, rec.Document().Run)
}

// What a context that went through a queue adds is the same each time, too.
func TestExtractedContextsHaveTheSamePaths(t *testing.T) {
	paths := func() (paths []string) {
		test := &fakeTest{}
		rec := wfslogtest.New(test)
		job := wfslog.Marshal(rec.Context())
		for range 2 {
			ctx := wfslog.StartInteraction(wfslog.Unmarshal(rec.Context(), job), "worker")
			span, ok := wfslog.SpanFromContext(ctx)
			require.True(t, ok)
			paths = append(paths, span.Path)
			wfslog.End(ctx)
		}
		assert.Len(t, rec.Document().Interactions, 2)
		assert.Empty(t, test.end())
		return paths
	}
	first := paths()
	assert.Equal(t, first, paths())
	assert.NotEqual(t, first[0], first[1])
}

// A test of code that goes on in the run of another process need not end what that
// has started.
func TestSpansOfOtherProcessesNeedNoEnd(t *testing.T) {
	test := &fakeTest{}
	rec := wfslogtest.New(test)
	const job = "00-01935d2f8a007c118e5f102030405060-b7ad6b7169203331-01;wfslog=01935d2f8a007c118e5f102030405060:1:2"
	wfslog.End(wfslog.StartInteraction(wfslog.Unmarshal(rec.Context(), job), "worker"))
	rec.AssertCount(1, wfslogtest.Query{Agent: "worker", Kind: wfslog.KindInteraction})
	assert.Empty(t, test.end())
}

func TestKeepTimesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rec := wfslogtest.Options{KeepTimes: true}.New(t)
		turn := wfslog.StartInteraction(rec.Context(), "agent1")
		go func() {
			defer wfslog.End(turn)
			time.Sleep(30 * time.Second)
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		assert.Equal(t, 30*time.Second, rec.Document().Interactions[0].Duration())
		assert.Equal(t, 30*time.Second, rec.Document().Duration(), "until the last thing that happened")
	})
}

func TestTheRootCountsAsEnded(t *testing.T) {
	rec := wfslogtest.Options{AllowOpen: true}.New(t)
	turn := wfslog.StartInteraction(rec.Context(), "agent1")
	assert.Equal(t, "ok", rec.Document().Status)
	assert.False(t, rec.Document().Complete, "a span is open")
	wfslog.End(turn)
	before := document(t, rec)
	assert.Contains(t, before, `"complete": true`)
	wfslog.End(rec.Context())
	after := strings.Replace(document(t, rec), `{"events":4`, `{"events":3`, 1)
	assert.Equal(t, before, after, "but for the event that ends it")
}

func TestErrorsHaveTheTimesOfTheirNodes(t *testing.T) {
	rec := wfslogtest.New(t)
	err := errors.New("no network")
	wfslog.EndErr(wfslog.StartAction(rec.Context(), "search"), &err)
	rec.Logger().ErrorContext(rec.Context(), "gave up")
	doc := rec.Document()
	require.Len(t, doc.Errors, 2)
	assert.Equal(t, doc.Actions[0].EndedAt, doc.Errors[0].Time)
	assert.Equal(t, doc.Logs[0].Time, doc.Errors[1].Time)
	assert.Equal(t, doc.Logs[0].Seq, doc.Errors[1].Seq)
	rec.AssertErrors("no network", "gave up")
}

func TestEnvironmentDoesNotChangeWhatIsRecorded(t *testing.T) {
	t.Setenv("WFSLOG", "off")
	t.Setenv("WFSLOG_CONTENT", "none")
	rec := wfslogtest.New(t)
	rec.Logger().InfoContext(rec.Context(), "hello", wfslog.Action("greet"), wfslog.Output("hello"))
	rec.AssertAction("", "greet", wfslog.Output("hello"))
}

func TestHandlerOptionsAreUsed(t *testing.T) {
	var console bytes.Buffer
	replaced := wfslog.Options{
		Dir: "/nowhere", Next: slog.NewTextHandler(&console, nil), JournalLevel: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == "city" {
				a.Value = slog.StringValue("somewhere")
			}
			return a
		},
	}
	rec := wfslogtest.Options{Handler: replaced}.New(t)
	rec.Logger().InfoContext(rec.Context(), "hello", "city", "Rome")
	rec.Logger().DebugContext(rec.Context(), "detail")
	rec.AssertCount(1, wfslogtest.Query{Kind: wfslogtest.KindLog})
	rec.AssertCount(1, wfslogtest.Query{Kind: wfslogtest.KindLog, Name: "hello", Attrs: []slog.Attr{slog.String("city", "somewhere")}})
	assert.Contains(t, console.String(), "city=somewhere")
}

func TestLevelsThatLeaveNothing(t *testing.T) {
	rec := wfslogtest.Options{Handler: wfslog.Options{JournalLevel: wfslog.LevelCritical}}.New(t)
	assert.Equal(t, t.Name(), rec.Document().Workflow)
	rec.AssertCount(0, wfslogtest.Query{})
}

func TestMiddlewareAroundTheRecorder(t *testing.T) {
	rec := wfslogtest.New(t)
	log := slog.New(slog.NewMultiHandler(rec.Logger().Handler(), slog.DiscardHandler))
	ctx := wfslog.WithLogger(rec.Context(), log)
	turn := wfslog.StartInteraction(ctx, "agent1")
	log.InfoContext(turn, "called", wfslog.Action("llm_call"))
	wfslog.End(turn)
	rec.AssertAction("agent1", "llm_call")
}

// broken has a method that panics.
type broken struct{}

func (broken) MarshalJSON() ([]byte, error) { panic("out of paper") }

// failing has a method that fails.
type failing struct{}

func (failing) MarshalJSON() ([]byte, error) { return nil, errors.New("out of ink") }

func TestWhatFailsATest(t *testing.T) {
	const secret = "sk-ant-api03-wB3vXq9LmZ7cT1rY5nKdE8fGhJ2pQsU4xAoV6iMtNyRbCzHlWgDkFjP0eS-OaXuI7TqLmKv9Q-Zz4hEwAA"
	tests := []struct {
		name  string
		do    func(ctx context.Context, log *slog.Logger)
		allow wfslogtest.Options
		want  []string
	}{
		{
			"open", func(ctx context.Context, log *slog.Logger) {
				wfslog.StartAction(wfslog.StartInteraction(ctx, "agent1"), "search")
			},
			wfslogtest.Options{AllowOpen: true},
			[]string{"spans were not ended:\n  interaction of agent1 (1)\n  action \"search\" of agent1 (1/1)\n", "▶ agent1 turn 1"},
		},
		{
			"open around an implicit interaction", func(ctx context.Context, log *slog.Logger) {
				log.WithGroup("workflow.agent1").InfoContext(wfslog.StartIteration(ctx), "hello")
			},
			wfslogtest.Options{AllowOpen: true},
			[]string{"spans were not ended:\n  iteration (1)\n\n"},
		},
		{
			"panic", func(ctx context.Context, log *slog.Logger) {
				log.InfoContext(ctx, "hello", "page", slog.GroupValue(slog.Any("text", broken{})))
			},
			wfslogtest.Options{AllowBadValues: true},
			[]string{"values could not be recorded:\n  log \"hello\" (:1): attrs.page.text: !PANIC: MarshalJSON of wfslogtest_test.broken: out of paper"},
		},
		{
			"error", func(ctx context.Context, log *slog.Logger) {
				wfslog.End(wfslog.StartInteraction(ctx, "agent1", wfslog.Input([]any{1, failing{}})))
			},
			wfslogtest.Options{AllowBadValues: true},
			[]string{"interaction of agent1 (1): input[1]: !ERROR: MarshalJSON of wfslogtest_test.failing: out of ink"},
		},
		{
			"unserialisable", func(ctx context.Context, log *slog.Logger) {
				type request struct {
					Done  chan int `json:"done"`
					Other any      `json:"other"`
				}
				log.InfoContext(ctx, "hello", "request", &request{Done: make(chan int)}, "nil", request{}, "at", time.Time{})
			},
			wfslogtest.Options{AllowBadValues: true},
			[]string{"log \"hello\" (:1): attrs.request: !ERROR: JSON has no form for chan int\n\n"},
		},
		{
			"unserialisable attribute of a logger", func(ctx context.Context, log *slog.Logger) {
				log.With("f", map[string]any{"f": func() {}}).InfoContext(ctx, "hello")
			},
			wfslogtest.Options{AllowBadValues: true},
			[]string{"attrs.f: !ERROR: JSON has no form for func()"},
		},
		{
			"no key", func(ctx context.Context, log *slog.Logger) {
				args := []any{"value"}
				log.InfoContext(ctx, "hello", args...)
			},
			wfslogtest.Options{AllowBadValues: true},
			[]string{"log \"hello\" (:1): attrs: !BADKEY"},
		},
		{
			"cut", func(ctx context.Context, log *slog.Logger) {
				log.InfoContext(ctx, strings.Repeat("x", 2<<20), "text", strings.Repeat("x", 2<<20))
			},
			wfslogtest.Options{AllowCut: true},
			[]string{"values were cut:\n", ": attrs.text\n", ": msg\n"},
		},
		{
			"secret", func(ctx context.Context, log *slog.Logger) {
				log.InfoContext(ctx, "hello", "headers", map[string]string{"authorization": "Bearer abc"})
				wfslog.End(wfslog.StartAction(ctx, "search", wfslog.Input("my key is "+secret)))
			},
			wfslogtest.Options{AllowSecrets: true},
			[]string{
				"the program tried to record secrets:\n  action \"search\" (1): input\n  log \"hello\" (:1): attrs.headers.authorization\n",
			},
		},
		{
			"secret in what is not recorded", func(ctx context.Context, log *slog.Logger) {
				log.With("password", "hunter2")
			},
			wfslogtest.Options{AllowSecrets: true},
			[]string{"the program tried to log 1 secrets, in what is not recorded"},
		},
		{
			"record without context", func(_ context.Context, log *slog.Logger) {
				log.WithGroup("workflow.agent1").Info("hello")
			},
			wfslogtest.Options{AllowNoContext: true},
			[]string{"came with a context that carries no span; use that of Recorder.Context:\n", "INFO", "hello"},
		},
		{
			"span without context", func(_ context.Context, log *slog.Logger) {
				wfslog.End(wfslog.StartAction(wfslog.WithLogger(context.Background(), log), "search"))
			},
			wfslogtest.Options{AllowNoContext: true},
			[]string{"came with a context that carries no span", "✓ search"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test := &fakeTest{}
			rec := wfslogtest.New(test)
			tt.do(rec.Context(), rec.Logger())
			failures := test.end()
			require.Len(t, failures, 1)
			for _, want := range tt.want {
				assert.Contains(t, head(failures[0]), want)
			}
			assert.Contains(t, failures[0], "\n\n✓ TestFake  019b", "the tree")
			assert.NotContains(t, failures[0], secret)

			test = &fakeTest{}
			rec = tt.allow.New(test)
			tt.do(rec.Context(), rec.Logger())
			assert.Empty(t, test.end(), "%+v", tt.allow)
		})
	}
}

// head returns text that is short enough to be shown.
func head(text string) string {
	return strings.ReplaceAll(text, strings.Repeat("x", 1000), "")
}

func TestManyPlacesAreCounted(t *testing.T) {
	test := &fakeTest{}
	rec := wfslogtest.New(test)
	for range 25 {
		wfslog.StartAction(rec.Context(), "search")
	}
	failures := test.end()
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0], "action \"search\" (10)\n  and 15 more\n")
}
