package jsonlog_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/wfslog/wfslog/handlers/jsonlog"
)

// discard is like io.Discard, but no handler can know that.
type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// logFive has as many attributes as a slog.Record holds without allocating.
func logFive(ctx context.Context, log *slog.Logger) {
	log.LogAttrs(ctx, slog.LevelInfo, "asked the model",
		slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Int("out", 85),
		slog.Duration("took", 812*time.Millisecond), slog.String("status", "ok"))
}

// BenchmarkHandle measures whole log calls against slog.JSONHandler. As the operational
// log of wfslog's handler, jsonlog is measured there.
func BenchmarkHandle(b *testing.B) {
	prompt := strings.Repeat("Explain what \"this\" does, step by step,\nand name the file. ", 140)
	logPrompt := func(ctx context.Context, log *slog.Logger) {
		log.LogAttrs(ctx, slog.LevelInfo, "asked the model", slog.String("model", "m1-large"), slog.String("input", prompt), slog.Int("out", 85))
	}
	for _, record := range []struct {
		name string
		log  func(ctx context.Context, log *slog.Logger)
	}{{"five", logFive}, {"prompt", logPrompt}} {
		for _, handler := range []struct {
			name    string
			handler slog.Handler
		}{
			{"jsonlog", jsonlog.New(discard{}, nil)},
			{"slog.JSONHandler", slog.NewJSONHandler(discard{}, nil)},
		} {
			ctx, log := context.Background(), slog.New(handler.handler)
			b.Run(record.name+"/"+handler.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					record.log(ctx, log)
				}
			})
			b.Run(record.name+"/parallel/"+handler.name, func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						record.log(ctx, log)
					}
				})
			})
		}
	}
}
