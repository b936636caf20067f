package main

import (
	"encoding/json"
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

// TestMain is the program itself if it is called by its name, as it also calls itself.
func TestMain(m *testing.M) {
	if os.Args[0] == "aggregator" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a process of the program, which writes to the directory logs in dir.
type program struct {
	*exec.Cmd
	dir            string
	stdout, stderr strings.Builder
}

func newProgram(t *testing.T, dir string, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &program{Cmd: exec.CommandContext(t.Context(), self), dir: dir}
	p.Args, p.Dir, p.Stdout, p.Stderr = append([]string{"aggregator"}, args...), dir, &p.stdout, &p.stderr
	p.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "WFSLOG") || strings.HasPrefix(v, "TRACE")
	})
	p.Env = append(p.Env, "NO_COLOR=1")
	return p
}

// document returns the document that the program, which has ended, names.
func (p *program) document(t *testing.T) *wfslog.Document {
	t.Helper()
	_, path, ok := strings.Cut(p.stdout.String(), "\nThe document of this run is ")
	require.True(t, ok, "stdout: %s\nstderr: %s", &p.stdout, &p.stderr)
	text, err := os.ReadFile(strings.TrimSuffix(path, "\n"))
	require.NoError(t, err)
	doc := new(wfslog.Document)
	require.NoError(t, json.Unmarshal(text, doc))
	return doc
}

// requireWhole checks that the program has shown and written one whole run with what
// both processes have recorded, and returns it.
func (p *program) requireWhole(t *testing.T) *wfslog.Document {
	t.Helper()
	doc := p.document(t)
	assert.True(t, doc.Complete, "%+v", doc.Integrity)
	assert.Equal(t, "ok", doc.Status)
	assert.Zero(t, doc.Integrity.Missing)
	assert.Len(t, doc.Integrity.Streams, 2)
	for agent := range doc.Agents {
		assert.Contains(t, p.stdout.String(), agent+" ", "the tree")
		assert.Contains(t, p.stderr.String(), agent+" ", "the operational log")
	}
	assert.Equal(t, map[string]uint64{"divider": 3, "siever": 3, "tester": 3, "judge": 1}, actions(doc))
	assert.Equal(t, map[string]string{
		"divider": "783", "siever": "783", "tester": "783", "judge": `"All say 783."`,
	}, outputs(&doc.Node))

	require.Len(t, doc.Iterations, 2)
	require.Len(t, doc.Iterations[0].Actions, 1)
	start := doc.Iterations[0].Actions[0]
	assert.Equal(t, "start_worker", start.Name)
	require.Len(t, start.Workflows, 1)
	worker := start.Workflows[0]
	assert.Equal(t, "primes-worker", worker.Name)
	assert.Equal(t, "ok", worker.Status)
	assert.Regexp(t, "^"+start.Span+"/1~[a-z0-9]{8}$", worker.Span)
	require.Len(t, worker.Interactions, 1)
	assert.Equal(t, "tester", worker.Interactions[0].Agent)
	return doc
}

func actions(doc *wfslog.Document) map[string]uint64 {
	n := map[string]uint64{}
	for agent, totals := range doc.Agents {
		n[agent] = totals.Actions
	}
	return n
}

func TestTwoProcessesLogIntoOneDirectory(t *testing.T) {
	t.Parallel()
	p := newProgram(t, t.TempDir())
	require.NoError(t, p.Run(), "stderr: %s", &p.stderr)
	p.requireWhole(t)
	journals, err := filepath.Glob(filepath.Join(p.dir, "logs", "journal", "*.jsonl"))
	require.NoError(t, err)
	assert.Len(t, journals, 2, "one of each process")

	tree, err := readJournals(filepath.Join(p.dir, "logs"))
	require.NoError(t, err)
	assert.Empty(t, tree.Problems())
	assert.Len(t, tree.Runs(), 1)
	saved := p.document(t)
	built, err := tree.Document(saved.Run)
	require.NoError(t, err)
	assert.Equal(t, text(t, built), text(t, saved), "the document from the journals is the expected one")
	documents, err := filepath.Glob(filepath.Join(p.dir, "logs", "*.json"))
	require.NoError(t, err)
	assert.Len(t, documents, 1)
}

func text(t *testing.T, doc *wfslog.Document) string {
	t.Helper()
	var text strings.Builder
	_, err := doc.WriteTo(&text)
	require.NoError(t, err)
	return text.String()
}

func TestTwoProcessesLogIntoOneTreeBuilder(t *testing.T) {
	t.Parallel()
	p := newProgram(t, t.TempDir(), "-memory")
	require.NoError(t, p.Run(), "stderr: %s", &p.stderr)
	p.requireWhole(t)
	files, err := filepath.Glob(filepath.Join(p.dir, "logs", "*"))
	require.NoError(t, err)
	assert.Len(t, files, 1, "the document and nothing else: %s", files)
}

// Each program finds its own run among those of others.
func TestProgramsShareADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	all := []*program{newProgram(t, dir), newProgram(t, dir), newProgram(t, dir, "-memory")}
	for _, p := range all {
		require.NoError(t, p.Start())
	}
	runs := map[wfslog.RunID]bool{}
	for _, p := range all {
		require.NoError(t, p.Wait(), "stderr: %s", &p.stderr)
		runs[p.requireWhole(t).Run] = true
	}
	assert.Len(t, runs, len(all))
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-dir", "file"}, {"-dir", "file", "-memory"}} {
		p := newProgram(t, t.TempDir(), args...)
		require.NoError(t, os.WriteFile(filepath.Join(p.dir, "file"), nil, 0o600))
		require.Error(t, p.Run())
		assert.Equal(t, exitFailed, p.ProcessState.ExitCode(), "%q", args)
		assert.Contains(t, p.stderr.String(), "not a directory", "%q", args)
	}
}

func TestWrongUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"file"}, exitUsage, "aggregator: no arguments are expected\n"},
		{[]string{"-fast"}, exitUsage, "flag provided but not defined: -fast"},
		{[]string{"-h"}, exitOK, "-memory"},
	} {
		var stdout, stderr strings.Builder
		assert.Equal(t, tt.code, run(t.Context(), tt.args, &stdout, &stderr), "%q", tt.args)
		assert.Contains(t, stderr.String(), tt.want, "%q", tt.args)
		assert.Empty(t, stdout.String(), "%q", tt.args)
	}
}
