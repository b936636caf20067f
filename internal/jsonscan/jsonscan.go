// Package jsonscan reads JSON text in place: it checks the syntax of untrusted
// bytes strictly, with a bounded depth and no recursion, and hands out the parts
// of what it has checked without copying them.
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"iter"
	"math/bits"
	"unicode/utf8"
)

// MaxDepth is the number of containers that may be open at once. It is well
// above what wfslog writes (32 inside attributes) and well below what common
// readers die of.
const MaxDepth = 128

// Errors of [Value] and [Object].
var (
	ErrSyntax = errors.New("not valid JSON")
	ErrDepth  = errors.New("JSON nested too deep")
	ErrUTF8   = errors.New("invalid UTF-8 in JSON")
)

// Value returns the length of the JSON value at the start of b, without white
// space before or after it.
func Value(b []byte) (int, error) {
	n, _, err := ValueWithin(b, 0)
	return n, err
}

// ValueWithin is Value for a value that is within the given number of containers,
// which must be less than [MaxDepth]. plain reports whether the value is all of
// printable ASCII, without white space around its parts.
func ValueWithin(b []byte, depth int) (n int, plain bool, err error) {
	if len(b) == 0 {
		return 0, false, ErrSyntax
	}
	s := scanner{outer: depth, depth: depth}
	if b[0] == '{' || b[0] == '[' {
		n, err = s.container(b)
	} else {
		n, err = s.scalar(b)
	}
	return n, !s.odd, err
}

// scanner is the state of a scan within containers.
type scanner struct {
	outer    int // depth of what is around the value
	depth    int
	odd      bool                  // there is more than printable ASCII without white space
	isObject [MaxDepth / 64]uint64 // a bit for each open container, the outermost first
}

// open notes a container that begins with c.
func (s *scanner) open(c byte) {
	word, bit := &s.isObject[s.depth/64], uint64(1)<<(s.depth%64)
	*word &^= bit
	if c == '{' {
		*word |= bit
	}
	s.depth++
}

// inObject reports whether the innermost container is an object.
func (s *scanner) inObject() bool {
	d := s.depth - 1
	return s.isObject[d/64]>>(d%64)&1 != 0
}

// container returns the length of the container at the start of b.
func (s *scanner) container(b []byte) (int, error) {
	s.open(b[0])
	object := b[0] == '{'
	i := s.skip(b, 1)
	first := true // nothing stands in the innermost container yet
	for i < len(b) {
		if !first || b[i] != closing(object) {
			// A member or an element.
			if object {
				n, err := s.string(b[i:])
				if err != nil {
					return 0, err
				}
				i = s.skip(b, i+n)
				if i == len(b) || b[i] != ':' {
					return 0, ErrSyntax
				}
				if i = s.skip(b, i+1); i == len(b) {
					return 0, ErrSyntax
				}
			}
			if c := b[i]; c == '{' || c == '[' {
				if s.depth == MaxDepth {
					return 0, ErrDepth
				}
				s.open(c)
				object, first = c == '{', true
				i = s.skip(b, i+1)
				continue
			}
			n, err := s.scalar(b[i:])
			if err != nil {
				return 0, err
			}
			i = s.skip(b, i+n)
		}
		// What ends here ends all containers that end here.
		for i < len(b) && b[i] == closing(object) {
			if s.depth--; s.depth == s.outer {
				return i + 1, nil
			}
			object = s.inObject()
			i = s.skip(b, i+1)
		}
		if i == len(b) || b[i] != ',' {
			return 0, ErrSyntax
		}
		first = false
		i = s.skip(b, i+1)
	}
	return 0, ErrSyntax
}

func closing(object bool) byte {
	if object {
		return '}'
	}
	return ']'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skip returns the place of the first byte from i on that is not white space,
// len(b) if there is none.
func (s *scanner) skip(b []byte, i int) int {
	if i < len(b) && b[i] > ' ' {
		return i
	}
	for i < len(b) && isSpace(b[i]) {
		s.odd = true
		i++
	}
	return i
}

func (s *scanner) scalar(b []byte) (int, error) {
	switch c := b[0]; {
	case c == '"':
		return s.string(b)
	case c == '-' || '0' <= c && c <= '9':
		return numberLen(b)
	case c == 't':
		return literalLen(b, "true")
	case c == 'f':
		return literalLen(b, "false")
	case c == 'n':
		return literalLen(b, "null")
	}
	return 0, ErrSyntax
}

func literalLen(b []byte, want string) (int, error) {
	if len(b) < len(want) || string(b[:len(want)]) != want {
		return 0, ErrSyntax
	}
	return len(want), nil
}

// string returns the length of the JSON string at the start of b with its
// quotes.
func (s *scanner) string(b []byte) (int, error) {
	if len(b) == 0 || b[0] != '"' {
		return 0, ErrSyntax
	}
	for i := 1; i < len(b); {
		// Eight bytes at a time: three times as fast as byte by byte for a sentence, and
		// ten times for a page.
		for len(b)-i >= 8 {
			if special := notPlain(binary.LittleEndian.Uint64(b[i:])); special != 0 {
				i += bits.TrailingZeros64(special) / 8
				break
			}
			i += 8
		}
		if i == len(b) {
			break
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			n := escapeLen(b[i:])
			if n == 0 {
				return 0, ErrSyntax
			}
			i += n
		case c < ' ':
			return 0, ErrSyntax
		case c < utf8.RuneSelf:
			s.odd = s.odd || c == 0x7f
			i++
		default:
			s.odd = true
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				return 0, ErrUTF8
			}
			i += n
		}
	}
	return 0, ErrSyntax
}

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
	return (quoteOrControl | backslash | w) & each80
}

// escapeLen returns the length of the escape sequence at the start of b, or 0.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, c := range b[2:6] {
			if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
				return 0
			}
		}
		return 6
	}
	return 0
}

// numberLen returns the length of the JSON number at the start of b.
func numberLen(b []byte) (int, error) {
	i := 0
	digits := func() bool {
		from := i
		for i < len(b) && '0' <= b[i] && b[i] <= '9' {
			i++
		}
		return i > from
	}
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return 0, ErrSyntax
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return 0, ErrSyntax
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return 0, ErrSyntax
		}
	}
	return i, nil
}

// Object checks that b is one JSON object and nothing else.
func Object(b []byte) error {
	if len(b) == 0 || b[0] != '{' {
		return ErrSyntax
	}
	n, err := Value(b)
	if err == nil && n != len(b) {
		err = ErrSyntax
	}
	return err
}

// Members returns the members of the object b, which must have passed [Object].
// The key keeps its quotes. Both are parts of b. If b has not passed, they may be
// anything that is not empty, but no key and no value that begins with a quote lacks
// the one at its end.
func Members(b []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for i := next(b, 1); i < len(b) && b[i] != '}'; i = next(b, i) {
			if b[i] == ',' {
				i = next(b, i+1)
			}
			from := i
			if i = skipString(b, i); i < 0 {
				return
			}
			key := b[from:i]
			i = next(b, next(b, i)+1) // over the colon
			from = i
			if i = skipValue(b, i); i <= from || !yield(key, b[from:i]) {
				return
			}
		}
	}
}

// next returns the place of the first byte from i on that is not white space.
func next(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

// skipValue returns the place behind the valid value at i: for a value that has been
// scanned, that takes a fifth of the time of scanning it again. It returns -1 if there
// is no end.
func skipValue(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				if i = skipString(b, i); i < 0 {
					return -1
				}
				continue
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
			i++
		}
		return -1
	}
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' && !isSpace(b[i]) {
		i++
	}
	return i
}

// skipString returns the place behind the valid string at i, -1 if there is no end.
func skipString(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for end := i + 1; ; end++ {
		n := bytes.IndexByte(b[end:], '"')
		if n < 0 {
			return -1
		}
		end += n
		backslashes := 0
		for b[end-1-backslashes] == '\\' {
			backslashes++ // no further than the opening quote
		}
		if backslashes%2 == 0 {
			return end + 1
		}
	}
}

// String returns the text of the JSON string quoted, which must be valid. For
// any other JSON value ok is false.
func String(quoted []byte) (s string, ok bool) {
	if len(quoted) < 2 || quoted[0] != '"' {
		return "", false
	}
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		return unescape(quoted)
	}
	return string(inner), true
}

// unescape is String for a string with escape sequences. It is apart because its result
// is allocated before it is known, which is a tenth of the time of reading a journal.
func unescape(quoted []byte) (s string, ok bool) {
	err := json.Unmarshal(quoted, &s)
	return s, err == nil
}
