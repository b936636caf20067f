package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNameOfASegment(t *testing.T) {
	n := name{"research", time.Date(2026, 11, 22, 6, 14, 5, 999, time.UTC), 4711, "9f86d081884c7d65", 12}
	assert.Equal(t, "research.20261122T061405Z.4711.9f86d081884c7d65.000012.jsonl", n.String())
	parsed, ok := parseName(n.String())
	n.start = n.start.Truncate(time.Second)
	assert.True(t, ok)
	assert.Equal(t, n, parsed)
}

func TestOtherNamesAreNoSegments(t *testing.T) {
	for _, text := range []string{
		"", "journal.jsonl", "..jsonl", ".20261122T061405Z.1.9f86d081884c7d65.000001.jsonl",
		"a.20261122T061405Z.1.9f86d081884c7d65.1.jsonl",
		"a.20261122T061405Z.1.9f86d081884c7d65.000000.jsonl",
		"a.20261122T061405Z.1.9f86d081884c7d65.-00001.jsonl",
		"a.20261122T061405Z.1.9F86D081884C7D65.000001.jsonl",
		"a.20261122T061405Z.1.9f86d081884c7d6.000001.jsonl",
		"a.20261122T061405Z.1.9f86d081884c7d65.000001.json",
		"a.20261122T061405Z.1.9f86d081884c7d65.000001.jsonl.gz",
		"a.20261122T061405Z.01.9f86d081884c7d65.000001.jsonl",
		"a.20261122T061405Z.-1.9f86d081884c7d65.000001.jsonl",
		"a.20261322T061405Z.1.9f86d081884c7d65.000001.jsonl",
		"a.b.20261122T061405Z.1.9f86d081884c7d65.000001.jsonl",
		"a b.20261122T061405Z.1.9f86d081884c7d65.000001.jsonl",
		"-a.20261122T061405Z.1.9f86d081884c7d65.000001.jsonl",
	} {
		_, ok := parseName(text)
		assert.False(t, ok, "%q", text)
	}
}

func TestSlugs(t *testing.T) {
	for _, program := range []string{"research", "a", "A-b_9", "wfslog-2"} {
		assert.Equal(t, program, slug(program))
	}
	hostile := []string{
		"", "../../etc/x", "CON", "com1", "a\x00b", strings.Repeat("x", 10_000), "😀", "مرحبا", "a.b", "a b", "-rf", ".", "\xff",
	}
	seen := map[string]string{}
	for _, program := range hostile {
		s := slug(program)
		assert.True(t, isSlug(s) && !isDevice(s), "%q → %q", program, s)
		assert.Empty(t, seen[s], "%q and %q share %q", program, seen[s], s)
		seen[s] = program
	}
}

func TestAnyProgramHasANameThatCanBeRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := name{
			program: slug(rapid.String().Draw(t, "program")),
			start:   time.Unix(rapid.Int64Range(0, 1<<37).Draw(t, "start"), 0).UTC(),
			pid:     rapid.IntRange(0, 1<<22).Draw(t, "pid"),
			stream:  rapid.StringMatching(`[0-9a-f]{16}`).Draw(t, "stream"),
			number:  rapid.IntRange(1, 1<<30).Draw(t, "number"),
		}
		parsed, ok := parseName(n.String())
		if !ok || parsed != n {
			t.Fatalf("%s was read as %+v, %v", n, parsed, ok)
		}
	})
}

func TestSegmentsAreListedInOrder(t *testing.T) {
	dir := t.TempDir()
	names := []string{ // in the wanted order
		"z.20261122T061405Z.9.0000000000000001.000001.jsonl",
		"a.20261122T061405Z.9.0000000000000002.999999.jsonl",
		"a.20261122T061405Z.9.0000000000000002.1000000.jsonl",
		"a.20261122T061406Z.9.0000000000000000.000001.jsonl",
	}
	journal := filepath.Join(dir, dirName)
	require.NoError(t, os.Mkdir(journal, 0o700))
	for _, name := range append(names, "README.md", "index.json") {
		require.NoError(t, os.WriteFile(filepath.Join(journal, name), []byte("x"), 0o600))
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(journal, "a.20261122T061406Z.9.0000000000000000.000002.jsonl")))
	require.NoError(t, os.Mkdir(filepath.Join(journal, "a.20261122T061406Z.9.0000000000000000.000003.jsonl"), 0o700))
	for _, d := range []string{dir, journal} {
		segments, err := Segments(d)
		require.NoError(t, err)
		var got []string
		for _, s := range segments {
			got = append(got, filepath.Base(s.Path))
			f, err := s.Open()
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		assert.Equal(t, names, got)
		assert.Equal(t, Segment{
			Path: filepath.Join(journal, names[0]), Program: "z", Start: time.Date(2026, 11, 22, 6, 14, 5, 0, time.UTC),
			PID: 9, Stream: "0000000000000001", Number: 1,
		}, segments[0])
	}
	_, err := Segments(filepath.Join(dir, "missing"))
	assert.ErrorIs(t, err, os.ErrNotExist)
}
