package event_test

import (
	"bytes"
	"testing"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
)

func BenchmarkScan(b *testing.B) {
	var journal bytes.Buffer
	if _, err := eventtest.Journal(&journal, 10, 500); err != nil {
		b.Fatal(err)
	}
	lines := eventtest.Lines(journal.Bytes())
	b.SetBytes(int64(journal.Len() / len(lines)))
	var e event.Envelope
	for i := 0; b.Loop(); i++ {
		if !e.Scan(lines[i%len(lines)]) {
			b.Fatalf("%s", lines[i%len(lines)])
		}
	}
}
