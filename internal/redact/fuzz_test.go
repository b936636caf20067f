package redact_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/wfslog/wfslog/internal/redact"
)

// FuzzText plants a secret in any text. It must not come out, whatever is around
// it; and what came out must not be changed by another pass.
func FuzzText(f *testing.F) {
	names := slices.Sorted(maps.Keys(shapes))
	for i := range names {
		f.Add("my key is ", " , use it", i)
	}
	for i, text := range ordinary {
		f.Add(text, text, i)
	}
	f.Fuzz(func(t *testing.T, before, after string, i int) {
		if got, n := redact.Text(before); (n == 0) != (got == before) {
			t.Errorf("%q: %d secrets, and it becomes %q", before, n, got)
		}
		secret := shapes[names[uint(i)%uint(len(names))]]
		got, n := redact.Text(before + " " + secret + " " + after)
		if n == 0 || !strings.Contains(before+after, secret) && strings.Contains(got, secret) {
			t.Errorf("%q stays in %q", secret, got)
		}
		if again, _ := redact.Text(got); strings.Contains(again, secret) {
			t.Errorf("%q is in %q", secret, again)
		}
		if k := redact.Key(before); k != redact.Key(strings.ToUpper(before)) && isASCII(before) {
			t.Errorf("key %q is %d, in capital letters not", before, k)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) < 0
}
