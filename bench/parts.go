package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/encode"
)

// measureParts measures what a record is made of.
func measureParts(b *bench) error {
	measureEscape(b)
	return errors.Join(measureEnabled(b), measureAllocations(b))
}

// measureEscape compares the encoding of a record whose one attribute is a text of 8
// KiB.
func measureEscape(b *bench) {
	limits := encode.Limits{}.WithDefaults()
	for _, t := range texts {
		g := b.group("escape/"+t.name, "ns")
		if g == nil {
			continue
		}
		rec := ready(func(ctx context.Context, log *slog.Logger) {
			log.LogAttrs(ctx, slog.LevelInfo, "m", slog.String("input", t.s))
		})
		sides := []side{{name: nameWfslog, op: func(n int) {
			for range n {
				e := encode.New(&limits)
				e.Object(nil, &rec)
				e.Free()
			}
		}}}
		for _, p := range peers {
			h := p.new(null{})
			sides = append(sides, side{name: p.name, op: func(n int) {
				for range n {
					_ = h.Handle(context.Background(), rec) // null never fails
				}
			}})
		}
		b.compare(g, modes[0], sides)
	}
}

// manyLevels is how many names have a level of their own.
const manyLevels = 1000

// measureEnabled measures what a record costs that nobody wants.
func measureEnabled(b *bench) (err error) {
	g := b.group("enabled", "ns")
	if g == nil {
		return nil
	}
	levels := &wfslog.Levels{}
	for i := range manyLevels {
		levels.Set(fmt.Sprintf("workflow.agent%d", i), slog.LevelWarn)
	}
	plain := wfslog.NewHandler(&wfslog.Options{Sink: null{}, JournalLevel: slog.LevelInfo, Next: slog.DiscardHandler})
	many := wfslog.NewHandler(&wfslog.Options{Sink: null{}, Level: levels, JournalLevel: levels, Next: slog.DiscardHandler})
	defer func() { err = errors.Join(plain.Close(), many.Close()) }()
	loop := func(h slog.Handler) func(n int) {
		ctx := context.Background()
		return func(n int) {
			for range n {
				if h.Enabled(ctx, slog.LevelDebug) {
					panic("bench: a level that nobody wants is enabled")
				}
			}
		}
	}
	b.compare(g, modes[0], []side{
		{name: namePlainLevel, op: loop(plain)},
		{name: nameManyLevels, op: loop(many.WithGroup("workflow.agent500"))},
		{name: nameJSON, op: loop(slog.NewJSONHandler(null{}, nil))},
	})
	return nil
}

// Names of what is measured.
const (
	namePlainLevel = "wfslog, one level"
	nameManyLevels = "wfslog, 1,000 levels"
	nameAdded      = "added by a record"
	nameSpanAllocs = "a span's start and end"
)

// plainAttrs are attributes of all kinds that need no memory of their own.
var plainAttrs = []slog.Attr{
	slog.String("model", "m1-large"), slog.Int("in", 1200), slog.Uint64("out", 85), slog.Float64("temperature", 0.7),
	slog.Bool("cached", false), slog.Duration("took", 812*time.Millisecond), slog.Time("until", time.Unix(1_790_000_000, 0)),
	slog.GroupAttrs("request", slog.String("id", "r-81f3"), slog.Int("attempt", 2)), slog.String(wfslog.KeyInput, prompt),
}

// measureAllocations counts what the handler allocates for what goes into a journal.
func measureAllocations(b *bench) (err error) {
	g := b.group("allocations", "allocations")
	if g == nil {
		return nil
	}
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	ours, err := b.openOurs(&open)
	if err != nil {
		return err
	}
	r := ours.plain
	added := 0.0
	for n := range len(plainAttrs) + 1 {
		rec := ready(func(ctx context.Context, log *slog.Logger) {
			log.LogAttrs(ctx, slog.LevelInfo, "m", plainAttrs[:n]...)
		})
		h := r.agent.Handler()
		added = max(added, testing.AllocsPerRun(1000, func() { _ = h.Handle(r.span, rec) })) // null never fails
	}
	g.add(nameAdded, added)
	span := spanLoop(r.span)
	g.add(nameSpanAllocs, testing.AllocsPerRun(1000, func() { span(1) }))
	t := newTracer()
	g.add(nameBatch, testing.AllocsPerRun(1000, func() { t.loop(1) }))
	return t.provider.Shutdown(context.Background())
}
