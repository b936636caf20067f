package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// readme returns the text of README.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	return string(text)
}

// blockAfter returns the first block of code behind some words of README.
func blockAfter(t *testing.T, readme, words string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readme, words)
	require.True(t, ok, "README does not say %q", words)
	_, rest, ok = strings.Cut(rest, "\n```")
	require.True(t, ok, "README has no code after %q", words)
	_, rest, ok = strings.Cut(rest, "\n")
	require.True(t, ok)
	block, _, ok := strings.Cut(rest, "```\n")
	require.True(t, ok, "README's code after %q has no end", words)
	return block
}

// TestMain is the program itself if it is called by its name.
func TestMain(m *testing.M) {
	if os.Args[0] == "quickstart" {
		main()
		return
	}
	os.Exit(m.Run())
}

// runMain runs the program as a process of its own in an empty directory, and
// returns what its console shows and the document that it leaves.
func runMain(t *testing.T) (console, document string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	var stderr bytes.Buffer
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args, cmd.Dir, cmd.Stderr = []string{"quickstart"}, dir, &stderr
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WFSLOG") })
	cmd.Env = append(cmd.Env, "NO_COLOR=1", "LC_ALL=C.UTF-8") // whatever CI wants
	require.NoError(t, cmd.Run(), "stderr: %s", &stderr)

	found, err := filepath.Glob(filepath.Join(dir, "logs", "*.json"))
	require.NoError(t, err)
	require.Len(t, found, 1, "documents; stderr: %s", &stderr)
	text, err := os.ReadFile(found[0])
	require.NoError(t, err)
	return stderr.String(), string(text)
}

func TestReadmeShowsThisProgram(t *testing.T) {
	code, err := os.ReadFile("main.go")
	require.NoError(t, err)
	assert.Equal(t, string(code), blockAfter(t, readme(t), "## Use"), "the code in README")
}

// TestReadmeShowsWhatThisProgramDoes compares all but times and ids.
func TestReadmeShowsWhatThisProgramDoes(t *testing.T) {
	text := readme(t)
	console, document := runMain(t)
	assert.Equal(t, words(blockAfter(t, text, "The console shows")), words(console), "the console; README is the expected one")
	assert.Equal(t, timeless(t, blockAfter(t, text, "and `logs` holds")), timeless(t, document), "the document; README's is the expected one")
}

// words returns the words of each line, without the time in front and durations.
func words(text string) [][]string {
	var lines [][]string
	for line := range strings.Lines(text) {
		var kept []string
		for _, word := range strings.Fields(line)[1:] {
			if _, err := time.ParseDuration(word); err != nil {
				kept = append(kept, word)
			}
		}
		lines = append(lines, kept)
	}
	return lines
}

// timeless reads a document and takes out what is different each time.
func timeless(t *testing.T, text string) *wfslog.Document {
	t.Helper()
	doc := new(wfslog.Document)
	require.NoError(t, json.Unmarshal([]byte(text), doc))
	doc.Run, doc.Integrity.Streams = wfslog.RunID{}, nil
	forgetTimes(&doc.Node)
	return doc
}

func forgetTimes(n *wfslog.Node) {
	n.Time, n.StartedAt, n.EndedAt, n.DurationMS = time.Time{}, time.Time{}, time.Time{}, ""
	for _, kids := range [][]*wfslog.Node{n.Iterations, n.Interactions, n.Actions, n.Logs} {
		for _, kid := range kids {
			forgetTimes(kid)
		}
	}
}
