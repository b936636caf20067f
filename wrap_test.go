package wfslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// finding is what the decorated functions of these tests return, if it is more
// than a text.
type finding struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

// panicsOnIs is an error that errors.Is cannot be asked about.
type panicsOnIs struct{}

func (panicsOnIs) Error() string { return "asks for trouble" }
func (panicsOnIs) Is(error) bool { panic("Is") }

// returning returns a function that returns out and err, and ignores what it is
// given.
func returning[In, Out any](out Out, err error) func(context.Context, In) (Out, error) {
	return func(context.Context, In) (Out, error) { return out, err }
}

func TestDecorators(t *testing.T) {
	boom, why := errors.New("boom"), errors.New("the user left")
	cancelled := func(ctx context.Context, cause error) context.Context {
		ctx, cancel := context.WithCancelCause(ctx)
		cancel(cause)
		return ctx
	}
	wait := func(ctx context.Context, _ string) (string, error) {
		<-ctx.Done()
		return "", fmt.Errorf("waiting: %w", ctx.Err())
	}
	tests := []struct {
		name string
		do   func(ctx context.Context) (any, error)
		want []string // without the start of the workflow
		out  any
		err  string
	}{
		{
			name: "an interaction",
			do: func(ctx context.Context) (any, error) {
				return wfslog.InteractionFunc("workflow.agent1", returning[string](finding{"a.go", 3}, nil))(ctx, "where?")
			},
			want: []string{
				`start "1" interaction agent1 {"input":"where?"}`,
				`end "1" n=2 kids=0 ok {"output":{"file":"a.go","line":3}}`,
			},
			out: finding{"a.go", 3},
		},
		{
			name: "an action",
			do: func(ctx context.Context) (any, error) {
				return wfslog.ActionFunc("search", returning[finding](7, nil))(ctx, finding{"a.go", 3})
			},
			want: []string{
				`start "1" action search {"input":{"file":"a.go","line":3}}`,
				`end "1" n=2 kids=0 ok {"output":7}`,
			},
			out: 7,
		},
		{
			name: "struct{} is nothing, nil is something",
			do: func(ctx context.Context) (any, error) {
				_, _ = wfslog.ActionFunc("none", returning[struct{}](struct{}{}, nil))(ctx, struct{}{})
				_, _ = wfslog.ActionFunc("none", returning[struct{}](struct{}{}, boom))(ctx, struct{}{})
				return wfslog.ActionFunc("nil", returning[error, error](nil, nil))(ctx, nil)
			},
			want: []string{
				`start "1" action none`, `end "1" n=2 kids=0 ok`,
				`start "2" action none`, `end "2" n=2 kids=0 error boom`,
				`start "3" action nil {"input":null}`, `end "3" n=2 kids=0 ok {"output":null}`,
			},
			out: error(nil),
		},
		{
			name: "an error",
			do: func(ctx context.Context) (any, error) {
				return wfslog.ActionFunc("search", returning[string]("", boom))(ctx, "q")
			},
			want: []string{`start "1" action search {"input":"q"}`, `end "1" n=2 kids=0 error boom`},
			out:  "", err: "boom",
		},
		{
			name: "an error and half of an output",
			do: func(ctx context.Context) (any, error) {
				return wfslog.ActionFunc("search", returning[string]([]string{"half"}, boom))(ctx, "q")
			},
			want: []string{`start "1" action search {"input":"q"}`, `end "1" n=2 kids=0 error boom {"output":["half"]}`},
			out:  []string{"half"}, err: "boom",
		},
		{
			name: "Do with each kind",
			do: func(ctx context.Context) (any, error) {
				f := func(context.Context) (string, error) { return "done", nil }
				_, _ = wfslog.Do(ctx, wfslog.KindIteration, "not used", f)
				_, _ = wfslog.Do(ctx, wfslog.KindInteraction, "workflow.agent1", f, wfslog.Input("q"))
				_, _ = wfslog.Do(ctx, "unknown", "step", f)
				_, _ = wfslog.Do(ctx, wfslog.KindWorkflow, "", f)
				return wfslog.Do(ctx, wfslog.KindAction, "llm_call", f, wfslog.Model("m1"), slog.Int("try", 2))
			},
			want: []string{
				`start "1" iteration`, `end "1" n=2 kids=0 ok {"output":"done"}`,
				`start "2" interaction agent1 {"input":"q"}`, `end "2" n=2 kids=0 ok {"output":"done"}`,
				`start "3" action step`, `end "3" n=2 kids=0 ok {"output":"done"}`,
				`start "" workflow workflow`, `end "" n=2 kids=0 ok {"output":"done"}`,
				`start "4" action llm_call {"model":"m1","try":2}`, `end "4" n=2 kids=0 ok {"output":"done"}`,
			},
			out: "done",
		},
		{
			name: "decorators in each other",
			do: func(ctx context.Context) (any, error) {
				search := wfslog.ActionFunc("search", returning[string](3, nil))
				twice := wfslog.ActionFunc("outer", wfslog.ActionFunc("inner", returning[string]("x", boom)))
				return wfslog.InteractionFunc("agent1", func(ctx context.Context, q string) (int, error) {
					_, err := twice(ctx, "i")
					assert.Equal(t, boom, err)
					return search(ctx, q+"?")
				})(ctx, "q")
			},
			want: []string{
				`start "1" interaction agent1 {"input":"q"}`,
				`start "1/1" action outeragent1 {"input":"i"}`,
				`start "1/1/1" action inneragent1 {"input":"i"}`,
				`end "1/1/1" n=2 kids=0 error boom {"output":"x"}`,
				`end "1/1" n=2 kids=1 error boom {"output":"x"}`,
				`start "1/2" action searchagent1 {"input":"q?"}`,
				`end "1/2" n=2 kids=0 ok {"output":3}`,
				`end "1" n=2 kids=2 ok {"output":3}`,
			},
			out: 3,
		},
		{
			name: "the function ends the span itself",
			do: func(ctx context.Context) (any, error) {
				return wfslog.ActionFunc("a", func(ctx context.Context, _ string) (string, error) {
					wfslog.End(ctx, wfslog.Status("early"))
					return "late", nil
				})(ctx, "q")
			},
			want: []string{`start "1" action a {"input":"q"}`, `end "1" n=2 kids=0 ok {"status":"early"}`},
			out:  "late",
		},
		{
			name: "a suppressed context",
			do: func(ctx context.Context) (any, error) {
				return wfslog.InteractionFunc("agent1", returning[string](1, boom))(wfslog.Suppress(ctx), "q")
			},
			out: 1, err: "boom",
		},
		{
			name: "cancelled, with a cause",
			do: func(ctx context.Context) (any, error) {
				return wfslog.ActionFunc("wait", wait)(cancelled(ctx, why), "")
			},
			want: []string{
				`start "1" action wait {"input":""}`,
				`end "1" n=2 kids=0 error waiting: context canceled {"cause":"the user left"}`,
			},
			out: "", err: "waiting: context canceled",
		},
		{
			name: "cancelled, without a cause",
			do: func(ctx context.Context) (any, error) {
				return wfslog.ActionFunc("wait", wait)(cancelled(ctx, nil), "")
			},
			want: []string{`start "1" action wait {"input":""}`, `end "1" n=2 kids=0 error waiting: context canceled`},
			out:  "", err: "waiting: context canceled",
		},
		{
			name: "cancelled, and the cause is returned",
			do: func(ctx context.Context) (any, error) {
				both := errors.Join(context.Canceled, why)
				return wfslog.ActionFunc("wait", returning[string]("", both))(cancelled(ctx, why), "")
			},
			want: []string{
				`start "1" action wait {"input":""}`, `end "1" n=2 kids=0 error context canceled` + "\n" + `the user left`,
			},
			out: "", err: "context canceled\nthe user left",
		},
		{
			name: "cancelled, but that was not it",
			do: func(ctx context.Context) (any, error) {
				_, _ = wfslog.ActionFunc("a", returning[string]("", boom))(cancelled(ctx, why), "")
				return wfslog.ActionFunc("b", returning[string]("", error(panicsOnIs{})))(cancelled(ctx, why), "")
			},
			want: []string{
				`start "1" action a {"input":""}`, `end "1" n=2 kids=0 error boom`,
				`start "2" action b {"input":""}`, `end "2" n=2 kids=0 error asks for trouble`,
			},
			out: "", err: "asks for trouble",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newSink(t, wfslog.Options{})
			out, err := tt.do(background(h))
			assert.Equal(t, append([]string{"open", `start "" workflow test`}, tt.want...), summaries(t, s))
			assert.Equal(t, tt.out, out)
			if tt.err == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, tt.err)
			}
		})
	}
}

func TestDecoratorsWithoutASpanUseTheDefaultRun(t *testing.T) {
	newDefaultRun(t)
	h, s := newSink(t, wfslog.Options{Workflow: "program"})
	ctx := wfslog.WithLogger(context.Background(), slog.New(h))
	_, err := wfslog.ActionFunc("search", returning[string](1, nil))(ctx, "q")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"open", `start "" workflow program [default]`, `start "1" action search {"input":"q"}`,
		`end "1" n=2 kids=0 ok {"output":1}`,
	}, summaries(t, s))
}

func TestDecoratedFunctionGetsAContext(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(slog.DiscardHandler))
	out, err := wfslog.Do(noContext, wfslog.KindAction, "a", func(ctx context.Context) (bool, error) {
		return ctx != nil, nil
	})
	assert.NoError(t, err)
	assert.True(t, out, "a nil context is replaced")
}

// TestDecoratorsRenderInsideTheCall changes what was given and returned as soon as
// that is allowed.
func TestDecoratorsRenderInsideTheCall(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	in, out := map[string]int{"n": 1}, map[string]int{"n": 1}
	got, err := wfslog.ActionFunc("a", func(_ context.Context, in map[string]int) (map[string]int, error) {
		in["n"] = 2
		return out, nil
	})(background(h), in)
	require.NoError(t, err)
	got["n"] = 2
	require.NoError(t, h.Flush(t.Context()))
	assert.Equal(t, []string{
		`start "1" action a {"input":{"n":1}}`, `end "1" n=2 kids=0 ok {"output":{"n":1}}`,
	}, summaries(t, s)[2:])
}

func TestDecoratedPanicIsRecordedAndGoesOn(t *testing.T) {
	var none *finding
	value := &finding{"a.go", 3}
	boom := errors.New("boom")
	tests := []struct {
		name string
		f    func(context.Context, string) (string, error)
		want any // nil: a runtime error
		text string
	}{
		{"value", func(context.Context, string) (string, error) { panic(value) }, value, `panic: *wfslog_test.finding {"file":"a.go","line":3}`},
		{"error", func(context.Context, string) (string, error) { panic(boom) }, boom, `panic: boom`},
		{
			"runtime error", func(context.Context, string) (string, error) { return none.File, nil }, nil,
			`panic: runtime error: invalid memory address or nil pointer dereference`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newSink(t, wfslog.Options{})
			agent := wfslog.InteractionFunc("agent1", wfslog.ActionFunc("search", tt.f))
			got := func() (p any) {
				defer func() { p = recover() }()
				_, _ = agent(background(h), "q")
				return nil
			}()
			if tt.want == nil {
				assert.Implements(t, (*runtime.Error)(nil), got)
			} else {
				assert.Same(t, tt.want, got)
			}
			assert.Equal(t, []string{
				`start "1" interaction agent1 {"input":"q"}`, `start "1/1" action searchagent1 {"input":"q"}`,
				`end "1/1" n=2 kids=0 error ` + tt.text, `end "1" n=2 kids=1 error ` + tt.text,
			}, summaries(t, s)[2:])
		})
	}
}

// envCrash makes the test binary crash in a decorated function.
const envCrash = "TEST_CRASH_DECORATED"

//go:noinline
func thirdFrame(text string) string { panic("lost " + text) }

//go:noinline
func secondFrame(_ context.Context, text string) (string, error) { return thirdFrame(text), nil }

//go:noinline
func firstFrame(ctx context.Context, text string) (string, error) {
	return wfslog.ActionFunc("second", secondFrame)(ctx, text)
}

func TestCrashShowsTheOriginalStack(t *testing.T) {
	if os.Getenv(envCrash) != "" {
		h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: slog.DiscardHandler})
		done := make(chan struct{})
		go func() { // a test would recover
			_, _ = wfslog.InteractionFunc("first", firstFrame)(background(h), "keys")
			close(done) // by defer, the test might end before the panic ends the program
		}()
		<-done
		return
	}
	self, err := os.Executable()
	require.NoError(t, err)
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+t.Name()+"$")
	cmd.Env, cmd.Stderr = append(os.Environ(), envCrash+"=1"), &stderr
	require.Error(t, cmd.Run())
	rest := stderr.String()
	for _, words := range []string{"panic: lost keys", "wfslog_test.thirdFrame", "wfslog_test.secondFrame", "wfslog_test.firstFrame"} {
		_, after, ok := strings.Cut(rest, words)
		require.True(t, ok, "no %q in that order in\n%s", words, &stderr)
		rest = after
	}
}

func TestDecoratedGoexitFails(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	ctx := background(h)
	done := make(chan struct{})
	returned := false
	go func() {
		defer close(done)
		_, _ = wfslog.ActionFunc("a", func(context.Context, string) (string, error) {
			runtime.Goexit()
			return "", nil
		})(ctx, "q")
		returned = true
	}()
	<-done
	assert.False(t, returned)
	assert.Equal(t, `end "1" n=2 kids=0 error runtime.Goexit called`, summaries(t, s)[3])
}

func TestDecoratorsTellTheCaller(t *testing.T) {
	var next bytes.Buffer
	h, _ := newSink(t, wfslog.Options{
		Level: slog.LevelDebug,
		Next:  slog.NewJSONHandler(&next, &slog.HandlerOptions{AddSource: true, Level: slog.LevelDebug}),
	})
	ctx := background(h)
	next.Reset()
	_, _, line, _ := runtime.Caller(0)
	f := wfslog.InteractionFunc("agent1", returning[string]("", nil))
	_, _ = f(ctx, "q")
	g := wfslog.ActionFunc("a", returning[finding](finding{}, nil))
	_, _ = g(ctx, finding{})
	_, _ = wfslog.Do(ctx, wfslog.KindAction, "b", func(context.Context) (int, error) { return 0, nil })
	assert.Panics(t, func() {
		_, _ = wfslog.Do(ctx, wfslog.KindAction, "c", func(context.Context) (int, error) { panic("p") })
	})
	var lines []int
	for decoder := json.NewDecoder(&next); decoder.More(); {
		var r struct {
			Msg    string
			Source slog.Source
		}
		require.NoError(t, decoder.Decode(&r))
		assert.Contains(t, r.Source.Function, "TestDecoratorsTellTheCaller", "source of %s: %+v", r.Msg, r.Source)
		lines = append(lines, r.Source.Line-line)
	}
	assert.Equal(t, []int{2, 2, 4, 4, 5, 5, 7, 7}, lines, "of starts and ends, after line %d", line)
}

func TestDecoratorsRefuseNil(t *testing.T) {
	tests := []struct {
		want string
		do   func()
	}{
		{"wfslog: Do of a nil function", func() {
			_, _ = wfslog.Do[int](context.Background(), wfslog.KindAction, "a", nil)
		}},
		{"wfslog: InteractionFunc of a nil function", func() { wfslog.InteractionFunc[int, int]("a", nil) }},
		{"wfslog: ActionFunc of a nil function", func() { wfslog.ActionFunc[int, int]("a", nil) }},
	}
	for _, tt := range tests {
		assert.PanicsWithValue(t, tt.want, tt.do)
	}
}

func TestDecoratedConcurrentSafe(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	ctx := background(h)
	f := wfslog.ActionFunc("double", func(_ context.Context, n int) (string, error) { return strconv.Itoa(2 * n), nil })
	done := make(chan error)
	const calls = 50
	for n := range calls {
		go func() {
			out, err := f(ctx, n)
			if err == nil && out != strconv.Itoa(2*n) {
				err = fmt.Errorf("double of %d: %s", n, out)
			}
			done <- err
		}()
	}
	for range calls {
		assert.NoError(t, <-done)
	}
	inputs, outputs := map[string]string{}, map[string]string{}
	for _, ev := range s.events(t) {
		switch ev.Type {
		case "start":
			inputs[ev.Span] = string(ev.Attrs)
		case "end":
			outputs[ev.Span] = string(ev.Attrs)
		}
	}
	require.Len(t, outputs, calls)
	for span, out := range outputs {
		var in, doubled int
		_, err := fmt.Sscanf(inputs[span]+out, `{"input":%d}{"output":"%d"}`, &in, &doubled)
		assert.NoError(t, err, inputs[span]+out)
		assert.Equal(t, 2*in, doubled, "span %s", span)
	}
}

// search is decorated in the benchmarks.
func search(_ context.Context, query string) (string, error) { return query, nil }

var decorated = wfslog.ActionFunc("search", search)

// searchByHand records what decorated records, but for panics.
func searchByHand(ctx context.Context, query string) (out string, err error) {
	ctx = wfslog.StartAction(ctx, "search", wfslog.Input(query))
	defer func() { wfslog.EndErr(ctx, &err, wfslog.Output(out)) }()
	return search(ctx, query)
}

// BenchmarkDecorated compares a decorated function with the same calls by hand.
func BenchmarkDecorated(b *testing.B) {
	run := func(f func(context.Context, string) (string, error)) func(ctx context.Context, _ *slog.Logger) {
		return func(ctx context.Context, _ *slog.Logger) { _, _ = f(ctx, "how many?") }
	}
	ctx, _ := newJournal(b, b.TempDir())
	for _, bb := range []struct {
		name string
		ctx  context.Context
		f    logFunc
	}{
		{"hand", ctx, run(searchByHand)},
		{"decorated", ctx, run(decorated)},
		{"suppressed", wfslog.Suppress(ctx), run(decorated)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.f(bb.ctx, nil)
			}
		})
	}
}

func TestDecoratorsAllocateAsMuchAsByHand(t *testing.T) {
	if eventtest.Race { // under which sync.Pool drops some of what it gets
		return
	}
	h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: slog.DiscardHandler})
	allocs := func(f func(context.Context, string) (string, error)) float64 {
		ctx := background(h) // paths get longer
		return testing.AllocsPerRun(100, func() { _, _ = f(ctx, "q") })
	}
	assert.Equal(t, allocs(searchByHand), allocs(decorated))
	require.NoError(t, h.Close())
}
