package termtext

import (
	"os"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// defaultColumns is the width of a terminal that does not tell it: the narrowest
// in use, since a line that is too long looks worse than one that is too short.
const defaultColumns = 80

// Columns returns how many columns the terminal f has: what it says itself, else
// $COLUMNS, else 80.
func Columns(f *os.File) int {
	if n, ok := columns(f); ok && n > 0 {
		return n
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return n
	}
	return defaultColumns
}

// tabWidth is how many spaces [AppendLine] writes for a tab.
const tabWidth = 4

// maxMarks is how many marks without a width may follow each other before they
// count, so that no text is long and has no width.
const maxMarks = 8

// Fit returns how many bytes of text fit in columns once [Append] or [AppendLine]
// have escaped them, and how many columns they take. It does not split runes.
//
// The width is that of most terminals or a little more, never knowingly less: a
// line that is wider than a terminal goes on in its first column, where it could be
// taken for another line.
func Fit(text string, columns int) (n, width int) {
	marks := 0
	for n < len(text) {
		w := 1
		r, size := rune(text[n]), 1
		switch {
		case r >= ' ' && r < 0x7f:
			marks = 0
		case r == '\t':
			w, marks = tabWidth, 0
		default:
			r, size = utf8.DecodeRuneInString(text[n:])
			w = escapedWidth(r, size)
			if w > 0 {
				marks = 0
			} else if marks++; marks > maxMarks {
				w = 1
			}
		}
		if width+w > columns {
			break
		}
		n += size
		width += w
	}
	return n, width
}

// Width returns how many columns text takes that has been escaped.
func Width(text []byte) (width int) {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			width++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		width += runeWidth(r)
		i += size
	}
	return width
}

// escapedWidth returns how many columns a rune of size bytes takes as Append
// writes it.
func escapedWidth(r rune, size int) int {
	switch {
	case r == utf8.RuneError && size == 1:
		return len(`\xff`)
	case printable(r):
		return runeWidth(r)
	case r == '\n', r == '\r':
		return len(`\n`)
	case r < utf8.RuneSelf:
		return len(`\x1b`)
	case r <= 0xffff:
		return len(`\uffff`)
	}
	return len(`\U0010ffff`)
}

// runeWidth returns how many columns a printable rune takes.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case r == 0xfe0f: // makes the symbol before it an emoji, which is wide
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me), r >= 0x1160 && r <= 0x11ff:
		return 0
	case unicode.Is(wide, r):
		return 2
	}
	return 1
}

// wide are the runes that take two columns: those that Unicode's East Asian Width
// calls wide or full, and the blocks of emoji as a whole.
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x1100, 0x115f, 1},
		{0x231a, 0x231b, 1},
		{0x2329, 0x232a, 1},
		{0x23e9, 0x23ec, 1},
		{0x23f0, 0x23f3, 3},
		{0x25fd, 0x25fe, 1},
		{0x2614, 0x2615, 1},
		{0x2630, 0x2637, 1},
		{0x2648, 0x2653, 1},
		{0x267f, 0x267f, 1},
		{0x268a, 0x268f, 1},
		{0x2693, 0x2693, 1},
		{0x26a1, 0x26a1, 1},
		{0x26aa, 0x26ab, 1},
		{0x26bd, 0x26be, 1},
		{0x26c4, 0x26c5, 1},
		{0x26ce, 0x26d4, 6},
		{0x26ea, 0x26ea, 1},
		{0x26f2, 0x26f3, 1},
		{0x26f5, 0x26fa, 5},
		{0x26fd, 0x26fd, 1},
		{0x2705, 0x2705, 1},
		{0x270a, 0x270b, 1},
		{0x2728, 0x2728, 1},
		{0x274c, 0x274e, 2},
		{0x2753, 0x2755, 1},
		{0x2757, 0x2757, 1},
		{0x2795, 0x2797, 1},
		{0x27b0, 0x27bf, 15},
		{0x2b1b, 0x2b1c, 1},
		{0x2b50, 0x2b55, 5},
		{0x2e80, 0x303e, 1},
		{0x3041, 0xa4cf, 1},
		{0xa960, 0xa97f, 1},
		{0xac00, 0xd7a3, 1},
		{0xf900, 0xfaff, 1},
		{0xfe10, 0xfe19, 1},
		{0xfe30, 0xfe6f, 1},
		{0xff01, 0xff60, 1},
		{0xffe0, 0xffe6, 1},
	},
	R32: []unicode.Range32{
		{0x16fe0, 0x18dff, 1},
		{0x1aff0, 0x1b2ff, 1},
		{0x1d300, 0x1d376, 1},
		{0x1f000, 0x1f0ff, 1},
		{0x1f18e, 0x1f18e, 1},
		{0x1f191, 0x1f19a, 1},
		{0x1f1e6, 0x1f1ff, 1},
		{0x1f200, 0x1f64f, 1},
		{0x1f680, 0x1f6ff, 1},
		{0x1f7e0, 0x1f7f0, 1},
		{0x1f900, 0x1faff, 1},
		{0x20000, 0x3fffd, 1},
	},
}
