package wfslog

import (
	"context"
	"log/slog"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A span that was injected is found as long as a context carries it, and not kept for
// that.
func TestInjectedSpansAreFreed(t *testing.T) {
	known := func() int {
		injected.mu.Lock()
		defer injected.mu.Unlock()
		return len(injected.spans)
	}
	ctx := WithLogger(context.Background(), slog.New(slog.DiscardHandler))
	root := StartWorkflow(ctx, "kept")
	const n = 1000
	for range n {
		Marshal(StartAction(root, "dropped"))
	}
	text := Marshal(root)
	for i := 0; known() > n/2 && i < 1000; i++ {
		runtime.GC() // what it finds is withdrawn by another goroutine
	}
	assert.LessOrEqual(t, known(), n/2)
	assert.Same(t, stateFrom(root).span, stateFrom(Unmarshal(ctx, text)).span.remote.local)
}
