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
	p.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WFSLOG") })
	p.Env = append(p.Env, "NO_COLOR=1")
	return p
}

// documents returns the documents that the program, which has ended, names.
func (p *program) documents(t *testing.T) (docs []*wfslog.Document) {
	t.Helper()
	for line := range strings.Lines(p.stdout.String()) {
		path, ok := strings.CutPrefix(line, "The document of this run is ")
		if !ok {
			continue
		}
		text, err := os.ReadFile(strings.TrimSuffix(path, "\n"))
		require.NoError(t, err)
		doc := new(wfslog.Document)
		require.NoError(t, json.Unmarshal(text, doc))
		docs = append(docs, doc)
	}
	return docs
}

// requireWhole checks that the program has shown and written two whole runs, which
// belong together.
func (p *program) requireWhole(t *testing.T) {
	t.Helper()
	docs := p.documents(t)
	require.Len(t, docs, 2, "stdout: %s\nstderr: %s", &p.stdout, &p.stderr)
	lead, worker := docs[0], docs[1]
	assert.Equal(t, lead.Run.String(), startedBy(worker))
	assert.NotEqual(t, lead.Integrity.Streams, worker.Integrity.Streams)
	for _, doc := range docs {
		assert.True(t, doc.Complete, "%+v", doc.Integrity)
		assert.Equal(t, "ok", doc.Status)
		for agent := range doc.Agents {
			assert.Contains(t, p.stdout.String(), agent+" ", "the tree")
			assert.Contains(t, p.stderr.String(), agent+" ", "the operational log")
		}
	}
	assert.Equal(t, map[string]uint64{"divider": 3, "siever": 3, "judge": 1}, actions(lead))
	assert.Equal(t, map[string]uint64{"tester": 3}, actions(worker))
	assert.Equal(t, map[string]string{
		"divider": "783", "siever": "783", "judge": `"All say 783."`,
	}, outputs(&lead.Node))
	assert.Equal(t, map[string]string{"tester": "783"}, outputs(&worker.Node))
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
	for _, saved := range p.documents(t) {
		built, err := tree.Document(saved.Run)
		require.NoError(t, err)
		assert.Equal(t, text(t, built), text(t, saved), "the document from the journals is the expected one")
	}
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
	assert.Len(t, files, 2, "the documents and nothing else: %s", files)
}

// Each program finds its own runs among those of others.
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
		p.requireWhole(t)
		for _, doc := range p.documents(t) {
			runs[doc.Run] = true
		}
	}
	assert.Len(t, runs, 2*len(all))
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
