package wfslog_test

import (
	"bytes"
	"encoding/json"
	"io"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// sizes are large sets of events: many spans, many children, many runs, many
// levels.
var sizes = map[string]func(n int) []byte{
	"spans": func(n int) []byte { // 1 root, and n spans three levels deep
		return spansOf(goldenRun, n, func(i int) (string, wfslog.Kind) {
			iteration := strconv.Itoa(i/111 + 1)
			switch i := i % 111; {
			case i == 0:
				return iteration, wfslog.KindIteration
			case i%11 == 1:
				return iteration + "/" + strconv.Itoa(i/11+1), wfslog.KindInteraction
			default:
				return iteration + "/" + strconv.Itoa((i-1)/11+1) + "/" + strconv.Itoa(i%11+1), wfslog.KindAction
			}
		})
	},
	"children": func(n int) []byte {
		return spansOf(goldenRun, n, func(i int) (string, wfslog.Kind) { return strconv.Itoa(i + 1), wfslog.KindAction })
	},
	"depth": func(n int) []byte { // each span is an orphan at the greatest depth
		return spansOf(goldenRun, n, func(i int) (string, wfslog.Kind) {
			return strconv.Itoa(i+1) + strings.Repeat("/1", event.MaxDepth-1), wfslog.KindAction
		})
	},
	"prompts": func(n int) []byte { // records with 8 kB each
		s := eventtest.NewStream(goldenStreamA)
		s.Add(wfslog.Event{Type: event.TypeStart, Run: goldenRun, Kind: wfslog.KindWorkflow, Name: "w", Time: goldenStart})
		attrs, err := json.Marshal(map[string]any{"action": "llm_call", "model": "m1", "input": prompt, "n": 1})
		if err != nil {
			panic(err)
		}
		for range n {
			s.Add(wfslog.Event{Type: event.TypeLog, Run: goldenRun, Time: goldenStart, Msg: "asked", Attrs: attrs})
		}
		return bytes.Join(s.Lines, nil)
	},
	"records": func(n int) []byte { // records with five attributes, thirty in each span
		s := eventtest.NewStream(goldenStreamA)
		s.Add(wfslog.Event{Type: event.TypeStart, Run: goldenRun, Kind: wfslog.KindWorkflow, Name: "w", Time: goldenStart})
		for i := range n {
			ev := wfslog.Event{Type: event.TypeLog, Run: goldenRun, Span: strconv.Itoa(i/30 + 1), Time: goldenStart, Msg: "asked the model"}
			ev.Attrs = []byte(`{"model":"m1-large","in":1200,"out":85,"took":812000000,"status":"ok"}`)
			s.Add(ev)
		}
		return bytes.Join(s.Lines, nil)
	},
	"runs": func(n int) []byte {
		s := eventtest.NewStream(goldenStreamA)
		for i := range n {
			run := goldenRun
			run[13], run[14], run[15] = byte(i>>16), byte(i>>8), byte(i)
			s.Add(wfslog.Event{Type: event.TypeStart, Run: run, Kind: wfslog.KindWorkflow, Name: "w", Time: goldenStart})
			s.Add(wfslog.Event{Type: event.TypeEnd, Run: run, Dur: time.Second, Status: event.StatusOK, Time: goldenStart})
		}
		return bytes.Join(s.Lines, nil)
	},
}

func spansOf(run wfslog.RunID, n int, span func(i int) (string, wfslog.Kind)) []byte {
	s := eventtest.NewStream(goldenStreamA)
	s.Add(wfslog.Event{Type: event.TypeStart, Run: run, Kind: wfslog.KindWorkflow, Name: "w", Time: goldenStart})
	for i := range n {
		path, kind := span(i)
		s.Add(wfslog.Event{Type: event.TypeStart, Run: run, Span: path, Kind: kind, Time: goldenStart})
	}
	for i := range n {
		path, _ := span(i)
		s.Add(wfslog.Event{Type: event.TypeEnd, Run: run, Span: path, Dur: time.Second, Status: event.StatusOK, Time: goldenStart})
	}
	return bytes.Join(s.Lines, nil)
}

func TestLargeRuns(t *testing.T) {
	one := func(int) int { return 1 }
	tests := []struct {
		name  string
		n     int
		runs  func(n int) int
		nodes func(n int) int // lines of the flat form
	}{
		{"spans", 100_000, one, func(n int) int { return n + 1 }},
		{"children", 100_000, one, func(n int) int { return n + 1 }},
		{"depth", 2_000, one, func(n int) int { return n*event.MaxDepth + 1 }},
		{"runs", 100_000, func(n int) int { return n }, func(n int) int { return n }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if eventtest.Race {
				tt.n /= 10
			}
			b := wfslog.NewTreeBuilder(nil)
			_, err := b.Write(sizes[tt.name](tt.n))
			require.NoError(t, err)
			runs := b.Runs()
			assert.Len(t, runs, tt.runs(tt.n))
			var lines countLines
			for _, run := range runs {
				require.NoError(t, b.WriteFlat(&lines, run))
				require.NoError(t, b.WriteDocument(io.Discard, run))
			}
			assert.EqualValues(t, tt.nodes(tt.n), lines)
		})
	}
}

// countLines counts the newlines that are written to it.
type countLines int

func (c *countLines) Write(p []byte) (int, error) {
	*c += countLines(bytes.Count(p, []byte("\n")))
	return len(p), nil
}

func BenchmarkTreeBuilder(b *testing.B) {
	for _, name := range []string{"spans", "children", "depth", "prompts", "records", "runs"} {
		n := 100_000
		if name == "depth" || name == "prompts" {
			n = 10_000
		}
		b.Run(name, func(b *testing.B) {
			lines := sizes[name](n)
			b.SetBytes(int64(len(lines)))
			b.ReportAllocs()
			for b.Loop() {
				before := heap()
				tree := wfslog.NewTreeBuilder(nil)
				if _, err := tree.Write(lines); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(heap()-before)/float64(tree.Stats().Events), "heap-B/event")
				for _, run := range tree.Runs() {
					if err := tree.WriteDocument(io.Discard, run); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
