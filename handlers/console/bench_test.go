package console_test

import (
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/lmittmann/tint"

	"github.com/wfslog/wfslog/handlers/console"
)

// discard is like io.Discard, but no handler can know that.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkHandle measures a log call against plain tint, which shows the same
// attributes whole.
func BenchmarkHandle(b *testing.B) {
	prompt := strings.Repeat("Name the file, say what is wrong there, and quote the line.\n", 8<<10/60)
	handlers := []struct {
		name string
		make func(w io.Writer) slog.Handler
	}{
		{"terminal", func(w io.Writer) slog.Handler {
			return console.NewLooking(w, console.Options{}, console.Looks{Terminal: true, Color: true, Columns: 120})
		}},
		{"pipe", func(w io.Writer) slog.Handler { return console.New(w, nil) }},
		{"tint", func(w io.Writer) slog.Handler { return tint.NewTextHandler(w, nil) }},
	}
	for _, hh := range handlers {
		l := slog.New(hh.make(discard{}))
		b.Run("small/"+hh.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				l.InfoContext(ctx, "asked the model", "logger", "workflow.agent1", "action", "llm_call",
					"input", "where are errors ignored, and what would break?", "attempt", 1200, wf("span", "1/2/3"))
			}
		})
		b.Run("prompt/"+hh.name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				l.InfoContext(ctx, "asked the model", "logger", "workflow.agent1", "action", "llm_call",
					"input", prompt, "attempt", 1200, wf("span", "1/2/3"))
			}
		})
	}
}
