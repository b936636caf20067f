package wfslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

func TestNewHandlerMakesNothingBeforeTheFirstEvent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	goroutines := runtime.NumGoroutine()
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever})
	slog.New(h).With("k", 1).WithGroup("g").Info("belongs to no run")
	assert.NoDirExists(t, dir)
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	slog.New(h).WithGroup("workflow.a").Info("an event")
	assert.DirExists(t, dir)
	require.NoError(t, h.Close())

	dir = filepath.Join(t.TempDir(), "logs")
	h = wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler})
	require.NoError(t, h.Flush(t.Context()))
	require.NoError(t, h.Close())
	assert.NoDirExists(t, dir, "nothing was recorded")
}

func TestEnvironment(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	dirOf := func(opts *wfslog.Options) string {
		h := wfslog.NewHandler(opts)
		defer func() { assert.NoError(t, h.Close()) }()
		return h.Dir()
	}
	assert.Equal(t, filepath.Join(dir, "logs"), dirOf(nil))
	t.Setenv("WFSLOG_DIR", "elsewhere")
	assert.Equal(t, filepath.Join(dir, "elsewhere"), dirOf(nil))
	assert.Equal(t, filepath.Join(dir, "here"), dirOf(&wfslog.Options{Dir: "here"}))

	t.Setenv("WFSLOG_WORKFLOW", "from the environment")
	for _, tt := range []struct{ option, want string }{{"", "from the environment"}, {"option", "option"}} {
		h, s := newSink(t, wfslog.Options{Workflow: tt.option})
		slog.New(h).WithGroup("workflow.a").Info("m")
		assert.Equal(t, tt.want, s.events(t)[1].Name)
		require.NoError(t, h.Close())
	}
}

func TestRecordingCanBeTurnedOff(t *testing.T) {
	t.Setenv("WFSLOG", " OFF\n")
	var next bytes.Buffer
	h, s := newSink(t, wfslog.Options{Next: newJSON(&next, slog.LevelDebug), Level: slog.LevelDebug})
	ctx := background(h)
	slog.New(h).WithGroup("workflow.a").InfoContext(ctx, "m")
	wfslog.End(ctx, slog.Int("k", 1))
	require.NoError(t, h.Close())
	assert.Zero(t, s.Len())
	assert.Zero(t, h.Stats())
	assert.Equal(t, []string{
		`DEBUG workflow test started {}`, `INFO m {"logger":"workflow.a"}`, `INFO workflow test ended {"k":1}`,
	}, jsonLines(t, &next))
}

// newJSON returns slog's JSON handler without times.
func newJSON(w *bytes.Buffer, level slog.Level) slog.Handler {
	return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
}

// jsonLines returns the lines that slog's JSON handler has written to b, each as
// level, message and everything else.
func jsonLines(t *testing.T, b *bytes.Buffer) (lines []string) {
	t.Helper()
	for line := range bytes.Lines(b.Bytes()) {
		var m map[string]any
		require.NoError(t, json.Unmarshal(line, &m), "%s", line)
		level, msg := m["level"], m["msg"]
		delete(m, "level")
		delete(m, "msg")
		rest, err := json.Marshal(m)
		require.NoError(t, err)
		lines = append(lines, fmt.Sprintf("%s %s %s", level, msg, rest))
	}
	return lines
}

// TestWrongOptionsAreSaidOnce uses the console, which writes to os.Stderr as it is
// when the handler is made.
func TestWrongOptionsAreSaidOnce(t *testing.T) {
	var noHandler *slog.JSONHandler
	var noLevels *wfslog.Levels
	var noVar *slog.LevelVar
	var noFile *os.File
	tests := []struct {
		name string
		opts wfslog.Options
		want string
	}{
		{"slog's default handler as Next", wfslog.Options{Next: slog.Default().Handler()}, "slog's own default handler"},
		{"nil pointer as Next", wfslog.Options{Next: noHandler}, "Next is a nil *slog.JSONHandler"},
		{"nil pointer as Level", wfslog.Options{Level: noLevels}, "Level is a nil *wfslog.Levels"},
		{"nil pointer as JournalLevel", wfslog.Options{JournalLevel: noVar}, "JournalLevel is a nil *slog.LevelVar"},
		{"nil pointer as Sink", wfslog.Options{Sink: noFile}, "Sink is a nil *os.File"},
		{"unknown SaveOn", wfslog.Options{SaveOn: 99}, "SaveOn is 99"},
		{"negative SaveOn", wfslog.Options{SaveOn: -1}, "SaveOn is -1"},
		{"unknown Content", wfslog.Options{Content: 3}, "Content is 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			stderr := captureStderr(t)
			tt.opts.Dir = t.TempDir()
			h := wfslog.NewHandler(&tt.opts)
			log := slog.New(h).WithGroup("workflow.a")
			log.Info("first")
			log.Info("second")
			require.NoError(t, h.Close())
			text := stderr()
			assert.Equal(t, 1, strings.Count(text, tt.want), "%s", text)
			assert.Equal(t, 1, strings.Count(text, "WRN")+strings.Count(text, "WARN"), "%s", text)
			assert.Contains(t, text, "second")
			assert.NotZero(t, h.Stats().Written, "it records")
		})
	}
}

// captureStderr sends os.Stderr to a file until the test ends, and returns a function
// that returns what came so far.
func captureStderr(t *testing.T) func() string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	before := os.Stderr
	os.Stderr = f
	t.Cleanup(func() {
		os.Stderr = before
		assert.NoError(t, f.Close())
	})
	return func() string {
		text, err := os.ReadFile(f.Name())
		require.NoError(t, err)
		return string(text)
	}
}

func TestStrangeLimitsAreCorrected(t *testing.T) {
	for _, n := range []int{-1, 1, math.MaxInt / 4} {
		h, s := newSink(t, wfslog.Options{Limits: wfslog.Limits{
			Depth: n, Nodes: n, Attrs: n, KeyBytes: n, StringBytes: n, LineBytes: n,
		}})
		log := slog.New(h).WithGroup("workflow.a").WithGroup("g1").WithGroup("g2").With("with", "some text")
		log.Info("a message", "k", "v", slog.Group("g3", "list", []int{1, 2, 3}))
		assert.Len(t, s.logs(t), 1, "limits of %d", n)
	}
}

// TestReplaceAttr checks that it is called for the user's attributes only, once
// for both outputs, with values resolved and the groups around them.
func TestReplaceAttr(t *testing.T) {
	var calls []string
	replace := func(groups []string, a slog.Attr) slog.Attr {
		calls = append(calls, strings.Join(append(groups, a.Key), ".")+"="+a.Value.String())
		switch a.Key {
		case "drop":
			return slog.Attr{}
		case "rename":
			a.Key = "renamed"
		case "valuer":
			return slog.Any(a.Key, valuer{slog.StringValue("resolved again")})
		case "panics":
			panic("in ReplaceAttr")
		}
		return a
	}
	called := func() []string {
		defer func() { calls = nil }()
		return calls
	}
	var next bytes.Buffer
	h, s := newSink(t, wfslog.Options{ReplaceAttr: replace, Next: newJSON(&next, slog.LevelDebug), Level: slog.LevelDebug, AddSource: true})
	log := slog.New(h).WithGroup("workflow.a").With("rename", 1).WithGroup("g").With("drop", 2, "k", 3)
	assert.Equal(t, []string{"rename=1", "g.drop=2", "g.k=3"}, called(), "at With time")

	log.Info("m", "v", valuer{slog.IntValue(4)}, slog.Group("h", "drop", 5, "x", 6), "valuer", 7, "panics", 8)
	assert.Equal(t, []string{"g.v=4", "g.h.drop=5", "g.h.x=6", "g.valuer=7", "g.panics=8"}, called(), "of a record")
	group := `"g":{"k":3,"v":4,"h":{"x":6},"valuer":"resolved again","panics":"!PANIC: ReplaceAttr: in ReplaceAttr"}`
	assert.Equal(t, `{"renamed":1,`+group+`}`, string(s.logs(t)[0].Attrs))
	assert.Contains(t, next.String(), `"renamed":1,"logger":"workflow.a",`+group)

	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), "w", slog.Int("rename", 9))
	assert.Equal(t, []string{"rename=9"}, called(), "attributes of spans are in no group, and nothing else is seen")
	wfslog.End(ctx, slog.Int("drop", 10))
	assert.Equal(t, []string{"drop=10"}, called())
	events := s.events(t)
	assert.JSONEq(t, `{"renamed":9}`, string(events[len(events)-2].Attrs))
	assert.Empty(t, events[len(events)-1].Attrs)
}

func TestContent(t *testing.T) {
	tests := []struct {
		name   string
		policy wfslog.ContentPolicy
		want   string
	}{
		{"full", wfslog.ContentFull, `{"action":"llm","input":"secret","output":"answer"}`},
		{"none", wfslog.ContentNone, `{"action":"llm"}`},
		{
			"hash", wfslog.ContentHash,
			`{"action":"llm",` +
				`"input":{"bytes":8,"hmac":"dd05b1413d94e7dbb0e893048f098f44d3e380f356c3edc8b1104aba5ce8180b"},` +
				`"output":{"bytes":8,"hmac":"9faa66489014b41506c632546e24e10373424ad9dd8cfad8c71c79dc927349c9"}}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("WFSLOG_HASH_KEY", "k")
			var next bytes.Buffer
			h, s := newSink(t, wfslog.Options{Content: tt.policy, Next: newJSON(&next, slog.LevelInfo)})
			slog.New(h).WithGroup("workflow.a").Info("m", wfslog.Action("llm"), wfslog.Input("secret"), wfslog.Output("answer"))
			assert.JSONEq(t, tt.want, string(s.logs(t)[0].Attrs))
		})
	}
}

// TestContentIsKeptOutEverywhere hands inputs over in every way there is.
func TestContentIsKeptOutEverywhere(t *testing.T) {
	for _, policy := range []wfslog.ContentPolicy{wfslog.ContentNone, wfslog.ContentHash} {
		var next bytes.Buffer
		h, s := newSink(t, wfslog.Options{Content: policy, Next: newJSON(&next, slog.LevelDebug), Level: slog.LevelDebug})
		log := slog.New(h)
		ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log.WithGroup("g")), "w", wfslog.Input("secret"))
		log.InfoContext(ctx, "m", wfslog.Input("secret"), wfslog.Output(valuer{slog.StringValue("secret")}))
		log.InfoContext(ctx, "m", slog.Group("", "input", "secret"))
		log.With(wfslog.Input([]string{"secret"})).InfoContext(ctx, "m")
		wfslog.Annotate(ctx, wfslog.Output("secret"))
		wfslog.End(ctx, wfslog.Output(slog.GroupValue(slog.String("k", "secret"))))
		ctx = background(middleware{Handler: h, handle: func(ctx context.Context, r slog.Record, next slog.Handler) error {
			if strings.HasSuffix(r.Message, "ended") {
				return nil
			}
			return next.Handle(ctx, r)
		}})
		wfslog.End(ctx, wfslog.Output("secret"))
		assert.NotContains(t, s.String(), "secret")
		assert.NotContains(t, next.String(), "secret")
		assert.Len(t, s.events(t), 9)
		assert.Equal(t, policy == wfslog.ContentHash, strings.Contains(s.String(), "hmac"))
	}
}

func TestSwitchFailsClosed(t *testing.T) {
	for value, want := range map[string]struct {
		recorded  int
		complaint []string
	}{
		"":      {1, nil},
		" On ":  {1, nil},
		"off":   {0, nil},
		"of":    {0, []string{`wfslog: $WFSLOG is "of": want on or off; nothing is recorded`}},
		"false": {0, []string{`wfslog: $WFSLOG is "false": want on or off; nothing is recorded`}},
		"0":     {0, []string{`wfslog: $WFSLOG is "0": want on or off; nothing is recorded`}},
	} {
		t.Setenv("WFSLOG", value)
		var next levelsSeen
		h, s := newSink(t, wfslog.Options{Next: &next})
		assert.Equal(t, want.complaint, next.messages, "WFSLOG=%s", value)
		slog.New(h).WithGroup("workflow.a").Info("m")
		assert.Len(t, s.logs(t), want.recorded, "WFSLOG=%s", value)
	}
}

func TestStricterContentPolicyCounts(t *testing.T) {
	const full, hash, none = wfslog.ContentFull, wfslog.ContentHash, wfslog.ContentNone
	const wrong = `wfslog: $WFSLOG_CONTENT is "hsah": want full, hash or none; inputs and outputs are not kept`
	tests := []struct {
		option    wfslog.ContentPolicy
		env       string
		want      wfslog.ContentPolicy
		complaint []string
	}{
		{full, "", full, nil},
		{full, " FULL ", full, nil},
		{full, "hash", hash, nil},
		{full, "None", none, nil},
		{hash, "", hash, nil},
		{hash, "full", hash, nil},
		{hash, "none", none, nil},
		{none, "full", none, nil},
		{none, "hash", none, nil},
		{full, "hsah", none, []string{wrong}},
		{hash, "hsah", none, []string{wrong}},
	}
	for _, tt := range tests {
		t.Setenv("WFSLOG_CONTENT", tt.env)
		var next levelsSeen
		h, s := newSink(t, wfslog.Options{Content: tt.option, Next: &next})
		slog.New(h).WithGroup("workflow.a").Debug("m", wfslog.Input("question"))
		got := none
		switch attrs := string(s.logs(t)[0].Attrs); {
		case strings.Contains(attrs, "question"):
			got = full
		case strings.Contains(attrs, "hmac"):
			got = hash
		}
		assert.Equal(t, tt.want, got, "Options.Content %d, WFSLOG_CONTENT=%s", tt.option, tt.env)
		assert.Equal(t, tt.complaint, next.messages, "Options.Content %d, WFSLOG_CONTENT=%s", tt.option, tt.env)
	}
}

func TestAddSource(t *testing.T) {
	h, s := newSink(t, wfslog.Options{AddSource: true})
	log := slog.New(h).WithGroup("workflow.a")
	log.Info("here")
	require.NoError(t, log.Handler().Handle(t.Context(), slog.Record{Message: "from nowhere"}))
	logs := s.logs(t)
	require.NotNil(t, logs[0].Source)
	assert.Equal(t, "options_test.go", filepath.Base(logs[0].Source.File))
	assert.Contains(t, logs[0].Source.Function, "TestAddSource")
	assert.Nil(t, logs[1].Source)

	stderr := captureStderr(t)
	t.Chdir(t.TempDir())
	h = wfslog.NewHandler(&wfslog.Options{AddSource: true})
	slog.New(h).Info("m")
	require.NoError(t, h.Close())
	assert.Contains(t, stderr(), "options_test.go:", "the console")
}
