package redact

import "strings"

const (
	pemBegin  = "-----BEGIN "
	pemDashes = "-----"
	pemEnd    = "-----END "
	pemSecret = "PRIVATE KEY"
	// minPEM is the number of characters of base 64 that make a key of what would
	// be only talk of one.
	minPEM = 40
)

// privateKeys looks for private keys in the PEM form, from their begin to their end.
// If the end is missing, so much as looks like base 64 is taken.
func (f *finder) privateKeys() {
	s := f.s
	for i := 0; len(s)-i > len(pemBegin)+minPEM; {
		next := strings.Index(s[i:], pemBegin)
		if next < 0 {
			return
		}
		from := i + next
		i = from + len(pemBegin)
		label := strings.Index(s[i:min(i+64, len(s))], pemDashes)
		if label < 0 || !strings.Contains(s[i:i+label], pemSecret) {
			continue
		}
		i += label + len(pemDashes)
		end := pemBody(s, i)
		if dashes := strings.Index(s[i:], pemDashes); dashes >= 0 && strings.HasPrefix(s[i+dashes:], pemEnd) {
			end = i + dashes + len(pemEnd)
			if last := strings.Index(s[end:min(end+64, len(s))], pemDashes); last >= 0 {
				end += last + len(pemDashes)
			}
		}
		if hasBase64(s[i:end]) {
			f.add(from, end)
			i = end
		}
	}
}

// pemBody returns the end of what looks like lines of base 64 from s[i] on. Line
// breaks may be escaped.
func pemBody(s string, i int) int {
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\n' || c == '\r' || c == '\\':
		case !pem.has(c):
			return i
		}
	}
	return i
}

// hasBase64 reports whether there are minPEM characters of base 64 in a row.
func hasBase64(s string) bool {
	for i := 0; i < len(s); i++ {
		end := pem.end(s, i)
		if end-i >= minPEM {
			return true
		}
		i = end
	}
	return false
}
