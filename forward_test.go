package wfslog_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// Forwarder is what README says a wfslog.Forwarder is.
type Forwarder interface {
	Forward(ctx context.Context, batch []wfslog.Event) error // nil: delivered; else the batch comes again
	Close() error
}

var (
	_ Forwarder        = wfslog.Forwarder(nil)
	_ wfslog.Forwarder = Forwarder(nil)
)

// collector is a forwarder that fails as long as it is told to.
type collector struct {
	mu     sync.Mutex // protects following fields
	fails  bool
	events []wfslog.Event
	closed int
}

func (c *collector) Forward(_ context.Context, batch []wfslog.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fails {
		return errors.New("not now")
	}
	c.events = append(c.events, batch...)
	return nil
}

func (c *collector) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
	return nil
}

func (c *collector) work(works bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails = !works
}

func TestForwardersGetAllEvents(t *testing.T) {
	dir := t.TempDir()
	good, bad := &collector{}, &collector{fails: true}
	forward := []wfslog.Forwarder{good, nil, (*collector)(nil), bad}
	var complaints bytes.Buffer
	r := newRecorder(t, dir, wfslog.Options{Forward: forward, Next: slog.NewTextHandler(&complaints, nil), Level: slog.LevelWarn})
	assert.Contains(t, complaints.String(), "Forward[1] is nil")
	assert.Contains(t, complaints.String(), "Forward[2] is nil")
	assert.True(t, forward[2] != nil, "the caller's list is not changed")

	run := r.workflow("w")
	for range 10 {
		ctx := wfslog.StartIteration(run)
		r.log.InfoContext(ctx, "forwarded", wfslog.Action("llm_call"))
		wfslog.End(ctx)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, r.Flush(ctx), context.Canceled, "one of them does not deliver")
	assert.Positive(t, r.Stats().Lag)

	bad.work(true)
	require.NoError(t, r.Flush(t.Context()))
	assert.Zero(t, r.Stats().Lag)
	assert.Len(t, good.events, 32) // open, start of the workflow, and 10 times 3
	assert.Equal(t, good.events, bad.events)
	for i, ev := range good.events {
		assert.EqualValues(t, i+1, ev.Seq)
	}

	wfslog.End(run)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close())
	assert.Len(t, good.events, 34)
	assert.Equal(t, 1, good.closed)
	assert.Equal(t, 1, bad.closed)
}

func TestWhatAForwarderLeavesIsDeliveredByTheNext(t *testing.T) {
	dir := t.TempDir()
	broken := &collector{fails: true}
	first := newRecorder(t, dir, wfslog.Options{Forward: []wfslog.Forwarder{broken}})
	wfslog.End(first.workflow("left behind"))
	require.NoError(t, first.Close())

	working := &collector{}
	second := newRecorder(t, dir, wfslog.Options{Forward: []wfslog.Forwarder{working}})
	wfslog.End(second.workflow("later"))
	require.NoError(t, second.Flush(t.Context()))
	var names []string
	for _, ev := range working.events {
		if ev.Type == "start" {
			names = append(names, ev.Name)
		}
	}
	assert.ElementsMatch(t, []string{"left behind", "later"}, names)
	require.NoError(t, second.Close())
}

func TestForwardWithASinkIsSaid(t *testing.T) {
	var complaints bytes.Buffer
	h, _ := newSink(t, wfslog.Options{Forward: []wfslog.Forwarder{&collector{}}, Next: slog.NewTextHandler(&complaints, nil)})
	assert.Contains(t, complaints.String(), "Forward needs a journal")
	require.NoError(t, h.Flush(t.Context()))
}
