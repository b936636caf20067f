package wfslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

func TestParseLevel(t *testing.T) {
	tests := []struct {
		text string
		want slog.Level
		err  string
	}{
		{"trace", wfslog.LevelTrace, ""},
		{"Debug", slog.LevelDebug, ""},
		{" INFO ", slog.LevelInfo, ""},
		{"warning", slog.LevelWarn, ""},
		{"warn+1", slog.LevelWarn + 1, ""},
		{"critical-2", wfslog.LevelCritical - 2, ""},
		{"loud", 0, `wfslog: level "loud": want trace, debug, info, warn, error or critical`},
		{"info+x", 0, `wfslog: level "info+x": the offset is not a number`},
		{"", 0, `wfslog: level "": want trace, debug, info, warn, error or critical`},
	}
	for _, tt := range tests {
		got, err := wfslog.ParseLevel(tt.text)
		if tt.err != "" {
			assert.EqualError(t, err, tt.err)
			continue
		}
		assert.NoError(t, err)
		assert.Equal(t, tt.want, got, "level %q", tt.text)
	}
}

func TestLevelName(t *testing.T) {
	for level, want := range map[slog.Level]string{
		wfslog.LevelTrace: "TRACE", slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelWarn: "WARN",
		slog.LevelError: "ERROR", wfslog.LevelCritical: "CRITICAL", slog.LevelInfo + 1: "INFO+1",
	} {
		assert.Equal(t, want, wfslog.LevelName(level))
	}
}

func TestParseLevels(t *testing.T) {
	tests := []struct {
		text string
		err  string
	}{
		{"", ""},
		{"info, workflow=debug ,,", ""},
		{"workflow.a = debug , b=warn", ""},
		{"info,warn", `wfslog: levels "info,warn": entry "warn": the name is given twice`},
		{"a=info,a=warn", `wfslog: levels "a=info,a=warn": entry "a=warn": the name is given twice`},
		{"a=info,workflow.a=warn", `wfslog: levels "a=info,workflow.a=warn": entry "workflow.a=warn": the name is given twice`},
		{"=info", `wfslog: levels "=info": entry "=info": there is no logger name`},
		{"a=loud", `wfslog: levels "a=loud": entry "a=loud": want trace, debug, info, warn, error or critical`},
		{"a=info+x", `wfslog: levels "a=info+x": entry "a=info+x": the offset is not a number`},
		{"a..b=info", `wfslog: levels "a..b=info": entry "a..b=info": a segment of the name is empty`},
		{"workflow.=info", `wfslog: levels "workflow.=info": entry "workflow.=info": a segment of the name is empty`},
		{"warn;a=info", `wfslog: levels "warn;a=info": entry "warn;a=info": names have no spaces and none of , ; =`},
		{"a=b=info", `wfslog: levels "a=b=info": entry "a=b=info": names have no spaces and none of , ; =`},
		{"warn a=info", `wfslog: levels "warn a=info": entry "warn a=info": names have no spaces and none of , ; =`},
	}
	for _, tt := range tests {
		_, err := wfslog.ParseLevels(tt.text)
		if tt.err != "" {
			assert.EqualError(t, err, tt.err)
			continue
		}
		assert.NoError(t, err, "levels %q", tt.text)
	}
}

func TestParseLoggerName(t *testing.T) {
	const slip, empty = "names have no spaces and none of , ; =", "a segment of the name is empty"
	tests := []struct{ text, want, err string }{
		{"", "", ""},
		{"workflow", "workflow", ""},
		{"workflow.a.tools", "workflow.a.tools", ""},
		{"a", "workflow.a", ""},
		{"a.tools", "workflow.a.tools", ""},
		{"workflows", "workflow.workflows", ""},
		{"ä/1", "workflow.ä/1", ""},
		{".", "", empty},
		{"a.", "", empty},
		{".a", "", empty},
		{"workflow..a", "", empty},
		{"a b", "", slip},
		{" a", "", slip},
		{"a\n", "", slip},
		{"a\u00a0", "", slip},
		{"a;b", "", slip},
		{"a=b", "", slip},
		{"a,b", "", slip},
	}
	for _, tt := range tests {
		got, err := wfslog.ParseLoggerName(tt.text)
		if tt.err != "" {
			assert.EqualError(t, err, fmt.Sprintf("wfslog: logger name %q: %s", tt.text, tt.err))
			continue
		}
		assert.NoError(t, err, "name %q", tt.text)
		assert.Equal(t, tt.want, got, "name %q", tt.text)
	}
}

// TestLevelsTakeAgents checks that loggers find the levels that were set for an agent,
// and that the same name is never there twice.
func TestLevelsTakeAgents(t *testing.T) {
	l, err := wfslog.ParseLevels("warn,a=debug")
	require.NoError(t, err)
	h, _ := newSink(t, wfslog.Options{Level: l, JournalLevel: l, Next: &levelsSeen{}})
	ctx := context.Background()
	enabled := func(name string) bool { return h.WithGroup(name).Enabled(ctx, slog.LevelDebug) }
	assert.True(t, enabled("workflow.a.tools"))
	assert.False(t, enabled("workflow.b"))
	l.Set("b", slog.LevelDebug)
	assert.True(t, enabled("workflow.b"))
	assert.Equal(t, slog.LevelDebug, l.Effective("b.tools"))
	l.Set("workflow.b", slog.LevelError)
	assert.Equal(t, map[string]slog.Level{"": slog.LevelWarn, "workflow.a": slog.LevelDebug, "workflow.b": slog.LevelError}, l.Configured())
	l.Unset("b")
	l.Unset("workflow.a")
	assert.Equal(t, map[string]slog.Level{"": slog.LevelWarn}, l.Configured())

	l.Set("two words", slog.LevelDebug)
	assert.True(t, enabled("workflow.two words"), "a name that no text can configure, but a logger can have")
}

func TestLevelsDecideBySegments(t *testing.T) {
	l, err := wfslog.ParseLevels("error,workflow=info,workflow.agent1=debug,workflow.agent1.tools=warn")
	require.NoError(t, err)
	for name, want := range map[string]slog.Level{
		"":                          slog.LevelError,
		"other":                     slog.LevelInfo,
		"agent1":                    slog.LevelDebug,
		"workflow":                  slog.LevelInfo,
		"workflow.agent2":           slog.LevelInfo,
		"workflow.agent1":           slog.LevelDebug,
		"workflow.agent10":          slog.LevelInfo,
		"workflow.agent1.llm":       slog.LevelDebug,
		"workflow.agent1.tools":     slog.LevelWarn,
		"workflow.agent1.tools.web": slog.LevelWarn,
		"workflow.agent1.toolsmith": slog.LevelDebug,
		"workflows":                 slog.LevelInfo,
	} {
		assert.Equal(t, want, l.Effective(name), "logger %q", name)
	}
	l.Unset("workflow.agent1")
	assert.Equal(t, slog.LevelInfo, l.Effective("workflow.agent1"))
	l.Set("workflow.agent1", wfslog.LevelTrace)
	assert.Equal(t, wfslog.LevelTrace, l.Effective("workflow.agent1.llm"))
	assert.Equal(t, map[string]slog.Level{
		"": slog.LevelError, "workflow": slog.LevelInfo, "workflow.agent1": wfslog.LevelTrace, "workflow.agent1.tools": slog.LevelWarn,
	}, l.Configured())
}

func TestZeroLevelsAdmitInfo(t *testing.T) {
	var l wfslog.Levels
	assert.Equal(t, slog.LevelInfo, l.Level())
	assert.Empty(t, l.Configured())
	l.Set("workflow", slog.LevelDebug)
	assert.Equal(t, slog.LevelDebug, l.Effective("workflow.a"))
	assert.Equal(t, slog.LevelInfo, l.Effective(""))
}

func TestLevelsConcurrentSafe(t *testing.T) {
	var l wfslog.Levels
	h, _ := newSink(t, wfslog.Options{Level: &l, JournalLevel: &l})
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			name := fmt.Sprintf("workflow.agent%d", g)
			log := slog.New(h).WithGroup(name)
			for i := range 200 {
				l.Set(name, slog.Level(i%3*4))
				log.Info("m")
				l.Unset(name)
				l.Effective(name)
				l.Configured()
			}
		})
	}
	wg.Wait()
}

func TestLevelFromEnvironment(t *testing.T) {
	t.Setenv("WFSLOG_LEVEL", "error,workflow.a=debug")
	var next levelsSeen
	h, _ := newSink(t, wfslog.Options{Next: &next})
	for _, name := range []string{"workflow.a", "workflow.b"} {
		log := slog.New(h).WithGroup(name)
		log.Debug("m")
		log.Error("m")
	}
	assert.Equal(t, []slog.Level{slog.LevelDebug, slog.LevelError, slog.LevelError}, next.levels)
}

func TestWrongLevelInEnvironmentIsSaidOnce(t *testing.T) {
	t.Setenv("WFSLOG_LEVEL", "error,workflow.agent1=xx")
	var next levelsSeen
	h, _ := newSink(t, wfslog.Options{Next: &next})
	assert.Equal(t, []string{
		`wfslog: $WFSLOG_LEVEL is ignored: entry "workflow.agent1=xx": want trace, debug, info, warn, error or critical`,
	}, next.messages)
	slog.New(h).Info("m")
	assert.Equal(t, []slog.Level{slog.LevelWarn, slog.LevelInfo}, next.levels)
}

func TestHandlerTellsItsLevels(t *testing.T) {
	t.Setenv("WFSLOG_LEVEL", "error")
	mine := &wfslog.Levels{}
	for _, tt := range []struct {
		level slog.Leveler
		want  *wfslog.Levels
	}{{mine, mine}, {slog.LevelWarn, nil}} {
		h, _ := newSink(t, wfslog.Options{Level: tt.level})
		assert.Same(t, tt.want, h.Levels())
	}
	h, _ := newSink(t, wfslog.Options{Next: &levelsSeen{}})
	require.Equal(t, map[string]slog.Level{"": slog.LevelError}, h.Levels().Configured())
	h.Levels().Set("a", slog.LevelDebug)
	assert.True(t, h.WithGroup("workflow.a").Enabled(context.Background(), slog.LevelDebug))
	assert.Nil(t, new(wfslog.Handler).Levels())
}

// TestMinimaAreSeparate checks that the operational log and the journal have levels of
// their own, both by name, and that WithLevel lowers both for one context and raises
// neither.
func TestMinimaAreSeparate(t *testing.T) {
	shown, err := wfslog.ParseLevels("warn,workflow.a=error")
	require.NoError(t, err)
	recorded, err := wfslog.ParseLevels("error,workflow.a=info")
	require.NoError(t, err)
	var next levelsSeen
	h, s := newSink(t, wfslog.Options{Level: shown, JournalLevel: recorded, Next: &next})
	all := []slog.Level{wfslog.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, wfslog.LevelCritical}
	ctx := context.Background()
	tests := []struct {
		name            string
		ctx             context.Context
		logger          string
		shown, recorded slog.Level // the lowest
	}{
		{"one name", ctx, "workflow.a.tools", slog.LevelError, slog.LevelInfo},
		{"another name", ctx, "workflow.b", slog.LevelWarn, slog.LevelError},
		{"lowered", wfslog.WithLevel(ctx, slog.LevelDebug), "workflow.a", slog.LevelDebug, slog.LevelDebug},
		{"lowered between both", wfslog.WithLevel(ctx, slog.LevelWarn), "workflow.a", slog.LevelWarn, slog.LevelInfo},
		{"not raised", wfslog.WithLevel(ctx, wfslog.LevelCritical), "workflow.b", slog.LevelWarn, slog.LevelError},
		{"lowered less within", wfslog.WithLevel(wfslog.WithLevel(ctx, slog.LevelDebug), slog.LevelWarn), "workflow.a", slog.LevelWarn, slog.LevelInfo},
		{"lowered more within", wfslog.WithLevel(wfslog.WithLevel(ctx, slog.LevelWarn), slog.LevelDebug), "workflow.a", slog.LevelDebug, slog.LevelDebug},
		{"afterwards", ctx, "workflow.a", slog.LevelError, slog.LevelInfo},
	}
	for _, tt := range tests {
		next.levels = nil
		before := len(s.logs(t))
		log := slog.New(h).WithGroup(tt.logger)
		var wantShown, wantRecorded, gotRecorded []slog.Level
		for _, level := range all {
			log.Log(tt.ctx, level, "m")
			if level >= tt.shown {
				wantShown = append(wantShown, level)
			}
			if level >= tt.recorded {
				wantRecorded = append(wantRecorded, level)
			}
		}
		for _, ev := range s.logs(t)[before:] {
			gotRecorded = append(gotRecorded, ev.Level)
		}
		assert.Equal(t, wantShown, next.levels, "operational log, %s", tt.name)
		assert.Equal(t, wantRecorded, gotRecorded, "journal, %s", tt.name)
	}
}

// levelsSeen keeps the levels and messages of records.
type levelsSeen struct {
	levels   []slog.Level
	messages []string
}

func (*levelsSeen) Enabled(_ context.Context, _ slog.Level) bool { return true }

func (l *levelsSeen) Handle(_ context.Context, r slog.Record) error {
	l.levels = append(l.levels, r.Level)
	l.messages = append(l.messages, r.Message)
	return nil
}

func (l *levelsSeen) WithAttrs([]slog.Attr) slog.Handler { return l }
func (l *levelsSeen) WithGroup(string) slog.Handler      { return l }
