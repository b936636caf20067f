package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/wfslogtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// copyOf returns the directory testdata/name outside of this repository, so that
// the go command takes it for a module of its own.
func copyOf(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))))
	return dir
}

// ask runs the team as the program does, and returns its answer and its
// document.
func ask(t *testing.T, dir, question string) (answer string, doc *wfslog.Document) {
	t.Helper()
	handler := wfslog.NewHandler(&wfslog.Options{
		Dir: filepath.Join(t.TempDir(), "logs"), Next: slog.NewTextHandler(io.Discard, nil),
	})
	before := slog.Default()
	slog.SetDefault(slog.New(handler))
	defer slog.SetDefault(before)
	defer handler.Close()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), handler, []string{dir, question}, &out))

	_, rest, ok := bytes.Cut(out.Bytes(), []byte("\nThe document of this run is "))
	require.True(t, ok, "output:\n%s", &out)
	path, text, ok := bytes.Cut(rest, []byte("\n\n"))
	require.True(t, ok, "output:\n%s", &out)
	document, err := os.ReadFile(string(path))
	require.NoError(t, err)
	doc = new(wfslog.Document)
	require.NoError(t, json.Unmarshal(document, doc))
	return string(text), doc
}

// TestReadmeShowsTheTree compares all of README's tree but durations, ids and what
// is cut short.
func TestReadmeShowsTheTree(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(readme), "```\n✓ team ")
	require.True(t, ok, "README has no tree")
	tree, _, _ := strings.Cut("✓ team "+rest, "```\n")

	handler := wfslog.NewHandler(&wfslog.Options{Dir: t.TempDir(), Next: slog.DiscardHandler})
	defer handler.Close()
	before := slog.Default()
	slog.SetDefault(slog.New(handler))
	defer slog.SetDefault(before)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), handler, []string{filepath.Join("testdata", "sample")}, &out))
	now, _, _ := strings.Cut(out.String(), "\n\n")
	assert.Equal(t, shape(tree), shape(now), "the first is README's")
}

// shape returns depth, mark and label of each line of a tree.
func shape(tree string) []string {
	var lines []string
	for line := range strings.Lines(tree) {
		text := strings.TrimLeft(line, "│├└─ ")
		columns := strings.Split(text, "  ")
		columns = slices.DeleteFunc(columns, func(c string) bool { return strings.TrimSpace(c) == "" })
		depth := utf8.RuneCountInString(strings.TrimSuffix(line, text))
		lines = append(lines, fmt.Sprint(depth, " ", strings.TrimSpace(columns[0])))
	}
	return lines
}

func TestTeamAnswers(t *testing.T) {
	tests := []struct{ name, dir, question string }{
		{"errors", "sample", "where are errors ignored, and what would break?"},
		{"goroutines", "sample", "where are goroutines started, and who stops them?"},
		{"symbol", "sample", "where is Store.Close defined and used?"},
		{"absent", "sample", "what does `Frobnicate` do with notes?"},
		{"text", "notes", "what is the budget for servers?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, doc := ask(t, copyOf(t, tt.dir), tt.question)
			golden := filepath.Join("testdata", tt.name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
			assert.Equal(t, "team", doc.Workflow)
			assert.Equal(t, "ok", doc.Status)
			assert.True(t, doc.Complete, "integrity: %+v", doc.Integrity)
		})
	}
}

func TestTeamRecordsItsWork(t *testing.T) {
	rec := wfslogtest.New(t)
	before := slog.Default()
	slog.SetDefault(rec.Logger())
	defer slog.SetDefault(before)
	_, err := newTeam(copyOf(t, "sample"), defaultQuestion).answer(rec.Context())
	require.NoError(t, err)

	type query = wfslogtest.Query
	rounds := rec.Find(query{Kind: wfslog.KindIteration})
	require.GreaterOrEqual(t, len(rounds), 3, "the critic asks for explanations, and for a closer look")
	for _, agent := range []string{"planner", "searcher1", "searcher2", "critic"} {
		rec.AssertCount(1, query{Kind: wfslog.KindInteraction, Agent: agent, Path: "1"})
	}
	rec.AssertCount(4, query{Kind: wfslog.KindAction, Path: "1/1"})
	rec.AssertOrder(
		query{Name: "list_files", Path: "1/1"}, query{Name: "go_list", Path: "1/1"},
		query{Name: "choose_topic", Path: "1/1"}, query{Name: "plan", Path: "1/1"},
	)
	reviews := rec.Find(query{Agent: "critic", Name: "review"})
	require.Len(t, reviews, len(rounds))
	assert.Equal(t, "good", reviews[len(reviews)-1].Status)
	assert.Equal(t, "directory", rec.Document().Resources[0].Name)
}

func TestTeamGoesOnWithWhatWorks(t *testing.T) {
	dir := copyOf(t, "sample")
	broken := filepath.Join(dir, "broken")
	require.NoError(t, os.Mkdir(broken, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(broken, "broken.go"), []byte("package broken\n\nfunc f() { return 1 }\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(broken, "torn.go"), []byte("package broken\n\nfunc g() {"), 0o644))
	require.NoError(t, os.Symlink("nowhere.go", filepath.Join(dir, "lost.go")))

	answer, doc := ask(t, dir, defaultQuestion)
	assert.Contains(t, answer, "Could not read lost.go: ")
	assert.Contains(t, answer, "Could not read broken/torn.go: ")
	assert.Contains(t, answer, "internal/store/store.go:37: the error of (*bufio.Writer).WriteString is ignored")

	var attempts []string
	for _, n := range doc.Iterations[0].Interactions[0].Actions {
		if n.Name == "go_list" {
			attempts = append(attempts, n.Status)
		}
	}
	assert.Equal(t, []string{"error", "ok"}, attempts, "go list is tried again in another way")
	assert.NotEmpty(t, doc.Errors)
}

func TestTeamSaysWhatIsWrongWithTheDirectory(t *testing.T) {
	handler := wfslog.NewHandler(&wfslog.Options{Dir: t.TempDir(), Next: slog.DiscardHandler})
	defer handler.Close()
	before := slog.Default()
	slog.SetDefault(slog.New(handler))
	defer slog.SetDefault(before)
	err := run(t.Context(), handler, []string{filepath.Join(t.TempDir(), "absent")}, io.Discard)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
