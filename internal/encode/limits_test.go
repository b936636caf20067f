package encode_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/jsonscan"
)

var limits = encode.Limits{}.WithDefaults()

func TestLimitsWithDefaults(t *testing.T) {
	assert.Equal(t, encode.Limits{Depth: 32, Nodes: 10_000, Attrs: 1024, KeyBytes: 256, StringBytes: 1 << 20, LineBytes: 16 << 20}, limits)
	assert.Equal(t, limits, encode.Limits{-1, -1, -1, -1, -1, -1}.WithDefaults())
	assert.Equal(t, encode.Limits{40, 1, 1, 1, 1, 1024}, encode.Limits{41, 1, 1, 1, 1, 1}.WithDefaults())
	assert.Equal(t, limits, limits.WithDefaults())
}

func TestTextIsCutOnlyIfItMust(t *testing.T) {
	l := encode.Limits{StringBytes: 800, LineBytes: 1024}.WithDefaults() // 768 are for text
	tests := []struct{ text, want string }{
		{strings.Repeat("x", 766), strings.Repeat("x", 766)},
		{strings.Repeat("\n", 383), strings.Repeat(`\n`, 383)},
		{strings.Repeat("\xff", 255), strings.Repeat("\uFFFD", 255)},
		{strings.Repeat("x", 767), strings.Repeat("x", 768-38) + `…[!CUT 767 bytes]`},
		{strings.Repeat("漢", 267), strings.Repeat("漢", (768-38)/3) + `…[!CUT 801 bytes]`},
	}
	for _, tt := range tests {
		got, _ := encoded(t, &l, func(e *encode.Encoder) { e.Text(tt.text) })
		assert.Equal(t, `"`+tt.want+`"`, got)
	}
	got, _ := encoded(t, &l, func(e *encode.Encoder) {
		e.Text(strings.Repeat("x", 766))
		e.Text("y")
		e.String("z")
	})
	assert.Equal(t, `"…[!CUT 1 bytes]"{"!CUT":{"bytes":1}}`, got[768:], "no room for anything")
}

func TestValuesAreCutOnlyIfTheyMust(t *testing.T) {
	l := encode.Limits{StringBytes: 900, LineBytes: 1024}.WithDefaults()
	room := 768 - len(`{"k":`) - 64 - 2 // what is kept back for the object and its member
	bytes := base64.StdEncoding.DecodedLen(room - len(`""`))
	badUTF8 := base64.StdEncoding.DecodedLen(room - len(`{"!B64":""}`))
	tests := []struct {
		value any
		cut   bool
	}{
		{strings.Repeat("x", room-len(`{"!B64":""}`)), false},
		{strings.Repeat("x", room-1), true},
		{strings.Repeat("\n", room/2-6), false},
		{strings.Repeat("\n", room/2), true},
		{strings.Repeat("\xff", badUTF8), false},
		{strings.Repeat("\xff", badUTF8+1), true},
		{make([]byte, bytes), false},
		{make([]byte, bytes+1), true},
	}
	for _, tt := range tests {
		got, hostile := encoded(t, &l, k(tt.value))
		requireWellFormed(t, got)
		assert.Equal(t, tt.cut, hostile, got)
		assert.InDelta(t, room, len(got)-len(`{"k":}`), 16, got) // as much as possible is shown
		assert.LessOrEqual(t, len(got), 768)
	}
}

// someLimits generates limits near to what values reach.
func someLimits(t *rapid.T) *encode.Limits {
	l := encode.Limits{
		Depth:       rapid.IntRange(1, 40).Draw(t, "Depth"),
		Nodes:       rapid.IntRange(1, 200).Draw(t, "Nodes"),
		Attrs:       rapid.IntRange(1, 10).Draw(t, "Attrs"),
		KeyBytes:    rapid.IntRange(1, 300).Draw(t, "KeyBytes"),
		StringBytes: rapid.IntRange(1, 3000).Draw(t, "StringBytes"),
		LineBytes:   rapid.IntRange(1024, 6000).Draw(t, "LineBytes"),
	}.WithDefaults()
	return &l
}

// growing is a LogValue method that returns more of itself each time, under keys
// that may be empty.
type growing struct{ keys []string }

func (g growing) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, key := range g.keys {
		attrs = append(attrs, slog.Any(key, g))
	}
	return slog.GroupValue(attrs...)
}

// shared returns a value in which one and the same is found 2^depth times.
func shared(depth int, double func(v any) any) (v any) {
	v = "x"
	for range depth {
		v = double(v)
	}
	return v
}

var doubles = []func(v any) any{
	func(v any) any { return []any{v, v} },
	func(v any) any { return map[string]any{"a": v, "b": v} },
	func(v any) any { return &struct{ A, B any }{v, v} },
	func(v any) any { return slog.GroupValue(slog.Any("a", v), slog.Any("b", v)) },
	func(v any) any { return slog.GroupValue(slog.Any("", v), slog.Any("", v)) },
	func(v any) any { return slog.GroupValue(slog.Any("a", v), slog.Any("a", v)) },
	func(v any) any {
		return logValuer(func() slog.Value { return slog.GroupValue(slog.Any("", v), slog.Any("", v)) })
	},
}

// hostile generates what harms other encoders, with ordinary values among it.
func hostile(t *rapid.T) any { return hostileIn(t, 3) }

func hostileIn(t *rapid.T, depth int) any {
	if depth > 0 && rapid.Bool().Draw(t, "inside") {
		inner := func() any { return hostileIn(t, depth-1) }
		switch rapid.IntRange(0, 6).Draw(t, "container") {
		case 0:
			return []any{inner(), inner(), inner()}
		case 1:
			return map[any]any{texts.Draw(t, "key"): inner(), 1: inner(), 2.5: inner(), [1]bool{true}: inner(), panicKey{}: 1}
		case 2:
			return map[string]any{longText(t): inner(), "!": inner()}
		case 3:
			return &struct {
				A any    `json:"!a"`
				B any    `json:"b,omitempty"`
				C string `json:",string"`
			}{inner(), inner(), longText(t)}
		case 4:
			return jsonByValue{ordinary(t)}
		case 5:
			value := rapid.SampledFrom([]string{`{"a":`, `{"a":1,"a":`, "[1,", "["}).Draw(t, "open")
			end := map[byte]string{'{': "}", '[': "]"}[value[0]]
			return marshals(around(rapid.IntRange(0, 60).Draw(t, "depth"), value, `"\u202e`+"\u2028"+`"`, end))
		default:
			return inner()
		}
	}
	switch rapid.IntRange(0, 22).Draw(t, "hostile") {
	case 0:
		return selfMap()
	case 1:
		return selfSlice()
	case 2:
		return newRing()
	case 3:
		return newSelfPointer()
	case 4:
		return growing{rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "c"}), 0, 4).Draw(t, "keys")}
	case 5:
		return selfValuer{}
	case 6:
		return shared(50, rapid.SampledFrom(doubles).Draw(t, "double"))
	case 7:
		return nestedIn(60, 1)
	case 8:
		text := longText(t)
		return marshaler(func() ([]byte, error) { panic(text) })
	case 9:
		return textual(func() ([]byte, error) { return nil, errors.New(strings.Repeat("\x1b", 2000)) })
	case 10:
		return marshals(texts.Draw(t, "no JSON"))
	case 11:
		return marshals(`["` + strings.Repeat("x", 7000) + `"]`)
	case 12:
		return json.RawMessage(rapid.SampledFrom([]string{"", "[1,]", `{"a"}`, `{"a":[`, "[" + strings.Repeat("1,", 400) + "2]", `{"!CUT":1,"!CUT":2}`, "[" + strings.Repeat("9", 200) + "]", "\"\xff\""}).Draw(t, "raw"))
	case 13:
		return []byte(longText(t))
	case 14:
		return errorMethod(func() string { panic(selfMap()) })
	case 15:
		return []any{math.NaN(), math.Inf(1), 1i, func() {}, time.Unix(1<<60, 0), time.Unix(math.MinInt64, 0), json.Number(strings.Repeat("1", 100))}
	case 16:
		return make([]struct{}, 500)
	case 17:
		return map[[2]string]int{{longText(t), "a"}: 1, {"b"}: 2}
	case 18:
		return (*nilMarshaler)(nil)
	case 19:
		return logValuer(func() slog.Value { panic((*nilError)(nil)) })
	case 20, 21:
		return longText(t)
	}
	return ordinary(t)
}

// longText generates text that may be longer than what limits allow.
func longText(t *rapid.T) string {
	return strings.Repeat(texts.Draw(t, "text"), rapid.SampledFrom([]int{1, 2, 50, 1000}).Draw(t, "times"))
}

// checkBounds checks that nothing makes a line too long, invalid or unsafe.
func checkBounds(t *rapid.T) {
	l := someLimits(t)
	var s *encode.Scope
	for range rapid.IntRange(0, 4).Draw(t, "calls") {
		if rapid.Bool().Draw(t, "WithGroup") {
			s = s.WithGroup(texts.Draw(t, "group"))
		} else {
			s = s.WithAttrs(encode.New(l), attrsOf(t, 2, hostile))
		}
	}
	attrs := attrsOf(t, 3, hostile)
	resolved := rapid.Bool().Draw(t, "Resolve")
	if resolved { // what panicked is an ordinary string then
		attrs = encode.Resolve(s.Groups(), attrs, nil, l)
	}
	message := longText(t)

	e := encode.New(l)
	defer e.Free()
	e.Buf = append(e.Buf, `{"msg":`...)
	e.Text(message)
	mark := len(e.Buf)
	e.Buf = append(e.Buf, `,"attrs":`...)
	if !e.Attrs(s, attrs) {
		e.Buf = e.Buf[:mark]
	}
	e.Buf = append(e.Buf, '}')
	line := string(e.Buf)
	requireWellFormed(t, line)
	require.LessOrEqual(t, len(line), l.LineBytes, "%s", line)
	n, err := jsonscan.Value(e.Buf)
	require.NoError(t, err, "too deep for readers: %s", line)
	require.Equal(t, len(line), n)
	v := decode(t, line).(map[string]any)
	nodes, problem := inspect(v["attrs"])
	require.LessOrEqual(t, nodes-1, l.Nodes, "%s", line)
	if problem && !resolved {
		require.True(t, e.Hostile || s.Hostile(), "%s", line)
	}
	if text := v["msg"].(string); len(message) <= 100 && len(message) <= l.StringBytes {
		require.Equal(t, strings.ToValidUTF8(string([]rune(message)), ""), text)
	}
}

// inspect returns how many values a decoded one has, itself included, and whether
// one of them was cut or failed.
func inspect(v any) (nodes int, problem bool) {
	nodes = 1
	switch v := v.(type) {
	case string:
		problem = strings.HasPrefix(v, "!PANIC: ") || strings.HasPrefix(v, "!ERROR: ")
	case []any:
		for _, item := range v {
			n, p := inspect(item)
			nodes, problem = nodes+n, problem || p
		}
		if last := len(v) - 1; last >= 0 && isItemsCut(v[last]) {
			nodes--
		}
	case map[string]any:
		cut, _ := v["!CUT"].(map[string]any)
		switch {
		case cut["bytes"] != nil || v["!ERROR"] != nil:
			return nodes, true
		case v["!B64"] != nil:
			return nodes, false
		}
		problem = cut != nil
		for key, value := range v {
			switch key {
			case "!CUT":
			case "!DUP":
				for _, values := range value.(map[string]any) {
					n, p := inspect(values)
					nodes, problem = nodes+n-1, problem || p
				}
			default:
				n, p := inspect(value)
				nodes, problem = nodes+n, problem || p
			}
		}
	}
	return nodes, problem
}

func isItemsCut(v any) bool {
	m, _ := v.(map[string]any)
	cut, _ := m["!CUT"].(map[string]any)
	return len(m) == 1 && cut["items"] != nil
}

// TestSharedValuesAreBounded would not end if only the depth of values were bounded.
func TestSharedValuesAreBounded(t *testing.T) {
	l := encode.Limits{Nodes: 1000}.WithDefaults()
	for i, double := range doubles {
		got, hostile := encoded(t, &l, k(shared(60, double)))
		requireWellFormed(t, got)
		assert.True(t, hostile, "%d", i)
		s := (*encode.Scope)(nil).WithAttrs(encode.New(&l), []slog.Attr{slog.Any("", shared(60, double))})
		assert.True(t, s.Hostile(), "%d", i)
	}
}

func TestLinesAreBounded(t *testing.T) { check(t, checkBounds) }

func FuzzLinesAreBounded(f *testing.F) { fuzz(f, checkBounds) }

func TestCutTextIsTold(t *testing.T) {
	l := encode.Limits{StringBytes: 10}.WithDefaults()
	for text, want := range map[string]bool{"short": false, "longer than that": true} {
		e := encode.New(&l)
		e.Text(text)
		assert.Equal(t, want, e.CutText, text)
		e.Free()
		e = encode.New(&l)
		assert.False(t, e.CutText, "of the next")
		e.Free()
	}
}
