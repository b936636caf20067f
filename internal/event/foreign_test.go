package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
)

// jsonLine returns what slog's JSONHandler writes of a record.
func jsonLine(t *testing.T, msg string, groups []string, attrs ...slog.Attr) []byte {
	t.Helper()
	var buf bytes.Buffer
	var h slog.Handler = slog.NewJSONHandler(&buf, nil)
	for _, group := range groups {
		h = h.WithGroup(group)
	}
	r := slog.NewRecord(testTime, slog.LevelWarn, msg, 0)
	r.AddAttrs(attrs...)
	require.NoError(t, h.Handle(context.Background(), r))
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func wfGroup(attrs ...slog.Attr) slog.Attr {
	base := []slog.Attr{slog.String("run", testRun.String()), slog.String("span", "1/2")}
	return slog.Attr{Key: "wf", Value: slog.GroupValue(append(base, attrs...)...)}
}

func TestForeignLinesMayHaveTheSource(t *testing.T) {
	for _, tt := range []struct {
		source any
		want   *event.Source
		attrs  string
	}{
		{&slog.Source{Function: "main.f", File: "a.go", Line: 5}, &event.Source{Function: "main.f", File: "a.go", Line: 5}, ``},
		{map[string]any{"function": "main.f"}, &event.Source{Function: "main.f"}, ``},
		{map[string]any{"function": "main.f", "table": "t"}, nil, `{"source":{"function":"main.f","table":"t"}}`},
		{map[string]any{"line": "5"}, nil, `{"source":{"line":"5"}}`},
		{map[string]any{}, nil, `{"source":{}}`},
		{"kafka", nil, `{"source":"kafka"}`},
	} {
		got, err := event.ParseLine(jsonLine(t, "m", nil, slog.Any("source", tt.source), wfGroup()))
		require.NoError(t, err)
		assert.Equal(t, tt.want, got.Source)
		assert.Equal(t, tt.attrs, string(got.Attrs))
	}
}

func TestForeignLinesAreReadInAnyWrapper(t *testing.T) {
	plain := jsonLine(t, "hello {\"x\"}", nil,
		slog.String("logger", "workflow.a"), slog.Int("n", 1),
		wfGroup(slog.String("stream", testStream), slog.Uint64("seq", 7), slog.Int("after", 3)))
	docker, err := json.Marshal(map[string]string{"log": string(plain) + "\n", "stream": "stdout", "time": "2026-11-22T06:14:06Z"})
	require.NoError(t, err)
	lines := map[string][]byte{
		"plain":           plain,
		"carriage return": append(bytes.Clone(plain), '\r'),
		"Docker":          docker,
		"CRI":             append([]byte("2026-11-22T06:14:05.5Z stdout F "), plain...),
		"compose":         append([]byte("web-1  | "), plain...),
		"prefix brace":    append([]byte("{pod} "), plain...),
	}
	want := event.Event{
		Seq: 7, Stream: testStream, Time: testTime, Level: slog.LevelWarn, Run: testRun, Span: "1/2", Type: event.TypeLog,
		After: 3, Logger: "workflow.a", Msg: "hello {\"x\"}", Attrs: json.RawMessage(`{"n":1}`), Foreign: true,
	}
	for name, line := range lines {
		got, err := event.ParseLine(line)
		require.NoError(t, err, "%s: %s", name, line)
		assert.Equal(t, want, got, name)
	}
}

func TestForeignLineInsideGroups(t *testing.T) {
	for depth := range 12 {
		var groups []string
		for i := range depth {
			groups = append(groups, "g"+strconv.Itoa(i))
		}
		line := jsonLine(t, "m", groups, slog.Int("n", 1), wfGroup())
		got, err := event.ParseLine(line)
		if depth > 8 {
			assert.ErrorIs(t, err, event.ErrNotEvent, "depth %d", depth)
			continue
		}
		require.NoError(t, err, "%s", line)
		assert.Equal(t, testRun, got.Run)
		attrs := `{"n":1}`
		for i := depth - 1; i >= 0; i-- {
			attrs = `{"g` + strconv.Itoa(i) + `":` + attrs + `}`
		}
		assert.Equal(t, attrs, string(got.Attrs))
	}
}

func TestForeignLineWithAttributesLikeAWrapper(t *testing.T) {
	line := jsonLine(t, "m", nil, slog.String("log", "app"), slog.String("stream", "s"), wfGroup())
	got, err := event.ParseLine(line)
	require.NoError(t, err, "%s", line)
	assert.Equal(t, "m", got.Msg)
	assert.Equal(t, `{"log":"app","stream":"s"}`, string(got.Attrs))
}

func TestLevelOfAForeignLineIsTheOutermost(t *testing.T) {
	line := `{"level":"INFO","msg":"m","g":{"level":"ERROR","msg":"inner","wf":{"run":"` + testRun.String() + `","span":"1"}},"severity":1.5}`
	got, err := event.ParseLine([]byte(line))
	require.NoError(t, err)
	assert.Equal(t, slog.LevelInfo, got.Level)
	assert.Equal(t, `{"g":{"level":"ERROR","msg":"inner"},"severity":1.5}`, string(got.Attrs))
}

func TestForeignSpanEvents(t *testing.T) {
	line := jsonLine(t, "started", nil, wfGroup(
		slog.String("event", "start"), slog.String("kind", "action"), slog.String("name", "n"), slog.String("agent", "a")))
	got, err := event.ParseLine(line)
	require.NoError(t, err)
	assert.Equal(t, []any{event.TypeStart, event.KindAction, "n", "a", "started"}, []any{got.Type, got.Kind, got.Name, got.Agent, got.Msg})

	line = jsonLine(t, "ended", nil, wfGroup(slog.String("event", "end"), slog.Duration("dur", time.Second), slog.String("status", "ok")))
	got, err = event.ParseLine(line)
	require.NoError(t, err)
	assert.Equal(t, []any{event.TypeEnd, time.Second, "ok"}, []any{got.Type, got.Dur, got.Status})
	assert.Nil(t, got.Attrs)
}

func TestForeignLinesThatAreNoEvents(t *testing.T) {
	run := `"run":"` + testRun.String() + `"`
	tests := map[string]error{
		`{"msg":"m"}`:                              event.ErrNotEvent,
		`{"wf":"text"}`:                            event.ErrNotEvent,
		`{"wf":{}}`:                                event.ErrField,
		`{"wf":{"run":"short"}}`:                   event.ErrField,
		`{"wf":{` + run + `,"event":"loss"}}`:      event.ErrField,
		`{"wf":{` + run + `,"event":"start"}}`:     event.ErrField,
		`{"log":"no object","stream":"stdout"}`:    event.ErrNotJSON,
		`{ { { { {"wf":{` + run + `}}`:             event.ErrNotJSON,
		`[{"wf":{` + run + `}}]`:                   event.ErrNotJSON,
		`{"wf":{` + run + `}} {"wf":{` + run + `}`: event.ErrNotEvent,
	}
	for line, want := range tests {
		_, err := event.ParseLine([]byte(line))
		assert.ErrorIs(t, err, want, "%s", line)
	}
	_, err := event.ParseLine([]byte(`{"a":` + strings.Repeat("[", 1_000_000)))
	assert.True(t, errors.Is(err, event.ErrNotJSON))
}

func TestMalformedMembersOfAForeignLine(t *testing.T) {
	line := `{"wf":{"run":"` + testRun.String() + `","span":"1","seq":"x","stream":"` + testStream + `","after":-1,"flags":7},` +
		`"msg":5,"level":"loud","time":"yesterday","logger":null}`
	got, err := event.ParseLine([]byte(line))
	require.NoError(t, err)
	want := event.Event{
		Run: testRun, Span: "1", Type: event.TypeLog, Foreign: true,
		Attrs: json.RawMessage(`{"msg":5,"level":"loud","time":"yesterday","logger":null}`),
	}
	assert.Equal(t, want, got, "half an identity is none, and what is no built-in is an attribute")
}
