package auto_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/auto"
	"github.com/wfslog/wfslog/auto/internal/early"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/ptytest"
)

// children are programs that a test runs as processes of their own: what they have
// of wfslog is that they import auto.
var children = map[string]func(){
	"idle": func() {
		slog.Info("belongs to no run", "k", 1)
		slog.Default().WithGroup("g").With("k", 1).Error("neither does this")
		log.Print("nor this")
	},
	"levels": func() {
		l := slog.Default()
		for _, level := range []slog.Level{wfslog.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, wfslog.LevelCritical, 1} {
			l.Log(context.Background(), level, "m", "group", slog.GroupValue(slog.Any("level", level)))
		}
	},
	"change levels": func() {
		agent := slog.Default().WithGroup("workflow.agent1")
		agent.Info("not shown")
		fmt.Fprintln(os.Stderr, auto.Levels().Effective("agent1"))
		auto.Levels().Set("agent1", slog.LevelDebug)
		agent.Debug("shown")
		slog.Info("still not shown")
	},
	"log": func() {
		log.Print("text\n")
		slog.SetLogLoggerLevel(slog.LevelWarn)
		log.Printf("%s\nof two lines", "text")
		log.SetPrefix("other: ")
		log.SetFlags(log.Lshortfile | log.Lmsgprefix)
		log.Println("with flags")
		log.SetFlags(0)
		slog.SetLogLoggerLevel(slog.LevelDebug)
		log.Print("of no level that is shown")
		slog.SetLogLoggerLevel(slog.LevelInfo)
		log.New(os.Stderr, "", 0).Print("elsewhere")
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					log.Print("parallel")
					slog.Info("parallel")
				}
			})
		}
		wg.Wait()
		log.Fatal("fatal")
	},
	"early": func() {
		log.Print("INFO is not what begins a record of slog here")
		slog.Info("INFO neither")
		log.SetPrefix("agents: ")
		for range 2 {
			early.Log.With("k", 1).Error("too early")
		}
	},
	"content": func() {
		slog.Default().WithGroup("workflow.agent1").Info("m", "action", "llm_call", "input", "question", "output", "answer")
	},
	"ends at once": func() {
		slog.Default().WithGroup("workflow.agent1").Info("m")
		os.Exit(0)
	},
	"end": func() {
		ctx := wfslog.StartIteration(context.Background())
		slog.Default().WithGroup("workflow.agent1").InfoContext(ctx, "m", "action", "llm_call")
		wfslog.End(ctx)
		os.Exit(0)
	},
	"exit": func() {
		logUntilTheEnd()
		os.Exit(3)
	},
	"panic": func() {
		logUntilTheEnd()
		panic("the end")
	},
	"goes on": func() {
		for range 3 {
			slog.Warn("nobody reads this")
		}
		fmt.Print("still here")
	},
	"hostile": func() {
		slog.Info("\u009b31m \u202e\x1b[2J\x7f\xff", "\u2066key", "two  spaces \"\u200b\"")
		slog.Info("plain")
	},
	"last error": func() {
		for i := range manyRecords {
			slog.Info("a record that is followed by an error", "i", i)
		}
		fmt.Println("ready")
		slog.Default().With("k", 1).Error("the reason")
		os.Exit(1)
	},
	"kill": func() {
		logUntilTheEnd()
		fmt.Println("ready")
		_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed
	},
}

// manyRecords do not fit into a pipe, but into what waits for its reader.
const manyRecords = 5000

// logUntilTheEnd logs from several agents at once, in and out of spans.
func logUntilTheEnd() {
	ctx := wfslog.StartIteration(context.Background())
	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			l := slog.Default().WithGroup(fmt.Sprintf("workflow.agent%d", g))
			for i := range 100 {
				l.Info("without a context", "i", i)
				l.DebugContext(ctx, "in an iteration", "i", i)
			}
		})
	}
	wg.Wait()
	slog.Default().WithGroup("workflow.agent1").InfoContext(ctx, "last words", "action", "say")
}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(auto.ChildEnv)]; ok {
		child()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// command returns a child process in a new directory, with only env of wfslog's
// environment.
func command(t *testing.T, child string, env ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Dir = t.TempDir()
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WFSLOG") })
	// The race detector would have each child wait for a second before it exits.
	cmd.Env = append(cmd.Env, auto.ChildEnv+"="+child, "NO_COLOR=1", "LC_ALL=C.UTF-8", "GORACE=atexit_sleep_ms=0")
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// run runs a child process and returns its directory, its exit code and what it
// wrote to standard error.
func run(t *testing.T, child string, env ...string) (dir string, code int, stderr string) {
	t.Helper()
	cmd := command(t, child, env...)
	var text bytes.Buffer
	cmd.Stderr = &text
	stdout, err := cmd.Output()
	if err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	assert.Empty(t, string(stdout), "standard output is the program's")
	return cmd.Dir, cmd.ProcessState.ExitCode(), text.String()
}

// shown returns the level, the message and all else of each JSON line in text but its
// time.
func shown(t *testing.T, text string) (lines []string) {
	t.Helper()
	for line := range strings.Lines(text) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m), "line %q of %s", line, text)
		assert.NotEmpty(t, m["time"], "line %q", line)
		level, msg := m["level"], m["msg"]
		for _, key := range []string{"time", "level", "msg"} {
			delete(m, key)
		}
		rest, err := json.Marshal(m)
		require.NoError(t, err)
		lines = append(lines, fmt.Sprintf("%s %s %s", level, msg, rest))
	}
	return lines
}

// document returns the document of the only run in the journal of dir.
func document(t *testing.T, dir string) *wfslog.Document {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, segments, 1)
	f, err := os.Open(segments[0])
	require.NoError(t, err)
	defer func() { assert.NoError(t, f.Close()) }()
	b := wfslog.NewTreeBuilder(nil)
	_, err = b.ReadFrom(f)
	require.NoError(t, err)
	rings, err := journal.Rings(dir) // of a program that logged much and did not close its handler
	require.NoError(t, err)
	for _, r := range rings {
		lines, err := r.Lines()
		require.NoError(t, err)
		_, err = b.Write(lines)
		require.NoError(t, err)
	}
	runs := b.Runs()
	require.Len(t, runs, 1)
	doc, err := b.Document(runs[0])
	require.NoError(t, err)
	return doc
}

func TestNothingIsCreatedWithoutARun(t *testing.T) {
	dir, code, stderr := run(t, "idle")
	assert.Zero(t, code)
	assert.Equal(t, []string{
		`INFO belongs to no run {"k":1}`, `ERROR neither does this {"g":{"k":1}}`, `INFO nor this {}`,
	}, shown(t, stderr))
	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestLevels(t *testing.T) {
	tests := []struct {
		env  string
		want []string
	}{
		{"", []string{"INFO", "WARN", "ERROR", "CRITICAL", "INFO+1"}},
		{"trace", []string{"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "CRITICAL", "INFO+1"}},
		{"critical,workflow=trace", []string{"CRITICAL"}},
	}
	for _, tt := range tests {
		_, _, stderr := run(t, "levels", "WFSLOG_LEVEL="+tt.env)
		var got []string
		for line := range strings.Lines(stderr) {
			var m struct {
				Level string         `json:"level"`
				Group map[string]any `json:"group"`
			}
			require.NoError(t, json.Unmarshal([]byte(line), &m), "%s", line)
			got = append(got, m.Level)
			if m.Level == "TRACE" {
				assert.Equal(t, map[string]any{"level": "DEBUG-4"}, m.Group, "the user's own attribute")
			}
		}
		assert.Equal(t, tt.want, got, "WFSLOG_LEVEL=%s", tt.env)
	}
}

func TestLevelsCanBeChanged(t *testing.T) {
	_, _, stderr := run(t, "change levels", "WFSLOG_LEVEL=warn", "WFSLOG=off")
	level, rest, _ := strings.Cut(stderr, "\n")
	assert.Equal(t, "WARN", level)
	assert.Equal(t, []string{`DEBUG shown {"logger":"workflow.agent1"}`}, shown(t, rest))
}

func TestReaderThatHasGoneDoesNotEndTheProgram(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	defer w.Close()
	cmd := command(t, "goes on")
	cmd.Stderr = w
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, "still here", string(out))
}

func TestEarlyLoggerIsSaidOnce(t *testing.T) {
	dir, _, stderr := run(t, "early")
	assert.Equal(t, []string{
		"INFO INFO is not what begins a record of slog here {}",
		"INFO INFO neither {}",
		"INFO agents: ERROR too early workflow.agent1.k=1 {}",
		"WARN wfslog: a logger was taken from slog.Default before auto was initialised; " +
			"what it logs is text and is not recorded: import auto in its package {}",
		"INFO agents: ERROR too early workflow.agent1.k=1 {}",
	}, shown(t, stderr))
	assert.NoDirExists(t, filepath.Join(dir, "logs"))
}

func TestOutputCanBeChosen(t *testing.T) {
	const record = `INFO m {"action":"llm_call","input":"question","logger":"workflow.agent1","output":"answer"}`
	tests := []struct {
		env            string
		stdout, stderr []string
	}{
		{"", nil, []string{record}},
		{"stderr", nil, []string{record}},
		{" StdOut ", []string{record}, nil},
		{"stdin", nil, []string{`WARN wfslog: $WFSLOG_OUTPUT is "stdin": want stdout or stderr; using stderr {}`, record}},
	}
	for _, tt := range tests {
		cmd := command(t, "content", "WFSLOG_OUTPUT="+tt.env, "WFSLOG=off")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		require.NoError(t, cmd.Run())
		assert.Equal(t, tt.stdout, shown(t, stdout.String()), "standard output with WFSLOG_OUTPUT=%s", tt.env)
		assert.Equal(t, tt.stderr, shown(t, stderr.String()), "standard error with WFSLOG_OUTPUT=%s", tt.env)
	}
}

// TestChosenOutputMayBeATerminal has one of the two outputs go to a terminal, and the
// log to the one or the other.
func TestChosenOutputMayBeATerminal(t *testing.T) {
	for _, chosen := range []bool{true, false} {
		terminal, user := ptytest.Open(t, 120)
		cmd := command(t, "content", "TERM=xterm", "WFSLOG_OUTPUT=stdout")
		var piped bytes.Buffer
		cmd.Stdout, cmd.Stderr = terminal, &piped
		if !chosen {
			cmd.Stdout, cmd.Stderr = &piped, terminal
		}
		require.NoError(t, cmd.Run())
		if !chosen {
			assert.Len(t, shown(t, piped.String()), 1)
			continue
		}
		assert.Empty(t, piped.String())
		line, err := bufio.NewReader(user).ReadString('\n')
		require.NoError(t, err)
		assert.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3} INFO  agent1 `, line)
	}
}

func TestLinesAreSafeToShow(t *testing.T) {
	_, _, stderr := run(t, "hostile")
	_, line, ok := strings.Cut(stderr, `"msg":`)
	require.True(t, ok, "%s", stderr)
	line, plain, _ := strings.Cut(line, "\n")
	assert.Equal(t, `"\u009b31m \u202e\u001b[2J\u007f�","\u2066key":"two  spaces \"\u200b\""}`, line)
	assert.Regexp(t, `^{"time":"[^"]*","level":"INFO","msg":"plain"}\n$`, plain)
}

// TestBusyReaderGetsTheLastError has a reader that comes back when the program is about
// to end.
func TestBusyReaderGetsTheLastError(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	cmd := command(t, "last error")
	cmd.Stderr = w
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	require.NoError(t, w.Close())
	_, err = bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	require.ErrorAs(t, cmd.Wait(), new(*exec.ExitError))
	lines := shown(t, string(text))
	require.Len(t, lines, manyRecords+1)
	assert.Equal(t, `ERROR the reason {"k":1}`, lines[manyRecords])
}

func TestTerminalGetsTheConsole(t *testing.T) {
	terminal, user := ptytest.Open(t, 120)
	cmd := command(t, "content", "TERM=xterm")
	cmd.Stderr = terminal
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(user).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	assert.Regexp(t, `^\d\d:\d\d:\d\d\.\d{3} INFO  agent1 .*m action=llm_call input=question output=answer`, line)
}

func TestPackageLogFlowsThrough(t *testing.T) {
	_, code, stderr := run(t, "log")
	assert.Equal(t, 1, code, "of log.Fatal")
	first, rest, _ := strings.Cut(stderr, "\n")
	assert.Regexp(t, `^prefix: export_test\.go:\d+: before$`, first, "printed before auto was initialised")
	before, after, ok := strings.Cut(rest, "elsewhere\n")
	require.True(t, ok, "a logger that log.New has made writes where it is told to: %s", stderr)
	lines := shown(t, before)
	require.Len(t, lines, 3, "%s", before)
	assert.Equal(t, "INFO prefix: text {}", lines[0])
	assert.Equal(t, "WARN prefix: text\nof two lines {}", lines[1])
	assert.Regexp(t, `^WARN auto_test\.go:\d+: other: with flags {}$`, lines[2])

	lines = shown(t, after)
	require.Len(t, lines, 401)
	slices.Sort(lines)
	assert.Equal(t, []string{"INFO other: fatal {}", "INFO other: parallel {}", "INFO parallel {}"}, slices.Compact(lines))
}

func TestEnvironmentConfigures(t *testing.T) {
	dir, _, stderr := run(t, "content", "WFSLOG_DIR=elsewhere", "WFSLOG_WORKFLOW=research", "WFSLOG_LEVEL=error")
	assert.Empty(t, stderr)
	assert.NoDirExists(t, filepath.Join(dir, "logs"))
	doc := document(t, filepath.Join(dir, "elsewhere"))
	assert.Equal(t, "research", doc.Workflow)
	require.Len(t, doc.Interactions, 1)
	require.Len(t, doc.Interactions[0].Actions, 1)

	dir, _, stderr = run(t, "content", "WFSLOG=off")
	assert.NoDirExists(t, filepath.Join(dir, "logs"), "nothing is recorded")
	assert.Equal(t, []string{`INFO m {"action":"llm_call","input":"question","logger":"workflow.agent1","output":"answer"}`}, shown(t, stderr))
}

func TestWrongLevelIsSaidOnce(t *testing.T) {
	_, _, stderr := run(t, "idle", "WFSLOG_LEVEL=loud")
	lines := shown(t, stderr)
	require.Len(t, lines, 4)
	assert.Contains(t, lines[0], "$WFSLOG_LEVEL is ignored")
}

func TestUnusableDirectoryIsSaidBeforeTheProgramEnds(t *testing.T) {
	for range 5 {
		_, _, stderr := run(t, "ends at once", "WFSLOG_DIR=/dev/null/logs", "WFSLOG_LEVEL=warn")
		lines := shown(t, stderr)
		require.Len(t, lines, 1)
		assert.Regexp(t, `^WARN wfslog: events are being lost: .*/dev/null.* {}$`, lines[0])
	}
}

func TestWrongSwitchRecordsNothing(t *testing.T) {
	dir, _, stderr := run(t, "content", "WFSLOG=of", "WFSLOG_LEVEL=warn")
	assert.Equal(t, []string{`WARN wfslog: $WFSLOG is "of": want on or off; nothing is recorded {}`}, shown(t, stderr))
	assert.NoDirExists(t, filepath.Join(dir, "logs"))
}

// TestContent checks what the environment says of inputs and outputs.
func TestContent(t *testing.T) {
	const complaint = `WARN wfslog: $WFSLOG_CONTENT is "hsah": want full, hash or none; inputs and outputs are not kept {}`
	tests := []struct {
		env           string
		input, output string // JSON
		complaint     []string
	}{
		{"", `"question"`, `"answer"`, nil},
		{" Full", `"question"`, `"answer"`, nil},
		{
			"HASH",
			`{"bytes":10,"hmac":"01792f227a4b69f4b2c7cafe8c478ccea8b2ffac9bb65839fe07024f30909d2d"}`,
			`{"bytes":8,"hmac":"9faa66489014b41506c632546e24e10373424ad9dd8cfad8c71c79dc927349c9"}`,
			nil,
		},
		{"hsah", "", "", []string{complaint}},
	}
	for _, tt := range tests {
		t.Run(tt.env, func(t *testing.T) {
			dir, _, stderr := run(t, "content", "WFSLOG_CONTENT="+tt.env, "WFSLOG_HASH_KEY=k", "WFSLOG_LEVEL=error")
			assert.Equal(t, tt.complaint, shown(t, stderr))
			act := document(t, filepath.Join(dir, "logs")).Interactions[0].Actions[0]
			assert.Equal(t, tt.input, string(act.Input))
			assert.Equal(t, tt.output, string(act.Output))
		})
	}
}

func TestDocumentIsSavedWhenAnIterationEnds(t *testing.T) {
	dir, code, _ := run(t, "end")
	assert.Zero(t, code)
	found, err := filepath.Glob(filepath.Join(dir, "logs", "*.json"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	text, err := os.ReadFile(found[0])
	require.NoError(t, err)
	saved := new(wfslog.Document)
	require.NoError(t, json.Unmarshal(text, saved))
	assert.True(t, saved.Complete)
	assert.Equal(t, "llm_call", saved.Iterations[0].Interactions[0].Actions[0].Name)
}

// TestTreeIsCompleteWithoutClose ends programs in ways that run nothing of ours.
func TestTreeIsCompleteWithoutClose(t *testing.T) {
	check := func(t *testing.T, dir string) {
		t.Helper()
		doc := document(t, filepath.Join(dir, "logs"))
		assert.Equal(t, wfslog.Integrity{Events: 603, Streams: doc.Integrity.Streams}, doc.Integrity)
		require.Len(t, doc.Iterations, 1)
		for name, n := range map[string]*wfslog.Node{"the run": &doc.Node, "the iteration": doc.Iterations[0]} {
			require.Len(t, n.Interactions, 3, name)
			for _, agent := range n.Interactions {
				assert.Len(t, agent.Logs, 100, "%s in %s", agent.Agent, name)
			}
		}
		agent1 := slices.IndexFunc(doc.Iterations[0].Interactions, func(n *wfslog.Node) bool { return n.Agent == "agent1" })
		actions := doc.Iterations[0].Interactions[agent1].Actions
		require.Len(t, actions, 1)
		assert.Equal(t, "last words", actions[0].Msg)
	}
	t.Run("exit", func(t *testing.T) {
		dir, code, _ := run(t, "exit")
		assert.Equal(t, 3, code)
		check(t, dir)
	})
	t.Run("panic", func(t *testing.T) {
		dir, code, stderr := run(t, "panic")
		assert.Equal(t, 2, code)
		assert.Contains(t, stderr, "panic: the end")
		check(t, dir)
	})
	t.Run("kill", func(t *testing.T) {
		cmd := command(t, "kill")
		_, err := cmd.StdinPipe() // never closed
		require.NoError(t, err)
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		ready, err := bufio.NewReader(stdout).ReadString('\n')
		assert.NoError(t, err)
		assert.Equal(t, "ready\n", ready)
		require.NoError(t, cmd.Process.Kill())
		require.ErrorAs(t, cmd.Wait(), new(*exec.ExitError))
		check(t, cmd.Dir)
	})
}
