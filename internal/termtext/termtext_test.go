package termtext_test

import (
	"strconv"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"

	"github.com/wfslog/wfslog/internal/termtext"
)

func TestAppendEscapesWhatIsNotPrintable(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", `a b\c "d" €`, `a b\c "d" €`},
		{"escape sequence", "\x1b[2J", `\x1b[2J`},
		{"null and delete", "\x00\x7f", `\x00\x7f`},
		{"line breaks", "a\r\n\tb", `a\r\n\tb`},
		{"C1", "\u009b31m", `\u009b31m`},
		{"a C1 byte", "\x9b31m", `\x9b31m`},
		{"bidi", "\u202egnp", `\u202egnp`},
		{"zero width", "\u200b", `\u200b`},
		{"tag", "\U000e0041", `\U000e0041`},
		{"hidden in selectors", "\U000e0100", `\U000e0100`},
		{"separators", "\u2028\u2029", `\u2028\u2029`},
		{"replacement character", "\ufffd", "\ufffd"},
		{"wide space", "a\u3000b", "a\u3000b"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, string(termtext.Append(nil, tt.text)))
			assert.Equal(t, tt.want, termtext.String(tt.text))
		})
	}
}

func TestAppendValueQuotesWhatCouldBeMisread(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", `""`},
		{"plain", "plain"},
		{`C:\dir`, `C:\dir`},
		{"two words", `"two words"`},
		{"a=b", `"a=b"`},
		{`say "x"`, `"say \"x\""`},
		{`\x1b here`, `"\\x1b here"`},
		{"\x1b", `"\x1b"`},
		{"a\u00a0b", "\"a\u00a0b\""},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, string(termtext.AppendValue(nil, tt.text)), "value %q", tt.text)
	}
}

func TestAppendLineSpreadsTabs(t *testing.T) {
	assert.Equal(t, `    a    b\x1b`, string(termtext.AppendLine(nil, "\ta\tb\x1b")))
}

func TestCutKeepsRunesWhole(t *testing.T) {
	tests := []struct {
		text string
		max  int
		want string
		cut  bool
	}{
		{"abc", 3, "abc", false},
		{"abcd", 3, "abc", true},
		{"ääää", 3, "äää", true},
		{"äää", 3, "äää", false},
		{"\xff\xff\xff\xff", 3, "\xff\xff\xff", true},
		{"", 0, "", false},
	}
	for _, tt := range tests {
		got, cut := termtext.Cut(tt.text, tt.max)
		assert.Equal(t, tt.want, got, "cut of %q", tt.text)
		assert.Equal(t, tt.cut, cut, "cut of %q", tt.text)
	}
}

// FuzzAppend checks that nothing dangerous comes through, and that a quoted
// value is what strconv reads back.
func FuzzAppend(f *testing.F) {
	for _, seed := range []string{"", "a b", "\x1b]52;c;aGk=\a", "\u202e", "\xff\x9b", `\x1b "q"`, "\U000e0041\ufffd"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, value := string(termtext.Append(nil, text)), string(termtext.AppendValue(nil, text))
		for _, got := range []string{plain, value} {
			assert.True(t, utf8.ValidString(got), "invalid UTF-8 in %q for %q", got, text)
			n, width := termtext.Fit(text, 1<<30)
			assert.Equal(t, len(text), n, "columns without end for %q", text)
			assert.GreaterOrEqual(t, width, termtext.Width([]byte(plain)), "width of %q", plain)
			for _, r := range got {
				assert.False(t, unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp),
					"%U came through in %q for %q", r, got, text)
			}
		}
		if len(value) > 0 && value[0] == '"' {
			back, err := strconv.Unquote(value)
			assert.NoError(t, err, "value %s", value)
			assert.Equal(t, text, back)
		} else {
			assert.Equal(t, text, value)
		}
	})
}

func TestDurationHasAboutThreeDigits(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{812, "812ns"},
		{8_123, "8.12µs"},
		{81_234, "81.2µs"},
		{8_123_456, "8.12ms"},
		{812_345_678, "812.3ms"},
		{8_123_456_789, "8.12s"},
		{81_234_567_890, "1m21s"},
		{-8_123_456, "-8.12ms"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, termtext.Duration(tt.d), "of %d ns", int64(tt.d))
	}
}
