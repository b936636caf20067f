package encode

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var defaultLimits = Limits{}.WithDefaults()

// encoded returns the JSON of attrs, written so often that what may become known is.
func encoded(t *testing.T, l *Limits, redact bool, attrs ...slog.Attr) string {
	t.Helper()
	var first string
	for i := range 4 {
		e := New(l)
		e.Redact = redact
		require.True(t, e.Attrs(nil, attrs))
		text := string(e.Buf)
		e.Free()
		if i == 0 {
			first = text
		}
		require.Equal(t, first, text)
	}
	return first
}

func TestKnownKeysAreWrittenLikeOthers(t *testing.T) {
	for i := range known { // what other tests have written would have taken the place
		known[i].text.Store(nil)
		known[i].hash.Store(0)
	}
	text := strings.Repeat("k", maxKnown)
	for _, key := range []string{
		"a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", text, text + "k", "!", "!k", slogBadKey, "q\"uote", "é",
		"line\n", "bad\xff", "漢", "",
	} {
		want := encoded(t, &defaultLimits, true, slog.Any(key, []int{1})) // no plain value
		assert.Equal(t, strings.Replace(want, "[1]", "1", 1), encoded(t, &defaultLimits, true, slog.Int(key, 1)), "%q", key)
	}
	assert.NotNil(t, knownTextOf("abcd"))
	assert.NotNil(t, knownTextOf(text))
	for _, s := range []string{"", text + "k", "!", "!k", slogBadKey, "q\"uote", "line\n", "bad\xff"} {
		assert.Nil(t, knownTextOf(s), "%q", s)
	}
}

func TestKnownTextsHaveNoSecret(t *testing.T) {
	secret := "sk-" + strings.Repeat("aB3", 10)
	assert.Equal(t, `{"[REDACTED]":1}`, encoded(t, &defaultLimits, true, slog.Int(secret, 1)))
	assert.Equal(t, `{"`+secret+`":1}`, encoded(t, &defaultLimits, false, slog.Int(secret, 1)))
	assert.Equal(t, `{"[REDACTED]":1}`, encoded(t, &defaultLimits, true, slog.Int(secret, 1)))

	assert.Equal(t, `{"password":"[REDACTED]"}`, encoded(t, &defaultLimits, true, slog.String("password", "x")))
	assert.Equal(t, `{"password":"x"}`, encoded(t, &defaultLimits, false, slog.String("password", "x")))
	assert.Equal(t, `{"password":"[REDACTED]"}`, encoded(t, &defaultLimits, true, slog.String("password", "x")))
	assert.Equal(t, `{"secret":"[REDACTED]"}`, encoded(t, &defaultLimits, true, slog.Group("secret", slog.Int("n", 1))))
}

func TestKnownKeysAreDistinct(t *testing.T) {
	attrs := []slog.Attr{slog.Int("k", 1), slog.Int("other", 2), slog.Int("k", 3)}
	assert.Equal(t, `{"other":2,"k":3,"!DUP":{"k":[1]}}`, encoded(t, &defaultLimits, true, attrs...))
	// More keys than there are bits.
	attrs = nil
	for i := range 2 * 64 {
		attrs = append(attrs, slog.Int(fmt.Sprint("key", i), i))
	}
	assert.NotContains(t, encoded(t, &defaultLimits, true, attrs...), "!DUP")
	attrs = append(attrs, slog.Int("key5", 5))
	assert.Contains(t, encoded(t, &defaultLimits, true, attrs...), `"!DUP":{"key5":[5]}`)
	// Beside one whose key is not known.
	attrs = []slog.Attr{slog.Int("k", 1), slog.Any("k", []int{2})}
	assert.Equal(t, `{"k":[2],"!DUP":{"k":[1]}}`, encoded(t, &defaultLimits, true, attrs...))
	attrs = []slog.Attr{slog.Any("k", []int{2}), slog.Int("k", 1)}
	assert.Equal(t, `{"k":1,"!DUP":{"k":[[2]]}}`, encoded(t, &defaultLimits, true, attrs...))
}

func TestKnownKeysKeepToLimits(t *testing.T) {
	encoded(t, &defaultLimits, true, slog.Int("long key", 1))
	short := Limits{KeyBytes: 4}.WithDefaults()
	assert.Equal(t, `{"long":1}`, encoded(t, &short, true, slog.Int("long key", 1)))
	few := Limits{Nodes: 2}.WithDefaults()
	three := []slog.Attr{slog.Int("a", 1), slog.Int("b", 2), slog.Int("c", 3)}
	assert.Equal(t, `{"a":1,"b":2,"!CUT":{"attrs":1}}`, encoded(t, &few, true, three...))
	line := Limits{LineBytes: 1}.WithDefaults()
	var many []slog.Attr
	for i := range 200 {
		many = append(many, slog.Int(fmt.Sprint("key", i), i))
	}
	text := encoded(t, &line, true, many...)
	assert.LessOrEqual(t, len(text), line.LineBytes)
	assert.Contains(t, text, "!CUT")
}

func TestKnownKeysOfGroups(t *testing.T) {
	group := func(members ...slog.Attr) slog.Attr {
		return slog.Attr{Key: "group", Value: slog.GroupValue(members...)}
	}
	plain := []slog.Attr{group(slog.Int("a", 1), group(slog.String("b", "x"))), slog.Int("a", 2)}
	assert.Equal(t, `{"group":{"a":1,"group":{"b":"x"}},"a":2}`, encoded(t, &defaultLimits, true, plain...))
	empty := []slog.Attr{group(group(slog.Attr{}), slog.Group("", slog.Group("a"))), slog.Int("a", 2)}
	assert.Equal(t, `{"a":2}`, encoded(t, &defaultLimits, true, empty...))
	twice := []slog.Attr{group(slog.Int("a", 1)), group(slog.Attr{}), group(slog.Int("a", 2))}
	assert.Equal(t, `{"group":{"a":2},"!DUP":{"group":[{"a":1}]}}`, encoded(t, &defaultLimits, true, twice...))
	assert.Equal(t, `{"group":{"password":"[REDACTED]"}}`, encoded(t, &defaultLimits, true, group(slog.String("password", "x"))))
	flat := Limits{Depth: 1}.WithDefaults()
	assert.Equal(t, `{"group":{"a":1,"group":{"!CUT":{"depth":1}}}}`, encoded(t, &flat, true, group(slog.Int("a", 1), group(slog.Int("a", 2)))))
}
