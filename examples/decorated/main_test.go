package main

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/treetext"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// TestTreeHasWhatTheAgentsDid compares all of the tree but times and ids.
func TestTreeHasWhatTheAgentsDid(t *testing.T) {
	tree := wfslog.NewTreeBuilder(nil)
	handler := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler})
	require.NoError(t, work(wfslog.WithLogger(t.Context(), slog.New(handler))))
	require.NoError(t, handler.Close())
	require.Len(t, tree.Runs(), 1)
	doc, err := tree.Document(tree.Runs()[0])
	require.NoError(t, err)
	assert.True(t, doc.Complete, "integrity: %+v", doc.Integrity)

	doc.Run = wfslog.RunID{}
	forgetTimes(&doc.Node)
	var got bytes.Buffer
	require.NoError(t, treetext.Write(&got, doc, treetext.Options{}))
	golden := filepath.Join("testdata", "tree.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got.String())
}

func forgetTimes(n *wfslog.Node) {
	n.Time, n.StartedAt, n.EndedAt, n.DurationMS = time.Time{}, time.Time{}, time.Time{}, ""
	for _, kids := range [][]*wfslog.Node{n.Iterations, n.Interactions, n.Actions} {
		for _, kid := range kids {
			forgetTimes(kid)
		}
	}
}

// TestReadmeShowsThisProgram looks for each line of README's part on decorators.
func TestReadmeShowsThisProgram(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(readme), "### Decorators")
	require.True(t, ok, "README has no such part")
	_, rest, ok = strings.Cut(rest, "```go\n")
	require.True(t, ok, "README has no code there")
	block, _, _ := strings.Cut(rest, "```")
	code, err := os.ReadFile("main.go")
	require.NoError(t, err)
	for line := range strings.Lines(block) {
		assert.Contains(t, string(code), strings.TrimSpace(line))
	}
}

// TestRecordedLibrarianIsTheSame compares results with and without recording.
func TestRecordedLibrarianIsTheSame(t *testing.T) {
	type found struct {
		file string
		line int
		text string
		err  error
	}
	ask := func(l Librarian) []any {
		l.Learn("a.txt", "one two", "two three")
		var all []any
		for _, words := range [][]string{{"two"}, {"two", "three"}, {"four"}} {
			var f found
			f.file, f.line, f.text, f.err = l.Find(t.Context(), words...)
			all = append(all, f)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		_, _, _, err := l.Find(cancelled, "two")
		rank, why := l.Rank("question", "text")
		words, suggestErr := l.Suggest(t.Context(), "a question")
		_, noWords := l.Suggest(t.Context(), "?")
		return append(all, err, rank, why, words, suggestErr, noWords, l.Close())
	}
	ctx := wfslog.Suppress(t.Context())
	recorded := ask(NewRecordedLibrarian(ctx, &shelf{}, "librarian"))
	assert.Equal(t, ask(&shelf{}), recorded)
	assert.Equal(t, found{"a.txt", 2, "two three", nil}, recorded[1])
	assert.Equal(t, found{err: errNothing}, recorded[2])
}
