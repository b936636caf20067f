package encode_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/encode"
)

// withCall is a WithGroup call, or if group is empty, a WithAttrs call.
type withCall struct {
	group string
	attrs []slog.Attr
}

// chain is a scope and the calls that have made it.
type chain struct {
	calls []withCall
	scope *encode.Scope
}

func (c chain) with(call withCall, l *encode.Limits) chain {
	next := chain{calls: append(c.calls[:len(c.calls):len(c.calls)], call)}
	if call.group != "" {
		next.scope = c.scope.WithGroup(call.group)
	} else {
		next.scope = c.scope.WithAttrs(encode.New(l), call.attrs)
	}
	return next
}

// slog makes the same calls of h.
func (c chain) slog(h slog.Handler) slog.Handler {
	for _, call := range c.calls {
		if call.group != "" {
			h = h.WithGroup(call.group)
		} else {
			h = h.WithAttrs(withoutBare(call.attrs))
		}
	}
	return h
}

// text returns what is encoded for attrs in the scope, "" for nothing.
func (c chain) text(attrs []slog.Attr) string {
	e := encode.New(&limits)
	defer e.Free()
	e.Buf = append(e.Buf, "before"...)
	e.Attrs(c.scope, attrs)
	return string(e.Buf[len("before"):])
}

// namer returns keys that are all different.
func namer() func() string {
	n := 0
	return func() string { n++; return fmt.Sprint("k", n) }
}

// plainAttrs generates attributes that slog writes byte for byte like encode, some of
// which leave nothing behind.
func plainAttrs(t *rapid.T, key func() string, depth int) (attrs []slog.Attr) {
	for range rapid.IntRange(0, 3).Draw(t, "attrs") {
		a := slog.Attr{Key: key()}
		switch rapid.IntRange(0, 7).Draw(t, "kind") {
		case 0:
			a = slog.Attr{}
		case 1, 2:
			if depth > 0 {
				a.Value = slog.GroupValue(plainAttrs(t, key, depth-1)...)
			}
		case 3:
			if depth > 0 {
				a = slog.Attr{Value: slog.GroupValue(plainAttrs(t, key, depth-1)...)}
			}
		case 4:
			v := slog.IntValue(len(attrs))
			a.Value = slog.AnyValue(logValuer(func() slog.Value { return v }))
		case 5:
			a.Value = slog.AnyValue([]any{"x", map[string]int{"b": 1, "a": 2}})
		default:
			a.Value = slog.StringValue("text\n")
		}
		attrs = append(attrs, a)
	}
	return attrs
}

// withoutBare returns attrs without those that leave nothing behind. slog.JSONHandler
// writes an empty group for some of them, and after some no comma.
func withoutBare(attrs []slog.Attr) (some []slog.Attr) {
	for _, a := range attrs {
		if a.Value.Kind() == slog.KindGroup {
			if a.Value = slog.GroupValue(withoutBare(a.Value.Group())...); len(a.Value.Group()) == 0 {
				continue
			}
		}
		if !a.Equal(slog.Attr{}) {
			some = append(some, a)
		}
	}
	return some
}

// TestScopesAreAsInSlog makes a tree of scopes, of which each has forks that must not
// disturb it, and compares all of them at the end.
func TestScopesAreAsInSlog(t *testing.T) {
	check(t, func(t *rapid.T) {
		key := namer()
		chains := []chain{{}}
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			from := chains[rapid.IntRange(0, len(chains)-1).Draw(t, "from")]
			var call withCall
			if rapid.Bool().Draw(t, "WithGroup") {
				call.group = key()
			} else {
				call.attrs = plainAttrs(t, key, 2)
			}
			chains = append(chains, from.with(call, &limits))
		}
		attrs := plainAttrs(t, key, 2)
		for _, c := range chains {
			for _, attrs := range [][]slog.Attr{attrs, nil} {
				want := slogText(t, c.slog, withoutBare(attrs))
				require.Equal(t, want, c.text(attrs), "%v", c.calls)
			}
		}
	})
}

func TestScope(t *testing.T) {
	var s *encode.Scope
	with := func(s *encode.Scope, args ...any) *encode.Scope {
		return s.WithAttrs(encode.New(&limits), slog.Group("", args...).Value.Group())
	}
	text := func(s *encode.Scope, args ...any) string {
		return chain{scope: s}.text(slog.Group("", args...).Value.Group())
	}

	t.Run("without anything", func(t *testing.T) {
		assert.Nil(t, s.WithGroup(""))
		assert.Nil(t, s.WithAttrs(encode.New(&limits), nil))
		assert.Nil(t, with(s, slog.Attr{}, slog.Group("g")))
		assert.Nil(t, s.Groups())
		assert.False(t, s.Hostile())
		assert.Empty(t, text(s))
		g := s.WithGroup("g")
		assert.Same(t, g, with(g, slog.Group("h")))
		assert.Same(t, g, g.WithGroup(""))
		assert.Equal(t, []string{"g"}, g.Groups())
		assert.Empty(t, text(g.WithGroup("h")))
	})
	t.Run("keys more than once", func(t *testing.T) {
		a := with(s, "k", 1, "l", 1)
		assert.Equal(t, `{"l":1,"k":2,"!DUP":{"k":[1]}}`, text(a, "k", 2))
		assert.Equal(t, `{"l":1,"k":3,"!DUP":{"k":[1,2]}}`, text(with(a, "k", 2), "k", 3))
		g := with(with(a, slog.Group("g", "x", 1)).WithGroup("g"), "x", 2)
		assert.Equal(t, `{"k":1,"l":1,"g":{"x":3,"!DUP":{"x":[2]}},"!DUP":{"g":[{"x":1}]}}`, text(g, "x", 3))
		assert.Equal(t, `{"k":1,"l":1,"g":{"x":2},"!DUP":{"g":[{"x":1}]}}`, text(g))
	})
	t.Run("more keys than are compared one by one", func(t *testing.T) {
		many := s
		var want strings.Builder
		for i := range 100 {
			many = with(many, fmt.Sprint("k", i), i)
			if i != 42 {
				fmt.Fprintf(&want, `"k%d":%[1]d,`, i)
			}
		}
		assert.Equal(t, `{`+want.String()+`"k42":"x","!DUP":{"k42":[42]}}`, text(many, "k42", "x"))
	})
	t.Run("values are taken at once", func(t *testing.T) {
		m, list := map[string]int{"a": 1}, []slog.Attr{slog.Int("l", 1)}
		a := with(s, "m", m).WithAttrs(encode.New(&limits), list)
		m["a"], list[0] = 2, slog.Attr{}
		assert.Equal(t, `{"m":{"a":1},"l":1}`, text(a))
	})
	t.Run("hostile", func(t *testing.T) {
		a := with(s, "k", selfValuer{})
		assert.True(t, a.Hostile())
		assert.True(t, with(a.WithGroup("g"), "k", 1).Hostile(), "still")
		assert.False(t, with(s, "k", 1).Hostile())
	})
	t.Run("bad UTF-8 in a key", func(t *testing.T) {
		e := encode.New(&limits)
		defer e.Free()
		e.Attrs(with(s, "\xff", 1), nil)
		assert.True(t, e.BadUTF8)
		assert.False(t, e.Hostile)
	})
}

func TestScopeLimits(t *testing.T) {
	var s *encode.Scope
	text := func(s *encode.Scope, l *encode.Limits, attrs ...slog.Attr) (string, bool) {
		return encoded(t, l, inside(s, attrs...))
	}
	attr := slog.String("a", strings.Repeat("x", 300))
	t.Run("half a line", func(t *testing.T) {
		l := encode.Limits{LineBytes: 1024}.WithDefaults()
		full := s.WithAttrs(encode.New(&l), []slog.Attr{slog.Int("n", 1), attr, attr, slog.Int("last", 2)}).WithGroup("g")
		assert.True(t, full.Hostile())
		got, _ := text(full, &l, slog.Int("k", 1))
		requireWellFormed(t, got)
		assert.Contains(t, got, `"g":{"k":1}`, "the record has the other half")
	})
	t.Run("no room for it in the line", func(t *testing.T) {
		l := encode.Limits{LineBytes: 1024}.WithDefaults()
		some := s.WithAttrs(encode.New(&l), []slog.Attr{slog.Int("n", 1), slog.Int("m", 1)}).WithGroup("g").WithAttrs(encode.New(&l), []slog.Attr{slog.String("o", strings.Repeat("x", 60))})
		got, hostile := encoded(t, &l, func(e *encode.Encoder) {
			e.Text(strings.Repeat("x", 500))
			e.Attrs(some, []slog.Attr{slog.Int("k", 1)})
		})
		assert.True(t, hostile)
		assert.Equal(t, `{"g":{"!CUT":{"attrs":1}},"!CUT":{"attrs":3}}`, got[502:])
	})
	t.Run("attributes", func(t *testing.T) {
		l := encode.Limits{Attrs: 3}.WithDefaults()
		two := s.WithAttrs(encode.New(&l), []slog.Attr{slog.Int("a", 1), slog.Group("", slog.Int("b", 2), slog.Int("c", 3)), {}}).WithGroup("g")
		got, hostile := text(two, &l, slog.Attr{}, slog.Int("d", 4), slog.Int("e", 5), slog.Any("f", logValuer(func() slog.Value { panic("evaluated") })), slog.Attr{})
		assert.Equal(t, `{"a":1,"b":2,"c":3,"g":{"d":4,"!CUT":{"attrs":2}}}`, got)
		assert.True(t, hostile)
	})
	t.Run("values", func(t *testing.T) {
		l := encode.Limits{Nodes: 5}.WithDefaults()
		two := s.WithAttrs(encode.New(&l), []slog.Attr{slog.Any("a", []int{1})})
		got, _ := text(two, &l, slog.Any("b", []int{1, 2, 3, 4}), slog.Int("c", 1))
		assert.Equal(t, `{"a":[1],"b":[1,2,{"!CUT":{"items":2}}],"!CUT":{"attrs":1}}`, got)
		for _, tt := range []struct {
			value any
			want  string
		}{
			{[]any{1, []int{2, 3}, 4}, `{"k":[1,[2,3],{"!CUT":{"items":1}}]}`},
			{[]any{1, []int{2, 3, 4}, 5}, `{"k":[1,[2,3,{"!CUT":{"items":1}}],{"!CUT":{"items":1}}]}`},
			{map[string][]int{"a": {1}, "b": {2}, "c": {3}}, `{"k":{"a":[1],"b":[2],"!CUT":{"members":1}}}`},
			{map[int]int{5: 5, 1: 1, 3: 3, 4: 4, 2: 2}, `{"k":{"1":1,"2":2,"3":3,"4":4,"!CUT":{"members":1}}}`},
			{map[int]int{9: 9, 8: 8, 7: 7, 6: 6, 5: 5, 1: 1, 3: 3, 4: 4, 2: 2}, `{"k":{"1":1,"2":2,"3":3,"4":4,"!CUT":{"members":5}}}`},
			{struct{ A, B, C, D, E int }{}, `{"k":{"A":0,"B":0,"C":0,"D":0,"!CUT":{"members":1}}}`},
			{slog.GroupValue(slog.Int("a", 1), slog.Group("", slog.Int("b", 2), slog.Int("c", 3), slog.Int("d", 4))), `{"k":{"a":1,"b":2,"c":3,"!CUT":{"members":1}}}`},
		} {
			got, hostile := encoded(t, &l, k(tt.value))
			assert.Equal(t, tt.want, got)
			assert.True(t, hostile)
		}
	})
	t.Run("depth", func(t *testing.T) {
		l := encode.Limits{Depth: 2}.WithDefaults()
		g := s.WithGroup("g").WithGroup("h").WithGroup("i")
		got, _ := text(g.WithAttrs(encode.New(&l), []slog.Attr{slog.Int("a", 1)}), &l, slog.Any("b", []int{}), slog.Group("", slog.Int("c", 1), slog.Int("d", 1)), slog.Group("j", slog.Int("e", 1)))
		assert.Equal(t, `{"g":{"h":{"a":1,"b":{"!CUT":{"depth":2}},"j":{"!CUT":{"depth":2}},"!CUT":{"attrs":2}}}}`, got)
		many := s
		for range 50 {
			many = many.WithGroup("g")
		}
		assert.Len(t, many.Groups(), 40)
	})
	t.Run("keys", func(t *testing.T) {
		l := encode.Limits{KeyBytes: 3}.WithDefaults()
		got, _ := text(s.WithGroup("group").WithAttrs(encode.New(&l), []slog.Attr{slog.Int("abcd", 1)}), &l, slog.Int("abce", 2), slog.Any("!abc", struct{ Field, Fieldname int }{1, 2}))
		assert.Equal(t, `{"gro":{"abc":2,"!!ab":{"Fie":2,"!DUP":{"Fie":[1]}},"!DUP":{"abc":[1]}}}`, got)
	})
}

// TestScopesConcurrentSafe lets the race detector see one scope used and derived from
// by many.
func TestScopesConcurrentSafe(t *testing.T) {
	var root chain
	root = root.with(withCall{attrs: []slog.Attr{slog.Int("a", 1)}}, &limits).with(withCall{group: "g"}, &limits)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				c := root.with(withCall{attrs: []slog.Attr{slog.Int("i", i)}}, &limits).with(withCall{group: "h"}, &limits)
				want := fmt.Sprintf(`{"a":1,"g":{"i":%d,"h":{"j":%d}}}`, i, j)
				if got := c.text([]slog.Attr{slog.Int("j", j)}); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if got := root.text(nil); got != `{"a":1}` {
					t.Errorf("the root is %s", got)
				}
			}
		})
	}
	wg.Wait()
}
