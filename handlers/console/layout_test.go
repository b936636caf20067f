package console_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// logRun writes what the operational log says of a short run.
func logRun(t *testing.T, h slog.Handler) {
	t.Helper()
	write := func(h slog.Handler, r slog.Record) { require.NoError(t, h.Handle(t.Context(), r)) }
	planner := h.WithAttrs([]slog.Attr{slog.String("logger", "workflow.planner")})
	tools := h.WithAttrs([]slog.Attr{slog.String("logger", "workflow.computer_terminal.python")})
	prompt := "You are a careful reviewer of Go code.\r\n\n\n\nAnswer with a list, " +
		"and say of each claim in which file and on which line it can be seen, because the next agent reads only that." +
		strings.Repeat("\n\t- one more rule", 30) + "\n"

	write(h, record(slog.LevelInfo, "listening", "address", "127.0.0.1:7433"))
	write(h, record(slog.LevelDebug, "iteration 1 started", wf("span", "1", "event", "start", "kind", "iteration")))
	write(h, record(slog.LevelDebug, "interaction planner started", "input", "which files?",
		wf("span", "1/1", "event", "start", "kind", "interaction", "agent", "planner")))
	write(planner, record(slog.LevelInfo, "asked the model", "action", "llm_call", "model", "m1-large",
		slog.Group("usage", "input_tokens", 1200, "output_tokens", 85, "cache_read_tokens", 8000, "reasoning_tokens", 0),
		"cost_usd", 0.0123, "input", prompt, "output", []string{strings.Repeat("a long answer ", 20)}, wf("span", "1/1")))
	write(planner, record(slog.Level(-8), "no usage", slog.Group("usage", "input_tokens", "many"), "cost_usd", math.NaN(), wf("span", "1/1")))
	write(tools, record(slog.LevelWarn, "slow", "took", 3*time.Second, "code", "print(1)\n", wf("span", "1/1")))
	write(h, record(slog.LevelInfo, "action search ended", "files", 3, "status", "not good yet",
		wf("span", "1/1/1", "event", "end", "kind", "action", "name", "search", "agent", "planner", "dur", 812*time.Millisecond, "status", "ok")))
	write(h, record(slog.LevelError, "action go_list ended", slog.Group("usage", "input_tokens", 5),
		wf("span", "1/1/2", "event", "end", "kind", "action", "name", "go_list", "agent", "planner", "dur", 2*time.Second, "status", "error",
			"error", "go list in .: exit status 1: pattern ./...: directory prefix . does not contain main module or its dependencies")))
	write(planner, record(slog.LevelError, "panic: index out of range\n06:14:05.123 ERROR forged\n\tmain.go:12", "error", errors.New("one\ntwo"), wf("span", "1/1")))
	write(planner, record(slog.LevelInfo, strings.Repeat("a long message of many words ", 10), "a", 1, "b", 2, wf("span", "1/1")))
	write(planner.WithGroup("request").WithAttrs([]slog.Attr{slog.Int("n", 7), slog.String("body", prompt[:200])}),
		record(slog.LevelInfo, "with", "日本", "値 値", wf("span", "1/1")))
	write(h, record(12, "the disk is full"))
	write(h, record(slog.LevelInfo, "interaction planner ended",
		wf("span", "1/1", "event", "end", "kind", "interaction", "agent", "planner", "dur", 3*time.Second, "status", "ok",
			"usage", slog.GroupValue(slog.Uint64("input_tokens", 41_000), slog.Uint64("output_tokens", 2200)), "cost_usd", 0.19)))
	write(h, record(slog.LevelInfo, "workflow team ended", "cost_usd", 12.5, wf("span", "", "event", "end", "kind", "workflow", "dur", 4*time.Second, "status", "ok")))
}

func TestRun(t *testing.T) {
	tests := []struct {
		name  string
		opts  console.Options
		looks console.Looks
	}{
		{"pipe.txt", console.Options{}, console.Looks{}},
		{"pipe-color.txt", console.Options{}, console.Looks{Color: true}},
		{"terminal.txt", console.Options{}, console.Looks{Terminal: true, Columns: 100}},
		{"terminal-color.txt", console.Options{}, console.Looks{Terminal: true, Columns: 120, Color: true}},
		{"terminal-narrow.txt", console.Options{ValueLines: 2}, console.Looks{Terminal: true, Columns: 50}},
		{"terminal-ascii.txt", console.Options{ValueLines: 1}, console.Looks{Terminal: true, Columns: 100, ASCII: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var buf bytes.Buffer
			tt.opts.Level = slog.Level(-8)
			logRun(t, console.NewLooking(&buf, tt.opts, tt.looks))
			checkGolden(t, tt.name, buf.String())
		})
	}
}

// TestAgentsHaveTheirColors states the colours: they must not change from run to run.
func TestAgentsHaveTheirColors(t *testing.T) {
	want := map[string]string{"planner": "[35m", "critic": "[1;34m", "agent1": "[35m", "agent2": "[95m", "agent3": "[94m", "reader1": "[94m", "reader2": "[36m", "searcher1": "[94m", "WebSurfer": "[32m", "Orchestrator": "[94m", "エージェント": "[32m"}
	got := make(map[string]string)
	for name := range want {
		var buf bytes.Buffer
		h := console.NewLooking(&buf, console.Options{}, console.Looks{Color: true})
		r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
		r.Add("logger", "workflow."+name)
		require.NoError(t, h.Handle(t.Context(), r))
		before, _, ok := strings.Cut(buf.String(), name)
		require.True(t, ok, "no name in %q", buf.String())
		got[name] = before[strings.LastIndexByte(before, '\x1b')+1:]
	}
	assert.Equal(t, want, got)
}

func TestColumnOfAgentsConcurrentSafe(t *testing.T) {
	var buf bytes.Buffer
	h := console.NewLooking(&buf, console.Options{}, console.Looks{Terminal: true, Columns: 200})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				name := strings.Repeat("x", (i*50+n)%25+1)
				_ = h.Handle(context.Background(), record(slog.LevelInfo, "m", "logger", name)) // a buffer never fails
			}
		})
	}
	wg.Wait()
	buf.Reset()
	for n := range 30 {
		require.NoError(t, h.Handle(t.Context(), record(slog.LevelInfo, "message", "logger", strings.Repeat("y", n))))
	}
	for line := range strings.Lines(buf.String()) {
		before, _, ok := strings.Cut(line, "message")
		require.True(t, ok, "line %q", line)
		assert.Equal(t, len("06:14:05.123 INFO  ")+20+len("   "), len([]rune(before)), "where the message of %q stands", line)
	}
}

// TestNothingBeginsALine checks that no text can get to where records begin, however
// narrow the terminal is.
func TestNothingBeginsALine(t *testing.T) {
	const forged = "06:14:05.123 ERROR forged"
	for columns := 32; columns < 140; columns++ {
		for _, filler := range []string{" ", "x", "x ", "日", "☁\ufe0f", "e\u0301", "\x1b", "\n", `"`, "\t", "\r\n"} {
			text := strings.Repeat(filler, columns*2-19) + forged
			var buf bytes.Buffer
			h := console.NewLooking(&buf, console.Options{}, console.Looks{Terminal: true, Columns: columns})
			r := record(slog.LevelInfo, text, "logger", text, "k", text, text, 1, slog.Group(text, "b", text[:20]),
				"error", errors.New(text), "list", []string{text},
				wf("span", text, "event", "end", "status", text, "error", text, "name", text))
			require.NoError(t, h.Handle(t.Context(), r))
			for i, line := range strings.Split(strings.TrimSuffix(buf.String(), "\n"), "\n") {
				require.Less(t, columnsOf(line), columns, "line %q of %d columns", line, columns)
				if i > 0 {
					require.True(t, strings.HasPrefix(line, "    "), "line %q", line)
				}
			}
		}
	}
}

// columnsOf returns how many columns the terminals in question show text in.
func columnsOf(text string) (n int) {
	for _, r := range text {
		switch {
		case r == '\u0301':
		case r == '日':
			n += 2
		default:
			n++
		}
	}
	return n
}

func TestTwoFieldsMakeNoCharacter(t *testing.T) {
	for _, looks := range []console.Looks{{}, {Terminal: true, Columns: 100}} {
		var buf bytes.Buffer
		h := console.NewLooking(&buf, console.Options{}, looks)
		r := record(slog.LevelInfo, "m\xc2", slog.Group("g\xc2", "\x9bk", "\x9b31mv\xe2"), "\x80\xae", "\x80\xaeb\x1b", "[31m", "[2J",
			wf("span", "\x9b1"))
		require.NoError(t, h.Handle(t.Context(), r))
		assert.Equal(t, `06:14:05.123 INFO  m\xc2 "g\xc2.\x9bk"="\x9b31mv\xe2" "\x80\xae"="\x80\xaeb\x1b" [31m=[2J `+
			strings.Repeat(" ", btoi(looks.Terminal))+`\x9b1`+"\n", buf.String())
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestAttributesOfASmallRecordDoNotAllocate(t *testing.T) {
	h := console.NewLooking(discard{}, console.Options{}, console.Looks{Terminal: true, Color: true, Columns: 120})
	allocs := func(attrs ...any) float64 {
		r := record(slog.LevelInfo, "message", attrs...)
		return testing.AllocsPerRun(100, func() { _ = h.Handle(context.Background(), r) }) // discard never fails
	}
	none := allocs()
	if eventtest.Race {
		return // under the race detector, pools forget
	}
	assert.Equal(t, none, allocs("a", 1, "b", "text", "c", 2.5, "d", true, slog.Group("usage", "input_tokens", 1)))
}
