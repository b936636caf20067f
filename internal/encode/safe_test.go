package encode_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/encode"
)

func TestClean(t *testing.T) {
	tests := []struct{ value, want string }{
		{`{"a":[1,-2.5e3,true,null,"x y\"\\"]}`, ``},
		{`"\u0041\/\ud83d\ude00 é 漢"`, ``},
		{"{ \"a b\" :\t[ 1 ,\r\n2 ] }", `{"a b":[1,2]}`},
		{"[\"\u202e\u0085\u007f\u2028\U000e0041\"]", `["\u202e\u0085\u007f\u2028\udb40\udc41"]`},
		{"[\"\uFFFD\"]", ``},
		{"[\"a\xff\xe2\x82\"]", "[\"a\uFFFD\uFFFD\uFFFD\"]"},
		{`""`, ``},
	}
	for _, tt := range tests {
		if tt.want == "" {
			tt.want = tt.value
		}
		value := []byte(tt.value)
		got := encode.Clean(value)
		assert.Equal(t, tt.want, string(got))
		assert.Equal(t, "x"+tt.want, string(encode.AppendClean([]byte("x"), value)))
		if tt.want == tt.value {
			assert.Same(t, &value[0], &got[0], "not copied")
		}
	}
}

func TestCleanKeepsTheValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string([]rune(texts.Draw(t, "text"))) // UTF-8
		quoted := encode.AppendText(nil, text)
		requireWellFormed(t, string(quoted))
		indented, err := json.MarshalIndent(map[string]any{text: []any{text, 1}}, " ", "\t")
		require.NoError(t, err)
		for _, value := range [][]byte{quoted, indented} {
			got := encode.Clean(value)
			requireWellFormed(t, string(got))
			require.Equal(t, decode(t, string(value)), decode(t, string(got)))
		}
		require.Equal(t, text, decode(t, string(quoted)))
	})
}
