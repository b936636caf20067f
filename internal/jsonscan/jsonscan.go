// Package jsonscan reads JSON text in place: it checks the syntax of untrusted
// bytes strictly, with a bounded depth and no recursion, and hands out the parts
// of what it has checked without copying them.
package jsonscan

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
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
	// state is what the next byte may be.
	const (
		wantValue = iota
		wantValueOrEnd
		wantKey
		wantKeyOrEnd
		afterValue
	)
	var (
		isObject [MaxDepth]bool
		depth    int
		state    = wantValue
	)
	for i := 0; i < len(b); {
		c := b[i]
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			if depth == 0 {
				return 0, ErrSyntax
			}
			i++
			continue
		}
		switch state {
		case wantKey, wantKeyOrEnd:
			if c == '}' && state == wantKeyOrEnd {
				break
			}
			n, err := stringLen(b[i:])
			if err != nil {
				return 0, err
			}
			i += n
			for i < len(b) && isSpace(b[i]) {
				i++
			}
			if i == len(b) || b[i] != ':' {
				return 0, ErrSyntax
			}
			i++
			state = wantValue
			continue
		case wantValue, wantValueOrEnd:
			if c == ']' && state == wantValueOrEnd {
				break
			}
			if c == '{' || c == '[' {
				if depth == MaxDepth {
					return 0, ErrDepth
				}
				isObject[depth] = c == '{'
				depth++
				i++
				state = wantValueOrEnd
				if c == '{' {
					state = wantKeyOrEnd
				}
				continue
			}
			n, err := scalarLen(b[i:])
			if err != nil {
				return 0, err
			}
			i += n
			if depth == 0 {
				return i, nil
			}
			state = afterValue
			continue
		case afterValue:
			if c == ',' {
				i++
				state = wantValue
				if isObject[depth-1] {
					state = wantKey
				}
				continue
			}
		}
		// What is left is the end of the innermost container.
		if depth == 0 || c != closing(isObject[depth-1]) {
			return 0, ErrSyntax
		}
		depth--
		i++
		if depth == 0 {
			return i, nil
		}
		state = afterValue
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

func scalarLen(b []byte) (int, error) {
	switch c := b[0]; {
	case c == '"':
		return stringLen(b)
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

// stringLen returns the length of the JSON string at the start of b with its
// quotes.
func stringLen(b []byte) (int, error) {
	if len(b) == 0 || b[0] != '"' {
		return 0, ErrSyntax
	}
	for i := 1; i < len(b); {
		for i < len(b) && isPlain[b[i]] {
			i++
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
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n == 1 {
				return 0, ErrUTF8
			}
			i += n
		}
	}
	return 0, ErrSyntax
}

// isPlain tells the bytes that stand for themselves in a string: nearly all of
// most strings.
var isPlain = func() (plain [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		plain[c] = c != '"' && c != '\\'
	}
	return plain
}()

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
// The key keeps its quotes. Both are parts of b.
func Members(b []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		for i := next(b, 1); b[i] != '}'; i = next(b, i) {
			if b[i] == ',' {
				i = next(b, i+1)
			}
			n, _ := stringLen(b[i:])
			key := b[i : i+n]
			i = next(b, next(b, i+n)+1) // over the colon
			n, _ = Value(b[i:])
			if !yield(key, b[i:i+n]) {
				return
			}
			i += n
		}
	}
}

// next returns the place of the first byte from i on that is not white space.
func next(b []byte, i int) int {
	for isSpace(b[i]) {
		i++
	}
	return i
}

// String returns the text of the JSON string quoted, which must be valid. For
// any other JSON value ok is false.
func String(quoted []byte) (s string, ok bool) {
	if len(quoted) < 2 || quoted[0] != '"' {
		return "", false
	}
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') >= 0 {
		err := json.Unmarshal(quoted, &s)
		return s, err == nil
	}
	return string(inner), true
}
