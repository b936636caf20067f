package encode

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestUnsafeCharactersAreEscaped(t *testing.T) {
	unsafe := func(r rune) bool {
		return r < ' ' || r == '"' || r == '\\' || r >= 0x7f && r < 0xa0 || r == 0x61c || r == 0xfeff ||
			r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2060 && r <= 0x206f ||
			r >= 0xe0000 && r <= 0xe0fff
	}
	for r := range rune(utf8.MaxRune + 1) {
		if !utf8.ValidRune(r) {
			continue
		}
		escaped, valid := appendEscaped(nil, string(r))
		if !valid || unsafe(r) != (string(escaped) != string(r)) {
			t.Errorf("%U is %s, valid %t", r, escaped, valid)
		}
		before, _ := appendEscaped(nil, string(r)+"漢ab")
		after, _ := appendEscaped(nil, "漢"+string(r)+"ab")
		if string(before) != string(escaped)+"漢ab" || string(after) != "漢"+string(escaped)+"ab" {
			t.Errorf("%U is %s, and %s and %s beside another", r, escaped, before, after)
		}
		if !unsafe(r) {
			continue
		}
		var back string
		require.NoError(t, json.Unmarshal([]byte(`"`+string(escaped)+`"`), &back))
		require.Equal(t, string(r), back)
		for _, c := range escaped {
			require.True(t, c >= ' ' && c < 0x7f, "%U is %q", r, escaped)
		}
	}
}

func TestEscapingInPlainText(t *testing.T) {
	plain := strings.Repeat("plain text, ", 20)
	for i := range len(plain) {
		for _, part := range []string{`"`, "\n", "\x7f", "\t\t\"", "é", "漢", "\u202e", "\xff"} {
			checkEscaping(t, plain[:i]+part+plain[i:], "")
		}
	}
}

// strange is text with everything that escaping treats in its own way.
var strange = rapid.OneOf(
	rapid.StringOf(rapid.SampledFrom([]rune("abcdefghij \"\\\n\x1b\x7fé漢한\u0085\u061c\u200b\u202e\ufeff\ufffd😀\U000e0041\U0010ffff"))),
	rapid.String(),
	rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")) }),
	rapid.Custom(func(t *rapid.T) string {
		text := []byte(rapid.StringN(0, 20, -1).Draw(t, "text"))
		if len(text) > 0 {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		return string(text)
	}),
)

func checkEscaping(t require.TestingT, s, before string) {
	quoted, valid := appendEscaped([]byte(before), s)
	require.Equal(t, utf8.ValidString(s), valid, "%q", s)
	require.Equal(t, before, string(quoted[:len(before)]))
	quoted = append(append([]byte(`"`), quoted[len(before):]...), '"')
	var got string
	require.NoError(t, json.Unmarshal(quoted, &got), "%q", quoted)
	require.Equal(t, string([]rune(s)), got, "%q", s) // U+FFFD for each wrong byte
	require.True(t, isClean(quoted), "%q", quoted)
	require.Equal(t, string(quoted), string(AppendText(nil, s)))
}

func TestEscapingAgreesWithEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strange.Draw(t, "text")
		checkEscaping(t, strings.Repeat(s, rapid.IntRange(1, 5).Draw(t, "times")), rapid.StringN(0, 9, 9).Draw(t, "before"))
	})
}

func FuzzEscape(f *testing.F) {
	f.Add("a\"\\\n\x1b\x7f\u0085\u202e\ufeff\U000e0041漢\xff\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, s string) {
		checkEscaping(t, s, "")
		checkEscaping(t, "1234567"+s+s, "")
		for _, n := range []int{0, 1, len(s) / 2, len(s), 3 * len(s)} {
			checkEscapedPrefix(t, s, n)
			checkRunePrefix(t, s, n)
		}
	})
}

func checkEscapedPrefix(t require.TestingT, s string, room int) {
	n := escapedPrefix(s, room)
	escaped, _ := appendEscaped(nil, s[:n])
	require.LessOrEqual(t, len(escaped), room, "%q", s)
	if n == len(s) {
		return
	}
	// One more character does not fit.
	_, size := utf8.DecodeRuneInString(s[n:])
	escaped, _ = appendEscaped(nil, s[:n+size])
	require.Greater(t, len(escaped), room, "%q", s)
	require.Equal(t, utf8.ValidString(s), utf8.ValidString(s[:n]) && utf8.ValidString(s[n:]), "%q cut after %d", s, n)
}

func checkRunePrefix(t require.TestingT, s string, n int) {
	prefix := runePrefix(s, n)
	require.True(t, strings.HasPrefix(s, prefix))
	require.LessOrEqual(t, len(prefix), n)
	if len(s) <= n {
		require.Equal(t, s, prefix)
		return
	}
	if rest := s[len(prefix):]; len(prefix) < n {
		_, size := utf8.DecodeRuneInString(rest)
		require.Greater(t, len(prefix)+size, n, "%q cut after %d", s, len(prefix))
	}
	if utf8.ValidString(s) {
		require.True(t, utf8.ValidString(prefix), "%q cut after %d", s, len(prefix))
	}
}

func TestPrefixes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strange.Draw(t, "text")
		n := rapid.IntRange(0, 60).Draw(t, "n")
		checkEscapedPrefix(t, s, n)
		checkRunePrefix(t, s, n)
	})
	assert.Empty(t, runePrefix("é", 1))
	assert.Empty(t, runePrefix("😀", 3))
	assert.Equal(t, "a", runePrefix("a漢", 3))
	assert.Equal(t, "\x80\x80", runePrefix("\x80\x80\x80\x80\x80", 2))
	assert.Equal(t, "a\x80", runePrefix("a\x80\x80", 2))
	assert.Zero(t, escapedPrefix("a", -1))
	assert.Zero(t, escapedPrefix("", -1))
}
