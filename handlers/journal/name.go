package journal

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// dirName is the subdirectory that holds the segments.
const dirName = "journal"

// startFormat is the time in a name. It has no dot, which separates the parts.
const startFormat = "20060102T150405Z"

// name is what the name of a segment says.
type name struct {
	program string // a slug
	start   time.Time
	pid     int
	stream  string // 16 hex digits
	number  int
}

// String returns the name of a segment.
func (n name) String() string { return fmt.Sprintf("%s.%06d.jsonl", n.prefix(), n.number) }

// ring returns the name of the stream's crash ring.
func (n name) ring() string { return n.prefix() + ringExt }

const ringExt = ".ring"

// prefix returns what the names of all files of the stream begin with.
func (n name) prefix() string {
	return fmt.Sprintf("%s.%s.%d.%s", n.program, n.start.Format(startFormat), n.pid, n.stream)
}

// compare orders names by start, stream and number.
func (n name) compare(other name) int {
	return cmp.Or(n.start.Compare(other.start), cmp.Compare(n.stream, other.stream), cmp.Compare(n.number, other.number))
}

// parseName reads the name of a segment. Only the one spelling that String
// writes is read.
func parseName(text string) (n name, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 6 || !n.parsePrefix(parts) {
		return name{}, false
	}
	var err error
	if n.number, err = strconv.Atoi(parts[4]); err != nil || n.number <= 0 || n.String() != text {
		return name{}, false
	}
	return n, true
}

// parseRing reads the name of a crash ring, as parseName does that of a segment.
func parseRing(text string) (n name, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 5 || !n.parsePrefix(parts) || n.ring() != text {
		return name{}, false
	}
	return n, true
}

// parsePrefix reads the first four parts of a name.
func (n *name) parsePrefix(parts []string) (ok bool) {
	var errs [3]error
	n.program, n.stream = parts[0], parts[3]
	n.start, errs[0] = time.Parse(startFormat, parts[1])
	n.pid, errs[1] = strconv.Atoi(parts[2])
	_, errs[2] = hex.DecodeString(n.stream)
	for _, err := range errs {
		if err != nil {
			return false
		}
	}
	return len(n.stream) == 16 && n.stream == strings.ToLower(n.stream) && n.pid >= 0 && isSlug(n.program)
}

// maxSlug is the length of the longest program's part of a name.
const maxSlug = 64

// reserved are names that Windows takes for devices, whatever follows the dot.
var reserved = []string{"con", "prn", "aux", "nul"}

// slug returns program as part of a file name: letters, digits, "-" and "_". One
// that had to be changed gets part of its hash, so that different programs keep
// different names.
func slug(program string) string {
	if isSlug(program) && !isDevice(program) {
		return program
	}
	var b strings.Builder
	for _, r := range program {
		if b.Len() == maxSlug-9 {
			break
		}
		if r >= 0x80 || !isSlugByte(byte(r)) || b.Len() == 0 && r == '-' {
			r = '_'
		}
		b.WriteByte(byte(r))
	}
	if program == "" {
		b.WriteByte('_')
	}
	sum := sha256.Sum256([]byte(program))
	return b.String() + "-" + hex.EncodeToString(sum[:4])
}

func isSlug(s string) bool {
	if s == "" || len(s) > maxSlug || s[0] == '-' {
		return false
	}
	for i := range len(s) {
		if !isSlugByte(s[i]) {
			return false
		}
	}
	return true
}

func isSlugByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}

func isDevice(s string) bool {
	s = strings.ToLower(s)
	port := len(s) == 4 && (strings.HasPrefix(s, "com") || strings.HasPrefix(s, "lpt"))
	return port || slices.Contains(reserved, s)
}
