package event

import (
	"math"
	"strconv"
	"strings"
)

// MaxDepth is the number of elements that a path may have. Readers of nested
// JSON give up at depths from 86 on (jq 1.6); with an array and an object for
// each span, 64 keeps documents readable once flat fields are counted in.
const MaxDepth = 64

// The address of a span is its path: ordinals joined by "/", the root's is "".
// An element of a span that was started from another process has a token behind
// its ordinal: "4~k3x9q7aa", and from its second child on a counter behind that:
// "4~k3x9q7aa.2".

// Element is one element of a path.
type Element struct {
	Ordinal uint32 // ≥ 1
	Token   string // "" for a span that was started in its parent's process
	Counter uint32 // 1 for the first span of a token, 0 without a token
}

// ChildPath returns the path of the child of parent with the given ordinal.
func ChildPath(parent string, ordinal uint32) string {
	buf := make([]byte, 0, len(parent)+11)
	if parent != "" {
		buf = append(buf, parent...)
		buf = append(buf, '/')
	}
	return string(strconv.AppendUint(buf, uint64(ordinal), 10))
}

// RemoteChildPath returns the path of the child of parent with the given last
// element, which has a token.
func RemoteChildPath(parent string, e Element) string {
	path := ChildPath(parent, e.Ordinal) + "~" + e.Token
	if e.Counter > 1 {
		path += "." + strconv.FormatUint(uint64(e.Counter), 10)
	}
	return path
}

// ParentPath returns the path of the parent of the span at path, which must not
// be the root.
func ParentPath(path string) string {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)]
}

// PathDepth returns the number of elements of path; the root's is 0.
func PathDepth(path string) int {
	if path == "" {
		return 0
	}
	return 1 + strings.Count(path, "/")
}

// LastElement returns the last element of a valid path other than the root's.
func LastElement(path string) Element {
	e, _ := parseElement(path[strings.LastIndexByte(path, '/')+1:])
	return e
}

// ValidPath reports whether path is well formed and at most [MaxDepth] deep.
func ValidPath(path string) bool {
	if path == "" {
		return true
	}
	depth := 0
	for element := range strings.SplitSeq(path, "/") {
		depth++
		if _, ok := parseElement(element); !ok || depth > MaxDepth {
			return false
		}
	}
	return true
}

// validPath is ValidPath for a part of a line. Nearly all paths are of ordinals alone,
// and are looked at without being copied.
func validPath(path []byte) bool {
	var n uint64
	depth, digits := 0, 0
	for _, c := range path {
		switch {
		case '1' <= c && c <= '9' || c == '0' && digits > 0:
			if n = n*10 + uint64(c-'0'); n > math.MaxUint32 {
				return false
			}
			if digits == 0 {
				depth++
			}
			digits++
		case c == '/' && digits > 0:
			n, digits = 0, 0
		default:
			return ValidPath(string(path))
		}
	}
	return len(path) == 0 || digits > 0 && depth <= MaxDepth
}

// minToken is the least number of characters of a token, and maxToken a bound
// on what is taken for one.
const (
	minToken = 8
	maxToken = 64
)

func parseElement(s string) (e Element, ok bool) {
	ordinal, rest, foreign := strings.Cut(s, "~")
	if e.Ordinal, ok = ParseOrdinal(ordinal); !ok || !foreign {
		return e, ok
	}
	token, counter, counted := strings.Cut(rest, ".")
	if len(token) < minToken || len(token) > maxToken {
		return Element{}, false
	}
	for i := range len(token) {
		if c := token[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return Element{}, false
		}
	}
	e.Token, e.Counter = token, 1
	if counted {
		// The first span of a token has no counter, so ".1" would be a second
		// name for it.
		if e.Counter, ok = ParseOrdinal(counter); !ok || e.Counter == 1 {
			return Element{}, false
		}
	}
	return e, true
}

// ParseOrdinal reads a decimal ≥ 1 without leading zeros that fits uint32.
func ParseOrdinal(s string) (uint32, bool) {
	if s == "" || s[0] == '0' || len(s) > 10 {
		return 0, false
	}
	var n uint64
	for i := range len(s) {
		c := s[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return uint32(n), n <= math.MaxUint32
}
