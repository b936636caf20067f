package jsonlog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/slogtest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/jsonlog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
	"github.com/wfslog/wfslog/internal/jsonscan"
)

func TestHandlerPassesSlogtest(t *testing.T) {
	var buf bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler {
		buf.Reset()
		return jsonlog.New(&buf, nil)
	}, func(t *testing.T) map[string]any {
		var m map[string]any
		require.NoError(t, json.Unmarshal(buf.Bytes(), &m), "%s", buf.Bytes())
		return m
	})
}

// at is the time of records in tests, in a zone of its own.
var at = time.Date(2026, 11, 22, 7, 14, 5, 123456789, time.FixedZone("", 3600))

type valuer struct{ v slog.Value }

func (v valuer) LogValue() slog.Value { return v.v }

func TestLines(t *testing.T) {
	with := func(h *jsonlog.Handler, args ...any) *jsonlog.Handler {
		r := slog.NewRecord(at, 0, "", 0)
		r.Add(args...)
		var attrs []slog.Attr
		r.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a); return true })
		return h.WithAttrs(attrs).(*jsonlog.Handler)
	}
	group := func(h *jsonlog.Handler, name string) *jsonlog.Handler { return h.WithGroup(name).(*jsonlog.Handler) }
	same := func(h *jsonlog.Handler) *jsonlog.Handler { return h }
	wf := slog.Group("wf", "run", "r", "span", "1")
	type args = []any
	tests := []struct {
		name string
		with func(h *jsonlog.Handler) *jsonlog.Handler
		args []any
		want string // behind the message
	}{
		{"nothing", same, nil, `}`},
		{"kinds", same, args{"a", 1, "b", "x", "c", 1.5, "d", true, "e", time.Second, "f", at, "g", nil, "h", []int{1}, "i", errors.New("x")}, `,"a":1,"b":"x","c":1.5,"d":true,"e":1000000000,"f":"2026-11-22T07:14:05.123456789+01:00","g":null,"h":[1],"i":"x"}`},
		{"what JSON does not know", same, args{"a", math.NaN(), "b", math.Inf(1), "c", "\xff"}, `,"a":"NaN","b":"+Inf","c":{"!B64":"/w=="}}`},
		{"hidden text", same, args{"a\x1b\u202e", "b\x7f\u0085<&>"}, `,"a\u001b\u202e":"b\u007f\u0085<&>"}`},
		{"groups", func(h *jsonlog.Handler) *jsonlog.Handler { return with(group(with(h, "a", 1), "g"), "b", 2) }, args{"c", 3, slog.Group("d", "e", 4)}, `,"a":1,"g":{"b":2,"c":3,"d":{"e":4}}}`},
		{"empty groups", func(h *jsonlog.Handler) *jsonlog.Handler { return group(with(group(h, "g"), "a", 1), "h") }, args{slog.Group("e")}, `,"g":{"a":1}}`},
		{"duplicates", func(h *jsonlog.Handler) *jsonlog.Handler { return with(h, "a", 1) }, args{"a", 2, "b", 3, wf}, `,"a":2,"b":3,"!DUP":{"a":[1]},"wf":{"run":"r","span":"1"}}`},
		{"of wfslog's", func(h *jsonlog.Handler) *jsonlog.Handler { return with(h, "a", 1) }, args{"logger", "workflow.a", "b", 2, wf}, `,"logger":"workflow.a","a":1,"b":2,"wf":{"run":"r","span":"1"}}`},
		{"wf of a marker", same, args{"wf", valuer{slog.GroupValue(slog.String("run", "r"))}, "a", 1}, `,"a":1,"wf":{"run":"r"}}`},
		{"reserved keys", func(h *jsonlog.Handler) *jsonlog.Handler { return with(h, "time", 1, "logger", "x", "level", 2) }, args{"msg", 3, "source", 4, "!msg", 5}, `,"!time":1,"!logger":"x","!level":2,"!msg":3,"source":4,"!!msg":5}`},
		{"reserved groups", func(h *jsonlog.Handler) *jsonlog.Handler { return group(group(h, "time"), "time") }, args{"time", 1, "logger", "x", wf}, `,"!time":{"time":{"time":1,"logger":"x","wf":{"run":"r","span":"1"}}}}`},
		{"other wf and logger", same, args{"logger", 1, "wf", 2, "logger", "x", "wf", 3, "!wf", 4, "logger", "y"}, `,"logger":"x","!wf":4,"!logger":"y","!DUP":{"!logger":[1],"!wf":[2,3]}}`},
		{"empty wf and logger", same, args{"logger", "", slog.Group("wf"), "a", 1}, `,"!logger":"","a":1}`},
		{"nothing in wf", same, args{slog.Group("wf", slog.Group("b")), "a", 1}, `,"a":1}`},
		{"no group from wf", same, args{"wf", valuer{slog.GroupValue()}}, `}`},
		{"two of wf", same, args{wf, slog.Group("wf", "b", 1)}, `,"!wf":{"run":"r","span":"1"},"wf":{"b":1}}`},
		{"keyless group", same, args{slog.Group("", "time", 1, wf)}, `,"!time":1,"!wf":{"run":"r","span":"1"}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var buf bytes.Buffer
			r := slog.NewRecord(at, slog.LevelInfo, "m", 0)
			r.Add(tt.args...)
			h := tt.with(jsonlog.New(&buf, nil))
			require.NoError(t, h.Handle(t.Context(), r))
			want := `{"time":"2026-11-22T06:14:05.123456789Z","level":"INFO","msg":"m"` + tt.want + "\n"
			if logger := `,"logger":"`; strings.HasPrefix(tt.want, logger) { // stands before the message
				end := strings.Index(tt.want[len(logger):], `"`) + len(logger) + 1
				want = `{"time":"2026-11-22T06:14:05.123456789Z","level":"INFO"` + tt.want[:end] + `,"msg":"m"` + tt.want[end:] + "\n"
			}
			assert.Equal(t, want, buf.String())
		})
	}
}

func TestLevelsHaveTheirNames(t *testing.T) {
	var buf bytes.Buffer
	h := jsonlog.New(&buf, &jsonlog.Options{Level: event.LevelTrace - 10})
	for level, want := range map[slog.Level]string{
		event.LevelTrace: "TRACE", -4: "DEBUG", 0: "INFO", 4: "WARN", 8: "ERROR", event.LevelCritical: "CRITICAL", 1: "INFO+1", -9: "DEBUG-5",
	} {
		buf.Reset()
		require.NoError(t, h.Handle(t.Context(), slog.NewRecord(time.Time{}, level, "m", 0)))
		assert.Equal(t, `{"level":"`+want+`","msg":"m"}`+"\n", buf.String())
	}
}

func TestLevelIsReadEachTime(t *testing.T) {
	var level slog.LevelVar
	h := jsonlog.New(io.Discard, &jsonlog.Options{Level: &level})
	assert.True(t, h.Enabled(t.Context(), slog.LevelInfo))
	level.Set(slog.LevelError)
	assert.False(t, h.Enabled(t.Context(), slog.LevelWarn))
	assert.False(t, jsonlog.New(io.Discard, nil).Enabled(t.Context(), slog.LevelDebug))
	assert.True(t, jsonlog.New(io.Discard, &jsonlog.Options{}).Enabled(t.Context(), slog.LevelInfo))
}

func TestSource(t *testing.T) {
	var buf bytes.Buffer
	h := jsonlog.New(&buf, &jsonlog.Options{AddSource: true})
	_, file, line, _ := runtime.Caller(0)
	slog.New(h).With("source", 1).Info("m")
	_, text, _ := strings.Cut(buf.String(), `"level"`)
	name, err := json.Marshal(file)
	require.NoError(t, err)
	assert.Equal(t, fmt.Sprintf(`:"INFO","source":{"function":"github.com/wfslog/wfslog/handlers/jsonlog_test.TestSource","file":%s,"line":%d},"msg":"m","!source":1}`+"\n", name, line+1), text)

	buf.Reset()
	require.NoError(t, h.Handle(t.Context(), slog.NewRecord(time.Time{}, 0, "m", 0)))
	assert.Equal(t, `{"level":"INFO","msg":"m"}`+"\n", buf.String(), "nothing is known")
}

// TestWFIsThereAlsoIfAttributesAreCut has more values than a record may have.
func TestWFIsThereAlsoIfAttributesAreCut(t *testing.T) {
	var buf bytes.Buffer
	r := slog.NewRecord(time.Time{}, 0, "m", 0)
	r.AddAttrs(slog.Any("k", make([]int, 20_000)), slog.Group("wf", "run", "r"))
	require.NoError(t, jsonlog.New(&buf, nil).Handle(t.Context(), r))
	assert.Contains(t, buf.String(), `0,{"!CUT":{"items":`)
	assert.True(t, strings.HasSuffix(buf.String(), `,"wf":{"run":"r"}}`+"\n"))
	require.NoError(t, jsonscan.Object(bytes.TrimSpace(buf.Bytes())))
}

func TestNothingAddedReturnsTheReceiver(t *testing.T) {
	h := jsonlog.New(io.Discard, nil)
	assert.Same(t, h, h.WithAttrs(nil))
	assert.Same(t, h, h.WithGroup(""))
}

func TestForksDoNotShare(t *testing.T) {
	var buf bytes.Buffer
	base := slog.New(jsonlog.New(&buf, nil)).WithGroup("g1").WithGroup("g2").WithGroup("g3").With("x", 0)
	left, right, inner := base.With("l", 1), base.With("r", 2), base.WithGroup("i")
	for _, l := range []*slog.Logger{left, right, inner, base} {
		l.Info("m", "k", 1)
	}
	for _, want := range []string{`{"x":0,"l":1,"k":1}}}`, `{"x":0,"r":2,"k":1}}}`, `{"x":0,"i":{"k":1}}}}`, `{"x":0,"k":1}}}`} {
		line, err := buf.ReadString('\n')
		require.NoError(t, err)
		assert.Contains(t, line, `"msg":"m","g1":{"g2":{"g3":`+want)
	}
}

// writes keeps what each Write got.
type writes struct {
	mu  sync.Mutex
	got []string
	err error
}

func (w *writes) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, string(b))
	return len(b), w.err
}

func TestErrorOfWriteIsReturned(t *testing.T) {
	w := &writes{err: errors.New("disk full")}
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelError} {
		assert.ErrorIs(t, jsonlog.New(w, nil).Handle(t.Context(), slog.NewRecord(at, level, "m", 0)), w.err)
	}
}

func TestHandlerConcurrentSafe(t *testing.T) {
	w := &writes{}
	base := slog.New(jsonlog.New(w, nil))
	const goroutines, rounds = 8, 100
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range rounds {
				base.With("g", g).WithGroup("group").Info("m", "i", i)
			}
		})
	}
	wg.Wait()
	require.Len(t, w.got, goroutines*rounds)
	for _, line := range w.got {
		require.Regexp(t, `^{"time":"[^"]*","level":"INFO","msg":"m","g":\d,"group":{"i":\d+}}\n$`, line)
	}
}

func TestNoWriterMeansStandardError(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	stderr := os.Stderr
	os.Stderr = w
	h := jsonlog.New(nil, nil)
	os.Stderr = stderr
	require.NoError(t, h.Handle(t.Context(), slog.NewRecord(time.Time{}, 0, "m", 0)))
	require.NoError(t, w.Close())
	text, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.Equal(t, `{"level":"INFO","msg":"m"}`+"\n", string(text))
}

func TestPlainRecordsDoNotAllocate(t *testing.T) {
	if eventtest.Race { // under which sync.Pool drops some of what it gets
		return
	}
	log := slog.New(jsonlog.New(discard{}, nil)).With("request", "r-1")
	ctx := context.Background()
	assert.Zero(t, testing.AllocsPerRun(100, func() { logFive(ctx, log) }))
	log = log.WithGroup("g")
	assert.Zero(t, testing.AllocsPerRun(100, func() { logFive(ctx, log) }))
}

func FuzzLine(f *testing.F) {
	f.Add("m", "k", "v", "g", uint8(0))
	f.Add("\x1b[2J", "wf", "\u202e\xff", "time", uint8(3))
	f.Add("", "logger", "sk", "!DUP", uint8(7))
	f.Add("msg", "!wf", "", "!CUT", uint8(12))
	f.Fuzz(func(t *testing.T, msg, key, value, name string, shape uint8) {
		var buf bytes.Buffer
		var h slog.Handler = jsonlog.New(&buf, &jsonlog.Options{AddSource: shape&16 != 0})
		if shape&1 != 0 {
			h = h.WithAttrs([]slog.Attr{slog.String(key, msg), slog.String(name, value)})
		}
		if shape&2 != 0 {
			h = h.WithGroup(name)
		}
		r := slog.NewRecord(at, slog.Level(shape), msg, 0)
		r.AddAttrs(slog.String(key, value), slog.Any(value, map[string]any{key: name}))
		if shape&4 != 0 {
			r.AddAttrs(slog.Group(name, slog.String(key, value)))
		}
		if shape&8 != 0 {
			r.AddAttrs(slog.String("logger", name), slog.Group("wf", slog.String("run", value)))
		}
		require.NoError(t, h.Handle(t.Context(), r))
		line, ended := strings.CutSuffix(buf.String(), "\n")
		require.True(t, ended)
		require.NoError(t, jsonscan.Object([]byte(line)), "%q", line)
		for _, c := range line {
			require.False(t, unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c), "%q in %q", c, line)
		}
		requireDistinct(t, []byte(line))
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		if utf8.ValidString(msg) {
			require.Equal(t, msg, m["msg"])
		}
		require.Equal(t, "2026-11-22T06:14:05.123456789Z", m["time"])
	})
}

// requireDistinct checks that no object in value has a key twice.
func requireDistinct(t *testing.T, value []byte) {
	t.Helper()
	keys := map[string]bool{}
	for raw, member := range jsonscan.Members(value) {
		key, _ := jsonscan.String(raw)
		require.False(t, keys[key], "%s in %s", key, value)
		keys[key] = true
		if member[0] == '{' {
			requireDistinct(t, member)
		}
	}
}
