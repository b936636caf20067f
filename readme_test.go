package wfslog_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReadmeShowsExamples compares code in README with that of tests and examples,
// which are run.
func TestReadmeShowsExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for heading, file := range map[string]string{
		"### Loggers and levels\n": "example_test.go",
		"### Aggregators\n":        "aggregator_test.go",
		"### Across processes\n":   "propagate_example_test.go",
		"### Forwarders\n":         "forward_test.go",
	} {
		_, rest, ok := strings.Cut(string(readme), heading)
		require.True(t, ok, heading)
		_, rest, ok = strings.Cut(rest, "```go\n")
		require.True(t, ok, heading)
		code, _, ok := strings.Cut(rest, "```\n")
		require.True(t, ok, heading)
		example, err := os.ReadFile(file)
		require.NoError(t, err)
		body := strings.ReplaceAll(string(example), "\n\t", "\n")
		assert.True(t, strings.Contains(string(example), code) || strings.Contains(body, code), "%s: %s does not have\n%s", heading, file, code)
	}
}
