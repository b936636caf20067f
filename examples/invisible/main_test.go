package main

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// TestMain is the program itself if it is called by its name.
func TestMain(m *testing.M) {
	if os.Args[0] == "invisible" {
		main()
		return
	}
	os.Exit(m.Run())
}

// runMain runs the program as a process of its own in an empty directory, and
// returns its exit code, what it shows, and the document of the run.
func runMain(t *testing.T, question ...string) (code int, stderr string, doc *wfslog.Document) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	var text bytes.Buffer
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Args, cmd.Dir, cmd.Stderr = append([]string{"invisible"}, question...), t.TempDir(), &text
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WFSLOG") })
	if err := cmd.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	saved, err := filepath.Glob(filepath.Join(cmd.Dir, "logs", "*.json"))
	require.NoError(t, err)
	assert.Empty(t, saved, "there was no iteration, at whose end the document is saved")
	return cmd.ProcessState.ExitCode(), text.String(), build(t, filepath.Join(cmd.Dir, "logs", "journal"))
}

// build makes the document of the only run in a journal, as "wfslog build" does.
func build(t *testing.T, journal string) *wfslog.Document {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(journal, "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, segments, 1)
	f, err := os.Open(segments[0])
	require.NoError(t, err)
	defer func() { assert.NoError(t, f.Close()) }()
	b := wfslog.NewTreeBuilder(nil)
	_, err = b.ReadFrom(f)
	require.NoError(t, err)
	require.Len(t, b.Runs(), 1)
	doc, err := b.Document(b.Runs()[0])
	require.NoError(t, err)
	return doc
}

// actions returns the actions of each agent as lines.
func actions(doc *wfslog.Document) (lines []string) {
	for _, turn := range doc.Interactions {
		for _, act := range turn.Actions {
			lines = append(lines, strings.Join([]string{
				turn.Agent, act.Name, act.Status, string(act.Input), string(act.Output), act.Error, string(act.Metadata),
			}, " "))
		}
	}
	return lines
}

func TestRunIsRecorded(t *testing.T) {
	code, stderr, doc := runMain(t, "which", "word", "is", "longest")
	assert.Zero(t, code)
	var shown []string
	for line := range strings.Lines(stderr) {
		var record struct{ Level, Msg, Logger string }
		require.NoError(t, json.Unmarshal([]byte(line), &record), "%s", line)
		shown = append(shown, strings.TrimSpace(record.Level+" "+record.Msg+" "+record.Logger))
	}
	assert.Equal(t, []string{
		"INFO invisible: two agents are at work", "INFO answered workflow.agent1", "INFO checked workflow.agent2",
	}, shown)

	assert.Equal(t, "invisible", doc.Workflow)
	assert.Equal(t, "ok", doc.Status)
	assert.True(t, doc.Complete)
	assert.Equal(t, []string{
		`agent1 longest_word ok "which word is longest" "longest"  `,
		`agent2 check ok "longest" true  {"question":"which word is longest"}`,
	}, actions(doc))
	assert.Len(t, doc.Interactions[0].Logs, 4, "the words, which are below the level of what is shown")
}

func TestFailedRunIsRecorded(t *testing.T) {
	code, _, doc := runMain(t)
	assert.Equal(t, 3, code)
	assert.True(t, doc.Complete)
	assert.Equal(t, uint64(1), doc.ErrorsTotal)
	assert.Equal(t, []string{
		`agent1 longest_word ok "" ""  `, `agent2 check error ""  the answer is empty {"question":""}`,
	}, actions(doc))
}

// TestImportIsAllThereIs keeps the example, and README, true.
func TestImportIsAllThereIs(t *testing.T) {
	const ours = "github.com/wfslog/wfslog"
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, parser.ImportsOnly)
	require.NoError(t, err)
	var imports []string
	for _, i := range file.Imports {
		if strings.Contains(i.Path.Value, ours) {
			require.NotNil(t, i.Name)
			imports = append(imports, "import "+i.Name.Name+" "+i.Path.Value)
		}
	}
	require.Equal(t, []string{`import _ "` + ours + `/auto"`}, imports)
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	assert.True(t, strings.Contains(string(text), "    "+imports[0]+"\n"), "README does not show %q", imports[0])
}
