package wfslogtest_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/wfslogtest"
)

// The flag of a test program that has one.
var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares what f records with a file, and returns the failures.
func golden(file string, f func(rec *wfslogtest.Recorder)) []string {
	test := &fakeTest{}
	rec := wfslogtest.New(test)
	f(rec)
	rec.Golden(file)
	return test.end()
}

// keepUpdating keeps tests of updating apart from the updating of files of others.
func keepUpdating(t *testing.T) {
	t.Helper()
	before := *update
	*update = false
	t.Cleanup(func() { *update = before })
	t.Setenv("WFSLOGTEST_UPDATE", "")
}

func TestGoldenUpdates(t *testing.T) {
	tests := []struct {
		name string
		on   func(t *testing.T)
	}{
		{"environment", func(t *testing.T) { t.Setenv("WFSLOGTEST_UPDATE", "1") }},
		{"flag", func(t *testing.T) { *update = true }},
	}
	for _, tt := range tests {
		for _, name := range []string{"x.golden", "x.json"} {
			t.Run(tt.name+" "+name, func(t *testing.T) {
				keepUpdating(t)
				file := filepath.Join(t.TempDir(), "testdata", name)
				failures := golden(file, work)
				require.Len(t, failures, 1)
				assert.Contains(t, failures[0], "no golden file "+file+"; WFSLOGTEST_UPDATE=1 writes it:\n\n")

				tt.on(t)
				require.Empty(t, golden(file, work))
				written, err := os.ReadFile(file)
				require.NoError(t, err)
				assert.Contains(t, failures[0], string(written), "the failure shows it")

				*update = false
				t.Setenv("WFSLOGTEST_UPDATE", "")
				assert.Empty(t, golden(file, work))
				assert.NotEmpty(t, golden(file, func(*wfslogtest.Recorder) {}))
				after, err := os.ReadFile(file)
				require.NoError(t, err)
				assert.Equal(t, string(written), string(after))

				crlf := strings.ReplaceAll(string(written), "\n", "\r\n")
				require.NoError(t, os.WriteFile(file, []byte(crlf), 0o600))
				assert.Empty(t, golden(file, work), "of a checkout with CRLF")
			})
		}
	}
}

func TestGoldenShowsTheDifference(t *testing.T) {
	keepUpdating(t)
	actions := func(names string) func(rec *wfslogtest.Recorder) {
		return func(rec *wfslogtest.Recorder) {
			for _, name := range names {
				rec.Logger().InfoContext(rec.Context(), "m", wfslog.Action(string(name)))
			}
		}
	}
	file := filepath.Join(t.TempDir(), "x.golden")
	t.Setenv("WFSLOGTEST_UPDATE", "1")
	require.Empty(t, golden(file, actions("abcdefghijk")))
	t.Setenv("WFSLOGTEST_UPDATE", "")
	failures := golden(file, actions("abcdefXhijk"))
	require.Len(t, failures, 1)
	_, diff, ok := strings.Cut(failures[0], "\n\n")
	require.True(t, ok)
	assert.Equal(t, `  …
  ├─ ✓ d  :4   m
  ├─ ✓ e  :5   m
  ├─ ✓ f  :6   m
- ├─ ✓ g  :7   m
+ ├─ ✓ X  :7   m
  ├─ ✓ h  :8   m
  ├─ ✓ i  :9   m
  ├─ ✓ j  :10  m
  …
`, diff)
}

func TestGoldenTellsWhatIsWrongWithTheFile(t *testing.T) {
	keepUpdating(t)
	dir := t.TempDir()
	failures := golden(dir, work)
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0], "wfslogtest: golden file: read "+dir)
	t.Setenv("WFSLOGTEST_UPDATE", "1")
	failures = golden(dir, work)
	require.Len(t, failures, 1)
	assert.Contains(t, failures[0], "wfslogtest: golden file: open "+dir)
}
