package encode_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/encode"
)

// slogText returns the object that h, made by slog.NewJSONHandler, writes for attrs
// in a group "g", "" for none.
func slogText(t require.TestingT, with func(slog.Handler) slog.Handler, attrs []slog.Attr) string {
	var b bytes.Buffer
	h := with(slog.NewJSONHandler(&b, nil).WithGroup("g"))
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(attrs...)
	require.NoError(t, h.Handle(context.Background(), r))
	text, ok := bytes.CutPrefix(b.Bytes(), []byte(`{"level":"INFO","msg":"m"`))
	require.True(t, ok, "%s", b.Bytes())
	if string(text) == "}\n" {
		return ""
	}
	text, ok = bytes.CutPrefix(text, []byte(`,"g":`))
	require.True(t, ok, "%s", b.Bytes())
	return string(bytes.TrimSuffix(text, []byte("}\n")))
}

func unchanged(h slog.Handler) slog.Handler { return h }

// decode decodes JSON with numbers as they are written.
func decode(t require.TestingT, text string) (v any) {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	require.NoError(t, d.Decode(&v), "%s", text)
	require.False(t, d.More(), "%s", text)
	return v
}

// asSlog returns a decoded value with all undone that encode does on purpose unlike
// slog: it says where a string was not UTF-8, keeps earlier values of a key, and
// marks keys that look like its own.
func asSlog(t require.TestingT, v any) any {
	switch v := v.(type) {
	case string, json.Number:
		return quotedAsSlog(t, v)
	case []any:
		for i := range v {
			v[i] = asSlog(t, v[i])
		}
	case map[string]any:
		if text, ok := v["!B64"].(string); ok {
			b, err := base64.StdEncoding.DecodeString(text)
			require.NoError(t, err)
			return string([]rune(string(b))) // U+FFFD for each wrong byte
		}
		delete(v, "!DUP")
		same := make(map[string]any, len(v))
		for key, value := range v {
			if key != "" && key[0] == '!' && key != "!BADKEY" {
				require.Greater(t, len(key), 1)
				require.Equal(t, byte('!'), key[1], "a key of encode's own: %s", key)
				key = key[1:]
			}
			same[key] = asSlog(t, value)
		}
		return same
	}
	return v
}

// quotedAsSlog is the part of asSlog that also concerns what slog writes.
func quotedAsSlog(t require.TestingT, v any) any {
	switch v := v.(type) {
	case json.Number:
		if len(v) > 64 { // which no reader can make use of
			return string(v)
		}
	case string:
		// With the option "string", JSON in a string: it may be escaped in another way.
		if json.Valid([]byte(v)) && (v[0] == '"' || strings.HasPrefix(v, `{"!B64":`)) {
			return []any{"quoted", asSlog(t, decode(t, v))}
		}
	case []any:
		for i := range v {
			v[i] = quotedAsSlog(t, v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = quotedAsSlog(t, v[key])
		}
	}
	return v
}

// withoutEmpty returns a decoded value without members that are empty objects, which
// slog writes for some groups of which nothing remains, and encode for none.
func withoutEmpty(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = withoutEmpty(v[i])
		}
	case map[string]any:
		for key, value := range v {
			v[key] = withoutEmpty(value)
			if m, ok := v[key].(map[string]any); ok && len(m) == 0 {
				delete(v, key)
			}
		}
	}
	return v
}

// checkAny compares a value with what slog.JSONHandler makes of it.
func checkAny(t *rapid.T) {
	attrs := []slog.Attr{slog.Any("k", ordinary(t))}
	want, got := bothTexts(t, attrs)
	require.Equal(t, quotedAsSlog(t, decode(t, want)), asSlog(t, decode(t, got)), "%#v\nslog:   %s\nencode: %s", attrs, want, got)
}

// checkAttrs compares attributes with what slog.JSONHandler makes of them.
func checkAttrs(t *rapid.T) {
	attrs := attrsOf(t, 3, ordinary)
	want, got := bothTexts(t, attrs)
	same := map[string]any{}
	if want != "" {
		same, _ = withoutEmpty(quotedAsSlog(t, decode(t, want))).(map[string]any)
	}
	if got == "" {
		require.Empty(t, same, "%#v\nslog:   %s", attrs, want)
		return
	}
	require.Equal(t, any(same), withoutEmpty(asSlog(t, decode(t, got))), "%#v\nslog:   %s\nencode: %s", attrs, want, got)
}

// bothTexts returns what slog and what encode writes for attrs.
func bothTexts(t *rapid.T, attrs []slog.Attr) (ofSlog, ofEncode string) {
	r := record(attrs)
	e := encode.New(&limits)
	defer e.Free()
	some := e.Object(nil, &r)
	require.Equal(t, some, len(e.Buf) > 0)
	require.False(t, e.Hostile, "%s", e.Buf)
	if some {
		requireWellFormed(t, string(e.Buf))
		e2 := encode.New(&limits)
		defer e2.Free()
		e2.Value(slog.GroupValue(attrs...))
		require.Equal(t, string(e.Buf), string(e2.Buf))
	}
	return slogText(t, unchanged, attrs), string(e.Buf)
}

// requireWellFormed checks what holds for all that an encoder writes: it is JSON with
// nothing to escape or to leave out, and with distinct keys.
func requireWellFormed(t require.TestingT, text string) {
	require.True(t, json.Valid([]byte(text)), "%.5000q", text)
	clean := []byte(text)
	require.Same(t, &clean[0], &encode.Clean(clean)[0], "not clean: %.5000q", text)
	d := json.NewDecoder(bytes.NewReader(clean))
	d.UseNumber()
	requireDistinctKeys(t, d, text)
}

func requireDistinctKeys(t require.TestingT, d *json.Decoder, text string) {
	token, err := d.Token()
	require.NoError(t, err)
	switch token {
	case json.Delim('{'):
		for keys := map[any]bool{}; d.More(); {
			key, err := d.Token()
			require.NoError(t, err)
			require.False(t, keys[key], "key %q in %.5000q", key, text)
			keys[key] = true
			requireDistinctKeys(t, d, text)
		}
		_, err = d.Token()
	case json.Delim('['):
		for d.More() {
			requireDistinctKeys(t, d, text)
		}
		_, err = d.Token()
	}
	require.NoError(t, err)
}

// check checks prop more often than rapid does by itself, because values have many
// parts.
func check(t *testing.T, prop func(*rapid.T)) {
	t.Helper()
	for range 10 {
		rapid.Check(t, prop)
	}
}

func TestAnyIsAsInSlog(t *testing.T)    { check(t, checkAny) }
func TestAttrsAreAsInSlog(t *testing.T) { check(t, checkAttrs) }

func FuzzAny(f *testing.F)   { fuzz(f, checkAny) }
func FuzzAttrs(f *testing.F) { fuzz(f, checkAttrs) }

// fuzz fuzzes what rapid draws in prop. The seeds are long enough to draw a value
// with several parts.
func fuzz(f *testing.F, prop func(*rapid.T)) {
	for i := range 10 {
		seed := make([]byte, 4<<10)
		_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(seed) // never fails
		f.Add(seed)
	}
	f.Fuzz(rapid.MakeFuzz(prop))
}

func TestTimeIsAsInSlog(t *testing.T) {
	requireSame := func(t require.TestingT, tm time.Time) {
		e := encode.New(&limits)
		defer e.Free()
		e.Time(tm)
		require.Equal(t, tm.Format(`"`+time.RFC3339Nano+`"`), string(e.Buf))
	}
	rapid.Check(t, func(t *rapid.T) { requireSame(t, times.Draw(t, "time")) })
	for year := range 10_000 {
		for _, day := range []int{1, 59, 60, 61, 366} {
			requireSame(t, time.Date(year, 1, day, 0, 0, 0, 0, time.UTC))
		}
	}
}

func TestValuesAsCallersUseThem(t *testing.T) {
	e := encode.New(&limits)
	defer e.Free()
	e.Buf = append(e.Buf, '[')
	e.Any([]string{"a"})
	e.Buf = append(e.Buf, ',')
	e.Value(slog.GroupValue(slog.Int("a", 1), slog.Group("", slog.Int("b", 2))))
	e.Buf = append(e.Buf, ',')
	e.Value(slog.GroupValue())
	e.Buf = append(e.Buf, ',')
	e.Value(slog.AnyValue(logValuer(func() slog.Value { return slog.GroupValue(slog.Int("a", 1)) })))
	e.Buf = append(e.Buf, ',')
	e.Key("!k")
	e.Buf = append(e.Buf, ']')
	assert.Equal(t, `[["a"],{"a":1,"b":2},{},{"a":1},"!!k"]`, string(e.Buf))
}

func TestValueOfAGroupMayBeTooDeep(t *testing.T) {
	l := encode.Limits{Depth: 1}.WithDefaults()
	got, _ := encoded(t, &l, func(e *encode.Encoder) {
		e.Attrs(nil, []slog.Attr{
			slog.Group("input", slog.Group("g", slog.Int("a", 1))),
			slog.Group("", slog.Group("output", slog.Int("a", 1))),
		})
	})
	assert.Equal(t, `{"input":{"g":{"!CUT":{"depth":1}}},"output":{"!CUT":{"depth":1}}}`, got)
}

func TestSkip(t *testing.T) {
	e := encode.New(&limits)
	defer e.Free()
	e.Skip = func(a slog.Attr) bool { return a.Key == "skip" }
	attrs := []slog.Attr{slog.Int("skip", 1), slog.Group("g", slog.Int("skip", 2)), slog.Int("a", 3)}
	r := record(attrs)
	require.True(t, e.Object(nil, &r))
	assert.Equal(t, `{"g":{"skip":2},"a":3}`, string(e.Buf))
	e.Buf = e.Buf[:0]
	require.False(t, e.Attrs(nil, attrs[:1]))
	assert.Empty(t, e.Buf)
}

func TestRename(t *testing.T) {
	attrs := []slog.Attr{
		slog.String("time", "a"), slog.String("other", "b"), slog.Int("!x", 1),
		slog.Group("g", slog.String("time", "c")), slog.Group("", slog.String("time", "d")),
		slog.Any("time", logValuer(func() slog.Value { return slog.GroupValue(slog.Int("time", 1)) })),
		slog.Group("time", slog.Group("e")), slog.String("!time", "f"),
	}
	rename := func(key string) string {
		switch key {
		case "time":
			return "!time"
		case "!x":
			return "x"
		}
		return ""
	}
	const want = `{"other":"b","x":1,"g":{"time":"c"},"!time":{"time":1},"!!time":"f","!DUP":{"!time":["a","d"]}}`
	for range 3 { // keys become known
		got, _ := encoded(t, &limits, func(e *encode.Encoder) {
			e.Rename = rename
			e.Attrs(nil, attrs)
		})
		assert.Equal(t, want, got)
	}
	var s *encode.Scope
	with := func(s *encode.Scope, attrs ...slog.Attr) *encode.Scope {
		e := encode.New(&limits)
		defer e.Free()
		e.Rename = rename
		return s.WithAttrs(e, attrs)
	}
	for _, s := range []*encode.Scope{
		with(s, attrs[0]).WithGroup("time").WithGroup("time"),
		with(with(s, attrs[0]).WithGroup("time").WithGroup("time"), attrs[1]),
	} {
		got, _ := encoded(t, &limits, func(e *encode.Encoder) {
			e.Rename = rename
			e.Attrs(s, attrs[:1])
		})
		got = strings.Replace(got, `"other":"b",`, "", 1)
		assert.Equal(t, `{"!time":{"time":{"time":"a"}},"!DUP":{"!time":["a"]}}`, got)
	}
}

func TestRenameOfASecret(t *testing.T) {
	got, _ := encoded(t, &limits, func(e *encode.Encoder) {
		e.Redact = true
		e.Rename = func(string) string { return "other" }
		e.Attrs(nil, []slog.Attr{slog.String("password", "abc")})
	})
	assert.Equal(t, `{"other":"[REDACTED]"}`, got)
}

func TestObjectWithout(t *testing.T) {
	r := record([]slog.Attr{slog.Int("a", 1), slog.Int("b", 2), slog.Int("c", 3), slog.Int("d", 4), slog.Int("e", 5), slog.Int("f", 6), slog.Int("g", 7)})
	for _, tt := range []struct {
		i, j int
		want string
	}{
		{-1, -1, `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}`},
		{0, -1, `{"b":2,"c":3,"d":4,"e":5,"f":6,"g":7}`},
		{0, 6, `{"b":2,"c":3,"d":4,"e":5,"f":6}`},
		{5, 2, `{"a":1,"b":2,"d":4,"e":5,"g":7}`},
	} {
		got, _ := encoded(t, &limits, func(e *encode.Encoder) { e.ObjectWithout(tt.i, tt.j, nil, &r) })
		assert.Equal(t, tt.want, got)
	}
	r = record([]slog.Attr{slog.Int("a", 1)})
	e := encode.New(&limits)
	defer e.Free()
	assert.False(t, e.ObjectWithout(0, 0, nil, &r))
	assert.Empty(t, e.Buf)
}

func TestRenderedIsWrittenAsItIs(t *testing.T) {
	const text = `{"!CUT":{"bytes":5},"head":"a"}`
	attrs := []slog.Attr{slog.Any("k", encode.Rendered(text))}
	got, hostile := encoded(t, &limits, func(e *encode.Encoder) { e.Attrs(nil, attrs) })
	assert.Equal(t, `{"k":`+text+`}`, got)
	assert.False(t, hostile)

	l := encode.Limits{LineBytes: 1 << 10}.WithDefaults()
	attrs = []slog.Attr{slog.Any("k", encode.Rendered(`"`+strings.Repeat("x", 1<<10)+`"`))}
	got, hostile = encoded(t, &l, func(e *encode.Encoder) { e.Attrs(nil, attrs) })
	assert.Contains(t, got, `{"k":{"!CUT":{"bytes":1026,"sha256":`)
	assert.Less(t, len(got), 1<<10)
	assert.True(t, hostile)
}
