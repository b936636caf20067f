package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestMain is the program itself where it has started itself.
func TestMain(m *testing.M) {
	if child, ok := strings.CutPrefix(os.Args[len(os.Args)-1], childPrefix); ok {
		os.Exit(runChild(child, os.Args[1:len(os.Args)-1]))
	}
	os.Exit(m.Run())
}

// TestRunOfSomeGroups measures little of many kinds, nothing of which has a gate.
func TestRunOfSomeGroups(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	c, err := parseFlags([]string{
		"-quick", "-rounds", "2", "-o", dir, "-dir", t.TempDir(),
		"-run", `^(validity|handler/five|null/five/serial|file/five/parallel|span/parallel|latency/p50|physical/five|profile/six|` +
			`rebuild/small|index memory/small|growth/(spans|processes)|kill/(wfslog|slog.JSONHandler, buffered))$`,
	}, &stderr)
	require.NoError(t, err)
	c.slice, c.profile, c.journal, c.spans, c.procsTo, c.shared = time.Millisecond, 100*time.Millisecond, 200<<10, 100, 2, 100
	missed, err := measureAll(c, &stdout, &stderr)
	require.NoError(t, err, "stdout: %s\nstderr: %s", &stdout, &stderr)
	assert.Empty(t, missed, "nothing was measured that has a gate")

	page, err := os.ReadFile(filepath.Join(dir, "performance.md"))
	require.NoError(t, err)
	figures, err := os.ReadFile(filepath.Join(dir, "performance", "figures.md"))
	require.NoError(t, err)
	for text, want := range map[string][]string{
		string(page):    {"Not to be quoted", "t was a quick run", "only a part was measured", "times as long as copying them", "performance/spans.svg", "**six**"},
		string(figures): {"github.com/rs/zerolog v", "| slog.JSONHandler, buffered | 2 |", "| phuslu/log | its slog handler; it does not lock, the sinks do | valid JSON | **invalid**", "a span | ns", "tree index"},
	} {
		for _, w := range want {
			assert.Contains(t, text, w)
		}
		for _, not := range []string{"NaN", "%!", "<no value>", "–s"} {
			assert.NotContains(t, text, not)
		}
	}
	assert.NotContains(t, string(page), "| reached | bar |", "no bar was measured")
	assert.NotContains(t, string(figures), "## Escaping", "it was not measured")
	assert.Contains(t, stdout.String(), "file/five/parallel")
	pictures, err := filepath.Glob(filepath.Join(dir, "performance", "*.svg"))
	require.NoError(t, err)
	assert.Len(t, pictures, 2)
	for _, path := range pictures {
		requireXML(t, path)
	}
}

func requireXML(t *testing.T, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	d := xml.NewDecoder(bytes.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		}
		require.NoError(t, err, "%s: %s", path, text)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"-run", "("}, {"-quick", "-full"}, {"-procs", "0"}, {"unexpected"}, {"-no-such-flag"}} {
		var stderr bytes.Buffer
		assert.Equal(t, 2, run(args, io.Discard, &stderr), args)
		assert.NotEmpty(t, stderr.String(), args)
	}
	assert.Zero(t, run([]string{"-help"}, io.Discard, io.Discard))
}

func TestFailuresAreTold(t *testing.T) {
	var stderr bytes.Buffer
	missing := filepath.Join(t.TempDir(), "missing")
	assert.Equal(t, 1, run([]string{"-quick", "-dir", missing}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), missing)
}
