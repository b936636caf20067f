// Package redact finds secrets in text and keys that tell of them.
//
// It knows the shapes that providers give to their keys, passwords and signatures
// in URLs, headers, JSON and assignments inside text, and private keys. That is best
// effort: a secret without a shape, under a key that does not tell, is not found.
//
// The time that [Text] takes is linear, and short where there is nothing to find:
// see [finder.runs].
package redact

import (
	"cmp"
	"slices"
	"strings"
)

// Mark stands in place of a secret.
const Mark = "[REDACTED]"

// minText is the length of the shortest text that can hold a secret: ://:p@h.
const minText = 7

// Text returns s with Mark in place of each secret, and their number. If there is
// none, it returns s itself. What it returns holds none any more, so nothing is
// counted twice if it comes here again.
func Text(s string) (string, int) {
	if len(s) < minText || len(s) < minRun && !hasSign(s) {
		return s, 0
	}
	f := finder{s: s}
	f.runs()
	f.colons()
	f.equals()
	f.schemes()
	f.privateKeys()
	if len(f.found) == 0 {
		return s, 0
	}
	return f.replace()
}

// hasSign reports whether s has one of the characters that come with each secret
// outside of long runs: a colon, an equals sign or the B of a scheme. To look for all
// at once makes short texts half as expensive.
func hasSign(s string) bool {
	for ; len(s) >= 8; s = s[8:] {
		w := load(s)
		if (hasByte(w, ':')|hasByte(w, '=')|hasByte(w, 'B'))&each80 != 0 {
			return true
		}
	}
	for i := range len(s) {
		if c := s[i]; c == ':' || c == '=' || c == 'B' {
			return true
		}
	}
	return false
}

// hasByte returns a word that has a bit of each80 if a byte of w is c. It may have
// one for other reasons, too, if another byte of w is not ASCII.
func hasByte(w uint64, c byte) uint64 {
	w ^= uint64(c) * each01
	return (w - each01) &^ w
}

// finder collects where in s there are secrets.
type finder struct {
	s     string
	found []span

	// The last line and value that were looked for, so that none is looked at once
	// for each of many names in it.
	line, value span
}

// span is a part of the text.
type span struct{ from, to int }

// add notes that s[from:to] is a secret, unless something stands in its place
// already, and reports whether it did.
func (f *finder) add(from, to int) bool {
	if isMask(f.s[from:to]) {
		return false
	}
	f.found = append(f.found, span{from, to})
	return true
}

// isMask reports whether s is what stands in place of a secret: empty, the marks of
// this package, net/url and net/http, or a variable.
func isMask(s string) bool {
	if strings.HasPrefix(s, Mark) || strings.Trim(s, "*") == "" || s == "xxxxx" {
		return true
	}
	switch rest, last := s[1:], s[len(s)-1]; s[0] {
	case '<':
		return last == '>'
	case '{':
		return last == '}'
	case '%':
		return len(s) == 2 || last == '%'
	case '$':
		return last == '}' || last == ')' || strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
	}
	return false
}

// replace returns the text with Mark in place of what was found. Secrets that
// overlap count as one.
func (f *finder) replace() (string, int) {
	slices.SortFunc(f.found, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	merged := f.found[:1]
	for _, next := range f.found[1:] {
		if last := &merged[len(merged)-1]; next.from < last.to {
			last.to = max(last.to, next.to)
		} else {
			merged = append(merged, next)
		}
	}
	var b strings.Builder
	b.Grow(len(f.s))
	done := 0
	for _, secret := range merged {
		b.WriteString(f.s[done:secret.from])
		b.WriteString(Mark)
		done = secret.to
	}
	b.WriteString(f.s[done:])
	return b.String(), len(merged)
}
