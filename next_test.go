package wfslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// calls is a handler that notes what is called; those derived from it share notes.
type calls struct{ notes *[]string }

func (calls) Enabled(context.Context, slog.Level) bool { return true }

func (c calls) Handle(_ context.Context, r slog.Record) error {
	var attrs []string
	r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a.String()); return true })
	*c.notes = append(*c.notes, "Handle "+strings.Join(attrs, " "))
	return nil
}

func (c calls) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		*c.notes = append(*c.notes, "With "+a.String())
	}
	return c
}

func (c calls) WithGroup(name string) slog.Handler {
	*c.notes = append(*c.notes, "WithGroup "+name)
	return c
}

func TestNextGetsGroupsWithTheRecord(t *testing.T) {
	var notes []string
	h, _ := newSink(t, wfslog.Options{Next: calls{&notes}})
	slog.New(h).With("a", 1).WithGroup("workflow").WithGroup("x").With("b", 2).
		WithGroup("g").With("c", 3).WithGroup("h").Info("m", "d", 4)
	require.Len(t, notes, 3)
	assert.Equal(t, []string{"With a=1", "With b=2"}, notes[:2])
	assert.Regexp(t, `^Handle logger=workflow\.x g=\[c=3 h=\[d=4\]\] wf=\[run=`, notes[2])
}

// wfOf returns the members of wf in a line of slog's JSON handler, but for those
// that differ from run to run.
func wfOf(t *testing.T, line []byte) map[string]any {
	t.Helper()
	var m struct {
		WF map[string]any `json:"wf"`
	}
	require.NoError(t, json.Unmarshal(line, &m), "%s", line)
	for _, key := range []string{"run", "stream", "start", "dur"} {
		if _, ok := m.WF[key]; ok {
			m.WF[key] = "…"
		}
	}
	return m.WF
}

func TestNextIsToldThePlaceInTheRun(t *testing.T) {
	var next bytes.Buffer
	h, s := newSink(t, wfslog.Options{
		Next: newJSON(&next, slog.LevelDebug), Level: slog.LevelDebug, JournalLevel: slog.LevelInfo,
	})
	log := slog.New(h)
	ctx := background(h)
	act := wfslog.StartAction(ctx, "a")
	log.DebugContext(act, "not recorded")
	log.InfoContext(ctx, "recorded")
	wfslog.AddResource(wfslog.WithLevel(act, slog.LevelDebug), "r", "file:///r")
	wfslog.End(act)
	log.InfoContext(wfslog.Suppress(act), "suppressed")
	log.Info("in no run")
	type wf = map[string]any
	var got []wf
	for line := range bytes.Lines(next.Bytes()) {
		got = append(got, wfOf(t, line))
	}
	assert.Equal(t, []wf{
		{"run": "…", "span": "", "event": "start", "kind": "workflow", "name": "test", "start": "…"},
		{"run": "…", "span": "1", "event": "start", "kind": "action", "name": "a", "start": "…"},
		{"run": "…", "span": "1"},
		{"run": "…", "span": "", "stream": "…", "seq": 3.0, "after": 1.0},
		{
			"run": "…", "span": "1", "event": "set", "kind": "action", "name": "a", "start": "…",
			"resource": wf{"name": "r", "uri": "file:///r"}, "stream": "…", "seq": 5.0,
		},
		{
			"run": "…", "span": "1", "event": "end", "kind": "action", "name": "a", "start": "…",
			"dur": "…", "status": "ok", "stream": "…", "seq": 6.0,
		},
		nil,
		nil,
	}, got)
	assert.Equal(t, uint64(6), s.events(t)[5].Seq)
}

// TestOperationsThroughANamedLoggerInGroups checks that what the logger has is not
// taken for the span's.
func TestOperationsThroughANamedLoggerInGroups(t *testing.T) {
	var next bytes.Buffer
	h, s := newSink(t, wfslog.Options{Next: newJSON(&next, slog.LevelDebug), Level: slog.LevelDebug})
	log := slog.New(h).WithGroup("workflow.agent1").With("x", 1).WithGroup("g")
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), "w", slog.Int("k", 1))
	wfslog.Annotate(ctx, slog.Int("k", 2))
	wfslog.End(ctx, slog.Int("k", 3))
	assert.Equal(t, []string{
		"open", `start "" workflow w {"k":1}`, `set "" {"k":2}`, `end "" n=3 kids=0 ok {"k":3}`,
	}, summaries(t, s))
	for _, ev := range s.events(t) {
		assert.Empty(t, ev.Logger)
	}
	assert.Contains(t, next.String(), `"msg":"workflow w started","x":1,"logger":"workflow.agent1","g":{"k":1},"wf":{`)
}

// TestOperationsTellTheCallersLine is about the program counter of the records of
// Start and End.
func TestOperationsTellTheCallersLine(t *testing.T) {
	var functions []string
	h, _ := newSink(t, wfslog.Options{Level: slog.LevelDebug, Next: middleware{
		Handler: calls{&[]string{}},
		handle: func(_ context.Context, r slog.Record, _ slog.Handler) error {
			source := r.Source()
			functions = append(functions, source.Function[strings.LastIndexByte(source.Function, '/')+1:])
			return nil
		},
	}})
	ctx := background(h)
	callAll(ctx)
	assert.Len(t, functions, 9)
	assert.Equal(t, "wfslog_test.background", functions[0])
	for _, f := range functions[1:] {
		assert.Equal(t, "wfslog_test.callAll", f)
	}
}

func callAll(ctx context.Context) {
	defer wfslog.End(ctx)
	wfslog.StartWorkflow(ctx, "w")
	it := wfslog.StartIteration(ctx)
	defer wfslog.EndErr(it, nil)
	turn := wfslog.StartInteraction(it, "a")
	wfslog.StartAction(turn, "b")
	wfslog.Annotate(turn, slog.Int("k", 1))
	wfslog.AddResource(turn, "r", "u")
}

func TestHarmlessValuesAreHandedOnAsTheyAre(t *testing.T) {
	type value struct{ N int }
	var got []any
	h, _ := newSink(t, wfslog.Options{Next: middleware{
		Handler: calls{&[]string{}},
		handle: func(_ context.Context, r slog.Record, _ slog.Handler) error {
			r.Attrs(func(a slog.Attr) bool { got = append(got, a.Value.Any()); return a.Key != "time" })
			return nil
		},
	}})
	now := time.Now()
	for _, log := range []*slog.Logger{slog.New(h), slog.New(h).WithGroup("workflow.a")} {
		got = nil
		log.Info("m", "value", value{1}, "pointer", &value{2}, "error", errDisk, "time", now)
		assert.Equal(t, []any{value{1}, &value{2}, errDisk, now.Round(0)}, got[len(got)-4:])
	}
}
