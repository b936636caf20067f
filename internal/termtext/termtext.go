// Package termtext makes text for terminals.
//
// Text in a log is chosen by whoever could write into it: a model, a web page,
// a tool. On a terminal it could clear the screen, set the clipboard, forge
// lines or turn words around. Nothing but printable text gets through here.
package termtext

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Ellipsis ends text that was cut.
const Ellipsis = '…'

// Append appends text to buf with everything escaped that is not printable:
// control characters, invalid UTF-8, format characters (bidi, zero width, tags)
// and line separators. Backslashes stay as they are.
func Append(buf []byte, text string) []byte { return appendSafe(buf, text, false) }

// AppendLine is [Append] for a line of a text that is shown line by line: tabs
// become spaces.
func AppendLine(buf []byte, text string) []byte {
	for {
		before, after, found := strings.Cut(text, "\t")
		buf = Append(buf, before)
		if !found {
			return buf
		}
		for range tabWidth {
			buf = append(buf, ' ')
		}
		text = after
	}
}

// AppendValue is [Append] for the value of key=value: text that is empty, holds
// a space, a quote or an equals sign, or needs escapes, is quoted as Go does it.
func AppendValue(buf []byte, text string) []byte {
	if !needsQuotes(text) {
		return append(buf, text...)
	}
	buf = append(buf, '"')
	buf = appendSafe(buf, text, true)
	return append(buf, '"')
}

// String returns text as [Append] does it.
func String(text string) string {
	for _, r := range text {
		if !printable(r) || r == utf8.RuneError {
			return string(Append(nil, text))
		}
	}
	return text
}

// Cut returns the first maxRunes runes of text and reports whether that is less
// than all of it. A byte of invalid UTF-8 counts as a rune.
func Cut(text string, maxRunes int) (head string, cut bool) {
	if len(text) <= maxRunes {
		return text, false
	}
	n := 0
	for i := range text {
		if n == maxRunes {
			return text[:i], true
		}
		n++
	}
	return text, false
}

func appendSafe(buf []byte, text string, quoted bool) []byte {
	for i := 0; i < len(text); {
		start := i
		for i < len(text) && plain(text[i], quoted) {
			i++
		}
		buf = append(buf, text[start:i]...)
		if i == len(text) {
			break
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			buf = append(buf, `\x`...)
			buf = appendHex(buf, uint32(text[i]), 2)
		case quoted && (r == '"' || r == '\\'):
			buf = append(buf, '\\', byte(r))
		case printable(r):
			buf = append(buf, text[i:i+size]...)
		case r == '\n':
			buf = append(buf, `\n`...)
		case r == '\r':
			buf = append(buf, `\r`...)
		case r == '\t':
			buf = append(buf, `\t`...)
		case r < utf8.RuneSelf:
			buf = append(buf, `\x`...)
			buf = appendHex(buf, uint32(r), 2)
		case r <= 0xffff:
			buf = append(buf, `\u`...)
			buf = appendHex(buf, uint32(r), 4)
		default:
			buf = append(buf, `\U`...)
			buf = appendHex(buf, uint32(r), 8)
		}
		i += size
	}
	return buf
}

// plain reports whether a byte stands for itself.
func plain(b byte, quoted bool) bool {
	return b >= ' ' && b < 0x7f && !(quoted && (b == '"' || b == '\\'))
}

func needsQuotes(text string) bool {
	for i := 0; i < len(text); {
		if b := text[i]; b > ' ' && b < 0x7f && b != '"' && b != '=' {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 || r == '"' || r == '=' || unicode.IsSpace(r) || !printable(r) {
			return true
		}
		i += size
	}
	return text == ""
}

// printable reports whether r shows as itself wherever it stands. Spaces of all
// widths do; variation selectors of the supplement do not, as text can be hidden
// in them.
func printable(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r != 0x7f
	}
	if r >= 0xe0100 && r <= 0xe01ef {
		return false
	}
	return unicode.IsPrint(r) || unicode.Is(unicode.Zs, r)
}

// appendHex appends v with at least the given number of hex digits.
func appendHex(buf []byte, v uint32, digits int) []byte {
	for shift := (digits - 1) * 4; shift > 0 && v>>shift == 0; shift -= 4 {
		buf = append(buf, '0')
	}
	return strconv.AppendUint(buf, uint64(v), 16)
}
