package wfslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"

	"github.com/lmittmann/tint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// sink keeps the lines of a stream in memory.
type sink struct{ bytes.Buffer }

func (*sink) Close() error { return nil }

// events returns the events that the sink has got so far.
func (s *sink) events(t *testing.T) []wfslog.Event {
	t.Helper()
	var events []wfslog.Event
	for line := range bytes.Lines(s.Bytes()) {
		ev, err := wfslog.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		require.NoError(t, err, "line %s", line)
		events = append(events, ev)
	}
	return events
}

// logs returns the log records among the events.
func (s *sink) logs(t *testing.T) []wfslog.Event {
	t.Helper()
	var logs []wfslog.Event
	for _, ev := range s.events(t) {
		if ev.Type == "log" {
			logs = append(logs, ev)
		}
	}
	return logs
}

// newSink returns a handler that writes to a sink, and hands nothing on unless
// opts say so.
func newSink(t *testing.T, opts wfslog.Options) (*wfslog.Handler, *sink) {
	t.Helper()
	s := &sink{}
	opts.Sink = s
	if opts.Next == nil {
		opts.Next = slog.DiscardHandler
	}
	h := wfslog.NewHandler(&opts)
	t.Cleanup(func() { assert.NoError(t, h.Close()) })
	return h, s
}

func TestOperationalLogPassesSlogtest(t *testing.T) {
	t.Run("slog.JSONHandler", func(t *testing.T) {
		var buf bytes.Buffer
		slogtest.Run(t, func(t *testing.T) slog.Handler {
			buf.Reset()
			h, _ := newSink(t, wfslog.Options{Next: slog.NewJSONHandler(&buf, nil)})
			return h
		}, func(t *testing.T) map[string]any {
			var m map[string]any
			require.NoError(t, json.Unmarshal(buf.Bytes(), &m), "%s", buf.Bytes())
			return m
		})
	})
	t.Run("tint", func(t *testing.T) {
		var buf bytes.Buffer
		slogtest.Run(t, func(t *testing.T) slog.Handler {
			buf.Reset()
			h, _ := newSink(t, wfslog.Options{Next: tint.NewTextHandler(&buf, &tint.Options{NoColor: true, TimeFormat: "15:04:05"})})
			return h
		}, func(t *testing.T) map[string]any {
			return parseTint(t, buf.String())
		})
	})
}

// parseTint reads a line of tint's: time, level, message, key=value …
func parseTint(t *testing.T, line string) map[string]any {
	t.Helper()
	m := map[string]any{}
	words := strings.Fields(line)
	if _, err := time.Parse("15:04:05", words[0]); err == nil {
		m[slog.TimeKey] = words[0]
		words = words[1:]
	}
	m[slog.LevelKey], words = words[0], words[1:]
	var message []string
	for _, word := range words {
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			message = append(message, word)
			continue
		}
		group := m
		path := strings.Split(key, ".")
		for _, name := range path[:len(path)-1] {
			inner, ok := group[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
				group[name] = inner
			}
			group = inner
		}
		group[path[len(path)-1]] = value
	}
	m[slog.MessageKey] = strings.Join(message, " ")
	return m
}

func TestJournalPassesSlogtest(t *testing.T) {
	var s *sink
	slogtest.Run(t, func(t *testing.T) slog.Handler {
		var h *wfslog.Handler
		h, s = newSink(t, wfslog.Options{})
		return h.WithGroup("workflow.t")
	}, func(t *testing.T) map[string]any {
		lines := strings.Split(strings.TrimSpace(s.String()), "\n")
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &m))
		require.Equal(t, "log", m["event"], "last line")
		if attrs, ok := m["attrs"].(map[string]any); ok {
			maps.Copy(m, attrs)
		}
		return m
	})
}

// noContext is nil, where linters do not see it.
var noContext context.Context

func TestLoggerNames(t *testing.T) {
	type want struct {
		logger string
		attrs  string
	}
	tests := []struct {
		name string
		log  func(l *slog.Logger)
		want want
	}{
		{"one group", func(l *slog.Logger) { l.WithGroup("workflow.a").Info("m", "k", 1) }, want{"workflow.a", `{"k":1}`}},
		{"two groups", func(l *slog.Logger) { l.WithGroup("workflow").WithGroup("a").Info("m", "k", 1) }, want{"workflow.a", `{"k":1}`}},
		{"two groups, dotted", func(l *slog.Logger) { l.WithGroup("workflow").WithGroup("a.b").Info("m") }, want{"workflow.a.b", ``}},
		{"no attributes", func(l *slog.Logger) { l.WithGroup("workflow.a").Info("m") }, want{"workflow.a", ``}},
		{"name replaces name", func(l *slog.Logger) { l.WithGroup("workflow.a").WithGroup("workflow.b").Info("m") }, want{"workflow.b", ``}},
		{"group behind name", func(l *slog.Logger) { l.WithGroup("workflow.a").WithGroup("g").Info("m", "k", 1) }, want{"workflow.a", `{"g":{"k":1}}`}},
		{"group before name", func(l *slog.Logger) { l.WithGroup("g").WithGroup("workflow.a").Info("m", "k", 1) }, want{"workflow.a", `{"g":{"k":1}}`}},
		{
			"attributes before and behind",
			func(l *slog.Logger) { l.With("x", 1).WithGroup("workflow.a").With("y", 2).Info("m", "k", 3) },
			want{"workflow.a", `{"x":1,"y":2,"k":3}`},
		},
		{
			"attributes end a bare name",
			func(l *slog.Logger) {
				l.WithGroup("workflow").With("x", 1).WithGroup("a").WithGroup("workflow.z").Info("m", "k", 3)
			},
			want{"workflow.z", `{"x":1,"a":{"k":3}}`},
		},
		{"empty segment is a group", func(l *slog.Logger) { l.WithGroup("workflow.z").WithGroup("workflow..a").Info("m", "k", 1) }, want{"workflow.z", `{"workflow..a":{"k":1}}`}},
		{"trailing dot is a group", func(l *slog.Logger) { l.WithGroup("workflow.z").WithGroup("workflow.").Info("m", "k", 1) }, want{"workflow.z", `{"workflow.":{"k":1}}`}},
		{"similar word is a group", func(l *slog.Logger) { l.WithGroup("workflow.z").WithGroup("workflows").Info("m", "k", 1) }, want{"workflow.z", `{"workflows":{"k":1}}`}},
		{"name behind a bare name replaces it", func(l *slog.Logger) { l.WithGroup("workflow").WithGroup("workflow.b").Info("m") }, want{"workflow.b", ``}},
		{"bare name behind a bare name", func(l *slog.Logger) { l.WithGroup("workflow").WithGroup("workflow").WithGroup("a").Info("m") }, want{"workflow.a", ``}},
		{"empty segment behind a bare name", func(l *slog.Logger) {
			l.WithGroup("workflow").WithGroup("a..b").WithGroup("workflow.z").Info("m", "k", 1)
		}, want{"workflow.z", `{"a..b":{"k":1}}`}},
		{"a completed name is not bare", func(l *slog.Logger) { l.WithGroup("workflow").WithGroup("a").WithGroup("g").Info("m", "k", 1) }, want{"workflow.a", `{"g":{"k":1}}`}},
		{"name between the attributes of a group", func(l *slog.Logger) {
			l.WithGroup("g").With("x", 1).WithGroup("workflow.a").With("y", 2).Info("m", "k", 3)
		}, want{"workflow.a", `{"g":{"x":1,"y":2,"k":3}}`}},
		{"no attributes, in a group", func(l *slog.Logger) { l.WithGroup("workflow.a").WithGroup("g").Info("m") }, want{"workflow.a", ``}},
		{"without a context", func(l *slog.Logger) { l.WithGroup("workflow.a").Info("m") }, want{"workflow.a", ``}},
		{"nil context", func(l *slog.Logger) { l.WithGroup("workflow.a").InfoContext(noContext, "m") }, want{"workflow.a", ``}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newSink(t, wfslog.Options{})
			tt.log(slog.New(h))
			logs := s.logs(t)
			require.Len(t, logs, 1)
			assert.Equal(t, tt.want, want{logs[0].Logger, string(logs[0].Attrs)})
		})
	}
}

func TestForkedNamesDoNotShare(t *testing.T) {
	var next bytes.Buffer
	h, s := newSink(t, wfslog.Options{Next: newJSON(&next, slog.LevelInfo)})
	base := slog.New(h).WithGroup("workflow")
	a, b, inGroup := base.WithGroup("a"), base.WithGroup("b"), base.With("x", 1).WithGroup("c").WithGroup("workflow.d")
	a.Info("m", "k", 1)
	b.Info("m")
	inGroup.Info("m", "k", 1)
	base.WithGroup("e").Info("m")
	var got []string
	for _, ev := range s.logs(t) {
		got = append(got, ev.Logger+string(ev.Attrs))
	}
	assert.Equal(t, []string{`workflow.a{"k":1}`, `workflow.b`, `workflow.d{"x":1,"c":{"k":1}}`, `workflow.e`}, got)
	for _, want := range []string{`"logger":"workflow.a","k":1,"wf":`, `"msg":"m","logger":"workflow.b","wf":`, `"x":1,"logger":"workflow.d","c":{"k":1},"wf":`} {
		assert.Contains(t, next.String(), want)
	}
}

func TestBareWorkflowIsNoAgent(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	slog.New(h).WithGroup("workflow").Info("m")
	assert.Empty(t, s.events(t), "a record of no agent outside any span")
}

func TestForksDoNotShare(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	base := slog.New(h).WithGroup("workflow.a").WithGroup("g1").WithGroup("g2").WithGroup("g3").With("x", 0)
	left, right := base.With("l", 1), base.With("r", 2)
	left2, right2 := base.WithGroup("l"), base.WithGroup("r")
	left.Info("m")
	right.Info("m")
	left2.Info("m", "k", 1)
	right2.Info("m", "k", 1)
	var got []string
	for _, ev := range s.logs(t) {
		got = append(got, string(ev.Attrs))
	}
	assert.Equal(t, []string{
		`{"g1":{"g2":{"g3":{"x":0,"l":1}}}}`,
		`{"g1":{"g2":{"g3":{"x":0,"r":2}}}}`,
		`{"g1":{"g2":{"g3":{"x":0,"l":{"k":1}}}}}`,
		`{"g1":{"g2":{"g3":{"x":0,"r":{"k":1}}}}}`,
	}, got)
}

// TestRulesBeyondSlogtest has one case for each way in which widely used handlers
// go wrong, for both outputs.
func TestRulesBeyondSlogtest(t *testing.T) {
	drop := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "drop" {
			return slog.Attr{}
		}
		return a
	}
	tests := []struct {
		name    string
		replace func([]string, slog.Attr) slog.Attr
		log     func(h slog.Handler)
		want    string
	}{
		{"emptied group leaves nothing behind", drop, func(h slog.Handler) {
			slog.New(h).Info("m", slog.Group("g", "drop", 1), "after", 2)
		}, `{"after":2}`},
		{"emptied group in a group", drop, func(h slog.Handler) {
			slog.New(h).Info("m", slog.Group("o", slog.Group("g", "drop", 1)), "after", 2)
		}, `{"after":2}`},
		{"empty WithGroup on the handler", nil, func(h slog.Handler) {
			slog.New(h.WithGroup("").WithAttrs([]slog.Attr{slog.Int("a", 1)})).Info("m")
		}, `{"a":1}`},
		{"two groups with no attribute between", nil, func(h slog.Handler) {
			slog.New(h).WithGroup("G").WithGroup("H").Info("m", "x", 1)
		}, `{"G":{"H":{"x":1}}}`},
		{"attributes before a later group", nil, func(h slog.Handler) {
			slog.New(h).WithGroup("g1").With("k", 1).WithGroup("g2").Info("m", "x", 2)
		}, `{"g1":{"k":1,"g2":{"x":2}}}`},
		{"attributes before the first group", nil, func(h slog.Handler) {
			slog.New(h).With("k", 1).WithGroup("g").Info("m", "x", 2)
		}, `{"k":1,"g":{"x":2}}`},
		{"group with an empty attribute only", nil, func(h slog.Handler) {
			slog.New(h).WithGroup("G").Info("m", slog.Attr{})
		}, ``},
		{"With attributes in a group, record without any", nil, func(h slog.Handler) {
			slog.New(h).WithGroup("G").With("k", 1).Info("m")
		}, `{"G":{"k":1}}`},
		{"record group with an empty attribute only", nil, func(h slog.Handler) {
			slog.New(h).Info("m", slog.Group("G", slog.Attr{}), "after", 2)
		}, `{"after":2}`},
		{"record group of empty groups", nil, func(h slog.Handler) {
			slog.New(h).Info("m", slog.Group("o", slog.Group("G", slog.Group("H"))), "after", 2)
		}, `{"after":2}`},
		{"value resolved inside a group", nil, func(h slog.Handler) {
			slog.New(h).Info("m", slog.Group("g", "v", valuer{slog.IntValue(7)}))
		}, `{"g":{"v":7}}`},
		{"group with an empty attribute behind others", nil, func(h slog.Handler) {
			slog.New(h).Info("m", slog.Group("g", "a", 1, wfslog.Err(nil)), "after", 2)
		}, `{"g":{"a":1},"after":2}`},
		{"empty attributes of With", nil, func(h slog.Handler) {
			slog.New(h.WithAttrs([]slog.Attr{{}, wfslog.Err(nil)})).Info("m", "a", 1)
		}, `{"a":1}`},
		{"emptied group of With", drop, func(h slog.Handler) {
			slog.New(h).WithGroup("G").With(slog.Group("g", "drop", 1)).Info("m")
		}, ``},
		{"value that resolves to a keyless group", nil, func(h slog.Handler) {
			slog.New(h).Info("m", slog.Any("", valuer{slog.GroupValue(slog.Int("a", 1))}), "b", 2)
		}, `{"a":1,"b":2}`},
		{"value that resolves to an empty group", nil, func(h slog.Handler) {
			slog.New(h).Info("m", "g", valuer{slog.GroupValue()}, "b", 2)
		}, `{"b":2}`},
		{"resolved deep inside With", nil, func(h slog.Handler) {
			slog.New(h).With(slog.Group("g", slog.Group("h", "v", valuer{slog.AnyValue(valuer{slog.IntValue(7)})}))).Info("m")
		}, `{"g":{"h":{"v":7}}}`},
		{"keyless group is inlined", nil, func(h slog.Handler) {
			slog.New(h).Info("m", slog.Group("", "a", 1), "b", 2)
		}, `{"a":1,"b":2}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var next bytes.Buffer
			h, s := newSink(t, wfslog.Options{ReplaceAttr: tt.replace, Next: slog.NewJSONHandler(&next, nil)})
			tt.log(h.WithGroup("workflow.a"))
			logs := s.logs(t)
			require.Len(t, logs, 1)
			assert.Equal(t, tt.want, string(logs[0].Attrs), "journal")

			var m map[string]any
			require.NoError(t, json.Unmarshal(next.Bytes(), &m), "operational log: %s", next.Bytes())
			for _, key := range []string{"time", "level", "msg", "logger", "wf"} {
				assert.Contains(t, m, key, "operational log: %s", next.Bytes())
				delete(m, key)
			}
			want := tt.want
			if want == "" {
				want = "{}"
			}
			got, err := json.Marshal(m)
			require.NoError(t, err)
			assert.JSONEq(t, want, string(got), "operational log")
		})
	}
}

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

func TestNothingToAddReturnsReceiver(t *testing.T) {
	h, _ := newSink(t, wfslog.Options{})
	assert.Same(t, h, h.WithGroup(""))
	assert.Same(t, h, h.WithAttrs(nil))
	assert.Same(t, h, h.WithAttrs([]slog.Attr{}))
}

func TestOptionsAreNotChanged(t *testing.T) {
	opts := wfslog.Options{Sink: &sink{}, Next: slog.DiscardHandler}
	before := opts
	h := wfslog.NewHandler(&opts)
	require.NoError(t, h.Close())
	assert.Equal(t, before, opts)
}

func TestWithAttrsDoesNotChangeItsArgument(t *testing.T) {
	h, _ := newSink(t, wfslog.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		a.Key += "!"
		return a
	}})
	attrs := []slog.Attr{slog.Int("wf", 1), slog.Any("v", valuer{slog.IntValue(2)})}
	h.WithAttrs(attrs)
	assert.Equal(t, []slog.Attr{slog.Int("wf", 1), slog.Any("v", valuer{slog.IntValue(2)})}, attrs)
}

var errDisk = errors.New("disk on fire")

type failingSink struct{}

func (failingSink) Write([]byte) (int, error) { return 0, errDisk }
func (failingSink) Close() error              { return nil }

func TestHandleReturnsErrorsOfBothOutputs(t *testing.T) {
	r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
	h := wfslog.NewHandler(&wfslog.Options{Sink: failingSink{}, Next: slog.DiscardHandler})
	assert.ErrorIs(t, h.WithGroup("workflow.a").Handle(t.Context(), r), errDisk)
	assert.Equal(t, uint64(0), h.Stats().Written)
	assert.NotZero(t, h.Stats().Lost)
	assert.ErrorIs(t, h.Stats().LastError, errDisk)
	assert.ErrorIs(t, h.Close(), errDisk)

	h, _ = newSink(t, wfslog.Options{Next: slog.NewJSONHandler(failingSink{}, nil)})
	assert.ErrorIs(t, h.Handle(t.Context(), r), errDisk)

	errNext := errors.New("next fails")
	h = wfslog.NewHandler(&wfslog.Options{Sink: failingSink{}, Next: middleware{
		Handler: slog.NewTextHandler(io.Discard, nil),
		handle:  func(context.Context, slog.Record, slog.Handler) error { return errNext },
	}})
	err := h.WithGroup("workflow.a").Handle(t.Context(), r)
	assert.ErrorIs(t, err, errDisk)
	assert.ErrorIs(t, err, errNext)
	assert.ErrorIs(t, h.Close(), errDisk)
}

func TestUsersOwnWFIsRenamed(t *testing.T) {
	tests := []struct {
		name string
		log  func(l *slog.Logger)
		want string
	}{
		{"attribute", func(l *slog.Logger) { l.Info("m", "wf", "mine") }, `"mine"`},
		{"With", func(l *slog.Logger) { l.With("wf", "mine").Info("m") }, `"mine"`},
		{"group", func(l *slog.Logger) { l.WithGroup("wf").Info("m", "k", 1) }, `{"k":1}`},
		{"group of a record", func(l *slog.Logger) { l.Info("m", slog.Group("wf", "k", 1)) }, `{"k":1}`},
		{"in a keyless group", func(l *slog.Logger) { l.Info("m", slog.Group("", "wf", "mine")) }, `"mine"`},
		{"evaluated", func(l *slog.Logger) { l.Info("m", "wf", valuer{slog.StringValue("mine")}) }, `"mine"`},
		{"In With, in a keyless group", func(l *slog.Logger) { l.With(slog.Group("", "wf", "mine")).Info("m") }, `"mine"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var next bytes.Buffer
			h, s := newSink(t, wfslog.Options{Next: slog.NewJSONHandler(&next, nil)})
			tt.log(slog.New(h).WithGroup("workflow.a"))
			var m map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(next.Bytes(), &m))
			assert.Equal(t, tt.want, string(m["!wf"]), "%s", next.Bytes())
			assert.Contains(t, string(m["wf"]), `"run"`)
			assert.JSONEq(t, `{"wf":`+tt.want+`}`, string(s.logs(t)[0].Attrs), "the journal keeps user attributes apart")
		})
	}
}

func TestDefaultHandlerAsNextIsReplaced(t *testing.T) {
	stderr := captureStderr(t)
	h := wfslog.NewHandler(&wfslog.Options{Next: slog.Default().Handler(), Sink: &sink{}})
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(slog.New(h)) // would wait for itself for ever
	slog.Info("shown")
	require.NoError(t, h.Close())
	assert.Contains(t, stderr(), "shown")
}

func TestZeroHandlerDoesNotPanic(t *testing.T) {
	for _, h := range []*wfslog.Handler{nil, {}} {
		assert.False(t, h.Enabled(t.Context(), slog.LevelError))
		assert.Error(t, h.Handle(t.Context(), slog.Record{}))
		assert.NotPanics(t, func() {
			h.WithGroup("g")
			h.WithAttrs([]slog.Attr{slog.Int("a", 1)})
			assert.NoError(t, h.Flush(t.Context()))
			assert.NoError(t, h.Save(t.Context()))
			assert.NoError(t, h.Close())
			h.Stats()
		})
	}
}

func TestRecordsAfterCloseAreCounted(t *testing.T) {
	var next bytes.Buffer
	h, s := newSink(t, wfslog.Options{Next: slog.NewTextHandler(&next, nil)})
	log := slog.New(h).WithGroup("workflow.a")
	log.Info("before")
	require.NoError(t, h.Close())
	require.NoError(t, h.Close())
	log.Info("after")
	assert.Len(t, s.logs(t), 1)
	assert.Contains(t, next.String(), "msg=after")
	assert.Equal(t, uint64(1), h.Stats().AfterClose)
	events := s.events(t)
	assert.EqualValues(t, "close", events[len(events)-1].Type)
}

func TestStats(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	assert.Zero(t, h.Stats())
	log := slog.New(h)
	ctx := background(h)
	log.InfoContext(ctx, "m")
	log.Info("in no run")
	log.WithGroup("workflow.a").With("k", 1).Info("in the default run")
	want := wfslog.Stats{Accepted: 5, Written: 5, Bytes: uint64(s.Len()), WithoutContext: 1}
	assert.Equal(t, want, h.Stats(), "open, start, log, start of the default run, log")
	derived, ok := log.WithGroup("g").Handler().(*wfslog.Handler)
	require.True(t, ok)
	assert.Equal(t, want, derived.Stats())
	assert.Equal(t, h.Dir(), derived.Dir())
}

// tells is a handler that sends the messages of records.
type tells chan string

func (tells) Enabled(context.Context, slog.Level) bool { return true }

func (c tells) Handle(_ context.Context, r slog.Record) error {
	c <- r.Level.String() + " " + r.Message
	return nil
}

func (c tells) WithAttrs([]slog.Attr) slog.Handler { return c }
func (c tells) WithGroup(string) slog.Handler      { return c }

func TestDirectoryThatCannotBeOpenedDoesNotStopTheHost(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	next, reported := make(tells, 100), make(chan error, 100)
	h := wfslog.NewHandler(&wfslog.Options{Dir: file, Next: next, OnError: func(err error) { reported <- err }})
	log := slog.New(h).WithGroup("workflow.a")
	const records = 20
	for range records {
		assert.Error(t, log.Handler().Handle(t.Context(), slog.Record{Message: "m"}))
	}
	assert.ErrorContains(t, <-reported, file)
	assert.Error(t, h.Close())
	stats := h.Stats()
	assert.Zero(t, stats.Written)
	assert.GreaterOrEqual(t, stats.Lost, uint64(records))
	assert.Error(t, stats.LastError)
	close(next)
	said := map[string]int{}
	for message := range next {
		said[message[:strings.IndexByte(message, ' ')]]++
	}
	assert.Equal(t, map[string]int{"INFO": records, "WARN": 1}, said)
}

func TestHandlerLifeCycleConcurrentSafe(t *testing.T) {
	h := wfslog.NewHandler(&wfslog.Options{Dir: t.TempDir(), Next: slog.DiscardHandler})
	ctx := background(h)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				slog.New(h).With("k", 1).WithGroup("workflow.a").InfoContext(ctx, "m")
				wfslog.End(wfslog.StartIteration(ctx))
				assert.NoError(t, h.Save(context.Background()))
				assert.NoError(t, h.Flush(context.Background()))
				h.Stats()
				h.Enabled(ctx, slog.LevelDebug)
			}
			assert.NoError(t, h.Close())
		})
	}
	wg.Wait()
	assert.Zero(t, h.Stats().Lost)
}

func TestEnabled(t *testing.T) {
	levels, err := wfslog.ParseLevels("warn,workflow.loud=debug")
	require.NoError(t, err)
	h, _ := newSink(t, wfslog.Options{
		Level: levels, JournalLevel: slog.LevelInfo, Next: slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelDebug}),
	})
	quiet, loud := h.WithGroup("workflow.quiet"), h.WithGroup("workflow.loud.inner")
	ctx := wfslog.WithLogger(context.Background(), slog.New(h))
	span := wfslog.StartIteration(ctx)
	tests := []struct {
		name  string
		h     slog.Handler
		ctx   context.Context
		level slog.Level
		want  bool
	}{
		{"nobody wants it", h, ctx, slog.LevelInfo, false},
		{"operational log wants it", h, ctx, slog.LevelWarn, true},
		{"level of the name", loud, ctx, slog.LevelDebug, true},
		{"below the level of the name", loud, ctx, wfslog.LevelTrace, false},
		{"an agent's record is recorded", quiet, ctx, slog.LevelInfo, true},
		{"below the journal's level", quiet, ctx, slog.LevelDebug, false},
		{"a record in a span is recorded", h, span, slog.LevelInfo, true},
		{"in a span, below the journal's level", h, span, slog.LevelDebug, false},
		{"suppressed", h, wfslog.Suppress(span), slog.LevelInfo, false},
		{"lowered", h, wfslog.WithLevel(span, slog.LevelDebug), slog.LevelDebug, true},
		{"not lowered that far", h, wfslog.WithLevel(span, slog.LevelDebug), wfslog.LevelTrace, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, tt.h.Enabled(tt.ctx, tt.level)) })
	}
}
