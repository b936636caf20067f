package wfslog_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wfslog/wfslog"
)

// middleware is a handler between slog and wfslog; each function may be nil.
type middleware struct {
	slog.Handler
	enabled func(ctx context.Context, level slog.Level) bool
	handle  func(ctx context.Context, r slog.Record, next slog.Handler) error
}

func (m middleware) Enabled(ctx context.Context, level slog.Level) bool {
	if m.enabled != nil && !m.enabled(ctx, level) {
		return false
	}
	return m.Handler.Enabled(ctx, level)
}

func (m middleware) Handle(ctx context.Context, r slog.Record) error {
	if m.handle == nil {
		return m.Handler.Handle(ctx, r)
	}
	return m.handle(ctx, r, m.Handler)
}

func (m middleware) WithAttrs(attrs []slog.Attr) slog.Handler {
	m.Handler = m.Handler.WithAttrs(attrs)
	return m
}

func (m middleware) WithGroup(name string) slog.Handler {
	m.Handler = m.Handler.WithGroup(name)
	return m
}

// firstFive are more attributes than a record holds without allocating.
const firstFive = `{"first":0,"second":0,"third":0,"fourth":0,"fifth":0,}`

func TestMiddleware(t *testing.T) {
	type job struct {
		ctx  context.Context
		r    slog.Record
		next slog.Handler
	}
	var queue []job
	tests := []struct {
		name string
		m    middleware
		want []string
	}{
		{
			"clones and adds",
			middleware{handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
				r = r.Clone()
				r.AddAttrs(slog.Int("added", 1))
				return next.Handle(ctx, r)
			}},
			[]string{
				`start "" workflow test {"added":1}`, `start "1" action a {"x":1,"added":1}`, `log "1" m after=0 {"added":1}`,
				`end "1" n=3 kids=0 ok {"y":2,"added":1}`,
			},
		},
		{
			"resolves values",
			middleware{handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
				resolved := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
				r.Attrs(func(a slog.Attr) bool {
					a.Value = a.Value.Resolve()
					resolved.AddAttrs(a)
					return true
				})
				return next.Handle(ctx, resolved)
			}},
			[]string{`start "" workflow test`, `start "1" action a {"x":1}`, `log "1" m after=0`, `end "1" n=3 kids=0 ok {"y":2}`},
		},
		{
			"drops the context",
			middleware{handle: func(_ context.Context, r slog.Record, next slog.Handler) error {
				return next.Handle(context.Background(), r)
			}},
			[]string{`start "" workflow test`, `start "1" action a {"x":1}`, `end "1" n=2 kids=0 ok {"y":2}`},
		},
		{
			"admits only Info",
			middleware{enabled: func(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }},
			[]string{
				`start "" workflow test [partial]`, `start "1" action a [partial]`, `log "1" m after=0`,
				`end "1" n=3 kids=0 ok {"y":2}`,
			},
		},
		{
			"keeps ends back",
			middleware{handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
				if strings.HasSuffix(r.Message, " ended") {
					return nil
				}
				return next.Handle(ctx, r)
			}},
			[]string{`start "" workflow test`, `start "1" action a {"x":1}`, `log "1" m after=0`, `end "1" n=3 kids=0 ok {"y":2}`},
		},
		{
			"logs on its own with the same context",
			middleware{handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
				own := slog.NewRecord(r.Time, slog.LevelInfo, "own", 0)
				own.AddAttrs(slog.Group("wf", "mine", true))
				return errors.Join(next.Handle(ctx, own), next.Handle(ctx, r))
			}},
			[]string{
				`start "" workflow test [partial]`, `log "" own after=0 {"wf":{"mine":true}}`,
				`start "1" action a [partial]`, `log "1" own after=0 {"wf":{"mine":true}}`, `set "1" {"x":1}`,
				`log "1" own after=0 {"wf":{"mine":true}}`, `log "1" m after=0`,
				`log "1" own after=0 {"wf":{"mine":true}}`, `end "1" n=7 kids=0 ok {"y":2}`,
			},
		},
		{
			"logs on its own below the journal's level",
			middleware{handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
				own := slog.NewRecord(r.Time, wfslog.LevelTrace-1, "own", 0)
				return errors.Join(next.Handle(ctx, own), next.Handle(ctx, r))
			}},
			[]string{`start "" workflow test`, `start "1" action a {"x":1}`, `log "1" m after=0`, `end "1" n=3 kids=0 ok {"y":2}`},
		},
		{
			"resolves and drops the context",
			middleware{handle: func(_ context.Context, r slog.Record, next slog.Handler) error {
				resolved := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
				r.Attrs(func(a slog.Attr) bool {
					a.Value = a.Value.Resolve()
					resolved.AddAttrs(a)
					return true
				})
				return next.Handle(context.Background(), resolved)
			}},
			nil, // nothing says that these are spans
		},
		{
			"sends everything twice",
			middleware{handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
				return errors.Join(next.Handle(ctx, r.Clone()), next.Handle(ctx, r))
			}},
			[]string{
				`start "" workflow test`, `start "1" action a {"x":1}`, `set "1" {"x":1}`, `log "1" m after=0`,
				`log "1" m after=0`, `end "1" n=5 kids=0 ok {"y":2}`,
			},
		},
		{
			"puts its own attributes first",
			middleware{handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
				first := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
				first.AddAttrs(slog.Int("first", 0), slog.Int("second", 0), slog.Int("third", 0), slog.Int("fourth", 0), slog.Int("fifth", 0))
				r.Attrs(func(a slog.Attr) bool { first.AddAttrs(a); return true })
				return next.Handle(ctx, first)
			}},
			[]string{
				`start "" workflow test ` + strings.Replace(firstFive, ",}", "}", 1), `start "1" action a ` + strings.Replace(firstFive, ",}", `,"x":1}`, 1),
				`log "1" m after=0 ` + strings.Replace(firstFive, ",}", "}", 1), `end "1" n=3 kids=0 ok ` + strings.Replace(firstFive, ",}", `,"y":2}`, 1),
			},
		},
		{
			"queues",
			middleware{handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
				queue = append(queue, job{ctx, r.Clone(), next})
				return nil
			}},
			[]string{`start "" workflow test`, `start "1" action a {"x":1}`, `log "1" m after=0`, `end "1" n=3 kids=0 ok {"y":2}`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newSink(t, wfslog.Options{})
			tt.m.Handler = h
			ctx := background(tt.m)
			act := wfslog.StartAction(ctx, "a", slog.Int("x", 1))
			slog.New(tt.m).InfoContext(act, "m")
			wfslog.End(act, slog.Int("y", 2))
			for _, j := range queue {
				assert.NoError(t, j.next.Handle(j.ctx, j.r))
			}
			queue = nil
			if tt.want == nil {
				assert.Empty(t, s.events(t))
				return
			}
			assert.Equal(t, append([]string{"open"}, tt.want...), summaries(t, s))
		})
	}
}

// TestEndReachesEachStreamThatHasTheStart has middleware before one of two
// handlers that keeps ends back, and one that lets nothing through.
func TestEndReachesEachStreamThatHasTheStart(t *testing.T) {
	keeps := func(h slog.Handler, suffix string) slog.Handler {
		return middleware{Handler: h, handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
			if strings.HasSuffix(r.Message, suffix) {
				return nil
			}
			return next.Handle(ctx, r)
		}}
	}
	h1, s1 := newSink(t, wfslog.Options{})
	h2, s2 := newSink(t, wfslog.Options{})
	h3, s3 := newSink(t, wfslog.Options{})
	ctx := background(slog.NewMultiHandler(h1, keeps(h2, "ended"), keeps(h3, "")))
	wfslog.End(ctx, slog.Int("x", 1))
	want := []string{"open", `start "" workflow test`, `end "" n=2 kids=0 ok {"x":1}`}
	assert.Equal(t, want, summaries(t, s1))
	assert.Equal(t, want, summaries(t, s2))
	assert.Empty(t, s3.events(t))
}

// TestEndPassesFiltersWhereTheStartDid is about Enabled: filters that ask the
// handler let the end through although its level would not do.
func TestEndPassesFiltersWhereTheStartDid(t *testing.T) {
	levels := &slog.LevelVar{}
	levels.Set(slog.LevelDebug)
	h, s := newSink(t, wfslog.Options{JournalLevel: levels})
	ctx := background(slog.NewMultiHandler(h, slog.DiscardHandler))
	levels.Set(slog.LevelError)
	quiet := wfslog.StartAction(ctx, "quiet")
	wfslog.End(quiet)
	wfslog.End(ctx)
	assert.Equal(t, []string{"open", `start "" workflow test`, `end "" n=2 kids=0 ok`}, summaries(t, s))
}
