package wfslog_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/jsonlog"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// The benchmarks measure whole log calls, with the attributes written in the
// loop. Each stands beside the same call to slog.JSONHandler with an unbuffered
// file in the same directory: the peer that also hands each record to the kernel
// before it returns. What counts is the ratio of two neighbours.

// logFunc logs the record that is measured.
type logFunc func(ctx context.Context, log *slog.Logger)

// measure runs log against the journal and its peer, in one goroutine and in
// several.
func measure(b *testing.B, journal, peer logFunc) {
	dir := b.TempDir()
	loop := func(ctx context.Context, log *slog.Logger, f logFunc) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f(ctx, log)
			}
		}
	}
	parallel := func(ctx context.Context, log *slog.Logger, f logFunc) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					f(ctx, log)
				}
			})
		}
	}
	ctx, agent := newJournal(b, dir)
	json := newJSONFile(b, dir)
	b.Run("serial/journal", loop(ctx, agent, journal))
	b.Run("serial/slog.JSONHandler", loop(context.Background(), json, peer))
	b.Run("parallel/journal", parallel(ctx, agent, journal))
	b.Run("parallel/slog.JSONHandler", parallel(context.Background(), json, peer))
}

// newJournal returns a context with a span, and the logger of an agent, that are
// recorded in dir.
func newJournal(tb testing.TB, dir string) (context.Context, *slog.Logger) {
	tb.Helper()
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever})
	tb.Cleanup(func() { require.NoError(tb, h.Close()) })
	return wfslog.StartIteration(background(h)), slog.New(h).WithGroup("workflow.agent1")
}

func newJSONFile(tb testing.TB, dir string) *slog.Logger {
	tb.Helper()
	f, err := os.OpenFile(filepath.Join(dir, "log.jsonl"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = f.Close() })
	return slog.New(slog.NewJSONHandler(f, nil))
}

// logFive has as many attributes as a slog.Record holds without allocating.
func logFive(ctx context.Context, log *slog.Logger) {
	log.LogAttrs(ctx, slog.LevelInfo, "asked the model",
		slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Int("out", 85),
		slog.Duration("took", 812*time.Millisecond), slog.String("status", "ok"))
}

func logSix(ctx context.Context, log *slog.Logger) {
	log.LogAttrs(ctx, slog.LevelInfo, "asked the model",
		slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Int("out", 85),
		slog.Duration("took", 812*time.Millisecond), slog.String("status", "ok"),
		slog.GroupAttrs("request", slog.String("id", "r-81f3"), slog.Int("attempt", 2), slog.Bool("cached", false)))
}

// prompt and answer have 8 kB and 2 kB, with a quote or a line break every 30
// bytes or so.
var (
	prompt = strings.Repeat("Explain what \"this\" does, step by step,\nand name the file. ", 140)
	answer = strings.Repeat("It reads \"a.go\" and prints the\nfirst line of it. ", 42)
)

func logPrompt(ctx context.Context, log *slog.Logger) {
	log.LogAttrs(ctx, slog.LevelInfo, "asked the model",
		wfslog.Action("llm_call"), wfslog.Model("m1-large"), wfslog.Input(prompt), wfslog.Output(answer), slog.Int("out", 85))
}

func BenchmarkRecord(b *testing.B) {
	b.Run("five", func(b *testing.B) { measure(b, logFive, logFive) })
	b.Run("six", func(b *testing.B) { measure(b, logSix, logSix) })
	b.Run("prompt", func(b *testing.B) { measure(b, logPrompt, logPrompt) })
}

func logSpan(ctx context.Context, _ *slog.Logger) {
	act := wfslog.StartAction(ctx, "llm_call", slog.String("model", "m1-large"))
	wfslog.End(act, slog.String("finish_reason", "stop"))
}

// logTwoRecords is logSpan by hand.
func logTwoRecords(ctx context.Context, log *slog.Logger) {
	const run = "0193a5e0b7c97d3f8a1b2c3d4e5f6071"
	log.LogAttrs(ctx, slog.LevelInfo, "action llm_call started", slog.String("run", run),
		slog.String("span", "1/2/3"), slog.String("kind", "action"), slog.String("name", "llm_call"), slog.String("model", "m1-large"))
	log.LogAttrs(ctx, slog.LevelInfo, "action llm_call ended", slog.String("run", run),
		slog.String("span", "1/2/3"), slog.Duration("dur", 812*time.Millisecond), slog.String("status", "ok"),
		slog.String("finish_reason", "stop"))
}

// BenchmarkSpan compares the start and the end of a span with two records that
// say the same.
func BenchmarkSpan(b *testing.B) {
	measure(b, logSpan, logTwoRecords)
}

// BenchmarkHandler measures the handler alone: records that are ready, and spans, on
// their way to nowhere.
func BenchmarkHandler(b *testing.B) {
	h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: slog.DiscardHandler})
	b.Cleanup(func() { require.NoError(b, h.Close()) })
	ctx, agent := wfslog.StartIteration(background(h)), slog.New(h).WithGroup("workflow.agent1")
	for _, bb := range []struct {
		name string
		log  logFunc
	}{{"five", logFive}, {"six", logSix}, {"prompt", logPrompt}} {
		b.Run(bb.name, func(b *testing.B) {
			var ready keptRecord
			bb.log(ctx, slog.New(&ready))
			b.ReportAllocs()
			for b.Loop() {
				_ = agent.Handler().Handle(ctx, ready.record) // nopSink never fails
			}
		})
	}
	b.Run("span", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			logSpan(ctx, agent)
		}
	})
}

// keptRecord is a handler that keeps the last record.
type keptRecord struct {
	slog.Handler
	record slog.Record
}

func (*keptRecord) Enabled(context.Context, slog.Level) bool { return true }

func (h *keptRecord) Handle(_ context.Context, r slog.Record) error {
	h.record = r.Clone()
	return nil
}

// benchForwarder delivers at once, or never.
type benchForwarder struct {
	release <-chan struct{} // Forward waits until it is closed; nil means not at all
}

func (f benchForwarder) Forward(context.Context, []wfslog.Event) error {
	if f.release != nil {
		<-f.release
	}
	return nil
}

func (benchForwarder) Close() error { return nil }

// BenchmarkForward measures a record without a forwarder, with one that takes
// everything at once, and with one that is stuck in its first batch. The second reads
// the journal meanwhile, which takes processor time of its own; the third does not.
func BenchmarkForward(b *testing.B) {
	stuck := make(chan struct{})
	for _, with := range []struct {
		name    string
		forward []wfslog.Forwarder
		release func()
	}{
		{"none", nil, func() {}},
		{"working", []wfslog.Forwarder{benchForwarder{}}, func() {}},
		{"stalled", []wfslog.Forwarder{benchForwarder{stuck}}, func() { close(stuck) }},
	} {
		h := wfslog.NewHandler(&wfslog.Options{
			Dir: b.TempDir(), Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever, Forward: with.forward,
		})
		b.Cleanup(func() {
			with.release()
			require.NoError(b, h.Close())
		})
		ctx, agent := wfslog.StartIteration(background(h)), slog.New(h).WithGroup("workflow.agent1")
		b.Run("serial/"+with.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				logFive(ctx, agent)
			}
		})
		b.Run("parallel/"+with.name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					logFive(ctx, agent)
				}
			})
		})
	}
}

// discardWriter is like io.Discard, but no handler can know that.
type discardWriter struct{}

func (discardWriter) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkNext measures what an operational log in JSON adds to a record in a span.
// What counts is the difference between jsonlog and none, as a part of what
// slog.JSONHandler takes alone. The journal and the logs go nowhere.
func BenchmarkNext(b *testing.B) {
	for _, record := range []struct {
		name string
		log  logFunc
	}{{"five", logFive}, {"prompt", logPrompt}} {
		loop := func(name string, ctx context.Context, log *slog.Logger) {
			b.Run(record.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					record.log(ctx, log)
				}
			})
		}
		for _, next := range []struct {
			name    string
			handler slog.Handler
		}{
			{"none", slog.DiscardHandler},
			{"jsonlog", jsonlog.New(discardWriter{}, nil)},
			{"jsonlog in middleware", middleware{Handler: jsonlog.New(discardWriter{}, nil)}},
			{"slog.JSONHandler", slog.NewJSONHandler(discardWriter{}, nil)},
		} {
			h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: next.handler})
			b.Cleanup(func() { require.NoError(b, h.Close()) })
			loop(next.name, wfslog.StartIteration(background(h)), slog.New(h).WithGroup("workflow.agent1"))
		}
		loop("slog.JSONHandler alone", context.Background(), slog.New(slog.NewJSONHandler(discardWriter{}, nil)))
	}
}

// BenchmarkDisabled measures what a record costs that nobody wants.
func BenchmarkDisabled(b *testing.B) {
	h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, JournalLevel: slog.LevelInfo, Next: slog.DiscardHandler})
	b.Cleanup(func() { require.NoError(b, h.Close()) })
	for name, ctx := range map[string]context.Context{"no span": context.Background(), "span": background(h)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h.Enabled(ctx, slog.LevelDebug)
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					h.Enabled(ctx, slog.LevelDebug)
				}
			})
		})
	}
}

func TestPlainRecordsDoNotAllocate(t *testing.T) {
	if eventtest.Race { // under which sync.Pool drops some of what it gets
		return
	}
	warnings := slog.NewTextHandler(failingSink{}, &slog.HandlerOptions{Level: slog.LevelWarn})
	tests := []struct {
		name string
		next slog.Handler
		log  logFunc
	}{
		{"no attributes", slog.DiscardHandler, func(ctx context.Context, log *slog.Logger) { log.InfoContext(ctx, "m") }},
		{"five attributes", slog.DiscardHandler, logFive},
		{"a prompt", slog.DiscardHandler, func(ctx context.Context, log *slog.Logger) {
			log.LogAttrs(ctx, slog.LevelInfo, "m", slog.String(wfslog.KeyInput, prompt))
		}},
		{"not for the operational log", warnings, logFive},
		{"in the default run", slog.DiscardHandler, func(_ context.Context, log *slog.Logger) { logFive(context.Background(), log) }},
		{"in JSON", jsonlog.New(discardWriter{}, nil), logFive},
		{"a prompt in JSON", jsonlog.New(discardWriter{}, nil), func(ctx context.Context, log *slog.Logger) {
			log.LogAttrs(ctx, slog.LevelInfo, "m", slog.String(wfslog.KeyInput, prompt))
		}},
		{"for nobody", warnings, func(ctx context.Context, log *slog.Logger) {
			log.LogAttrs(ctx, wfslog.LevelTrace-1, "m", slog.Int("k", 1))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: tt.next})
			ctx, log := background(h), slog.New(h).WithGroup("workflow.agent1").With("request", "r-1")
			assert.Zero(t, testing.AllocsPerRun(100, func() { tt.log(ctx, log) }))
			require.NoError(t, h.Close())
		})
	}
}

// TestSpansAllocateLittle counts: the span with its context, its address, and what the
// stream knows of it.
func TestSpansAllocateLittle(t *testing.T) {
	if eventtest.Race {
		return
	}
	h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Next: slog.DiscardHandler})
	ctx := wfslog.StartIteration(background(h))
	log := slog.New(h)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { logSpan(ctx, log) }), 3.0)
	require.NoError(t, h.Close())
}
