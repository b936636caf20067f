package encode_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/encode"
)

// replacer is a ReplaceAttr that does, for each key, what a test has drawn, and keeps
// what it was called with.
type replacer struct {
	open  int // groups
	does  map[string]int
	calls []string
}

func (r *replacer) replace(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.LevelKey || a.Key == slog.MessageKey) {
		return slog.Attr{}
	}
	r.calls = append(r.calls, fmt.Sprint(groups, a))
	switch r.does[a.Key] {
	case 0:
		if len(groups) == r.open { // deeper, slog's output is wrong if nothing remains of a group
			return slog.Attr{}
		}
	case 1:
		a.Key += "'"
	case 2:
		return slog.Group(a.Key, slog.Int("in1", 1), slog.Group("", slog.Int("in2", 2)), slog.Group("in3"))
	case 3:
		return slog.Any("", slog.GroupValue(slog.Any(a.Key+"v", logValuer(func() slog.Value { return slog.IntValue(1) }))))
	case 4:
		a.Value = slog.AnyValue(logValuer(func() slog.Value { return slog.StringValue("resolved") }))
	case 5:
		a.Value = slog.AnyValue(nil)
	}
	return a
}

func TestResolveIsAsInSlog(t *testing.T) {
	check(t, func(t *rapid.T) {
		attrs := withoutBare(plainAttrs(t, namer(), 3))
		does := map[string]int{}
		for i := range 40 {
			does[fmt.Sprint("k", i)] = rapid.IntRange(0, 9).Draw(t, "does")
		}
		for i := range 4 { // what replacements have brought in stays
			does[fmt.Sprint("in", i)] = 9
		}
		for i := range 40 {
			does[fmt.Sprintf("k%dv", i)] = 9
		}
		groups := slices.Repeat([]string{"g"}, rapid.IntRange(0, 3).Draw(t, "groups"))
		before := fmt.Sprint(attrs)

		var b bytes.Buffer
		want := replacer{does: does, open: len(groups)}
		var h slog.Handler = slog.NewJSONHandler(&b, &slog.HandlerOptions{ReplaceAttr: want.replace})
		for _, g := range groups {
			h = h.WithGroup(g)
		}
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		r.AddAttrs(attrs...)
		require.NoError(t, h.Handle(context.Background(), r))

		got := replacer{does: does, open: len(groups)}
		resolved := encode.Resolve(groups, attrs, got.replace, &limits)
		requireResolved(t, resolved)
		var s *encode.Scope
		for _, g := range groups {
			s = s.WithGroup(g)
		}
		text, _ := encoded(t, &limits, inside(s, resolved...))
		require.Equal(t, parsed(t, b.String()), parsed(t, text))
		require.Equal(t, want.calls, got.calls)
		require.Equal(t, before, fmt.Sprint(attrs), "not changed")
	})
}

// parsed returns decoded text without empty objects, {} for none.
func parsed(t require.TestingT, text string) any {
	if text == "" {
		return map[string]any{}
	}
	return withoutEmpty(decode(t, text))
}

func requireResolved(t require.TestingT, attrs []slog.Attr) {
	for _, a := range attrs {
		require.NotEqual(t, slog.KindLogValuer, a.Value.Kind())
		require.False(t, a.Equal(slog.Attr{}))
		if a.Value.Kind() == slog.KindGroup {
			require.NotEmpty(t, a.Key)
			require.NotEmpty(t, a.Value.Group())
			requireResolved(t, a.Value.Group())
		}
	}
}

// TestResolveThenEncode checks that attributes are encoded alike if they have been
// resolved before.
func TestResolveThenEncode(t *testing.T) {
	check(t, func(t *rapid.T) {
		attrs := attrsOf(t, 3, ordinary)
		want, _ := encoded(t, &limits, inside(nil, attrs...))
		got, hostile := encoded(t, &limits, inside(nil, encode.Resolve(nil, attrs, nil, &limits)...))
		require.Equal(t, want, got)
		require.False(t, hostile)
	})
}

func TestResolveCuts(t *testing.T) {
	text := func(l encode.Limits, groups []string, attrs ...slog.Attr) (string, bool) {
		l = l.WithDefaults()
		resolved := encode.Resolve(groups, attrs, nil, &l)
		requireResolved(t, resolved)
		forOthers := slogText(t, unchanged, resolved) // what other handlers make of it
		require.True(t, json.Valid([]byte(forOthers)), "%.1000s", forOthers)
		return encoded(t, &limits, inside(nil, resolved...))
	}
	tests := []struct {
		name   string
		limits encode.Limits
		groups []string
		attr   slog.Attr
		want   string
	}{
		{"group with itself", encode.Limits{Depth: 2}, nil, slog.Any("k", growing{[]string{"a", ""}}), `{"k":{"a":{"a":{"!CUT":{"depth":2}},"!CUT":{"attrs":2}},"!CUT":{}}}`},
		{"open groups count", encode.Limits{Depth: 2}, []string{"g", "h"}, slog.Group("k", "a", 1), `{"k":{"!CUT":{"depth":2}}}`},
		{"members of a group without a key", encode.Limits{Depth: 1}, []string{"g"}, slog.Group("", "a", 1, "b", 2), `{"!CUT":{"attrs":2}}`},
		{"values", encode.Limits{Nodes: 3}, nil, slog.Group("k", "a", 1, "b", 2, "c", 3, "d", 4), `{"k":{"a":1,"b":2,"c":3,"!CUT":{"members":1}}}`},
		{"values in another group", encode.Limits{Nodes: 3}, nil, slog.Group("", slog.Group("k", "a", 1, "b", 2), slog.Group("l", "c", 3)), `{"k":{"a":1,"!CUT":{"members":1}},"l":{"!CUT":{"members":1}}}`},
	}
	for _, tt := range tests[1:] {
		t.Run(tt.name, func(t *testing.T) {
			got, hostile := text(tt.limits, tt.groups, tt.attr)
			assert.Equal(t, tt.want, got)
			assert.True(t, hostile)
		})
	}
	for i, double := range doubles[3:] { // the groups
		got, hostile := text(encode.Limits{Nodes: 1000}, nil, slog.Any("k", shared(60, double)))
		requireWellFormed(t, got)
		assert.True(t, hostile, "%d: %.1000s", i, got)
	}
}

func TestResolveSurvives(t *testing.T) {
	groups := []string{"g"}
	panics := func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) > 1 {
			panic("boom")
		}
		return a
	}
	attrs := []slog.Attr{
		slog.Any("a", logValuer(func() slog.Value { panic("boom") })),
		slog.Any("b", selfValuer{}),
		slog.Group("h", "c", 1),
		slog.Any("d", (*nilLogValuer)(nil)),
	}
	got, _ := encoded(t, &limits, inside(nil, encode.Resolve(groups, attrs, panics, &limits)...))
	assert.Equal(t, `{"a":"!PANIC: LogValue of encode_test.logValuer: boom","b":"!ERROR: LogValue called too many times on encode_test.selfValuer","h":{"c":"!PANIC: ReplaceAttr: boom"},"d":null}`, got)

	endless := func(_ []string, a slog.Attr) slog.Attr {
		return slog.Group(a.Key, a, slog.Attr{Key: a.Key + "x", Value: a.Value})
	}
	got, hostile := encoded(t, &limits, inside(nil, encode.Resolve(groups, []slog.Attr{slog.Int("k", 1)}, endless, &limits)...))
	requireWellFormed(t, got)
	assert.True(t, hostile)
	assert.Equal(t, []string{"g"}, groups)
}
