package wfslog_test

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
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

// TestManyFilesAreReadAgain has more files than may be open at once, with events of the
// same spans in all of them.
func TestManyFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	want, got := wfslog.NewTreeBuilder(nil), wfslog.NewTreeBuilder(nil)
	got.SetPartSize(1)
	for i := range 40 {
		s := eventtest.NewStream(fmt.Sprintf("%016x", i*7919%40))
		s.Add(wfslog.Event{Type: event.TypeStart, Run: goldenRun, Kind: wfslog.KindWorkflow, Time: goldenStart})
		for j := range 20 {
			s.Add(wfslog.Event{Type: event.TypeLog, Run: goldenRun, Span: strconv.Itoa(j + 1), Msg: "m", Time: goldenStart})
		}
		path := filepath.Join(dir, strconv.Itoa(i))
		require.NoError(t, os.WriteFile(path, bytes.Join(s.Lines, nil), 0o600))
		readLineFile(t, got, path)
		readLineFile(t, got, path) // again: each line is compared with what was read before
		_, err := want.Write(bytes.Join(s.Lines, nil))
		require.NoError(t, err)
	}
	assert.Equal(t, want.Stats().Events, got.Stats().Duplicates)
	assert.Equal(t, bothForms(t, want), bothForms(t, got))
}

// TestFilesThatChange changes files between reading them and making documents: whatever
// they hold then, also lines with checksums that fit, it ends with an error at most.
func TestFilesThatChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		text := bytes.Join(lines, nil)
		if len(text) == 0 {
			return
		}
		require.NoError(t, os.WriteFile(path, text, 0o600))
		b := wfslog.NewTreeBuilder(nil)
		b.SetPartSize(rapid.Int64Range(1, 20_000).Draw(t, "size"))
		readLineFile(t, b, path)
		for range rapid.IntRange(1, 5).Draw(t, "changes") {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "byte")] = rapid.SampledFrom([]byte("\"\\{}[]:,0n\n\x00\xff")).Draw(t, "to")
		}
		signed := []byte{}
		for line := range bytes.Lines(text) {
			signed = append(signed, sign(line)...)
		}
		signed = signed[:rapid.IntRange(0, len(signed)).Draw(t, "left")]
		require.NoError(t, os.WriteFile(path, signed, 0o600))
		for _, run := range b.Runs() {
			_ = b.WriteDocument(io.Discard, run) // it may be any document, or none
			_ = b.WriteFlat(io.Discard, run)
		}
	})
}

func TestAFileThatGotShorterIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	require.NoError(t, os.WriteFile(path, sizes["spans"](10), 0o600))
	b := wfslog.NewTreeBuilder(nil)
	readLineFile(t, b, path)
	require.NoError(t, os.Truncate(path, 1000))
	assert.ErrorContains(t, b.WriteDocument(io.Discard, goldenRun), path+": the file has changed since it was read")
	require.NoError(t, os.Remove(path))
	assert.ErrorIs(t, b.WriteDocument(io.Discard, goldenRun), os.ErrNotExist)
}

// sign gives a line the checksum that fits it, if it has room for one.
func sign(line []byte) []byte {
	const tail = len(`,"crc":"12345678"}` + "\n")
	if len(line) < tail {
		return line
	}
	text := line[:len(line)-tail]
	body := max(bytes.Index(text, []byte(`,"stream"`)), 0)
	sum := crc32.Update(event.Checksum(text[body:]), crc32.MakeTable(crc32.Castagnoli), text[:body])
	return fmt.Appendf(nil, "%s,\"crc\":\"%08x\"}\n", text, sum)
}
