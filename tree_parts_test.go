package wfslog_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/linefile"
)

// TestTheIndexIsSmall holds the memory that each event of a journal takes, whatever its
// length, to the documented number.
func TestTheIndexIsSmall(t *testing.T) {
	assert.LessOrEqual(t, wfslog.EntrySize+wfslog.PageSize, 48)
	assert.LessOrEqual(t, wfslog.SpanSize, 28)
}

// bothForms returns the documents of all runs in b, and their flat forms.
func bothForms(t require.TestingT, b *wfslog.TreeBuilder) string {
	var out strings.Builder
	for _, run := range b.Runs() {
		require.NoError(t, b.WriteDocument(&out, run))
		require.NoError(t, b.WriteFlat(&out, run))
	}
	return out.String()
}

// TestDocumentsDoNotDependOnParts compares documents that are made at once with those
// that are made in parts of any size.
func TestDocumentsDoNotDependOnParts(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		b := build(t, lines)
		want := bothForms(t, b)
		b.SetPartSize(rapid.Int64Range(1, 20_000).Draw(t, "part"))
		assertSameDocuments(t, want, bothForms(t, b))
	})
}

// TestDocumentsDoNotDependOnFiles compares documents of lines in memory with those of
// lines that stay in files.
func TestDocumentsDoNotDependOnFiles(t *testing.T) {
	dir := t.TempDir()
	n := 0
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		parts := make([][]byte, 3)
		for _, line := range lines {
			for range rapid.IntRange(1, 2).Draw(t, "times") {
				i := rapid.IntRange(0, len(parts)-1).Draw(t, "part")
				sep := rapid.SampledFrom([]string{"", "", "", "", "\n", "\xef\xbb\xbf", "\x00\x00", "not an event\n"}).Draw(t, "before")
				parts[i] = append(append(parts[i], sep...), line...)
			}
		}
		want, got := wfslog.NewTreeBuilder(nil), wfslog.NewTreeBuilder(nil)
		got.SetPartSize(rapid.Int64Range(1, 20_000).Draw(t, "size"))
		for i, part := range parts {
			_, err := want.ReadFrom(bytes.NewReader(part))
			require.NoError(t, err)
			if rapid.IntRange(0, 3).Draw(t, "in memory") == 0 {
				_, err := got.ReadFrom(bytes.NewReader(part))
				require.NoError(t, err)
				continue
			}
			path := filepath.Join(dir, strconv.Itoa(n)+"."+strconv.Itoa(i))
			require.NoError(t, os.WriteFile(path, part, 0o600))
			readLineFile(t, got, path)
		}
		n++
		require.Equal(t, want.Stats(), got.Stats())
		assertSameDocuments(t, bothForms(t, want), bothForms(t, got))
	})
}

func readLineFile(t require.TestingT, b *wfslog.TreeBuilder, path string) {
	f := linefile.New(context.Background(), path, func() (*os.File, error) { return os.Open(path) })
	_, err := b.ReadFrom(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
