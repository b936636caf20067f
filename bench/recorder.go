package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/jsonlog"
)

// Names of wfslog's sides.
const (
	nameWfslog  = "wfslog"
	nameNoSpan  = "wfslog, no span"
	nameSynced  = "wfslog, synced each second"
	nameWithLog = "wfslog and a JSON log"
)

// recorder is a wfslog handler, with a span that is open and the logger of an agent.
type recorder struct {
	h     *wfslog.Handler
	span  context.Context
	agent *slog.Logger
}

func newRecorder(opts wfslog.Options) *recorder {
	if opts.Next == nil {
		opts.Next = slog.DiscardHandler
	}
	if opts.Journal.SegmentBytes == 0 { // see maxFileBytes
		opts.Journal.SegmentBytes = maxFileBytes / 4
		opts.Journal.MaxBytes = maxFileBytes
	}
	h := wfslog.NewHandler(&opts)
	r := &recorder{h: h, agent: slog.New(h).WithGroup("workflow.agent1")}
	r.span = wfslog.StartIteration(r.workflow())
	return r
}

// workflow returns a context with the root of a new run.
func (r *recorder) workflow() context.Context {
	return wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), slog.New(r.h)), "bench")
}

// Close closes the handler. It fails if the handler had failed before: then something
// else was measured than a record. Segments that retention has deleted are no failure.
func (r *recorder) Close() error {
	err := r.h.Close()
	switch stats := r.h.Stats(); {
	case err != nil:
		return err
	case stats.LastError != nil:
		return stats.LastError
	case stats.Accepted == 0 || stats.Written+stats.Lost != stats.Accepted:
		return fmt.Errorf("of %d events %d were written, %d lost", stats.Accepted, stats.Written, stats.Lost)
	}
	return nil
}

// settle waits until the journal's background has caught up.
func (r *recorder) settle() { time.Sleep(25 * time.Millisecond) }

// newOperationalLog returns the handler that writes the operational log as JSON,
// for [wfslog.Options.Next].
func newOperationalLog(w *buffered) slog.Handler { return jsonlog.New(w, nil) }

// loop returns an op that logs r.
func (r record) loop(ctx context.Context, log *slog.Logger) func(n int) {
	return func(n int) {
		for range n {
			r.log(ctx, log)
		}
	}
}
