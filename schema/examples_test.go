package schema_test

import (
	"bytes"
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

// runExample builds and runs one of the examples, and returns its directory logs.
func runExample(t *testing.T, name string, args ...string) (logs string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, name)
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./"+name)
	build.Dir = filepath.Join("..", "examples")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "go build: %s", out)

	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WFSLOG") })
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return filepath.Join(dir, "logs")
}

func TestOutputOfExamplesFitsTheSchemas(t *testing.T) {
	sample, err := filepath.Abs(filepath.Join("..", "examples", "team", "testdata", "sample"))
	require.NoError(t, err)
	transcript, err := filepath.Abs(filepath.Join("..", "examples", "replay", "testdata", "team.json"))
	require.NoError(t, err)
	document, event := compile(t, documents, true), compile(t, events, true)
	for _, example := range [][]string{{"quickstart"}, {"team", sample}, {"replay", transcript}, {"aggregator"}} {
		t.Run(example[0], func(t *testing.T) {
			logs := runExample(t, example[0], example[1:]...)
			b := wfslog.NewTreeBuilder(nil)
			for _, path := range glob(t, logs, filepath.Join("journal", "*.jsonl")) {
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				_, err = b.Write(text)
				require.NoError(t, err)
				for line := range bytes.Lines(text) {
					assert.NoError(t, validate(event, line), "%s", line)
				}
			}
			saved := glob(t, logs, "*.json")
			require.Len(t, saved, len(b.Runs()))
			for _, run := range b.Runs() {
				doc, err := b.Document(run)
				require.NoError(t, err)
				var built bytes.Buffer
				_, err = doc.WriteTo(&built)
				require.NoError(t, err)
				text, err := os.ReadFile(filepath.Join(logs, doc.FileName()))
				require.NoError(t, err)
				assert.NoError(t, validate(document, text), "%s", text)
				assert.Equal(t, built.String(), string(text), "the document that was saved, and the one from the journal")
			}
		})
	}
}

func TestDocumentsOfAnExampleWithoutJournalFitTheSchema(t *testing.T) {
	schema := compile(t, documents, true)
	for _, path := range glob(t, runExample(t, "aggregator", "-memory"), "*.json") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NoError(t, validate(schema, text), "%s", text)
	}
}
