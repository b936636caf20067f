package encode

import "unicode/utf8"

// AppendText appends s, whole, as a JSON string, with U+FFFD for invalid UTF-8. It
// is for text that was bounded before.
func AppendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst, _ = appendEscaped(dst, s)
	return append(dst, '"')
}

// Clean returns a valid JSON value, perhaps of another writer, as an [Encoder]
// would have written it: without white space around its parts, and with those
// characters escaped that an Encoder escapes. U+FFFD stands for invalid UTF-8, which
// encoding/json lets pass. It returns value itself if that has this form.
func Clean(value []byte) []byte {
	if isClean(value) {
		return value
	}
	return AppendClean(make([]byte, 0, len(value)+len(value)/8), value)
}

// AppendClean appends what [Clean] returns.
func AppendClean(dst, value []byte) []byte {
	if isClean(value) {
		return append(dst, value...)
	}
	quoted := false
	for i := 0; i < len(value); {
		switch c := value[i]; {
		case c == '\\': // only in strings
			dst = append(dst, c, value[i+1])
			i += 2
		case c < utf8.RuneSelf:
			if c == '"' {
				quoted = !quoted
			}
			if c == 0x7f {
				dst = appendUnicodeEscape(dst, rune(c))
			} else if c > ' ' || c == ' ' && quoted {
				dst = append(dst, c)
			}
			i++
		default:
			r, size := utf8.DecodeRune(value[i:])
			if dangerous(r) {
				dst = appendUnicodeEscape(dst, r)
			} else {
				dst = utf8.AppendRune(dst, r)
			}
			i += size
		}
	}
	return dst
}

// isClean reports whether a valid JSON value is as an [Encoder] would have written
// it.
func isClean(value []byte) bool {
	quoted := false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++
		case c < ' ', c == ' ' && !quoted, c == 0x7f:
			return false
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(value[i:])
			if dangerous(r) || r == utf8.RuneError && size == 1 {
				return false
			}
			i += size - 1
		}
	}
	return true
}
