package wfslog_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/ring"
)

// withRings lets handlers have crash rings from their first write on.
func withRings(t *testing.T) {
	before := ring.After
	ring.After = 0
	t.Cleanup(func() { ring.After = before })
}

// Documents are made from the segments. What is in the crash ring is brought there
// before.
func TestDocumentsHaveWhatIsInTheCrashRing(t *testing.T) {
	withRings(t)
	for _, policy := range []wfslog.SavePolicy{wfslog.SaveIterations, wfslog.SaveInteractions} {
		dir := t.TempDir()
		r := newRecorder(t, dir, wfslog.Options{SaveOn: policy})
		ctx := r.workflow("w")
		for i := range 5 {
			it := wfslog.StartIteration(ctx)
			turn := wfslog.StartInteraction(it, "agent1")
			r.log.InfoContext(turn, fmt.Sprint("record ", i))
			wfslog.End(turn)
			wfslog.End(it)
			assert.Equal(t, folded(t, dir), saved(t, dir), "at the end of iteration %d", i)
		}
		r.log.InfoContext(ctx, "saved by hand")
		require.NoError(t, r.Save(t.Context()))
		assert.Equal(t, folded(t, dir), saved(t, dir))
		r.log.InfoContext(ctx, "flushed")
		require.NoError(t, r.Flush(t.Context()))
		assert.Equal(t, folded(t, dir), saved(t, dir))
		wfslog.End(ctx)
		assert.Equal(t, folded(t, dir), saved(t, dir))
		require.NoError(t, r.Close())
		rings, err := journal.Rings(dir)
		require.NoError(t, err)
		assert.Empty(t, rings)
	}
}

// Save writes what all handlers of the directory have recorded.
func TestSaveHasWhatIsInTheCrashRingsOfOthers(t *testing.T) {
	withRings(t)
	dir := t.TempDir()
	a, b := newRecorder(t, dir, wfslog.Options{}), newRecorder(t, dir, wfslog.Options{})
	ctx := a.workflow("w")
	a.log.InfoContext(ctx, "of a")
	b.log.InfoContext(ctx, "of b")
	b.log.InfoContext(ctx, "of b, in its crash ring")
	require.NoError(t, a.Save(t.Context()))
	assert.Equal(t, folded(t, dir), saved(t, dir))
	require.NoError(t, a.Close())
	require.NoError(t, b.Close())
}

// What is in the crash ring counts as written.
func TestRecordInTheCrashRingIsWritten(t *testing.T) {
	withRings(t)
	dir := t.TempDir()
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever})
	ctx, log := background(h), slog.New(h)
	for i := range 10_000 {
		log.InfoContext(ctx, fmt.Sprint(i))
	}
	stats := h.Stats()
	assert.Equal(t, stats.Accepted, stats.Written)
	require.NoError(t, h.Close())
	assert.Equal(t, h.Stats().Accepted, h.Stats().Written)
	assert.Zero(t, h.Stats().Lost)
	require.Empty(t, readJournal(t, dir).Problems())
}
