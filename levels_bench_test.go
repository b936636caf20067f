package wfslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// manyLevels returns levels with n configured names below "workflow", all of them
// Warn.
func manyLevels(n int) *wfslog.Levels {
	levels := &wfslog.Levels{}
	for i := range n {
		levels.Set(fmt.Sprintf("workflow.agent%d", i), slog.LevelWarn)
	}
	return levels
}

// enabledCase is a logger whose records of level Debug nobody wants.
type enabledCase struct {
	name string
	h    slog.Handler
	ctx  context.Context
}

// enabledCases returns loggers with names of one to five segments, one with a
// level of its own, of a handler that has 1 000 configured names for the operational
// log and for the journal.
func enabledCases(tb testing.TB) (levels *wfslog.Levels, cases []enabledCase) {
	tb.Helper()
	levels = manyLevels(1000)
	h := wfslog.NewHandler(&wfslog.Options{Sink: nopSink{}, Level: levels, JournalLevel: levels, Next: slog.DiscardHandler})
	tb.Cleanup(func() { require.NoError(tb, h.Close()) })
	ctx := context.Background()
	span := wfslog.StartIteration(background(h))
	return levels, []enabledCase{
		{"root", h, span},
		{"configured", h.WithGroup("workflow.agent500"), ctx},
		{"configured, span", h.WithGroup("workflow.agent500"), span},
		{"covered, span", h.WithGroup("workflow.agent999.tools.web.get"), span},
		{"of no level, span", h.WithGroup("workflow.other.tools.web.get"), span},
	}
}

// BenchmarkEnabled measures what a record costs that nobody wants, with 1 000
// configured names.
func BenchmarkEnabled(b *testing.B) {
	_, cases := enabledCases(b)
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.h.Enabled(c.ctx, slog.LevelDebug)
			}
		})
	}
	c := cases[3]
	b.Run(c.name+"/parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				c.h.Enabled(c.ctx, slog.LevelDebug)
			}
		})
	})
}

// BenchmarkLevelsSet measures a change of one of 1 000 names.
func BenchmarkLevelsSet(b *testing.B) {
	levels := manyLevels(1000)
	b.ReportAllocs()
	for b.Loop() {
		levels.Set("workflow.agent500", slog.LevelInfo)
	}
}

func TestEnabledDoesNotAllocate(t *testing.T) {
	levels, cases := enabledCases(t)
	for _, c := range cases {
		require.False(t, c.h.Enabled(c.ctx, slog.LevelDebug), c.name)
		if !eventtest.Race {
			assert.Zero(t, testing.AllocsPerRun(100, func() { c.h.Enabled(c.ctx, slog.LevelDebug) }), c.name)
		}
	}
	levels.Set("", slog.LevelDebug)
	levels.Set("workflow.agent999.tools", slog.LevelDebug)
	var got []bool
	for _, c := range cases {
		got = append(got, c.h.Enabled(c.ctx, slog.LevelDebug))
	}
	assert.Equal(t, []bool{true, false, false, true, true}, got, "after levels have changed")
}
