package wfslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/internal/eventtest"
)

type funcValuer func() slog.Value

func (f funcValuer) LogValue() slog.Value { return f() }

type selfGroup struct{}

func (s selfGroup) LogValue() slog.Value { return slog.GroupValue(slog.Any("again", s)) }

type selfValuer struct{}

func (s selfValuer) LogValue() slog.Value { return slog.AnyValue(s) }

type panicsOnMarshal struct{}

func (panicsOnMarshal) MarshalJSON() ([]byte, error) { panic("in MarshalJSON") }

type panicsOnError struct{}

func (panicsOnError) Error() string { panic("in Error") }

func selfMap() map[string]any {
	m := map[string]any{}
	m["self"] = m
	return m
}

func nested(depth int) any {
	v := any(0)
	for range depth {
		v = []any{v}
	}
	return v
}

type chain struct{ Next *chain }

func longChain(n int) *chain {
	var c *chain
	for range n {
		c = &chain{c}
	}
	return c
}

// TestHostileRecords hands what kills, floods or fools other handlers to a
// handler with slog's JSON handler and the console behind it. What counts is
// that the program lives, that each line is valid, and that the record after it
// is recorded.
func TestHostileRecords(t *testing.T) {
	tests := []struct {
		name string
		log  func(log *slog.Logger)
		want string // in the journal
	}{
		{"LogValue panics", func(l *slog.Logger) {
			l.Info("m", "k", funcValuer(func() slog.Value { panic("boom") }))
		}, `!PANIC`},
		{"LogValue returns itself", func(l *slog.Logger) { l.Info("m", "k", selfValuer{}) }, `!ERROR`},
		{"LogValue returns a group with itself", func(l *slog.Logger) { l.Info("m", "k", selfGroup{}) }, `!CUT`},
		{"With a group with itself", func(l *slog.Logger) { l.With("k", selfGroup{}).Info("m") }, `!CUT`},
		{"LogValue logs", func(l *slog.Logger) {
			l.Info("m", "k", funcValuer(func() slog.Value { l.Info("inner"); return slog.IntValue(1) }))
		}, `"msg":"inner"`},
		{"MarshalJSON panics", func(l *slog.Logger) { l.Info("m", "k", panicsOnMarshal{}) }, `!PANIC`},
		{"Error panics", func(l *slog.Logger) { l.Info("m", "k", panicsOnError{}) }, `!PANIC`},
		{"map with itself", func(l *slog.Logger) { l.Info("m", "k", selfMap()) }, `!CUT`},
		{"map with itself in a group", func(l *slog.Logger) { l.WithGroup("g").Info("m", slog.Group("h", "k", selfMap())) }, `!CUT`},
		{"deep slices", func(l *slog.Logger) { l.Info("m", "k", nested(1_000_000)) }, `!CUT`},
		{"deep structs", func(l *slog.Logger) { l.Info("m", "k", longChain(1_000_000)) }, `!CUT`},
		{"large slice", func(l *slog.Logger) { l.Info("m", "k", make([]int, 1_000_000)) }, `!CUT`},
		{"string of 100 MB", func(l *slog.Logger) { l.Info("m", "k", strings.Repeat("x", 100<<20)) }, `"bytes":104857600`},
		{"100,000 attributes", func(l *slog.Logger) {
			args := make([]any, 0, 100_000)
			for range 100_000 {
				args = append(args, slog.Int("k", 1))
			}
			l.Info("m", args...)
		}, `!CUT`},
		{"odd arguments", func(l *slog.Logger) { l.Info("m", []any{"k", 1, 2, "lonely"}...) }, `!BADKEY`},
		{"our own keys", func(l *slog.Logger) {
			l.Info("m", "seq", 99, "crc", "x", "span", "9", "ſpan", "9", "KIND", "x", "event", "end", "time", "x", "level", "x", "msg", "x")
		}, `"attrs":{"seq":99,`},
		{"empty key", func(l *slog.Logger) { l.Info("m", "", 1) }, `"attrs":{"":1}`},
		{"keys with control characters", func(l *slog.Logger) { l.Info("m", "a\x1b[2J\n\"b", 1) }, `{"a\u001b[2J\n\"b":1}`},
		{"key of 1 MB", func(l *slog.Logger) { l.Info("m", strings.Repeat("k", 1<<20), 1) }, `"kkk`},
		{"invalid UTF-8 in a key", func(l *slog.Logger) { l.Info("m", "a\xff", 1) }, `"flags":["utf8"]`},
		{"keys of JavaScript", func(l *slog.Logger) {
			l.Info("m", "__proto__", 1, "constructor", 2, "toString", slog.GroupValue(slog.Int("__proto__", 3)))
		}, `{"__proto__":1,"constructor":2,"toString":{"__proto__":3}}`},
		{"group with an attribute that panics", func(l *slog.Logger) {
			l.Info("m", slog.Group("g", "k", funcValuer(func() slog.Value { panic("boom") }), "after", 1))
		}, `,"after":1}`},
		{"group names with control characters", func(l *slog.Logger) { l.WithGroup("g\x1b[2J").Info("m", "k", 1) }, `{"g\u001b[2J":{"k":1}}`},
		{"name with control characters", func(l *slog.Logger) { l.WithGroup("workflow.\x1b[2J").Info("m") }, `"logger":"workflow.\u001b[2J"`},
		{"cancelled context", func(l *slog.Logger) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			l.InfoContext(ctx, "cancelled")
		}, `"msg":"cancelled"`},
		{"duplicate keys", func(l *slog.Logger) { l.With("k", 1).Info("m", "k", 2, "k", 3) }, `"!DUP":{"k":[1,2]}`},
		{"keys like ours", func(l *slog.Logger) { l.Info("m", "!CUT", 1, "!BADKEY", 2) }, `"!!CUT":1`},
		{"groups 10,000 deep", func(l *slog.Logger) {
			for range 10_000 {
				l = l.WithGroup("g")
			}
			l.Info("m", "k", 1)
		}, `"k":1`},
		{"many With calls", func(l *slog.Logger) {
			n := 100_000
			if eventtest.Race {
				n /= 10
			}
			for range n {
				l = l.With("k", 1)
			}
			l.Info("m")
		}, `!CUT`},
		{"message of 20 MB", func(l *slog.Logger) { l.Info(strings.Repeat("x", 20<<20)) }, `!CUT`},
		{"empty message", func(l *slog.Logger) { l.Info("") }, `"msg":""`},
		{"escape sequence in the message", func(l *slog.Logger) { l.Info("a\x1b[2Jb\r\n") }, `a\u001b[2Jb\r\n`},
		{"invalid UTF-8 in the message", func(l *slog.Logger) { l.Info("a\xffb") }, `"flags":["utf8"]`},
		{"level far above", func(l *slog.Logger) { l.Log(context.Background(), 1_000_000_000, "m") }, `"level":1000000000`},
		{"level far below", func(l *slog.Logger) { l.Log(context.Background(), -1000, "m") }, `"level":-1000`},
		{"not a number", func(l *slog.Logger) { l.Info("m", "k", math.NaN()) }, `"k":"NaN"`},
		{"year 10000", func(l *slog.Logger) { l.Info("m", "k", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)) }, `10000`},
		{"no time, no source", func(l *slog.Logger) {
			_ = l.Handler().Handle(context.Background(), slog.Record{Message: "bare"})
		}, `"msg":"bare"`},
		{"nil context", func(l *slog.Logger) {
			_ = l.Handler().Handle(noContext, slog.Record{Message: "bare"})
		}, `"msg":"bare"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var next, screen bytes.Buffer
			h, s := newSink(t, wfslog.Options{JournalLevel: slog.Level(math.MinInt), Next: slog.NewMultiHandler(slog.NewJSONHandler(&next, nil), console.New(&screen, nil))})
			log := slog.New(h).WithGroup("workflow.a")
			tt.log(log)
			log.Info("afterwards")
			logs := s.logs(t) // every line parses
			assert.Equal(t, "afterwards", logs[len(logs)-1].Msg)
			assert.True(t, strings.Contains(s.String(), tt.want), "want %q in %.2000s", tt.want, s.String())
			assert.Less(t, s.Len(), 17<<20, "bytes in the journal")
			for line := range bytes.Lines(next.Bytes()) {
				assert.True(t, json.Valid(line), "operational log: %.2000s", line)
			}
			assert.NotContains(t, screen.String(), "\x1b[2J")
			assert.Contains(t, screen.String(), "afterwards")
		})
	}
}

func TestGoexitInLogValueLeavesTheHandlerWorking(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	log := slog.New(h).WithGroup("workflow.a")
	done := make(chan struct{})
	go func() {
		defer close(done)
		log.Info("m", "k", funcValuer(func() slog.Value { runtime.Goexit(); return slog.Value{} }))
	}()
	<-done
	log.Info("afterwards")
	assert.Equal(t, "afterwards", s.logs(t)[0].Msg)
}

func TestLogValueThatBlocksHoldsUpOnlyItsCaller(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	log := slog.New(h).WithGroup("workflow.a")
	entered, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		log.Info("slow", "k", funcValuer(func() slog.Value { close(entered); <-release; return slog.IntValue(1) }))
	}()
	<-entered
	log.Info("fast")
	assert.Equal(t, "fast", s.logs(t)[0].Msg)
	close(release)
	<-done
	assert.Equal(t, "slow", s.logs(t)[1].Msg)
}

func TestValuesAreRenderedInsideHandle(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	value := map[string]int{"n": 1}
	slog.New(h).WithGroup("workflow.a").Info("m", "k", value)
	value["n"] = 2
	assert.JSONEq(t, `{"k":{"n":1}}`, string(s.logs(t)[0].Attrs))
}

// TestSpansWithHostileNames is about what is not an attribute.
func TestSpansWithHostileNames(t *testing.T) {
	for _, name := range []string{
		"\x1b[2J", "a\xffb", strings.Repeat("é", 600_000), "../../etc/passwd", "a\x00b", "\u202egnp", "\"}\n{\"seq\":1",
	} {
		var next, screen bytes.Buffer
		h, s := newSink(t, wfslog.Options{
			Level: slog.LevelDebug, Next: slog.NewMultiHandler(slog.NewJSONHandler(&next, nil), console.New(&screen, nil)),
		})
		ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), slog.New(h)), name)
		turn := wfslog.StartInteraction(ctx, name, slog.String(name, name))
		wfslog.AddResource(turn, name, name)
		failed := errors.New(name)
		wfslog.EndErr(wfslog.StartAction(turn, name), &failed)
		wfslog.End(turn, wfslog.Status(name))
		wfslog.End(ctx)
		assert.Len(t, s.events(t), 8, "every line parses: %.100q", name)
		for line := range bytes.Lines(next.Bytes()) {
			assert.True(t, json.Valid(line), "operational log: %.2000s", line)
		}
		assert.NotContains(t, screen.String(), "\x1b[2J")
	}
}

func TestCloseDuringWrites(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	log := slog.New(h).WithGroup("workflow.a")
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			for range 20 {
				log.Info("m")
			}
		})
	}
	require.NoError(t, h.Close())
	wg.Wait()
	assert.Equal(t, uint64(2000), uint64(len(s.logs(t)))+h.Stats().AfterClose)
}

func TestOnErrorMayDoAnything(t *testing.T) {
	var h *wfslog.Handler
	tests := []struct {
		name    string
		onError func(called chan<- struct{}, block <-chan struct{}) func(error)
	}{
		{"logs", func(called chan<- struct{}, _ <-chan struct{}) func(error) {
			return func(error) { slog.New(h).WithGroup("workflow.a").Info("from OnError"); called <- struct{}{} }
		}},
		{"panics", func(called chan<- struct{}, _ <-chan struct{}) func(error) {
			return func(error) { called <- struct{}{}; panic("in OnError") }
		}},
		{"blocks", func(called chan<- struct{}, block <-chan struct{}) func(error) {
			return func(error) { called <- struct{}{}; <-block }
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			called, block := make(chan struct{}, 100), make(chan struct{})
			h = wfslog.NewHandler(&wfslog.Options{Sink: failingSink{}, Next: slog.DiscardHandler, OnError: tt.onError(called, block)})
			log := slog.New(h).WithGroup("workflow.a")
			for range 10 {
				log.Info("lost")
			}
			<-called
			close(block)
			assert.Error(t, h.Close())
		})
	}
}

// failsFirst is the time that each of several records takes whose writes fail, with a
// fake clock.
func failsFirst(t *testing.T, opts wfslog.Options, log func(*wfslog.Handler)) (took []time.Duration) {
	t.Helper()
	opts.Sink = failingSink{}
	h := wfslog.NewHandler(&opts)
	for range 3 {
		start := time.Now()
		log(h)
		took = append(took, time.Since(start))
	}
	synctest.Wait()
	assert.Error(t, h.Close())
	return took
}

func agentLogs(h *wfslog.Handler) { slog.New(h).WithGroup("workflow.a").Info("lost") }

func TestFirstFailureIsToldBeforeTheCallReturns(t *testing.T) {
	for name, log := range map[string]func(*wfslog.Handler){
		"record": agentLogs,
		"end":    func(h *wfslog.Handler) { wfslog.End(background(h)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			next, told := make(tells, 100), make(chan error, 100)
			took := failsFirst(t, wfslog.Options{Next: next, OnError: func(err error) { told <- err }}, func(h *wfslog.Handler) {
				log(h)
				assert.NotEmpty(t, told, "%s", name)
			})
			assert.Equal(t, make([]time.Duration, 3), took, "%s: nobody waits for time to pass", name)
			close(next)
			var warnings []string
			for message := range next {
				if strings.HasPrefix(message, "WARN ") {
					warnings = append(warnings, message)
				}
			}
			assert.Len(t, warnings, 1, "%s", name)
		})
	}
}

// TestNobodyWaitsLongForTheFirstFailure has what is told wait for the handler itself.
func TestNobodyWaitsLongForTheFirstFailure(t *testing.T) {
	const longest = 100 * time.Millisecond
	tests := []struct {
		name string
		opts func(h **wfslog.Handler, release <-chan struct{}) wfslog.Options
		want time.Duration // of the first record
	}{
		{"OnError logs", func(h **wfslog.Handler, _ <-chan struct{}) wfslog.Options {
			return wfslog.Options{Next: slog.DiscardHandler, OnError: func(error) { agentLogs(*h); agentLogs(*h) }}
		}, longest},
		{"Next logs", func(h **wfslog.Handler, _ <-chan struct{}) wfslog.Options {
			return wfslog.Options{Next: logsItself{h}}
		}, longest},
		{"OnError blocks", func(_ **wfslog.Handler, release <-chan struct{}) wfslog.Options {
			return wfslog.Options{Next: slog.DiscardHandler, OnError: func(error) { <-release }}
		}, longest},
		{"OnError panics", func(**wfslog.Handler, <-chan struct{}) wfslog.Options {
			return wfslog.Options{Next: slog.DiscardHandler, OnError: func(error) { panic("in OnError") }}
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var handler *wfslog.Handler
				release := make(chan struct{})
				var once sync.Once
				took := failsFirst(t, tt.opts(&handler, release), func(h *wfslog.Handler) {
					if handler == nil {
						handler = h
					} else {
						once.Do(func() { close(release) }) // Close would wait as well
					}
					agentLogs(h)
				})
				assert.Equal(t, []time.Duration{tt.want, 0, 0}, took)
			})
		})
	}
}

// logsItself is a handler that logs its warnings again, to the handler in front of it.
type logsItself struct{ h **wfslog.Handler }

func (logsItself) Enabled(context.Context, slog.Level) bool { return true }

func (l logsItself) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		agentLogs(*l.h)
	}
	return nil
}

func (l logsItself) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l logsItself) WithGroup(string) slog.Handler      { return l }

func TestCloseWaitsForOnError(t *testing.T) {
	called, release := make(chan struct{}), make(chan struct{})
	told := false
	h := wfslog.NewHandler(&wfslog.Options{Sink: failingSink{}, Next: slog.DiscardHandler, OnError: func(error) {
		close(called)
		<-release
		told = true
	}})
	slog.New(h).WithGroup("workflow.a").Info("lost")
	<-called
	go close(release)
	require.Error(t, h.Close())
	assert.True(t, told)
}

// panickingSink panics at each write.
type panickingSink struct{}

func (panickingSink) Write([]byte) (int, error) { panic("in Write") }
func (panickingSink) Close() error              { return errors.New("closing failed") }

func TestSinkMayPanic(t *testing.T) {
	h := wfslog.NewHandler(&wfslog.Options{Sink: panickingSink{}, Next: slog.NewTextHandler(io.Discard, nil)})
	log := slog.New(h).WithGroup("workflow.a")
	log.Info("m")
	log.Info("m")
	assert.ErrorContains(t, h.Close(), "closing failed")
	assert.Zero(t, h.Stats().Written)
}
