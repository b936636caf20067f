package encode_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/encode"
)

func TestRawJSON(t *testing.T) {
	long := strings.Repeat("x", 200)
	small := encode.Limits{Depth: 3, Nodes: 6, KeyBytes: 4, StringBytes: 100, LineBytes: 2000}.WithDefaults()
	tests := []struct {
		name, raw string
		want      string // "" if it is the same, "!" if it is not JSON
		limits    *encode.Limits
	}{
		{"scalars", `[1,-0.50e+7,true,false,null,"a"]`, ``, nil},
		{"a scalar alone", " \t\r\n-1.50 ", `-1.50`, nil},
		{"white space", "{ \"a\" : [ ] , \"b\"\n:\t{ }\r}", `{"a":[],"b":{}}`, nil},
		{"escapes", `["\u0041\/\u003c\ud83d\ude00\n","\u202e\u007f"]`, `["A/<😀\n","\u202e\u007f"]`, nil},
		{"a lone surrogate", `"\ud800"`, `"` + "\uFFFD" + `"`, nil},
		{"unsafe characters", "\"\u202e\u0085\x7f\"", `"\u202e\u0085\u007f"`, nil},
		{"keys", `{"":1,"!CUT":2,"!BADKEY":3,"a\u000a":4}`, `{"":1,"!!CUT":2,"!BADKEY":3,"a\n":4}`, nil},
		{"keys more than once", `{"a":1,"b":{"c":1,"\u0063":2},"a":[3]}`, `{"b":{"c":2,"!DUP":{"c":[1]}},"a":[3],"!DUP":{"a":[1]}}`, nil},
		{"deep", around(40, `{"a":[`, "1", "]}"), around(16, `{"a":[`, depthCut, "]}"), nil},
		{"very deep", around(100_000, `[`, `{"a":"]"}`, "]"), around(32, "[", depthCut, "]"), nil},

		{"array that is too long", `[1,2,3,4,5,{"a":[6]},7]`, `[1,2,3,4,5,{"!CUT":{"items":2}}]`, &small},
		{"object that is too long", `{"a":1,"b":[2,3],"c":4,"d":5,"e":6,"f":{"x":"}"}}`, `{"a":1,"b":[2,3],"c":4,"!CUT":{"members":3}}`, &small},
		{"too long inside", `[[1,2,3,4,5],[6]]`, `[[1,2,3,4,{"!CUT":{"items":1}}],{"!CUT":{"items":1}}]`, &small},
		{"too deep", `[[1,[2,[3]]],4]`, `[[1,[2,{"!CUT":{"depth":3}}]],{"!CUT":{"items":1}}]`, &small},
		{"long key", `{"abcde":1,"abcdf":2,"!abc":3}`, `{"abcd":2,"!!abc":3,"!DUP":{"abcd":[1]}}`, &small},
		{"long string", `["` + long + `"]`, `[` + cutText(long, long[:100]) + `]`, &small},
		{"long number", `[` + strings.Repeat("9", 64) + `,` + strings.Repeat("9", 65) + `]`, `[` + strings.Repeat("9", 64) + `,"` + strings.Repeat("9", 65) + `"]`, &small},
		{"long text", `"` + strings.Repeat(long, 11) + `"`, cutText(`"`+strings.Repeat(long, 11)+`"`, `\"`+long[:99]), &small},

		{"nothing", "", "!", nil},
		{"white space alone", " ", "!", nil},
		{"two values", "1 2", "!", nil},
		{"a value and more", "{}]", "!", nil},
		{"NUL", "1\x00", "!", nil},
		{"not UTF-8", "[\"\xff\"]", "!", nil},
		{"line break in a string", "\"\n\"", "!", nil},
		{"numbers", "[01]", "!", nil},
		{"number without digits", "[-]", "!", nil},
		{"literals", "[nul]", "!", nil},
		{"no value", "[,1]", "!", nil},
		{"comma at the end", "[1,]", "!", nil},
		{"comma at the end of an object", `{"a":1,}`, "!", nil},
		{"no colon", `{"a" 1}`, "!", nil},
		{"no key", `{1:1}`, "!", nil},
		{"key that is no string", `{true:1}`, "!", nil},
		{"wrong bracket", "[1}", "!", nil},
		{"no end", `{"a":[1`, "!", nil},
		{"no end of what is too deep", around(40, "[", "", ""), "!", nil},
		{"wrong in what is too deep", around(40, "[", "nul", "]"), "!", nil},
		{"wrong in what is too long", `[1,2,3,4,5,6,?]`, "!", &small},
		{"comma at the end of what is too long", `[1,2,3,4,5,6,]`, "!", &small},
		{"nothing between the commas of what is too long", `[1,2,3,4,5,6,,7]`, "!", &small},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := &limits
			if tt.limits != nil {
				l = tt.limits
			}
			want := tt.want
			switch want {
			case "":
				want = tt.raw
			case "!":
				want = `{"!ERROR":"invalid JSON from MarshalJSON of encode_test.marshaler","raw":`
			}
			got, hostile := encoded(t, l, func(e *encode.Encoder) { e.Any(marshals(tt.raw)) })
			requireWellFormed(t, got)
			if tt.want == "!" {
				require.Equal(t, want, got[:min(len(want), len(got))])
				assert.True(t, hostile)
				text, _ := encoded(t, l, func(e *encode.Encoder) { e.Any(tt.raw) })
				raw, _ := encoded(t, l, func(e *encode.Encoder) { e.Any(json.RawMessage(tt.raw)) })
				require.Equal(t, text, raw, "a RawMessage that is no JSON is a string")
				if l == &limits {
					require.Equal(t, want+text+"}", got)
				}
				return
			}
			require.Equal(t, want, got)
			assert.Equal(t, strings.Contains(want, `{"!CUT"`) || strings.Contains(want, `,"!CUT"`), hostile)
			raw, _ := encoded(t, l, func(e *encode.Encoder) { e.Any(json.RawMessage(tt.raw)) })
			require.Equal(t, want, raw)
		})
	}
}

// checkRawJSON compares what is accepted, and what it means, with encoding/json.
func checkRawJSON(t require.TestingT, raw string) {
	got, _ := encoded(t, &limits, func(e *encode.Encoder) { e.Any(marshals(raw)) })
	requireWellFormed(t, got)
	invalid := strings.HasPrefix(got, `{"!ERROR":`)
	if !json.Valid([]byte(raw)) {
		require.True(t, invalid || strings.Contains(got, `"!CUT"`), "%q is %s", raw, got)
		return
	}
	if strings.Contains(got, `"!CUT":{"depth"`) || invalid && strings.ToValidUTF8(raw, "") != raw {
		return
	}
	require.False(t, invalid, "%q", raw)
	same := func(v any) any { return fmt.Sprintf("%#v", v) }
	require.Equal(t, same(quotedAsSlog(t, decode(t, raw))), same(asSlog(t, decode(t, got))), "%q is %s", raw, got)
}

func TestRawJSONAgreesWithEncodingJSON(t *testing.T) {
	tokens := []string{"{", "}", "[", "]", ",", ":", `"a"`, `"\u0061\n"`, "\"\u202e\"", `"!CUT"`, "1", "-0.5e3", "01", "true", "null", "nul", " ", "\n", "\"", "\\", `{"a":1}`, `[1]`, `{"a":[],"a":{}}`, "\xff"}
	check(t, func(t *rapid.T) {
		checkRawJSON(t, strings.Join(rapid.SliceOfN(rapid.SampledFrom(tokens), 0, 12).Draw(t, "tokens"), ""))
		text, err := json.MarshalIndent(ordinary(t), "", " ")
		require.NoError(t, err)
		if i := rapid.IntRange(-len(text), len(text)-1).Draw(t, "damaged"); i >= 0 {
			text[i] = rapid.Byte().Draw(t, "byte")
		}
		checkRawJSON(t, string(text))
	})
}

func FuzzRawJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"é",{"b":null}],"a":2}`, `[[[]]]`, `-1.5e+10`, "\"\xff\"", `{"\u0061":1}`, around(40, "[", "", "]")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) { checkRawJSON(t, raw) })
}
