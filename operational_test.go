package wfslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/jsonlog"
	"github.com/wfslog/wfslog/internal/hostiletest"
	"github.com/wfslog/wfslog/internal/jsonscan"
)

// bothWays is two handlers that get the same: one whose operational log is jsonlog's
// handler, which gets attributes that are encoded already, and one where something
// stands in between, so that it gets records.
type bothWays struct {
	t               require.TestingT
	log             *slog.Logger
	sinks           [2]sink
	direct, records bytes.Buffer
}

// newBothWays returns the handlers with opts, but for outputs and levels.
func newBothWays(t require.TestingT, opts wfslog.Options, jsonOpts jsonlog.Options) *bothWays {
	w := &bothWays{t: t}
	jsonOpts.Level, opts.Level = wfslog.LevelTrace, wfslog.LevelTrace
	opts.Sink, opts.Next = &w.sinks[0], jsonlog.New(&w.direct, &jsonOpts)
	direct := wfslog.NewHandler(&opts)
	opts.Sink, opts.Next = &w.sinks[1], middleware{Handler: jsonlog.New(&w.records, &jsonOpts)}
	w.log = slog.New(slog.NewMultiHandler(direct, wfslog.NewHandler(&opts)))
	return w
}

// lines returns what both have written, and fails the test if it is not the same, or if
// it is not what jsonlog promises.
func (w *bothWays) lines() string {
	records := w.records.String()
	if w.sinks[0].Len() > 0 {
		const at = len(`{"seq":1,"stream":"`)
		stream := func(s *sink) string { return string(s.Bytes()[at : at+16]) }
		records = strings.ReplaceAll(records, stream(&w.sinks[1]), stream(&w.sinks[0]))
	}
	lines := w.direct.String()
	require.Equal(w.t, records, lines)
	for line := range strings.Lines(lines) {
		requireSafeJSON(w.t, line)
	}
	return lines
}

// requireSafeJSON checks that line is a JSON object in which each key stands once.
func requireSafeJSON(t require.TestingT, line string) {
	line, ended := strings.CutSuffix(line, "\n")
	require.True(t, ended, "%q", line)
	require.NoError(t, jsonscan.Object([]byte(line)), "%q", line)
	for _, c := range line {
		require.False(t, c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 || c == '\u202e' || c == '\u2066' || c == '\u2028', "%q", line)
	}
	keys := map[string]bool{}
	for key := range jsonscan.Members([]byte(line)) {
		require.False(t, keys[string(key)], "%s twice in %s", key, line)
		keys[string(key)] = true
	}
}

// counted counts how often it is encoded.
type counted struct{ n *int }

func (c counted) MarshalJSON() ([]byte, error) {
	*c.n++
	return []byte(`"counted"`), nil
}

func TestAttributesAreEncodedOnce(t *testing.T) {
	dropX := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "x" {
			return slog.Attr{}
		}
		return a
	}
	var n int
	once := slog.Any("once", counted{&n})
	info := func(attrs ...slog.Attr) logFunc {
		return func(ctx context.Context, log *slog.Logger) { log.LogAttrs(ctx, slog.LevelInfo, "m", attrs...) }
	}
	with := func(f func(*slog.Logger) *slog.Logger) logFunc {
		return func(ctx context.Context, log *slog.Logger) {
			log = f(log)
			n = 0
			log.LogAttrs(ctx, slog.LevelInfo, "m", once)
		}
	}
	long := strings.Repeat("x", 600<<10)
	plain := func(h *jsonlog.Handler) slog.Handler { return h }
	tests := []struct {
		name     string
		opts     wfslog.Options
		jsonOpts jsonlog.Options
		next     func(h *jsonlog.Handler) slog.Handler
		log      logFunc
		want     int
	}{
		{"plain", wfslog.Options{}, jsonlog.Options{}, plain, info(once), 1},
		{"group", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.Group("g", once)), 1},
		{"keyless group", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.Group("", once)), 1},
		{"evaluated", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.Any("l", valuer{slog.IntValue(1)}), once), 1},
		{"replaced", wfslog.Options{ReplaceAttr: dropX, KeepSecrets: true}, jsonlog.Options{}, plain, info(slog.Int("x", 1), once), 1},
		{"duplicate", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.Int("once", 1), once), 1},
		{"of an agent", wfslog.Options{}, jsonlog.Options{}, plain, with(func(l *slog.Logger) *slog.Logger {
			return l.WithGroup("workflow.agent1")
		}), 1},
		{"With", wfslog.Options{}, jsonlog.Options{}, plain, with(func(l *slog.Logger) *slog.Logger { return l.With("k", 1, once) }), 1},
		{"in groups", wfslog.Options{}, jsonlog.Options{}, plain, with(func(l *slog.Logger) *slog.Logger {
			return l.With("k", 1).WithGroup("time").WithGroup("wf").With("k", 2)
		}), 2},
		{"reserved keys in groups", wfslog.Options{}, jsonlog.Options{}, plain, func(ctx context.Context, log *slog.Logger) {
			log.With("k", 1).WithGroup("g").WithGroup("wf").With("msg", 2).LogAttrs(ctx, slog.LevelInfo, "m", slog.Int("time", 1), once)
		}, 1},
		{"source", wfslog.Options{AddSource: true}, jsonlog.Options{AddSource: true}, plain, info(once), 1},

		{"other source", wfslog.Options{AddSource: true}, jsonlog.Options{}, plain, info(once), 2},
		{"reserved key", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.Int("logger", 1), once), 2},
		{"reserved key with a group", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.Group("wf", "k", 1), once), 2},
		{"evaluated reserved key", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.Group("", "msg", 1), once), 2},
		{"reserved key in With", wfslog.Options{}, jsonlog.Options{}, plain, with(func(l *slog.Logger) *slog.Logger { return l.With("time", 1) }), 2},
		{"reserved key in the first With", wfslog.Options{}, jsonlog.Options{}, plain, with(func(l *slog.Logger) *slog.Logger {
			return l.With("time", 1).With("k", 2)
		}), 2},
		{"level without a name", wfslog.Options{}, jsonlog.Options{}, plain, func(ctx context.Context, log *slog.Logger) {
			log.LogAttrs(ctx, slog.LevelInfo+1, "m", once)
		}, 2},
		{"secret", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.String("api_key", "abc"), once), 2},
		{"secret in With", wfslog.Options{}, jsonlog.Options{}, plain, with(func(l *slog.Logger) *slog.Logger { return l.With("api_key", "abc") }), 2},
		{"other limits", wfslog.Options{Limits: wfslog.Limits{StringBytes: 2 << 20}}, jsonlog.Options{}, plain, info(once), 2},
		{"deeper", wfslog.Options{Limits: wfslog.Limits{Depth: 33}}, jsonlog.Options{}, plain, info(once), 2},
		{"more values", wfslog.Options{Limits: wfslog.Limits{Nodes: 10_001}}, jsonlog.Options{}, plain, info(once), 2},
		{"more attributes", wfslog.Options{Limits: wfslog.Limits{Attrs: 1025}}, jsonlog.Options{}, plain, info(once), 2},
		{"very long", wfslog.Options{}, jsonlog.Options{}, plain, info(slog.String("a", long), slog.String("b", long), once), 2},
		{"shorter keys", wfslog.Options{Limits: wfslog.Limits{KeyBytes: 255}}, jsonlog.Options{}, plain, info(once), 2},
		{"lower limits", wfslog.Options{Limits: wfslog.Limits{StringBytes: 100, Depth: 2, Nodes: 10, Attrs: 5, LineBytes: 2000}}, jsonlog.Options{}, plain, info(once), 1},
		{"cut message", wfslog.Options{Limits: wfslog.Limits{StringBytes: 10}}, jsonlog.Options{}, plain, func(ctx context.Context, log *slog.Logger) {
			log.LogAttrs(ctx, slog.LevelInfo, "longer than that", once)
		}, 2},
		{"without a span", wfslog.Options{}, jsonlog.Options{}, plain, func(_ context.Context, log *slog.Logger) {
			log.LogAttrs(context.Background(), slog.LevelInfo, "m", once)
		}, 2},
		{"handler with attributes", wfslog.Options{}, jsonlog.Options{}, func(h *jsonlog.Handler) slog.Handler {
			return h.WithAttrs([]slog.Attr{slog.Int("k", 1)})
		}, info(once), 2},
		{"handler with a group", wfslog.Options{}, jsonlog.Options{}, func(h *jsonlog.Handler) slog.Handler {
			return h.WithGroup("g")
		}, info(once), 2},
		{"middleware", wfslog.Options{}, jsonlog.Options{}, func(h *jsonlog.Handler) slog.Handler {
			return middleware{Handler: h}
		}, info(once), 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.opts.Next = tt.next(jsonlog.New(&out, &tt.jsonOpts))
			h, _ := newSink(t, tt.opts)
			ctx := background(h)
			n = 0
			tt.log(ctx, slog.New(h))
			assert.Equal(t, tt.want, n, "%s", out.Bytes())
			assert.Contains(t, out.String(), `"once":"counted"`)
			w := newBothWays(t, tt.opts, tt.jsonOpts)
			tt.log(wfslog.StartWorkflow(wfslog.WithLogger(t.Context(), w.log), "w"), w.log)
			w.lines()
		})
	}
}

// TestJSONLines compares whole lines, but for what differs from run to run.
func TestJSONLines(t *testing.T) {
	tests := []struct {
		name string
		log  logFunc
		want string
	}{
		{
			"attributes and groups",
			func(ctx context.Context, log *slog.Logger) {
				log.WithGroup("workflow.agent1").With("a", 1).WithGroup("g").With("b", 2).InfoContext(ctx, "m", "c", 3)
			},
			`"level":"INFO","logger":"workflow.agent1","msg":"m","a":1,"g":{"b":2,"c":3},"wf":{RUN,"span":"1",STREAM,"seq":4,"after":0}}`,
		},
		{
			"nothing",
			func(ctx context.Context, log *slog.Logger) { log.Log(ctx, wfslog.LevelCritical, "") },
			`"level":"CRITICAL","msg":"","wf":{RUN,"span":"1",STREAM,"seq":4,"after":0}}`,
		},
		{
			"in an agent's turn",
			func(ctx context.Context, log *slog.Logger) {
				log.InfoContext(wfslog.StartInteraction(wfslog.WithLevel(ctx, slog.LevelError), "a\x1b\"b"), "m")
			},
			`"level":"INFO","msg":"m","wf":{RUN,"span":"1/1","agent":"a\u001b\"b",STREAM,"seq":5,"after":0}}`,
		},
		{
			"reserved keys",
			func(ctx context.Context, log *slog.Logger) {
				log.With("time", 1, "wf", 2).InfoContext(ctx, "m", "msg", 3, "time", 4, slog.Group("wf", "a", 5), "!wf", 6, "!time", 7, "source", 8)
			},
			`"level":"INFO","msg":"m","!msg":3,"!time":4,"!wf":6,"!!time":7,"source":8,"!DUP":{"!time":[1],"!wf":[2,{"a":5}]},"wf":{RUN,"span":"1",STREAM,"seq":4,"after":0}}`,
		},
		{
			"duplicates",
			func(ctx context.Context, log *slog.Logger) { log.With("a", 1, "b", 2).InfoContext(ctx, "m", "a", 3) },
			`"level":"INFO","msg":"m","b":2,"a":3,"!DUP":{"a":[1]},"wf":{RUN,"span":"1",STREAM,"seq":4,"after":0}}`,
		},
		{
			"the end of a span",
			func(ctx context.Context, log *slog.Logger) {
				wfslog.End(wfslog.StartAction(wfslog.WithLevel(ctx, slog.LevelError), "a"), slog.Int("k", 1))
			},
			`"level":"INFO","msg":"action a ended","k":1,"wf":{RUN,"span":"1/1","event":"end","kind":"action","name":"a",START,DUR,"status":"ok",STREAM,"seq":5}}`,
		},
		{
			"without a span",
			func(_ context.Context, log *slog.Logger) { log.Info("m", "k", 1) },
			`"level":"INFO","msg":"m","k":1}`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newBothWays(t, wfslog.Options{}, jsonlog.Options{})
			ctx := wfslog.StartIteration(wfslog.StartWorkflow(wfslog.WithLogger(t.Context(), w.log), "w"))
			tt.log(ctx, w.log)
			lines := strings.Split(strings.TrimSpace(w.lines()), "\n")
			got := lines[len(lines)-1]
			assert.Regexp(t, `^{"time":"`+timeForm+`",`, got)
			assert.Equal(t, tt.want, steady(got))
		})
	}
}

// steady returns line with what differs from run to run replaced or left out.
func steady(line string) string {
	for _, part := range []struct {
		form *regexp.Regexp
		by   string
	}{
		{regexp.MustCompile(`^{"time":"` + timeForm + `",`), ""},
		{regexp.MustCompile(`"run":"[0-9a-f]{32}"`), "RUN"},
		{regexp.MustCompile(`"stream":"[0-9a-f]{16}"`), "STREAM"},
		{regexp.MustCompile(`"start":"` + timeForm + `"`), "START"},
		{regexp.MustCompile(`"dur":\d+`), "DUR"},
	} {
		line = part.form.ReplaceAllString(line, part.by)
	}
	return line
}

const timeForm = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`

// TestNoSecretsInJSON logs secrets in all places, both ways.
func TestNoSecretsInJSON(t *testing.T) {
	const secret = "sk-proj-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA"
	for _, places := range []map[string]func(ctx context.Context, log *slog.Logger, secret string){canaryPlaces, keyPlaces} {
		for name, log := range places {
			if name == "bare" {
				continue // looks at the handler
			}
			w := newBothWays(t, wfslog.Options{Limits: wfslog.Limits{StringBytes: maxCanaryText}}, jsonlog.Options{})
			ctx := wfslog.StartWorkflow(wfslog.WithLogger(t.Context(), w.log), "w")
			log(ctx, w.log, secret)
			w.log.InfoContext(wfslog.StartInteraction(ctx, "a "+secret), "m")
			assert.NotContains(t, w.lines(), secret[8:30], name)
		}
	}
}

func TestJSONLogIsSafeToShow(t *testing.T) {
	for _, p := range hostiletest.Payloads {
		w := newBothWays(t, wfslog.Options{}, jsonlog.Options{})
		ctx := wfslog.StartWorkflow(wfslog.WithLogger(t.Context(), w.log), p.Text)
		ctx = wfslog.StartInteraction(ctx, p.Text)
		w.log.With(p.Text, p.Text).InfoContext(ctx, p.Text, p.Text, p.Text, "a", []string{p.Text})
		w.log.WithGroup("workflow."+p.Text).InfoContext(ctx, p.Text)
		w.log.InfoContext(ctx, p.Text, slog.Group(p.Text, p.Text, errors.New(p.Text)))
		wfslog.End(ctx)
		assert.Len(t, strings.Split(w.lines(), "\n"), 7, p.Name)
	}
}

var (
	anyText = rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "a", "llm_call", "\xff", "a\xed\xa0\x80b", "\u202e<&>\x7f\"\\\n", "sk-proj-Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA",
			strings.Repeat("long ", 20), strings.Repeat("é", 150), strings.Repeat("very long\n", 200),
		}),
		rapid.String(),
		rapid.Map(rapid.SampledFrom(hostiletest.Payloads), func(p hostiletest.Payload) string { return p.Text }),
	)
	anyKey = rapid.OneOf(
		rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "action", "usage", "input"}),
		rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f", "action", "usage", "input"}),
		rapid.SampledFrom([]string{
			"", "time", "level", "source", "msg", "logger", "wf", "!wf", "!time", "!DUP", "!CUT", "api_key", "credentials",
			strings.Repeat("k", 300), strings.Repeat("k", 257), "k\xff", "\u202e",
		}),
	)
)

// plainValue and anyValue generate values that are ordinary, or not.
func plainValue(t *rapid.T) slog.Value {
	switch rapid.IntRange(0, 6).Draw(t, "plain") {
	case 0:
		return slog.IntValue(rapid.Int().Draw(t, "int"))
	case 1:
		return slog.BoolValue(true)
	case 2:
		return slog.Float64Value(rapid.SampledFrom([]float64{0, 1.5, 1e21, math.NaN(), math.Inf(-1)}).Draw(t, "float"))
	case 3:
		return slog.DurationValue(812 * time.Millisecond)
	case 4:
		return slog.TimeValue(time.Unix(rapid.Int64Range(0, 1<<31).Draw(t, "time"), 5).In(time.FixedZone("", 3600)))
	case 5:
		return slog.AnyValue([]string{"x", anyText.Draw(t, "text")})
	}
	return slog.StringValue(anyText.Draw(t, "text"))
}

func anyValue(t *rapid.T, depth int) slog.Value {
	switch rapid.IntRange(0, 16).Draw(t, "kind") {
	case 0, 1:
		if depth > 0 {
			return slog.GroupValue(anyAttrs(t, depth-1)...)
		}
	case 2:
		if depth > 0 {
			return slog.AnyValue(valuer{anyValue(t, depth-1)})
		}
	case 3:
		return slog.AnyValue(errors.New(anyText.Draw(t, "error")))
	case 4:
		return slog.AnyValue(json.RawMessage(rapid.SampledFrom([]string{`{"a":[1, 2],"!b":{}}`, "{", `"x"`, `{"api_key":"abc"}`}).Draw(t, "raw")))
	case 5:
		return slog.AnyValue(marshaler{map[string]any{"!CUT": 1, anyText.Draw(t, "key"): anyText.Draw(t, "text")}})
	case 6:
		return slog.AnyValue(rapid.SampledFrom([]any{nil, panicking("oh"), make(chan int), []byte("bytes\xff"), map[string]any{"password": "abc"}}).Draw(t, "odd"))
	case 7:
		return slog.TimeValue(time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC))
	case 8:
		return slog.AnyValue([][][]any{{{1, anyText.Draw(t, "deep"), []int{1, 2, 3}}}})
	}
	return plainValue(t)
}

func anyAttrs(t *rapid.T, depth int) []slog.Attr {
	attrs := make([]slog.Attr, rapid.IntRange(0, 4).Draw(t, "attrs"))
	for i := range attrs {
		attrs[i] = slog.Attr{Key: anyKey.Draw(t, "key"), Value: anyValue(t, depth)}
	}
	return attrs
}

func plainAttrs(t *rapid.T) []slog.Attr {
	attrs := make([]slog.Attr, rapid.IntRange(0, 7).Draw(t, "attrs"))
	for i := range attrs {
		attrs[i] = slog.Attr{Key: fmt.Sprint("k", rapid.IntRange(0, 20).Draw(t, "key")), Value: plainValue(t)}
	}
	return attrs
}

func mixedAttrs(t *rapid.T) []slog.Attr {
	if rapid.Bool().Draw(t, "plain") {
		return plainAttrs(t)
	}
	return anyAttrs(t, 3)
}

// TestBothWaysWriteTheSame is the property that the operational log does not depend on
// whether attributes were encoded before.
func TestBothWaysWriteTheSame(t *testing.T) {
	limits := []wfslog.Limits{
		{},
		{},
		{},
		{StringBytes: 40},
		{KeyBytes: 10},
		{KeyBytes: 1000},
		{Depth: 2, Nodes: 12, Attrs: 4},
		{LineBytes: 1024},
		{Depth: 40, Nodes: 1 << 20, Attrs: 1 << 20, StringBytes: 4 << 20, LineBytes: 64 << 20},
	}
	upper := func(groups []string, a slog.Attr) slog.Attr {
		switch {
		case a.Key == "b":
			return slog.Attr{}
		case a.Key == "c":
			return slog.Group("c", slog.Int("time", len(groups)))
		case len(a.Key) == 1:
			a.Key = strings.ToUpper(a.Key)
		}
		return a
	}
	levels := []slog.Level{
		slog.LevelInfo, slog.LevelInfo, slog.LevelInfo, wfslog.LevelTrace, slog.LevelDebug, slog.LevelWarn, slog.LevelError, wfslog.LevelCritical, 1, -7,
	}
	names := []string{"g", "g", "h", "workflow.agent1", "workflow.agent2", "workflow", "x", "time", "wf", "api_key", "", "\u202e"}
	rapid.Check(t, func(t *rapid.T) {
		opts := wfslog.Options{
			AddSource:   rapid.Bool().Draw(t, "source"),
			KeepSecrets: rapid.Bool().Draw(t, "keep secrets"),
			Limits:      rapid.SampledFrom(limits).Draw(t, "limits"),
			Content:     rapid.SampledFrom([]wfslog.ContentPolicy{wfslog.ContentFull, wfslog.ContentFull, wfslog.ContentNone}).Draw(t, "content"),
		}
		if rapid.IntRange(0, 3).Draw(t, "replace") == 0 {
			opts.ReplaceAttr = upper
		}
		if rapid.IntRange(0, 9).Draw(t, "journal level") == 0 {
			opts.JournalLevel = slog.LevelWarn
		}
		w := newBothWays(t, opts, jsonlog.Options{AddSource: opts.AddSource != (rapid.IntRange(0, 4).Draw(t, "other source") == 0)})
		ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), w.log), "w")
		log := w.log
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			switch rapid.IntRange(0, 9).Draw(t, "call") {
			case 0:
				log = slog.New(log.Handler().WithAttrs(mixedAttrs(t)))
			case 1:
				log = log.WithGroup(rapid.SampledFrom(names).Draw(t, "group"))
			case 2:
				log = w.log
			case 3:
				ctx = wfslog.StartInteraction(ctx, anyText.Draw(t, "agent"), anyAttrs(t, 2)...)
			case 4:
				ctx = wfslog.StartAction(wfslog.WithLogger(ctx, log), "act", mixedAttrs(t)...)
			case 5:
				wfslog.End(ctx, mixedAttrs(t)...)
			default:
				log.LogAttrs(ctx, rapid.SampledFrom(levels).Draw(t, "level"), anyText.Draw(t, "msg"), mixedAttrs(t)...)
			}
		}
		w.lines()
	})
}

// TestRunIsRebuiltFromItsJSONLog has nothing but the operational log.
func TestRunIsRebuiltFromItsJSONLog(t *testing.T) {
	for _, source := range []bool{false, true} {
		var out bytes.Buffer
		h, s := newSink(t, wfslog.Options{
			Next:  jsonlog.New(&out, &jsonlog.Options{Level: wfslog.LevelTrace, AddSource: source}),
			Level: wfslog.LevelTrace, AddSource: source,
		})
		logRun(h)
		assert.Equal(t, documentOf(t, s.Bytes()), documentOf(t, out.Bytes()))
	}
}

// logRun logs a run with all that a handler knows.
func logRun(h *wfslog.Handler) {
	ctx := background(h)
	for n := range 2 {
		it := wfslog.StartIteration(ctx, slog.Int("round", n))
		planner := slog.New(h).WithGroup("workflow.planner").With("n", n)
		planner.InfoContext(it, "asked the model", wfslog.Action("llm_call"), wfslog.Input(prompt), wfslog.Output(answer), wfslog.Tokens(1200, 85), wfslog.Cost(0.01))
		turn := wfslog.StartInteraction(it, "reader", wfslog.Input("read"))
		act := wfslog.StartAction(turn, "read_file", wfslog.Tool("fs"))
		slog.New(h).WithGroup("g").DebugContext(act, "in a tool", "k", []any{1, "x", nil})
		slog.New(h).Log(act, wfslog.LevelTrace, "\x1b[2J", "cut", strings.Repeat("x", 2<<20), "authorization", "abc")
		wfslog.AddResource(act, "a.go", "file:///a.go")
		err := errors.New("no such file")
		wfslog.EndErr(act, &err)
		wfslog.Annotate(turn, slog.Bool("retry", true))
		wfslog.End(turn, wfslog.Output("done"))
		wfslog.End(it)
	}
	wfslog.End(ctx)
}

// documentOf returns the JSON of the document of the only run in lines.
func documentOf(t *testing.T, lines []byte) map[string]any {
	t.Helper()
	b := wfslog.NewTreeBuilder(nil)
	_, err := b.ReadFrom(bytes.NewReader(lines))
	require.NoError(t, err)
	require.Len(t, b.Runs(), 1)
	doc, err := b.Document(b.Runs()[0])
	require.NoError(t, err)
	text, err := json.Marshal(doc)
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(text, &m))
	return m
}

func TestJSONLogOfOneHandlerKeepsItsOwnAttributes(t *testing.T) {
	var out bytes.Buffer
	own := jsonlog.New(&out, nil).WithAttrs([]slog.Attr{slog.String("service", "s")})
	h, _ := newSink(t, wfslog.Options{Next: own})
	ctx := background(h)
	slog.New(h).With("a", 1).InfoContext(ctx, "m", "service", 2)
	assert.Contains(t, out.String(), `"msg":"m","a":1,"service":2,"!DUP":{"service":["s"]},"wf":{`)
	out.Reset()
	h, _ = newSink(t, wfslog.Options{Next: own.WithGroup("app")})
	slog.New(h).WithGroup("workflow.agent1").InfoContext(background(h), "m", "k", 2)
	assert.Contains(t, out.String(), `"msg":"m","service":"s","app":{"logger":"workflow.agent1","k":2,"wf":{`)
}

func TestErrorOfTheJSONLogIsReturned(t *testing.T) {
	h, s := newSink(t, wfslog.Options{Next: jsonlog.New(failingSink{}, nil)})
	ctx := background(h)
	assert.ErrorIs(t, h.Handle(ctx, slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)), errDisk)
	require.Len(t, s.logs(t), 1)
}

func TestJSONLogGoesOnAfterClose(t *testing.T) {
	var out bytes.Buffer
	h, _ := newSink(t, wfslog.Options{Next: jsonlog.New(&out, nil)})
	ctx := background(h)
	require.NoError(t, h.Close())
	slog.New(h).InfoContext(ctx, "m", "k", 1)
	assert.Equal(t, `"level":"INFO","msg":"m","k":1,"wf":{RUN,"span":""}}`+"\n", steady(out.String()))
}

// wholeLines is a writer that fails if what it gets is not one line.
type wholeLines struct {
	t     *testing.T
	mu    sync.Mutex
	lines int
}

func (w *wholeLines) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines++
	assert.Equal(w.t, 1, bytes.Count(b, []byte("\n")))
	assert.NoError(w.t, jsonscan.Object(bytes.TrimSuffix(b, []byte("\n"))), "%s", b)
	return len(b), nil
}

func TestJSONLogConcurrentSafe(t *testing.T) {
	w := &wholeLines{t: t}
	h, _ := newSink(t, wfslog.Options{Next: jsonlog.New(w, nil)})
	ctx := background(h)
	const goroutines, rounds = 8, 100
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			log := slog.New(h).WithGroup(fmt.Sprintf("workflow.agent%d", g)).With("g", g)
			for i := range rounds {
				log.InfoContext(ctx, "m", "i", i)
				log.InfoContext(ctx, "m", "time", i)
			}
		})
	}
	wg.Wait()
	assert.Equal(t, 2*goroutines*rounds, w.lines)
}
