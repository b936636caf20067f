package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/jsonscan"
)

func TestValueEndsWhereItEnds(t *testing.T) {
	for _, value := range []string{
		`{}`, `[]`, `{"a":[1,2,{"b":null}]}`, `"x\"y"`, `"é\u00e9"`, `true`, `false`, `null`, `0`, `-0`, `-12.5e+3`, "[ 1 ,\t2 ]", "{ \"a\" : 1 }",
	} {
		for _, after := range []string{"", ",", "}", "]", " "} {
			n, err := jsonscan.Value([]byte(value + after))
			require.NoError(t, err, "%s%s", value, after)
			assert.Equal(t, len(value), n, "%s%s", value, after)
		}
	}
}

func TestValueRefuses(t *testing.T) {
	for _, text := range []string{
		"", " 1", "{", "[", "]", "}", ",", ":", "{]", "[}", "[1,]", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a" 1}`, `{1:2}`, `{"a":1 "b":2}`,
		"[1 2]", "tru", "nul", "True", "-", "01x"[:0] + "+1", ".5", "1.", "1e", "1e+", `"`, `"\`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"\n\"", "\"\x00\"", "'a'",
	} {
		_, err := jsonscan.Value([]byte(text))
		assert.ErrorIs(t, err, jsonscan.ErrSyntax, "%q", text)
	}
	for _, text := range []string{"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "{\"\xff\":1}", "\"\xe2\x82"} {
		_, err := jsonscan.Value([]byte(text))
		assert.ErrorIs(t, err, jsonscan.ErrUTF8, "%q", text)
	}
}

func TestDepthIsBounded(t *testing.T) {
	nested := func(open, end string, n int) []byte {
		return []byte(strings.Repeat(open, n) + strings.Repeat(end, n))
	}
	_, err := jsonscan.Value(nested("[", "]", jsonscan.MaxDepth))
	assert.NoError(t, err)
	_, err = jsonscan.Value(nested("[", "]", jsonscan.MaxDepth+1))
	assert.ErrorIs(t, err, jsonscan.ErrDepth)
	_, err = jsonscan.Value(bytes.Repeat([]byte(`{"a":`), 1_000_000))
	assert.ErrorIs(t, err, jsonscan.ErrDepth)
}

func TestObject(t *testing.T) {
	assert.NoError(t, jsonscan.Object([]byte(`{"a":1}`)))
	for _, text := range []string{"", "[]", "1", `{"a":1} `, ` {"a":1}`, `{"a":1}{`} {
		assert.ErrorIs(t, jsonscan.Object([]byte(text)), jsonscan.ErrSyntax, "%q", text)
	}
}

func TestMembers(t *testing.T) {
	collect := func(text string) (pairs []string) {
		for key, value := range jsonscan.Members([]byte(text)) {
			pairs = append(pairs, string(key)+"="+string(value))
		}
		return pairs
	}
	assert.Empty(t, collect(`{}`))
	assert.Empty(t, collect(`{ }`))
	assert.Equal(t, []string{`"a"=1`, `"b\""={"c":[]}`, `"a"="x"`}, collect(`{"a":1,"b\"":{"c":[]},"a":"x"}`))
	assert.Equal(t, []string{`"a"=1`, `"b"=[ 2 ]`}, collect("{ \"a\"\t:\n1 , \"b\" : [ 2 ] }"))
	for _, text := range []string{"", "{", `{"a"`, `{"a":`, `{"a":,`, `{"a":}`, `{"a":"x`, `{"a":"x\"`, `{"a":[`, `{"a":]`, `{a:1}`, "{,,"} {
		assert.Empty(t, collect(text), "what is no object: %s", text)
	}
	for key := range jsonscan.Members([]byte(`{"a":1,"b":2}`)) {
		assert.Equal(t, `"a"`, string(key))
		break
	}
}

func TestString(t *testing.T) {
	tests := map[string]string{`""`: "", `"a"`: "a", `"é"`: "é", `"\n\u00e9\ud83d\ude00"`: "\né😀"}
	for quoted, want := range tests {
		got, ok := jsonscan.String([]byte(quoted))
		assert.True(t, ok)
		assert.Equal(t, want, got)
	}
	for _, other := range []string{"", "1", "null", `{"a":1}`, `"`} {
		_, ok := jsonscan.String([]byte(other))
		assert.False(t, ok, "%q", other)
	}
}

// differ returns how the scanner differs from encoding/json on text, where it must
// not: it may refuse only invalid UTF-8 and great depth.
func differ(text []byte) string {
	n, err := jsonscan.Value(text)
	whole := err == nil && n == len(text)
	valid := json.Valid(text) && !hasSpaceAround(text)
	switch {
	case err == nil && !json.Valid(text[:n]):
		return "it takes what is not valid"
	case whole && !valid:
		return "it takes all of what is not valid"
	case valid && !whole && !errors.Is(err, jsonscan.ErrDepth) && !errors.Is(err, jsonscan.ErrUTF8):
		return "it refuses what is valid"
	case errors.Is(err, jsonscan.ErrUTF8) && utf8.Valid(text):
		return "the text is UTF-8"
	}
	return ""
}

func hasSpaceAround(text []byte) bool { return len(bytes.Trim(text, " \t\r\n")) != len(text) }

// checkAnyMembers looks at what Members makes of text that may be no object.
func checkAnyMembers(text []byte) string {
	for key, value := range jsonscan.Members(text) {
		switch {
		case len(key) < 2 || key[0] != '"' || key[len(key)-1] != '"':
			return "half a key"
		case len(value) == 0:
			return "no value"
		case value[0] == '"' && (len(value) < 2 || value[len(value)-1] != '"'):
			return "half a string"
		}
		if jsonscan.Object(text) == nil {
			n, err := jsonscan.Value(value)
			if err != nil || n != len(value) {
				return "not the whole value"
			}
		}
	}
	return ""
}

// checkMembers compares the members of an object with what encoding/json decodes.
func checkMembers(text []byte) string {
	if jsonscan.Object(text) != nil {
		return ""
	}
	var want map[string]json.RawMessage
	if err := json.Unmarshal(text, &want); err != nil {
		return err.Error()
	}
	got := map[string]string{}
	for key, value := range jsonscan.Members(text) {
		name, ok := jsonscan.String(key)
		if !ok {
			return "key " + string(key)
		}
		got[name] = string(value) // the last one wins, as in encoding/json
	}
	if len(got) != len(want) {
		return "other members"
	}
	for name, value := range want {
		if got[name] != string(value) {
			return "value of " + name
		}
	}
	return ""
}

func TestItAgreesWithEncodingJSON(t *testing.T) {
	tokens := []string{
		"{", "}", "[", "]", ",", ":", `"a"`, `"\u00e9\n"`, "\"\xff\"", "1", "-0.5e3", "01", "true", "null", "nul", " ", "\n", "\"", "\\", `{"a":1}`, `[1]`,
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(strings.Join(rapid.SliceOf(rapid.SampledFrom(tokens)).Draw(t, "tokens"), ""))
		if how := differ(text) + checkMembers(text) + checkAnyMembers(text); how != "" {
			t.Fatalf("%q: %s", text, how)
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(anyValue(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		if i := rapid.IntRange(-1, len(text)-1).Draw(t, "damaged"); i >= 0 {
			text[i] = rapid.Byte().Draw(t, "byte")
		}
		if how := differ(text) + checkMembers(text) + checkAnyMembers(text); how != "" {
			t.Fatalf("%q: %s", text, how)
		}
	})
}

// anyValue generates what encoding/json can marshal.
func anyValue(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.String().AsAny(), rapid.Int().AsAny(), rapid.Float64Range(-1e30, 1e30).AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	inner := anyValue(depth - 1)
	return rapid.OneOf(append(scalars, rapid.SliceOfN(inner, 0, 4).AsAny(), rapid.MapOfN(rapid.String(), inner, 0, 4).AsAny())...)
}

func FuzzValue(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"é",{"b":null}],"a":2}`, `[[[]]]`, `-1.5e+10`, "\"\xff\"", `{"\u0061":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if how := differ(text) + checkMembers(text) + checkAnyMembers(text); how != "" {
			t.Fatalf("%q: %s", text, how)
		}
	})
}
