package encode

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// escapes holds, for each ASCII character, what stands for it in a JSON string: at
// most six characters, and their number in the highest byte.
var escapes = func() (table [utf8.RuneSelf]uint64) {
	short := map[byte]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}
	for i := range table {
		c := byte(i)
		text := []byte{c}
		if letter, ok := short[c]; ok {
			text = []byte{'\\', letter}
		} else if c < ' ' || c == 0x7f {
			text = []byte{'\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15]}
		}
		n := len(text)
		table[i] = binary.LittleEndian.Uint64(append(text, make([]byte, 8-n)...)) | uint64(n)<<56
	}
	return table
}()

// Words of eight equal bytes. They are variables because the compiler would make
// constants anew at each use.
var (
	each01 uint64 = 0x0101010101010101
	each02 uint64 = 0x0202020202020202
	each21 uint64 = 0x2121212121212121
	each5c uint64 = 0x5c5c5c5c5c5c5c5c
	each80 uint64 = 0x8080808080808080
)

// notPlain returns a word whose lowest set bit is in the first byte of w that does
// not stand for itself in a JSON string; higher bits are of no meaning.
func notPlain(w uint64) uint64 {
	quoteOrControl := (w ^ each02) - each21 // 2 exchanges '"' and ' '
	backslash := (w ^ each5c) - each01
	deleteChar := w + each01
	return (quoteOrControl | backslash | deleteChar | w) & each80
}

// load returns the first eight bytes of s.
func load(s string) uint64 {
	_ = s[7] // one bounds check; the compiler makes one load of the eight
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// wordSlack is the room for all that one turn of the loop in [appendEscaped] writes:
// what eight bytes need at most, and what is written over.
const wordSlack = 8*maxEscaped + 24

// maxEscaped is how many bytes may stand for one byte of a string.
const maxEscaped = 6

// appendEscaped appends s as it stands between the quotes of a JSON string. It is
// not valid if s is not UTF-8; then U+FFFD stands for each wrong byte.
func appendEscaped(dst []byte, s string) (_ []byte, valid bool) {
	valid = true
	clean := 0 // words in a row that were plain
	n, b := len(dst), dst[:cap(dst)]
	for i := 0; i < len(s); {
		if len(b)-n < wordSlack {
			b = grow(b[:n], wordSlack+len(s)-i)
		}
		if len(s)-i >= 8 {
			w := load(s[i:])
			binary.LittleEndian.PutUint64(b[n:], w) // all of it: what follows is written over
			m := notPlain(w)
			if m == 0 {
				i += 8
				n += 8
				if clean++; clean > proseWords {
					k := copyPlain(b[n:], s[i:])
					i += k
					n += k
				}
				continue
			}
			clean = 0
			if m&(m-1) != 0 && w&each80 == 0 {
				n += appendWord((*[wordSlack]byte)(b[n:]), w)
				i += 8
				continue
			}
			k := bits.TrailingZeros64(m) / 8
			i += k
			n += k
		}
		c := s[i]
		if c < utf8.RuneSelf {
			esc := escapes[c]
			binary.LittleEndian.PutUint64(b[n:], esc)
			n += int(esc >> 56)
			i++
			continue
		}
		for i < len(s) && s[i] >= utf8.RuneSelf && len(b)-n >= wordSlack {
			if len(s)-i >= 8 {
				if w := load(s[i:]); isEastAsian(w) {
					binary.LittleEndian.PutUint64(b[n:], w)
					n += 6
					i += 6
					continue
				}
			}
			r, size := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				n += copy(b[n:], "\uFFFD")
				valid = false
			case dangerous(r):
				n = len(appendUnicodeEscape(b[:n], r))
			default:
				n += copy(b[n:], s[i:i+size])
			}
			i += size
		}
	}
	return b[:n], valid
}

// proseWords is after how many plain words a text is taken for one with few
// characters to escape.
const proseWords = 6

// copyPlain copies the beginning of s as far as it stands for itself, in steps of 32
// bytes, and returns its length. For prose it is twice as fast as steps of 8 bytes.
func copyPlain(dst []byte, s string) (n int) {
	for len(s) >= 32 && len(dst) >= 32 {
		w0, w1, w2, w3 := load(s), load(s[8:]), load(s[16:]), load(s[24:])
		binary.LittleEndian.PutUint64(dst, w0)
		binary.LittleEndian.PutUint64(dst[8:], w1)
		binary.LittleEndian.PutUint64(dst[16:], w2)
		binary.LittleEndian.PutUint64(dst[24:], w3)
		if notPlain(w0)|notPlain(w1)|notPlain(w2)|notPlain(w3) != 0 {
			break
		}
		s, dst = s[32:], dst[32:]
		n += 32
	}
	return n
}

// isEastAsian reports whether the first six bytes of w are two characters of three
// bytes each, valid and harmless: U+3000 to U+CFFF, which is most of Chinese, Japanese
// and Korean. For such text that is three times as fast as to decode each character.
func isEastAsian(w uint64) bool {
	const (
		form, formMask = 0x00008080E08080E0, 0x0000C0C0F0C0C0F0 // 1110xxxx 10xxxxxx 10xxxxxx, twice
		lead           = 0x000000000F00000F                     // xxxx of the first bytes
		least, most    = 0x000000000D00000D, 0x0000000003000003 // carry from 3 on, and above 12
		carry          = 0x0000000010000010
	)
	x := w & lead
	return w&formMask == form && (x+least)&carry == carry && (x+most)&carry == 0
}

// appendWord writes what stands for the eight ASCII characters of w to dst, and
// returns its length. It has no branches that could be guessed wrong, which makes code,
// with something to escape in most words, a quarter faster. The compiler would not
// unroll a loop.
func appendWord(dst *[wordSlack]byte, w uint64) (n int) {
	esc := escapes[w&0x7f]
	binary.LittleEndian.PutUint64(dst[:], esc)
	n += int(esc >> 56 & 7)
	esc = escapes[w>>8&0x7f]
	binary.LittleEndian.PutUint64(dst[n:], esc)
	n += int(esc >> 56 & 7)
	esc = escapes[w>>16&0x7f]
	binary.LittleEndian.PutUint64(dst[n:], esc)
	n += int(esc >> 56 & 7)
	esc = escapes[w>>24&0x7f]
	binary.LittleEndian.PutUint64(dst[n:], esc)
	n += int(esc >> 56 & 7)
	esc = escapes[w>>32&0x7f]
	binary.LittleEndian.PutUint64(dst[n:], esc)
	n += int(esc >> 56 & 7)
	esc = escapes[w>>40&0x7f]
	binary.LittleEndian.PutUint64(dst[n:], esc)
	n += int(esc >> 56 & 7)
	esc = escapes[w>>48&0x7f]
	binary.LittleEndian.PutUint64(dst[n:], esc)
	n += int(esc >> 56 & 7)
	esc = escapes[w>>56&0x7f]
	binary.LittleEndian.PutUint64(dst[n:], esc)
	n += int(esc >> 56 & 7)
	return n
}

func grow(b []byte, n int) []byte {
	b = slices.Grow(b, n)
	return b[:cap(b)]
}

// dangerous reports whether r, which is not ASCII, may change how a terminal or a
// browser shows the text around it, or cannot be seen.
func dangerous(r rune) bool {
	switch {
	case r < 0xA0, // C1 controls
		r == 0x061C,                  // Arabic letter mark
		r >= 0x200B && r <= 0x200F,   // zero width, marks of direction
		r >= 0x2028 && r <= 0x202E,   // line and paragraph separator, bidirectional embedding and override
		r >= 0x2060 && r <= 0x206F,   // invisible operators, bidirectional isolates
		r == 0xFEFF,                  // byte order mark
		r >= 0xE0000 && r <= 0xE0FFF: // tags and other characters without a shape
		return true
	}
	return false
}

// appendUnicodeEscape appends r as \uxxxx, or as two of them.
func appendUnicodeEscape(dst []byte, r rune) []byte {
	if r >= 0x10000 {
		r -= 0x10000
		dst = appendUnicodeEscape(dst, 0xD800+r>>10)
		r = 0xDC00 + r&0x3FF
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// escapedPrefix returns the length of the longest prefix of s that ends between
// characters and needs at most room bytes when escaped.
func escapedPrefix(s string, room int) int {
	if room >= maxEscaped*len(s) {
		return len(s)
	}
	for i := 0; i < len(s); {
		size, need := 1, 0
		if c := s[i]; c < utf8.RuneSelf {
			need = int(escapes[c] >> 56)
		} else {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && size == 1:
				need = len("\uFFFD")
			case dangerous(r) && r >= 0x10000:
				need = len(`\udb40\udc01`)
			case dangerous(r):
				need = len(`\u200b`)
			default:
				need = size
			}
		}
		if room -= need; room < 0 {
			return i
		}
		i += size
	}
	return len(s)
}

// runePrefix returns s without what is after its first n bytes, and without a
// character that ends after them.
func runePrefix(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for i := n - 1; i >= 0 && n-i < utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			if _, size := utf8.DecodeRuneInString(s[i:]); i+size > n {
				return s[:i]
			}
			break
		}
	}
	return s[:n]
}
