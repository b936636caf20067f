package project_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var codeSpan = regexp.MustCompile("`([^`]+)`")

// TestMigratingShowsTestedLines compares the tables in docs/migrating.md that have
// calls of wfslog with the examples that they are taken from.
func TestMigratingShowsTestedLines(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "docs", "migrating.md"))
	require.NoError(t, err)
	code, err := os.ReadFile(filepath.Join(root, "migrating_example_test.go"))
	require.NoError(t, err)
	var tested []string
	for line := range strings.Lines(string(code)) {
		tested = append(tested, strings.TrimSpace(line))
	}

	replaced := map[string]bool{} // names of Python's
	inTable := false
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		switch {
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case cells[1] == "wfslog":
			inTable = true
		case inTable && !strings.HasPrefix(line, "| ---"):
			require.GreaterOrEqual(t, len(cells), 3, "columns of %s", line)
			for _, span := range codeSpan.FindAllStringSubmatch(cells[0], -1) {
				name, _, _ := strings.Cut(span[1], "(")
				replaced[name] = true
			}
			lines := codeSpan.FindAllStringSubmatch(cells[1], -1)
			require.NotEmpty(t, lines, "no Go in %s", line)
			for _, l := range lines {
				assert.True(t, slices.Contains(tested, l[1]), "no tested example has the line %s", l[1])
			}
		}
	}
	for _, name := range []string{
		"start_iteration", "start_interaction", "log_action", "end_interaction", "end_iteration",
		"add_resource", "log_error", "add_metadata", "finalize", "save",
	} {
		assert.True(t, replaced[name], "nothing replaces %s of WorkflowLogger", name)
	}
}
