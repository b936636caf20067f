package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// record records runs with long texts in dir.
func record(t *testing.T, dir string, runs int) {
	t.Helper()
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever})
	log := slog.New(h)
	long := strings.Repeat("text ", 1000)
	for i := range runs {
		ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), fmt.Sprintf("w%d", i), slog.String("long", long))
		turn := wfslog.StartInteraction(wfslog.StartIteration(ctx), "a", wfslog.Input(long))
		call := wfslog.StartAction(turn, "llm", wfslog.Input(long))
		log.InfoContext(call, long, wfslog.Action("inner"), wfslog.Tokens(1, 1), wfslog.Output(long))
		wfslog.End(call, wfslog.Output(long), wfslog.Tokens(100, 10), wfslog.Cost(0.25))
		log.WithGroup("workflow.b").ErrorContext(ctx, long, "k", long, wfslog.Action(long), "error", long)
		log.WithGroup("workflow.b").InfoContext(ctx, long, "k", long)
		wfslog.End(turn, wfslog.Status("odd"))
		wfslog.End(ctx)
	}
	require.NoError(t, h.Close())
}

// TestSlimLinesHaveTheSameSums compares what ls tells of runs, of which it keeps no
// texts, with their documents.
func TestSlimLinesHaveTheSameSums(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, 3)
	a := &app{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, now: time.Now}
	l := lsCommand{app: a}
	list, err := l.count(t.Context(), &target{inputs: []string{dir}}, time.Time{})
	require.NoError(t, err)
	rows, more, err := list.rows(t.Context(), 0)
	require.NoError(t, err)
	assert.False(t, more)
	require.Len(t, rows, 3)
	for i, row := range rows {
		doc, err := a.load(t.Context(), &target{inputs: []string{dir}, ref: fmt.Sprintf("@%d", i+1)})
		require.NoError(t, err)
		want, err := json.Marshal(newListedRun(doc))
		require.NoError(t, err)
		got, err := json.Marshal(row)
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got))
		assert.Equal(t, uint64(100), *row.Usage.InputTokens)
		assert.Equal(t, 2, row.Agents)
	}

	b := a.newBuilder(func(wfslog.RunID) bool { return true })
	b.slim = newSlimmer()
	require.NoError(t, a.scan(t.Context(), &target{inputs: []string{dir}}, newDocuments(), b.add))
	assert.Less(t, b.held, 3*20*1000, "bytes of lines that are kept")
}

func TestRunsAreListedInBatches(t *testing.T) {
	l := list{runs: map[wfslog.RunID]*counted{}}
	for i, events := range []int{maxBatch / 2, maxBatch / 2, 1, maxListed, 5, maxBatch} {
		run := wfslog.RunID{byte(i + 1)}
		l.runs[run] = &counted{events: events}
		l.all = append(l.all, run)
	}
	var sizes []int
	for rest := l.all; len(rest) > 0; {
		batch := l.next(rest)
		sizes = append(sizes, len(batch))
		rest = rest[:len(rest)-len(batch)]
	}
	assert.Equal(t, []int{1, 1, 1, 2, 1}, sizes)
}
