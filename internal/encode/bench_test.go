package encode_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// discard is a writer that is not io.Discard, for which slog has a fast path.
type discard struct{ n int }

func (d *discard) Write(b []byte) (int, error) {
	d.n += len(b)
	return len(b), nil
}

// records are what is measured: what agents log, and texts of 8 kB that are hard on
// an encoder each in its own way.
var records = []struct {
	name  string
	attrs []slog.Attr
}{
	{"mixed", []slog.Attr{
		slog.String("model", "m1-large"), slog.Int("attempt", 2), slog.Duration("took", 812*time.Millisecond),
		slog.Float64("temperature", 0.7), slog.Bool("cached", false), slog.Time("until", time.Unix(1_790_000_000, 123_456_789).UTC()),
		slog.Group("usage", slog.Int("input_tokens", 1200), slog.Int("output_tokens", 85)),
	}},
	{"prompt", textAttr("Explain what \"this\" does, step by step,\nand name the file. ")},
	{"prose", textAttr("The quick brown fox jumps over the lazy dog, and the dog, for once, does not mind it at all. ")},
	{"cjk", textAttr("大規模言語モデルに作業の手順を説明し、結果を確認する。한국어 문장도 있다。")},
	{"code", textAttr("\tif err := f(\"a\\n\"); err != nil {\n\t\treturn fmt.Errorf(\"f: %w\", err)\n\t}\n")},
	{"reflected", []slog.Attr{
		slog.Any("headers", map[string]string{"accept": "text/html", "host": "example.org"}),
		slog.Any("tools", []string{"search", "read", "write"}),
		slog.Any("call", struct {
			Name string         `json:"name"`
			Args map[string]any `json:"args,omitempty"`
		}{"search", map[string]any{"query": "weather", "n": 3}}),
	}},
}

// textAttr returns an attribute with s repeated to 8 kB.
func textAttr(s string) []slog.Attr {
	return []slog.Attr{slog.String("input", strings.Repeat(s, 8<<10/len(s)))}
}

func record(attrs []slog.Attr) slog.Record {
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	return r
}

// BenchmarkRecord measures the attributes of a record against slog.JSONHandler,
// which also writes a level and a message of one letter.
func BenchmarkRecord(b *testing.B) {
	for _, bb := range records {
		r := record(bb.attrs)
		b.Run(bb.name+"/encode", func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				e := encode.New(&limits)
				e.Object(nil, &r)
				n = len(e.Buf)
				e.Free()
			}
			b.SetBytes(int64(n))
		})
		b.Run(bb.name+"/slog", func(b *testing.B) {
			b.ReportAllocs()
			w := &discard{}
			h := slog.NewJSONHandler(w, nil)
			for b.Loop() {
				w.n = 0
				_ = h.Handle(context.Background(), r) // discard never fails
			}
			b.SetBytes(int64(w.n))
		})
	}
}

// BenchmarkWith is [BenchmarkRecord] for a record beside the attributes and groups of
// With calls.
func BenchmarkWith(b *testing.B) {
	attrs := []slog.Attr{slog.String("request", "r-1"), slog.Int("user", 7)}
	r := record(records[0].attrs)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		var s *encode.Scope
		for _, group := range []string{"", "g"} {
			e := encode.New(&limits)
			s = s.WithGroup(group).WithAttrs(e, attrs)
			e.Free()
		}
		for b.Loop() {
			e := encode.New(&limits)
			e.Object(s, &r)
			e.Free()
		}
	})
	b.Run("slog", func(b *testing.B) {
		b.ReportAllocs()
		h := slog.NewJSONHandler(&discard{}, nil).WithAttrs(attrs).WithGroup("g").WithAttrs(attrs)
		for b.Loop() {
			_ = h.Handle(context.Background(), r) // discard never fails
		}
	})
}

func TestOrdinaryAttributesDoNotAllocate(t *testing.T) {
	five := record([]slog.Attr{
		slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Duration("took", time.Second),
		slog.Float64("temperature", 0.7), slog.Bool("cached", false),
	})
	text := record(records[1].attrs)
	var s *encode.Scope
	s = s.WithAttrs(encode.New(&limits), []slog.Attr{slog.Int("a", 1)}).WithGroup("g")
	for name, run := range map[string]func(e *encode.Encoder){
		"five":           func(e *encode.Encoder) { e.Object(nil, &five) },
		"five in groups": func(e *encode.Encoder) { e.Object(s, &five) },
		"8 kB":           func(e *encode.Encoder) { e.Object(nil, &text) },
	} {
		n := testing.AllocsPerRun(100, func() {
			e := encode.New(&limits)
			run(e)
			e.Free()
		})
		if !eventtest.Race { // under which sync.Pool drops some of what it gets
			require.Zero(t, n, name)
		}
	}
}

// BenchmarkRedact measures what it costs to look for secrets where there are none.
func BenchmarkRedact(b *testing.B) {
	for _, tt := range records {
		r := record(tt.attrs)
		for _, mode := range []string{"keep", "redact"} {
			b.Run(tt.name+"/"+mode, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					e := encode.New(&limits)
					e.Redact = mode == "redact"
					e.Object(nil, &r)
					e.Free()
				}
			})
		}
	}
}
