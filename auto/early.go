package auto

import (
	"context"
	"log"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
)

// earlyText says what is wrong with a logger of before.
const earlyText = "wfslog: a logger was taken from slog.Default before auto was initialised; " +
	"what it logs is text and is not recorded: import auto in its package"

// watch is the handler of what package log prints. It says once if that is a record of a
// logger that was taken from [slog.Default] too early: such a logger prints its records.
type watch struct {
	slog.Handler
	said *atomic.Bool
}

func (w watch) Handle(ctx context.Context, r slog.Record) error {
	err := w.Handler.Handle(ctx, r)
	if r.PC == 0 && beginsWithLevel(r.Message) && !w.said.Load() && isPrintedBySlog() && w.said.CompareAndSwap(false, true) {
		// There is nowhere else to say that it could not be said.
		_ = w.Handler.Handle(ctx, slog.NewRecord(time.Now(), slog.LevelWarn, earlyText, 0))
	}
	return err
}

// beginsWithLevel reports whether text begins as slog's own default handler begins it.
func beginsWithLevel(text string) bool {
	text = strings.TrimPrefix(text, log.Prefix())
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.HasPrefix(text, level.String()) {
			return true
		}
	}
	return false
}

// isPrintedBySlog reports whether slog's own default handler is among our callers.
func isPrintedBySlog() bool {
	const (
		handle    = "log/slog.(*defaultHandler).Handle"
		maxFrames = 64 // it is within the first ten, but for wrappers of handlers
	)
	var pcs [maxFrames]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for {
		frame, more := frames.Next()
		if frame.Function == handle {
			return true
		}
		if !more {
			return false
		}
	}
}
