package console_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/internal/ptytest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// parseLine reads a line back as slogtest wants it: groups become maps.
func parseLine(t *testing.T, line string) map[string]any {
	t.Helper()
	result := make(map[string]any)
	if m := regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3} `).FindString(line); m != "" {
		result[slog.TimeKey] = strings.TrimSpace(m)
		line = line[len(m):]
	}
	level, line, _ := strings.Cut(line, " ")
	result[slog.LevelKey] = level
	first := regexp.MustCompile(`(^| )[^ =]+=`).FindStringIndex(line)
	if first == nil {
		result[slog.MessageKey] = strings.TrimSpace(line)
		return result
	}
	result[slog.MessageKey] = strings.TrimSpace(line[:first[0]])
	for line = line[first[0]:]; strings.TrimSpace(line) != ""; {
		key, rest, ok := strings.Cut(strings.TrimLeft(line, " "), "=")
		require.True(t, ok, "attributes %q", line)
		value, err := strconv.QuotedPrefix(rest)
		if err == nil {
			line = rest[len(value):]
			value, err = strconv.Unquote(value)
			require.NoError(t, err)
		} else {
			value, line, _ = strings.Cut(rest, " ")
		}
		group := result
		path := strings.Split(key, ".")
		for _, name := range path[:len(path)-1] {
			inner, ok := group[name].(map[string]any)
			if !ok {
				inner = make(map[string]any)
				group[name] = inner
			}
			group = inner
		}
		group[path[len(path)-1]] = value
	}
	return result
}

func TestHandlerIsAHandler(t *testing.T) {
	var buf *bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf = &bytes.Buffer{}
		return console.New(buf, nil)
	}, func(t *testing.T) map[string]any {
		return parseLine(t, strings.TrimSuffix(buf.String(), "\n"))
	})
}

// record returns a record of a fixed time.
func record(level slog.Level, msg string, args ...any) slog.Record {
	at := time.Date(2026, 11, 22, 6, 14, 5, 123456789, time.UTC)
	r := slog.NewRecord(at, level, msg, 0)
	r.Add(args...)
	return r
}

func line(t *testing.T, h slog.Handler, r slog.Record, buf *bytes.Buffer) string {
	t.Helper()
	buf.Reset()
	require.NoError(t, h.Handle(t.Context(), r))
	return buf.String()
}

// wf is what wfslog's handler adds to a record.
func wf(members ...any) slog.Attr {
	return slog.Group("wf", append([]any{"run", "0193a5b4c2d17e0f8a1b2c3d4e5f6071"}, members...)...)
}

type point struct {
	X, Y int
	Name string
}

type celsius float64

func (c celsius) String() string { return fmt.Sprintf("%g degrees", float64(c)) }

type panics struct{}

func (panics) String() string { panic("no temperature") }

func TestLines(t *testing.T) {
	var buf bytes.Buffer
	var got strings.Builder
	h := console.New(&buf, nil)
	write := func(h slog.Handler, r slog.Record) { got.WriteString(line(t, h, r, &buf)) }

	write(h, record(slog.LevelInfo, "plain"))
	write(h, record(slog.LevelInfo, ""))
	write(h, record(-8, "finest"))
	write(h, record(slog.LevelDebug, "debug"))
	write(h, record(slog.LevelWarn+1, "between"))
	write(h, record(slog.LevelError, "bad", "error", errors.New("disk full")))
	write(h, record(12, "worst"))
	write(h, record(slog.LevelInfo, "values", "int", 1, "float", 2.5, "bool", true, "dur", 1500*time.Millisecond,
		"time", time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC), "nil", nil, "text", "two words", "empty", "",
		"bytes", []byte("raw"), "list", []int{1, 2}, "struct", point{1, 2, "p"}, "stringer", celsius(21.5),
		"panics", panics{}, "none", (*celsius)(nil)))
	write(h, record(slog.LevelInfo, "groups", slog.Group("g", "a", 1, slog.Group("h", "b", 2), slog.Group("empty")),
		slog.Group("", "inline", 3)))
	write(h, record(slog.LevelInfo, "keys", "a key", 1, "k=v", 2, `q"`, 3))
	write(h, record(slog.LevelInfo, "asked the model", "logger", "workflow.agent1", "action", "llm_call",
		"input", strings.Repeat("ä", 201), wf("span", "1/2/3", "stream", "9f86d081884c7d65", "seq", 42, "after", 0)))
	write(h, record(slog.LevelInfo, "action grep ended", wf("span", "1/2/3", "event", "end", "kind", "action",
		"name", "grep", "dur", 812*time.Millisecond, "status", "ok"), "files", 12))
	write(h, record(slog.LevelError, "workflow ended", wf("span", "", "event", "end", "kind", "workflow",
		"dur", 2*time.Second, "status", "error", "error", "no answer")))
	write(h, record(slog.LevelInfo, "no group of ours", slog.Group("wf", "a", 1)))
	write(h, record(slog.LevelInfo, strings.Repeat("x", 1001)))
	with := h.WithAttrs([]slog.Attr{slog.String("logger", "workflow.team.lead"), slog.Int("a", 1)}).WithGroup("g")
	write(with, record(slog.LevelInfo, "with", "b", 2))
	write(with.WithGroup("h").WithAttrs([]slog.Attr{slog.Int("c", 3)}), record(slog.LevelInfo, "more", "logger", "mine"))

	checkGolden(t, "lines.txt", got.String())
}

// checkGolden compares got with a file in testdata.
func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	golden := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestLookDependsOnTheOutput(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	t.Setenv("FORCE_COLOR", "")
	t.Setenv("CLICOLOR_FORCE", "")
	terminal, _ := ptytest.Open(t, 80)
	h := console.New(terminal, nil)
	assert.True(t, h.Colored())
	assert.True(t, h.OnTerminal())
	h = console.New(terminal, &console.Options{NoColor: true})
	assert.False(t, h.Colored())
	assert.True(t, h.OnTerminal(), "NoColor changes colours only")
	h = console.New(&bytes.Buffer{}, nil)
	assert.False(t, h.Colored())
	assert.False(t, h.OnTerminal())
	t.Setenv("TERM", "dumb")
	assert.False(t, console.New(terminal, nil).OnTerminal(), "a dumb terminal is like a file")
}

func TestSourceAndTimeFormat(t *testing.T) {
	var buf bytes.Buffer
	h := console.New(&buf, &console.Options{AddSource: true, TimeFormat: time.DateOnly})
	r := record(slog.LevelInfo, "here")
	var pcs [1]uintptr
	runtime.Callers(1, pcs[:])
	r.PC = pcs[0]
	assert.Regexp(t, `^2026-11-22 INFO  here console/console_test\.go:\d+\n$`, line(t, h, r, &buf))
}

func TestLevelIsReadForEveryRecord(t *testing.T) {
	var level slog.LevelVar
	h := console.New(&bytes.Buffer{}, &console.Options{Level: &level})
	assert.False(t, h.Enabled(t.Context(), slog.LevelDebug))
	level.Set(slog.LevelDebug)
	assert.True(t, h.Enabled(t.Context(), slog.LevelDebug))
}

func TestOptionsAreNotChanged(t *testing.T) {
	opts := &console.Options{}
	console.New(&bytes.Buffer{}, opts)
	assert.Equal(t, &console.Options{}, opts)
}

func TestNothingToAddReturnsTheReceiver(t *testing.T) {
	h := console.New(&bytes.Buffer{}, nil)
	assert.Same(t, h, h.WithGroup(""))
	assert.Same(t, h, h.WithAttrs(nil))
}

func TestForksShareNothing(t *testing.T) {
	var buf bytes.Buffer
	h := console.New(&buf, nil)
	parent := h.WithGroup("g1").WithGroup("g2").WithGroup("g3").WithAttrs([]slog.Attr{slog.Int("p", 0)})
	left := parent.WithGroup("left").WithAttrs([]slog.Attr{slog.Int("l", 1)})
	right := parent.WithGroup("right").WithAttrs([]slog.Attr{slog.Int("r", 2)})
	assert.Contains(t, line(t, left, record(0, "m", "x", 1), &buf), "m g1.g2.g3.p=0 g1.g2.g3.left.l=1 g1.g2.g3.left.x=1\n")
	assert.Contains(t, line(t, right, record(0, "m", "x", 1), &buf), "m g1.g2.g3.p=0 g1.g2.g3.right.r=2 g1.g2.g3.right.x=1\n")
	assert.Contains(t, line(t, parent, record(0, "m", "x", 1), &buf), "m g1.g2.g3.p=0 g1.g2.g3.x=1\n")
}

func TestHandlerConcurrentSafe(t *testing.T) {
	var buf bytes.Buffer
	l := slog.New(console.New(&buf, nil)).WithGroup("g1").WithGroup("g2").WithGroup("g3")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 50 {
				l.With("i", i).WithGroup("g4").Info("m", slog.Group("deep", "k", "v"), "list", []int{i})
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 8*50, strings.Count(buf.String(), "\n"))
	assert.Equal(t, 8*50, strings.Count(buf.String(), "g1.g2.g3.g4.deep.k=v"))
}

// self is a value that says it is a group which holds itself.
type self struct{}

func (s self) LogValue() slog.Value { return slog.GroupValue(slog.Any("a", s), slog.Any("b", s)) }

func TestEndlessValuesEnd(t *testing.T) {
	var buf bytes.Buffer
	h := console.New(&buf, nil)
	got := line(t, h, record(0, "m", "v", self{}), &buf)
	assert.Less(t, len(got), 100_000)
	assert.Contains(t, got, "…")
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestHandleReturnsTheErrorOfTheWrite(t *testing.T) {
	errDisk := errors.New("disk full")
	h := console.New(failingWriter{errDisk}, nil)
	assert.ErrorIs(t, h.Handle(context.Background(), record(0, "m")), errDisk)
}
