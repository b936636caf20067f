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

func (n name) String() string {
	return fmt.Sprintf("%s.%s.%d.%s.%06d.jsonl", n.program, n.start.Format(startFormat), n.pid, n.stream, n.number)
}

// compare orders names by start, stream and number.
func (n name) compare(other name) int {
	return cmp.Or(n.start.Compare(other.start), cmp.Compare(n.stream, other.stream), cmp.Compare(n.number, other.number))
}

// parseName reads the name of a segment. Only the one spelling that String
// writes is read.
func parseName(text string) (n name, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 6 {
		return name{}, false
	}
	var errs [4]error
	n.program, n.stream = parts[0], parts[3]
	n.start, errs[0] = time.Parse(startFormat, parts[1])
	n.pid, errs[1] = strconv.Atoi(parts[2])
	n.number, errs[2] = strconv.Atoi(parts[4])
	_, errs[3] = hex.DecodeString(n.stream)
	for _, err := range errs {
		if err != nil {
			return name{}, false
		}
	}
	ok = len(n.stream) == 16 && n.stream == strings.ToLower(n.stream) && n.pid >= 0 && n.number > 0 &&
		isSlug(n.program) && n.String() == text
	return n, ok
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
