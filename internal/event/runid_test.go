package event_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
)

func TestRunIDsSortByTime(t *testing.T) {
	var last string
	for i := range 1000 {
		id := event.NewRunID(time.UnixMilli(1_790_000_000_000 + int64(i)))
		text := id.String()
		assert.Greater(t, text, last)
		last = text
		assert.Equal(t, byte('7'), text[12], "version 7")
		assert.Contains(t, "89ab", text[16:17], "variant of RFC 9562")
	}
	now := time.Now()
	assert.NotEqual(t, event.NewRunID(now), event.NewRunID(now))
}

func TestRunIDAsText(t *testing.T) {
	id := event.NewRunID(time.Now())
	text, err := json.Marshal(map[event.RunID]event.RunID{id: id})
	require.NoError(t, err)
	assert.Equal(t, `{"`+id.String()+`":"`+id.String()+`"}`, string(text))
	var back map[event.RunID]event.RunID
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, id, back[id])
	parsed, err := event.ParseRunID(id.String())
	require.NoError(t, err)
	assert.Equal(t, id, parsed)
	assert.False(t, id.IsZero())
	assert.True(t, event.RunID{}.IsZero())

	for _, bad := range []string{"", "0193", strings.ToUpper(strings.Repeat("ab", 16)), strings.Repeat("0g", 16), strings.Repeat("0", 33)} {
		kept := id
		assert.Error(t, kept.UnmarshalText([]byte(bad)), "%q", bad)
		assert.Equal(t, id, kept)
		_, err := event.ParseRunID(bad)
		assert.Error(t, err)
	}
}

func TestSpanIDs(t *testing.T) {
	run := event.RunID{1}
	root, child := event.SpanIDOf(run, ""), event.SpanIDOf(run, "1")
	assert.NotEqual(t, root, child)
	assert.NotEqual(t, root, event.SpanIDOf(event.RunID{2}, ""))
	assert.Equal(t, "4cbbd8ca5215b8d1", root.String(), "the first 8 bytes of SHA-256 of the run and the path")
}

func TestLevels(t *testing.T) {
	names := map[slog.Level]string{
		event.LevelTrace: "TRACE", slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelWarn: "WARN",
		slog.LevelError: "ERROR", event.LevelCritical: "CRITICAL", 1: "INFO+1",
	}
	for level, name := range names {
		assert.Equal(t, name, event.LevelName(level))
	}
	assert.Equal(t, `"TRACE"`, string(event.AppendLevel(nil, event.LevelTrace)))
	assert.Equal(t, `-1000`, string(event.AppendLevel(nil, -1000)))
}
