package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// TestTextsAreWhatTheyAreSaidToBe counts the bytes between two that are escaped.
func TestTextsAreWhatTheyAreSaidToBe(t *testing.T) {
	for name, want := range map[string]struct{ least, most float64 }{
		"prose": {textBytes, textBytes * 2}, "code": {7, 8}, "prompt": {25, 40}, "cjk": {textBytes, textBytes * 2},
	} {
		for _, text := range texts {
			if text.name != name {
				continue
			}
			assert.InDelta(t, textBytes, len(text.s), 200, name)
			escaped := strings.Count(text.s, `"`) + strings.Count(text.s, `\`) + strings.Count(text.s, "\n") + strings.Count(text.s, "\t")
			distance := textBytes * 1.5
			if escaped > 0 {
				distance = float64(len(text.s)) / float64(escaped)
			}
			assert.GreaterOrEqual(t, distance, want.least, name)
			assert.LessOrEqual(t, distance, want.most, name)
		}
	}
	assert.InDelta(t, 8000, len(prompt), 300)
	assert.InDelta(t, 2000, len(answer), 100)
}

// TestSpanAndRecordReachTheJournal makes sure that what is measured is recorded.
func TestSpanAndRecordReachTheJournal(t *testing.T) {
	tree := wfslog.NewTreeBuilder(nil)
	r := newRecorder(wfslog.Options{Sink: tree})
	for _, rec := range records {
		rec.loop(r.span, r.agent)(2)
		rec.loop(context.Background(), r.agent)(1)
	}
	spanLoop(r.span)(3)
	require.NoError(t, r.Close())
	events := map[string]uint64{} // by workflow
	for _, run := range tree.Runs() {
		doc, err := tree.Document(run)
		require.NoError(t, err)
		events[doc.Workflow] = doc.Integrity.Events
	}
	require.Len(t, events, 2, "the one with the span, and the default run")
	ofSpan := events["bench"]
	delete(events, "bench")
	assert.EqualValues(t, 2+2*len(records)+2*3, ofSpan)
	for _, n := range events {
		assert.EqualValues(t, 2+len(records), n, "start and end of the run besides")
	}
}

func TestModesShareTheWork(t *testing.T) {
	for _, m := range modes {
		done := make(chan int, m.goroutines)
		m.share(1003, func(n int) { done <- n })
		close(done)
		sum := 0
		for n := range done {
			sum += n
		}
		assert.Equal(t, 1003, sum, m.name)
	}
}
