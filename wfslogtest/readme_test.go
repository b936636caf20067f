package wfslogtest_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/wfslogtest"
)

// Agent is the code under the test in README.
type Agent struct{ log *slog.Logger }

// NewAgent returns an agent that logs to log.
func NewAgent(log *slog.Logger) *Agent { return &Agent{log.WithGroup("workflow.agent1")} }

// Answer pretends to ask a model.
func (a *Agent) Answer(ctx context.Context, question string) {
	ctx = wfslog.StartInteraction(ctx, "agent1", wfslog.Input(question))
	defer wfslog.End(ctx)
	a.log.InfoContext(ctx, "asked the model", wfslog.Action("llm_call"), wfslog.Output("42"), wfslog.Tokens(14, 2))
}

func TestAgent(t *testing.T) {
	rec := wfslogtest.New(t)
	NewAgent(rec.Logger()).Answer(rec.Context(), "What is 6 times 7?")

	rec.AssertAction("agent1", "llm_call", wfslog.Output("42"))
	rec.AssertErrors() // none
	rec.Golden("testdata/agent.golden")
}

func TestDocsShowTheTest(t *testing.T) {
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	_, test, ok := strings.Cut(string(source), "\nfunc TestAgent(")
	require.True(t, ok)
	test, _, ok = strings.Cut("func TestAgent("+test, "\n}\n")
	require.True(t, ok)

	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```go\n"+test+"\n}\n```\n")
	golden, err := os.ReadFile("testdata/agent.golden")
	require.NoError(t, err)
	assert.Contains(t, string(readme), "```\n"+string(golden)+"```\n")

	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	assert.Contains(t, string(doc), "//\t"+strings.ReplaceAll(strings.ReplaceAll(test, "\n", "\n//\t"), "//\t\n", "//\n")+"\n//\t}\n")
}
