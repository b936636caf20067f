package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
	phuslu "github.com/phuslu/log"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"
	"go.uber.org/zap/zapcore"
)

// peer is another slog handler.
type peer struct {
	name    string
	modules []string // whose versions the report names; none for the standard library
	what    string   // that a reader has to know
	json    bool     // whether it writes JSON
	new     func(w io.Writer) slog.Handler
}

// Names of what is measured.
const (
	nameJSON   = "slog.JSONHandler"
	nameTint   = "tint"
	nameZero   = "zerolog"
	nameZap    = "zap"
	namePhuslu = "phuslu/log"
	nameOtel   = "otelslog"
)

// peers are the handlers that write lines.
var peers = []peer{
	{nameJSON, nil, "the standard library", true, func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }},
	{nameTint, []string{"github.com/lmittmann/tint"}, "text for people, without colours", false, func(w io.Writer) slog.Handler {
		return tint.NewTextHandler(w, &tint.Options{NoColor: true, TimeFormat: time.RFC3339Nano})
	}},
	{nameZero, []string{"github.com/rs/zerolog"}, "its slog handler; groups become dotted keys", true, func(w io.Writer) slog.Handler {
		zerolog.TimeFieldFormat = time.RFC3339Nano // else it writes seconds only
		return zerolog.NewSlogHandler(zerolog.New(w))
	}},
	{nameZap, []string{"go.uber.org/zap", "go.uber.org/zap/exp"}, "zapslog", true, func(w io.Writer) slog.Handler {
		config := zap.NewProductionEncoderConfig()
		config.EncodeTime = zapcore.RFC3339NanoTimeEncoder
		return zapslog.NewHandler(zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(w), zapcore.InfoLevel))
	}},
	{namePhuslu, []string{"github.com/phuslu/log"}, "its slog handler; it does not lock, the sinks do", true, func(w io.Writer) slog.Handler {
		return phuslu.SlogNewJSONHandler(w, nil)
	}},
}

// otelModules are the modules of OpenTelemetry that are measured.
var otelModules = []string{
	"go.opentelemetry.io/contrib/bridges/otelslog", "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/sdk/log",
}

// newOtelHandler returns the handler of OpenTelemetry's bridge, in front of a batch
// processor whose exporter discards: nothing is encoded, and what does not fit into
// its queue is dropped.
func newOtelHandler() (h slog.Handler, shutdown func() error) {
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(discardLogs{})))
	h = otelslog.NewHandler("bench", otelslog.WithLoggerProvider(provider))
	return h, func() error { return provider.Shutdown(context.Background()) }
}

// discardLogs is an exporter that does nothing.
type discardLogs struct{}

func (discardLogs) Export(context.Context, []sdklog.Record) error { return nil }

func (discardLogs) Shutdown(context.Context) error { return nil }

func (discardLogs) ForceFlush(context.Context) error { return nil }
