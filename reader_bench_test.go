package wfslog_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// BenchmarkReader compares reading a journal from a file into a [wfslog.TreeBuilder],
// and making its document, with encoding/json decoding its lines into structs. One operation is
// a round of all three; what counts are the medians of the ratios within a round.
func BenchmarkReader(b *testing.B) {
	for _, bm := range []struct {
		name string
		text int
	}{{"small", 80}, {"mixed", 500}, {"large", 4000}} {
		b.Run(bm.name, func(b *testing.B) {
			var journal bytes.Buffer
			_, err := eventtest.Journal(&journal, 40<<20/(35*2*(bm.text+500)), bm.text)
			require.NoError(b, err)
			lines := eventtest.Lines(journal.Bytes())
			path := filepath.Join(b.TempDir(), "journal.jsonl")
			require.NoError(b, os.WriteFile(path, journal.Bytes(), 0o600))
			var index, document, decode []float64
			took := func(f func()) float64 {
				runtime.GC() // nobody clears up what others have left
				start := time.Now()
				f()
				return float64(time.Since(start))
			}
			for b.Loop() {
				decode = append(decode, took(func() {
					for _, line := range lines {
						var ev wfslog.Event
						if err := json.Unmarshal(line, &ev); err != nil {
							b.Fatal(err)
						}
					}
				}))
				tree := wfslog.NewTreeBuilder(nil)
				read := took(func() { readLineFile(b, tree, path) })
				write := took(func() { require.NoError(b, tree.WriteDocument(io.Discard, tree.Runs()[0])) })
				index = append(index, decode[len(decode)-1]/read)
				document = append(document, decode[len(decode)-1]/(read+write))
			}
			b.ReportMetric(median(decode)/float64(len(lines)), "json-ns/event")
			b.ReportMetric(float64(journal.Len())/float64(len(lines)), "B/event")
			b.ReportMetric(median(index), "index-x")
			b.ReportMetric(median(document), "document-x")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
