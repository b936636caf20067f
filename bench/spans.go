package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace"
	apitrace "go.opentelemetry.io/otel/trace"

	"github.com/wfslog/wfslog"
)

// Names of what is measured.
const (
	nameNowhere   = "wfslog, to nowhere"
	nameBatch     = "OpenTelemetry, batches"
	nameBlocking  = "OpenTelemetry, batches that block"
	nameTwoRecord = "two records of slog.JSONHandler"
)

// measureSpans compares the start of a span, five attributes and its end.
func measureSpans(b *bench) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	ours, err := b.openOurs(&open)
	if err != nil {
		return err
	}
	nowhere := newRecorder(wfslog.Options{Sink: null{}})
	open.add(nowhere)
	f, err := openFile(b.temp, "spans.jsonl")
	if err != nil {
		return err
	}
	open.add(f)
	json := slog.New(slog.NewJSONHandler(f, nil))
	for _, m := range modes {
		g := b.group("span/"+m.name, "ns")
		if g == nil {
			continue
		}
		batch, blocking := newTracer(), newTracer(trace.WithBlocking())
		b.compare(g, m, []side{
			{nameWfslog, spanLoop(ours.plain.span), ours.plain.settle},
			{name: nameNowhere, op: spanLoop(nowhere.span)},
			{nameBatch, batch.loop, batch.flush},
			{nameBlocking, blocking.loop, blocking.flush},
			{name: nameTwoRecord, op: func(n int) { logTwoRecords(n, json) }},
		})
		g.side(nameBatch).note = batch.kept()
		g.side(nameBlocking).note = blocking.kept()
		if err := errors.Join(batch.provider.Shutdown(context.Background()), blocking.provider.Shutdown(context.Background())); err != nil {
			return err
		}
	}
	return nil
}

func spanLoop(ctx context.Context) func(n int) {
	return func(n int) {
		for range n {
			act := wfslog.StartAction(ctx, "llm_call")
			wfslog.End(act,
				slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Int("out", 85),
				slog.Duration("took", 812*time.Millisecond), slog.String("finish_reason", "stop"))
		}
	}
}

// logTwoRecords is the same by hand.
func logTwoRecords(n int, log *slog.Logger) {
	const run, span = "0193a5e0b7c97d3f8a1b2c3d4e5f6071", "1/2/3"
	for range n {
		start := time.Now()
		log.LogAttrs(context.Background(), slog.LevelInfo, "action llm_call started",
			slog.String("run", run), slog.String("span", span), slog.String("kind", "action"), slog.String("name", "llm_call"))
		log.LogAttrs(context.Background(), slog.LevelInfo, "action llm_call ended",
			slog.String("run", run), slog.String("span", span), slog.Duration("dur", time.Since(start)), slog.String("status", "ok"),
			slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Int("out", 85),
			slog.Duration("took", 812*time.Millisecond), slog.String("finish_reason", "stop"))
	}
}

// tracer is OpenTelemetry's SDK with an exporter that discards.
type tracer struct {
	provider *trace.TracerProvider
	tracer   apitrace.Tracer
	parent   context.Context
	exported *discardSpans
	ended    atomic.Uint64
}

func newTracer(opts ...trace.BatchSpanProcessorOption) *tracer {
	t := &tracer{exported: &discardSpans{}}
	t.provider = trace.NewTracerProvider(trace.WithBatcher(t.exported, opts...))
	t.tracer = t.provider.Tracer("bench")
	t.parent, _ = t.tracer.Start(context.Background(), "iteration")
	return t
}

func (t *tracer) loop(n int) {
	for range n {
		_, span := t.tracer.Start(t.parent, "llm_call")
		span.SetAttributes(
			attribute.String("model", "m1-large"), attribute.Int("in", 1200), attribute.Int("out", 85),
			attribute.Int64("took", int64(812*time.Millisecond)), attribute.String("finish_reason", "stop"))
		span.End()
	}
	t.ended.Add(uint64(n))
}

func (t *tracer) flush() {
	_ = t.provider.ForceFlush(context.Background()) // discardSpans never fails
}

// kept says how many of the spans have been exported, unless it is all of them.
func (t *tracer) kept() string {
	if t.exported.n.Load() >= t.ended.Load() {
		return ""
	}
	return fmt.Sprintf("kept %.0f %% of its spans", 100*float64(t.exported.n.Load())/float64(t.ended.Load()))
}

// discardSpans is an exporter that counts.
type discardSpans struct{ n atomic.Uint64 }

func (d *discardSpans) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	d.n.Add(uint64(len(spans)))
	return nil
}

func (d *discardSpans) Shutdown(context.Context) error { return nil }
