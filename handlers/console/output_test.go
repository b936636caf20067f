package console_test

import (
	"bufio"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/internal/ptytest"
)

// childEnv makes the test binary a program that logs to its standard error.
const childEnv = "WFSLOG_CONSOLE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		os.Exit(m.Run())
	}
	h := console.New(os.Stderr, nil)
	for range 3 {
		if h.Handle(context.Background(), record(slog.LevelInfo, "nobody reads this")) == nil {
			os.Exit(3)
		}
	}
	if _, err := os.Stdout.WriteString("still here"); err != nil {
		os.Exit(4)
	}
}

func TestClosedPipeDoesNotEndTheProgram(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only on Linux is a write after the reader has gone no signal")
	}
	r, w, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, r.Close())
	defer w.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = w
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.Equal(t, "still here", string(out))
}

func TestFullPipeDoesNotBlock(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	h := console.New(w, nil)
	ctx := t.Context()
	long := record(slog.LevelInfo, strings.Repeat("x", 1000))
	for failed := 0; failed < 5; { // ends when the pipe is full, since nobody reads
		if h.Handle(ctx, long) != nil {
			failed++
		}
	}
	lines := bufio.NewReader(r)
	for {
		text, err := lines.ReadString('\n')
		require.NoError(t, err)
		if !strings.HasSuffix(text, "xxx\n") {
			assert.Regexp(t, `^… \d+ records not shown\n$`, text)
			break
		}
	}
	require.NoError(t, w.Close())
}

func TestTerminalThatIsGoneIsAnError(t *testing.T) {
	terminal, user := ptytest.Open(t, 80)
	t.Setenv("TERM", "xterm")
	h := console.New(terminal, nil)
	require.True(t, h.OnTerminal())
	require.NoError(t, h.Handle(t.Context(), record(slog.LevelInfo, "m")))
	require.NoError(t, user.Close())
	assert.ErrorIs(t, h.Handle(t.Context(), record(slog.LevelInfo, "m")), syscall.EIO)
}

func TestLinesEndWithTheTerminal(t *testing.T) {
	terminal, user := ptytest.Open(t, 50)
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "1")
	require.NoError(t, console.New(terminal, nil).Handle(t.Context(), record(slog.LevelInfo, strings.Repeat("word ", 20))))
	shown := make([]byte, 1000)
	n, err := user.Read(shown)
	require.NoError(t, err)
	for line := range strings.Lines(string(shown[:n])) {
		assert.Less(t, len(strings.TrimRight(line, "\r\n")), 50, "line %q", line)
	}
}

func TestLinesGoToFilesAtOnce(t *testing.T) {
	name := t.TempDir() + "/log"
	f, err := os.Create(name)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, console.New(f, &console.Options{NoColor: true}).Handle(t.Context(), record(slog.LevelInfo, "m")))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	assert.Equal(t, "06:14:05.123 INFO  m\n", string(text))
}
