package main

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// childVariable makes the test binary the program.
const childVariable = "MIXED_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestAllWaysWorkTogether(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Dir = dir
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WFSLOG") })
	cmd.Env = append(cmd.Env, childVariable+"=1", "GORACE=atexit_sleep_ms=0")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s", &stderr)

	var inMemory, inFile wfslog.Document
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &inMemory), "%s", &stdout)
	files, err := filepath.Glob(filepath.Join(dir, "logs", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	text, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &inFile))

	for name, d := range map[string]*wfslog.Document{"in memory": &inMemory, "in the file": &inFile} {
		assert.True(t, d.Complete, name)
		assert.Equal(t, "ok", d.Status, name)
		assert.JSONEq(t, `[1,2,3,5,8,9]`, string(d.Output), name)
		require.Len(t, d.Iterations, 2, name)
		for _, iteration := range d.Iterations {
			require.Len(t, iteration.Interactions, 2, name)
			for _, turn := range iteration.Interactions {
				assert.NotEmpty(t, turn.Input, name)
				assert.NotEmpty(t, turn.Output, name)
			}
			require.Len(t, iteration.Actions, 1, name)
			assert.Equal(t, "merge", iteration.Actions[0].Name, name)
		}
	}
	assert.Equal(t, inFile.Run, inMemory.Run, "the same run in both")

	// The file has everything; the aggregator left sorter2 out until its level was
	// changed.
	assert.EqualValues(t, 4, inFile.Usage.Calls)
	assert.EqualValues(t, 3, inMemory.Usage.Calls)
	assert.Empty(t, turnOf(t, inMemory.Iterations[0], "sorter2").Actions)
	assert.Len(t, turnOf(t, inMemory.Iterations[1], "sorter2").Actions, 1)

	// Standard error is no terminal here, so the operational log is JSON. What is shown
	// of sorter2 has changed too, and package log prints there.
	var debugged, printed []string
	for line := range bytes.Lines(stderr.Bytes()) {
		var record struct{ Level, Msg, Logger string }
		require.NoError(t, json.Unmarshal(line, &record), "%s", line)
		switch {
		case record.Level == "DEBUG":
			debugged = append(debugged, record.Logger+" "+record.Msg)
		case record.Level == "INFO" && record.Logger == "" && !strings.HasSuffix(record.Msg, " ended"):
			printed = append(printed, record.Msg)
		}
	}
	assert.Equal(t, []string{"workflow.sorter2 has numbers"}, debugged, "%s", &stderr)
	assert.Equal(t, []string{
		"sorted [1 2 3 5 8 9]", fmt.Sprintf("sent events: %d", inFile.Integrity.Events),
	}, printed, "%s", &stderr)
}

// turnOf returns the turn of an agent.
func turnOf(t *testing.T, iteration *wfslog.Node, agent string) *wfslog.Node {
	i := slices.IndexFunc(iteration.Interactions, func(n *wfslog.Node) bool { return n.Agent == agent })
	require.GreaterOrEqual(t, i, 0, agent)
	return iteration.Interactions[i]
}
