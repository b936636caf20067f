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

// TestListedSumsAreThoseOfDocuments compares what ls tells of runs with their
// documents.
func TestListedSumsAreThoseOfDocuments(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, 3)
	a := &app{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}, now: time.Now}
	l := lsCommand{app: a}
	b, err := a.readAll(t.Context(), &target{inputs: []string{dir}}, newDocuments())
	require.NoError(t, err)
	rows, more, err := l.rows(t.Context(), b, newDocuments(), b.Runs(), 0)
	require.NoError(t, err)
	assert.False(t, more)
	require.Len(t, rows, 3)
	for i, row := range rows {
		doc, err := a.load(t.Context(), &target{inputs: []string{dir}, ref: fmt.Sprintf("@%d", i+1)})
		require.NoError(t, err)
		want, err := json.Marshal(newListedRun(doc, len(doc.Iterations)))
		require.NoError(t, err)
		got, err := json.Marshal(row)
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got))
		assert.Equal(t, uint64(100), *row.Usage.InputTokens)
		assert.Equal(t, 2, row.Agents)
	}
}
