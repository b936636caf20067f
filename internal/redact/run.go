package redact

import "strings"

const (
	// minRun is the length of the shortest run that holds a secret, and stride is
	// how far apart words of 8 bytes may be so that one is inside every such run.
	minRun = 19
	stride = minRun - 7
	// maxSearched is the length of a run in which secrets are also looked for behind
	// its start. Longer ones are data in which anything occurs by chance, and must
	// not take a time that grows with the square of their length.
	maxSearched = 512
)

const (
	each01 uint64 = 0x0101010101010101
	each80 uint64 = 0x8080808080808080
)

// runs looks for secrets with a shape of their own. All of them have a run of at
// least minRun letters, digits, "_" and "-", and text for people hardly has any. So
// it is enough to look at 8 bytes at every stride: only if none of them is a space,
// or another character that sorts before "-", or not ASCII, the whole run is looked
// at.
func (f *finder) runs() {
	s := f.s
	for i := 0; i+8 <= len(s); i += stride {
		w := load(s[i:])
		if (w|(w-'-'*each01))&each80 != 0 {
			continue
		}
		start := word.start(s, i+8, i+8)
		if start > i {
			continue
		}
		end := word.end(s, i+8)
		if end-start >= minRun {
			f.run(start, end)
			if n := len(f.found); n > 0 {
				end = max(end, f.found[n-1].to) // behind dots
			}
		}
		i = end // no run begins before end+1, so the next word is inside of it, too
	}
}

// load returns the first eight bytes of s.
func load(s string) uint64 {
	_ = s[7] // one bounds check; the compiler makes one load of the eight
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// run looks for secrets in s[start:end], which is a run.
func (f *finder) run(start, end int) {
	s := f.s
	if start > 0 {
		switch s[start-1] {
		case '.':
			if from := behindDot(s, start); from >= 0 {
				f.add(from, dottedEnd(s, end))
				return
			}
		case ' ', '\t':
			if f.behindScheme(start) {
				return
			}
		case '\\', '%', '[':
			if f.at(afterEscape(s, start), end) >= 0 {
				return
			}
		}
	}
	next := f.at(start, end)
	if end-start > maxSearched && next < 0 {
		return
	}
	for i := max(start, next); i < min(end, start+maxSearched); i++ {
		if c := s[i]; c != '-' && c != '_' {
			continue
		}
		if next = f.at(i+1, end); next >= 0 {
			i = next - 1
		}
	}
}

// afterEscape returns where the text begins in the run at s[start], behind what is
// before it the start of: \n, \u003d, %3D, or a sequence that colours a terminal.
func afterEscape(s string, start int) int {
	switch c := s[start]; {
	case s[start-1] == '%':
		return start + 2
	case s[start-1] == '[':
		if i := strings.IndexByte(s[start:min(start+6, len(s))], 'm'); i >= 0 {
			return start + i + 1
		}
	case c == 'u':
		return start + 5
	case c == 'x':
		return start + 3
	}
	return start + 1
}

// at looks for a secret that begins at s[i], in a run that ends at s[end], and
// returns where it ends, or -1 if there is none.
func (f *finder) at(i, end int) int {
	if i >= end {
		return -1
	}
	s := f.s
	for _, sh := range shapes[s[i]] {
		if !strings.HasPrefix(s[i:end], sh.prefix) {
			continue
		}
		if to := sh.end(s, i); to >= 0 {
			f.add(i, to)
			return to
		}
	}
	return -1
}

// dottedEnd returns where a run ends that goes on behind dots.
func dottedEnd(s string, end int) int {
	for end+1 < len(s) && s[end] == '.' && word.has(s[end+1]) {
		end = word.end(s, end+1)
	}
	return end
}

// dottedPrefixes are those with which tokens begin whose first dot is before the
// first run: Google's OAuth tokens and newer keys, SendGrid's, and HashiCorp Vault's.
var dottedPrefixes = [...]string{"ya29", "SG", "AQ", "hvs", "hvb"}

// behindDot returns where the token begins of which the run behind the dot before
// s[start] is a part, or -1.
func behindDot(s string, start int) int {
	from := word.start(s, start-1, 8)
	for _, prefix := range dottedPrefixes {
		if strings.HasSuffix(s[from:start-1], prefix) {
			if from = start - 1 - len(prefix); from == 0 || !alnum.has(s[from-1]) || isEscape(s, from) {
				return from
			}
		}
	}
	return -1
}

// isEscape reports whether the letters before s[i] are of those that [afterEscape]
// skips.
func isEscape(s string, i int) bool {
	for start := i - 1; start > max(i-7, 0); start-- {
		switch s[start-1] {
		case '\\', '%', '[':
			return afterEscape(s, start) == i
		}
	}
	return false
}
