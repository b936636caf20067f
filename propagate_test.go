package wfslog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/hook"
)

// textMap is a carrier as OpenTelemetry's MapCarrier is one.
type textMap map[string]string

func (m textMap) Get(key string) string { return m[key] }
func (m textMap) Set(key, value string) { m[key] = value }

// injected returns what Inject writes of ctx.
func injected(ctx context.Context) textMap {
	m := textMap{}
	wfslog.Inject(ctx, m)
	return m
}

// from returns a context that was extracted, and logs through h.
func from(h slog.Handler, c wfslog.Carrier) context.Context {
	return wfslog.Extract(wfslog.WithLogger(context.Background(), slog.New(h)), c)
}

// spanOf returns the span that ctx carries.
func spanOf(t require.TestingT, ctx context.Context) wfslog.Span {
	span, ok := wfslog.SpanFromContext(ctx)
	require.True(t, ok)
	return span
}

// token is what tells the children in another process apart.
var token = regexp.MustCompile(`~[a-z0-9]{8}\b`)

// masked returns the summaries of what s has got, with "~" in place of tokens.
func masked(t *testing.T, s *sink) []string {
	t.Helper()
	all := summaries(t, s)
	for i := range all {
		all[i] = token.ReplaceAllString(all[i], "~")
	}
	return all
}

// document returns the document of a run that several sinks together have.
func merged(t *testing.T, run wfslog.RunID, sinks ...*sink) *wfslog.Document {
	t.Helper()
	var lines [][]byte
	for _, s := range sinks {
		lines = append(lines, slices.Collect(bytes.Lines(s.Bytes()))...)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var doc *wfslog.Document
	var want string
	for range 5 {
		tree := wfslog.NewTreeBuilder(nil)
		_, err := tree.Write(bytes.Join(lines, nil))
		require.NoError(t, err)
		require.Empty(t, tree.Problems())
		doc, err = tree.Document(run)
		require.NoError(t, err)
		var text strings.Builder
		_, err = doc.WriteTo(&text)
		require.NoError(t, err)
		if want == "" {
			want = text.String()
		}
		require.Equal(t, want, text.String(), "the order of the lines does not matter")
		rng.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	}
	return doc
}

func TestInjectWritesAW3CTraceContext(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	ctx := background(h)
	turn := wfslog.StartInteraction(wfslog.StartIteration(ctx), "agent1")
	span := spanOf(t, turn)
	for ordinal := 1; ordinal <= 2; ordinal++ {
		assert.Equal(t, textMap{
			"traceparent": "00-" + span.Run.String() + "-" + span.SpanID().String() + "-01",
			"tracestate":  fmt.Sprintf("wfslog=%s:1/1:%d", span.Run, ordinal),
		}, injected(turn))
	}
	wfslog.StartAction(turn, "third")
	assert.Equal(t, "wfslog="+span.Run.String()+"::2", injected(ctx)["tracestate"], "of the root, whose path is empty")
	assert.Equal(t, []string{
		"open", `start "" workflow test`, `start "1" iteration`, `start "1/1" interaction agent1`,
		`inject "1/1" 1`, `inject "1/1" 2`, `start "1/1/3" action thirdagent1`, `inject "" 2`,
	}, summaries(t, s))
}

func TestInjectWithoutAnythingToTell(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	none := wfslog.WithLogger(context.Background(), slog.New(h))
	for _, ctx := range []context.Context{nil, none, wfslog.Suppress(background(h))} {
		stale := textMap{"traceparent": "stale", "other": "kept"}
		wfslog.Inject(ctx, stale)
		assert.Equal(t, textMap{"traceparent": "stale", "other": "kept"}, stale)
		assert.Empty(t, wfslog.Marshal(ctx))
		assert.Equal(t, []string{"A=1"}, wfslog.Env(ctx, []string{"A=1", "TRACEPARENT=stale", "TRACESTATE=stale"}))
	}
	assert.Equal(t, []string{"open", `start "" workflow test`}, summaries(t, s))
}

func TestProcessesMakeOneDocument(t *testing.T) {
	h1, s1 := newSink(t, wfslog.Options{})
	h2, s2 := newSink(t, wfslog.Options{})
	h3, s3 := newSink(t, wfslog.Options{})
	root := background(h1)
	it := wfslog.StartIteration(root)
	wfslog.End(wfslog.StartAction(it, "before"))
	carrier := injected(it)
	wfslog.End(wfslog.StartAction(it, "after"))
	_ = injected(it) // nobody comes from there

	ctx := from(h2, carrier)
	span := spanOf(t, ctx)
	assert.Equal(t, wfslog.Span{Run: spanOf(t, it).Run, Path: "1"}, span)
	assert.Equal(t, spanOf(t, it).SpanID(), span.SpanID())
	assert.Equal(t, spanOf(t, it).TraceID(), span.TraceID())
	slog.New(h2).InfoContext(ctx, "on the way")
	slog.New(h2).WithGroup("workflow.helper").InfoContext(ctx, "no turn", wfslog.Action("think"))
	wfslog.Annotate(ctx, slog.String("helped", "yes"))
	wfslog.AddResource(ctx, "corpus", "file:///data")
	wfslog.End(ctx)
	wfslog.EndErr(ctx, nil)
	turn := wfslog.StartInteraction(ctx, "remote1")
	third := from(h3, injected(turn))
	wfslog.End(wfslog.StartAction(third, "deep"))
	wfslog.End(turn)
	wfslog.End(wfslog.StartInteraction(ctx, "remote2"))
	again := from(h2, carrier)
	wfslog.End(wfslog.StartInteraction(again, "remote3"))

	wfslog.End(it)
	wfslog.End(root)
	assert.Equal(t, []string{
		"open",
		`log "1" on the way after=2`,
		`log "1" no turn after=2 {"action":"think"}`,
		`set "1" {"helped":"yes"}`,
		`set "1" {corpus file:///data}`,
		`start "1/2~" interaction remote1`,
		`inject "1/2~" 1`,
		`end "1/2~" n=3 kids=0 ok`,
		`start "1/2~.2" interaction remote2`,
		`end "1/2~.2" n=2 kids=0 ok`,
		`start "1/2~" interaction remote3`,
		`end "1/2~" n=2 kids=0 ok`,
	}, masked(t, s2), "no start and no end is made up for what another process has started")
	assert.Equal(t, []string{
		"open", `start "1/2~/1~" action deep`, `end "1/2~/1~" n=2 kids=0 ok`,
	}, masked(t, s3))

	doc := merged(t, span.Run, s1, s2, s3)
	assert.True(t, doc.Complete)
	assert.Equal(t, wfslog.Integrity{
		Events: 23, Streams: slices.Sorted(slices.Values([]string{streamOf(t, s1), streamOf(t, s2), streamOf(t, s3)})),
	}, doc.Integrity)
	require.Len(t, doc.Iterations, 1)
	n := doc.Iterations[0]
	var actions, turns []string
	for _, a := range n.Actions {
		actions = append(actions, a.Name)
	}
	for _, turn := range n.Interactions {
		turns = append(turns, turn.Agent)
	}
	assert.Equal(t, []string{"before", "after"}, actions)
	slices.Sort(turns[:3]) // one of two contexts with random tokens comes first
	assert.Equal(t, []string{"remote1", "remote2", "remote3", "helper"}, turns)
	assert.JSONEq(t, `{"helped":"yes"}`, string(n.Metadata))
	assert.Len(t, n.Resources, 1)
	assert.Equal(t, "on the way", n.Logs[0].Msg)

	alone := merged(t, span.Run, s1)
	assert.True(t, alone.Complete, "nothing is missing if nobody has come: %+v", alone.Integrity)
}

func streamOf(t *testing.T, s *sink) string {
	t.Helper()
	return s.events(t)[0].Stream
}

// What another process records has its ancestors, so that an inject is written
// whatever the level, with the starts above.
func TestInjectIsWrittenBelowTheLevel(t *testing.T) {
	h, s := newSink(t, wfslog.Options{JournalLevel: slog.LevelError})
	ctx := wfslog.StartIteration(background(h))
	_ = injected(ctx)
	assert.Equal(t, []string{"open", `start "" workflow test`, `start "1" iteration`, `inject "1" 1`}, summaries(t, s))
}

func TestExtractedContextIsPassedOnAsItIs(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	carrier := injected(background(h))
	events := len(s.events(t))
	other, s2 := newSink(t, wfslog.Options{})
	assert.Equal(t, carrier, injected(from(other, carrier)))
	assert.Len(t, s.events(t), events)
	assert.Empty(t, s2.events(t), "no place was taken")
	a, b := from(other, carrier), from(other, injected(from(other, carrier)))
	for _, ctx := range []context.Context{a, b} {
		wfslog.End(wfslog.StartIteration(ctx))
	}
	paths := map[string]bool{}
	for _, ev := range s2.events(t) {
		paths[ev.Span] = true
	}
	assert.Len(t, paths, 3, "open, and two children")
}

func TestForeignTraceBecomesNoRun(t *testing.T) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	carrier := textMap{"traceparent": "00-" + trace + "-" + parent + "-00", "tracestate": "rojo=00f067aa0ba902b7, ,congo=t61rcWkgMzE"}
	h, s := newSink(t, wfslog.Options{})
	ctx := from(h, carrier)
	_, ok := wfslog.SpanFromContext(ctx)
	assert.False(t, ok)
	assert.Equal(t, textMap{
		"traceparent": carrier["traceparent"], "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
	}, injected(ctx), "passed on")
	assert.Empty(t, injected(wfslog.Suppress(ctx)))

	root := wfslog.StartWorkflow(ctx, "linked")
	span := spanOf(t, root)
	assert.NotEqual(t, trace, span.Run.String())
	assert.Equal(t, trace, span.TraceID())
	assert.Equal(t, &wfslog.Link{Trace: trace, Span: parent}, s.events(t)[1].Link)
	turn := wfslog.StartInteraction(root, "agent1")
	sent := injected(turn)
	assert.Equal(t, textMap{
		"traceparent": "00-" + trace + "-" + spanOf(t, turn).SpanID().String() + "-01",
		"tracestate":  "wfslog=" + span.Run.String() + ":1:1,rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
	}, sent)

	there := from(h, sent)
	assert.Equal(t, trace, spanOf(t, there).TraceID())
	assert.Equal(t, span.Run, spanOf(t, there).Run)
	below := wfslog.StartAction(there, "below")
	assert.Equal(t, trace, spanOf(t, below).TraceID())
	assert.Regexp(t, "^wfslog=[^,]*,rojo=00f067aa0ba902b7,congo=t61rcWkgMzE$", injected(below)["tracestate"])

	inner := wfslog.StartWorkflow(turn, "another run")
	assert.Equal(t, spanOf(t, inner).Run.String(), spanOf(t, inner).TraceID(), "it is linked to a run")
	again := wfslog.StartWorkflow(from(h, carrier), "again")
	assert.Equal(t, trace, spanOf(t, again).TraceID())
	assert.NotEqual(t, span.Run, spanOf(t, again).Run)
}

// A run that is started where a context of another process goes on is linked to it.
func TestRunIsLinkedToTheSpanOfAnotherProcess(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	turn := wfslog.StartInteraction(background(h), "agent1")
	other, s2 := newSink(t, wfslog.Options{})
	wfslog.StartWorkflow(from(other, injected(turn)), "inner")
	span := spanOf(t, turn)
	assert.Equal(t, &wfslog.Link{Trace: span.Run.String(), Span: span.SpanID().String()}, s2.events(t)[1].Link)
	assert.Len(t, s.events(t), 4)
}

func TestExtractIsRefusedWhereNothingIsRecorded(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	carrier := injected(background(h))
	events := len(s.events(t))
	ctx := wfslog.Extract(wfslog.Suppress(wfslog.WithLogger(context.Background(), slog.New(h))), carrier)
	_, ok := wfslog.SpanFromContext(ctx)
	assert.False(t, ok)
	wfslog.End(wfslog.StartIteration(ctx))
	slog.New(h).InfoContext(ctx, "m")
	assert.Len(t, s.events(t), events)
}

// deep returns the context of a span at the given depth.
func deep(ctx context.Context, depth int) context.Context {
	for range depth {
		ctx = wfslog.StartAction(ctx, "deeper")
	}
	return ctx
}

func TestPlacesKeepWithinTheDepth(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	ctx := deep(background(h), event.MaxDepth)
	h2, s2 := newSink(t, wfslog.Options{})
	there := from(h2, injected(ctx))
	assert.Equal(t, event.MaxDepth-1, event.PathDepth(spanOf(t, there).Path), "where there is room for a child")
	wfslog.End(wfslog.StartAction(wfslog.StartAction(there, "child"), "grandchild"))
	last := s.events(t)[len(s.events(t))-1]
	assert.Equal(t, event.TypeInject, last.Type)
	assert.Equal(t, spanOf(t, there).Path, last.Span, "whose child it is")
	events := s2.events(t)
	require.Len(t, events, 4)
	assert.Empty(t, events[1].Flags)
	assert.Equal(t, events[1].Span+".2", events[2].Span, "moved up to the span where the process goes on")
	assert.Equal(t, []string{event.FlagDepth}, events[2].Flags)
	doc := merged(t, spanOf(t, ctx).Run, s, s2)
	assert.Zero(t, doc.Integrity.Missing)
}

func TestHeaderCarrierIgnoresTheCaseOfKeys(t *testing.T) {
	h, _ := newSink(t, wfslog.Options{})
	ctx := background(h)
	for name, header := range map[string]map[string][]string{
		"net/http": http.Header{},
		"NATS":     {"traceparent": {"stale"}, "tracestate": {"stale", "more"}},
		"mixed":    {"TraceParent": {"stale"}, "traceparent": {"stale"}, "Other": {"kept"}},
	} {
		c := wfslog.HeaderCarrier(header)
		wfslog.Inject(ctx, c)
		assert.Equal(t, spanOf(t, ctx).Run, spanOf(t, from(h, c)).Run, name)
		assert.NotContains(t, fmt.Sprint(header), "stale", name)
		switch name {
		case "net/http":
			assert.Len(t, header, 2)
			assert.Equal(t, c.Get("traceparent"), http.Header(header).Get("traceparent"))
			assert.Equal(t, c.Get("tracestate"), http.Header(header).Get("tracestate"))
		case "NATS":
			assert.Len(t, header, 2)
			assert.Equal(t, []string{c.Get("TRACEPARENT")}, header["traceparent"])
		case "mixed":
			assert.Len(t, header, 3)
			assert.Equal(t, []string{"kept"}, header["Other"])
		}
	}
	c := wfslog.HeaderCarrier{"tracestate": {"b=2", "c=3"}, "TraceState": {"a=1"}, "empty": nil}
	assert.Equal(t, "a=1,b=2,c=3", c.Get("tracestate"), "several are one list")
	assert.Empty(t, c.Get("empty"))
	assert.Empty(t, wfslog.HeaderCarrier(nil).Get("traceparent"))
	c.Set("x-trace-id", "1")
	assert.Equal(t, []string{"1"}, c["X-Trace-Id"])
}

// What is left of an earlier trace does not go on beside another one.
func TestInjectReplacesTheTracestate(t *testing.T) {
	ctx := wfslog.Extract(context.Background(), textMap{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
	stale := textMap{"traceparent": "stale", "tracestate": "stale=1"}
	wfslog.Inject(ctx, stale)
	assert.Equal(t, textMap{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": ""}, stale)
	assert.NotContains(t, injected(ctx), "tracestate")
}

func TestMarshalIsReadBack(t *testing.T) {
	h, _ := newSink(t, wfslog.Options{})
	root := background(h)
	for _, ctx := range []context.Context{root, wfslog.StartAction(root, "a")} {
		text := wfslog.Marshal(ctx)
		assert.Regexp(t, `^00-[0-9a-f]{32}-[0-9a-f]{16}-01;wfslog=[0-9a-f]{32}:[0-9/]*:[1-9]$`, text)
		back := wfslog.Unmarshal(wfslog.WithLogger(context.Background(), slog.New(h)), text)
		assert.Equal(t, spanOf(t, ctx).Run, spanOf(t, back).Run)
		assert.Equal(t, spanOf(t, ctx).Path, spanOf(t, back).Path)
	}
	foreign := wfslog.Extract(context.Background(), textMap{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
	assert.Equal(t, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", wfslog.Marshal(foreign))
	for _, text := range []string{"", ";", "wfslog", "00;wfslog=1"} {
		assert.Equal(t, context.Background(), wfslog.Unmarshal(context.Background(), text), "%q says nothing", text)
	}
}

func TestEnvReplacesWhatIsStale(t *testing.T) {
	h, _ := newSink(t, wfslog.Options{})
	ctx := background(h)
	base := []string{"A=1", "TRACEPARENT=x", "TRACEPARENTS=2", "TRACESTATE=x", "TRACEPARENT=y", "B"}
	given := slices.Clone(base)
	env := wfslog.Env(ctx, base)
	assert.Equal(t, given, base)
	require.Len(t, env, 5)
	assert.Equal(t, []string{"A=1", "TRACEPARENTS=2", "B"}, env[:3])
	assert.Regexp(t, "^TRACEPARENT=00-"+spanOf(t, ctx).Run.String(), env[3])
	assert.Equal(t, "TRACESTATE=wfslog="+spanOf(t, ctx).Run.String()+"::1", env[4])

	t.Setenv("TRACEPARENT", "stale")
	t.Setenv("WFSLOG_TEST_ENV", "inherited")
	env = wfslog.Env(ctx, nil)
	assert.Contains(t, env, "WFSLOG_TEST_ENV=inherited")
	assert.NotContains(t, env, "TRACEPARENT=stale")
	assert.Len(t, wfslog.Env(ctx, []string{}), 2, "only nil means the environment of this process")
}

// Programs that record what others log get the inject as they get the start.
func TestInjectIsAnOperationForOtherHandlers(t *testing.T) {
	var log bytes.Buffer
	ctx := wfslog.WithLogger(context.Background(), slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{
		AddSource: true, Level: slog.LevelDebug,
	})))
	ctx = wfslog.StartInteraction(wfslog.StartWorkflow(ctx, "test"), "agent1")
	carrier := injected(ctx)
	wfslog.Marshal(ctx)
	there := wfslog.Extract(wfslog.WithLogger(context.Background(), slog.New(slog.NewJSONHandler(&log, nil))), carrier)
	wfslog.Annotate(wfslog.WithLevel(there, slog.LevelDebug), slog.Int("a", 1))
	lines := slices.Collect(bytes.Lines(log.Bytes()))
	require.Len(t, lines, 4)
	for i, ordinal := range []uint32{1, 2} {
		ev, err := wfslog.ParseLine(bytes.TrimSpace(lines[2+i]))
		require.NoError(t, err)
		assert.Equal(t, event.TypeInject, ev.Type)
		assert.Equal(t, ordinal, ev.Ordinal)
		assert.Equal(t, "interaction agent1 injected", ev.Msg)
		assert.Contains(t, string(lines[2+i]), "propagate_test.go", "the caller's line")
	}

	log.Reset()
	debug := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	wfslog.Annotate(wfslog.WithLogger(there, debug), slog.Int("a", 1))
	ev, err := wfslog.ParseLine(bytes.TrimSpace(log.Bytes()))
	require.NoError(t, err)
	assert.Equal(t, "span annotated", ev.Msg)
	assert.Equal(t, "1", ev.Span)
	assert.NotContains(t, log.String(), `"kind"`)
	assert.NotContains(t, log.String(), `"start"`)
}

func TestTokensOfTestsAreTheSameEachTime(t *testing.T) {
	carrier := textMap{
		"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"tracestate":  "wfslog=01935d2f8a007c118e5f102030405060:1:2",
	}
	paths := func() (all []string) {
		ctx := hook.With(t.Context(), hook.NewIDs("seed"))
		for range 2 {
			all = append(all, spanOf(t, wfslog.StartAction(wfslog.Extract(ctx, carrier), "a")).Path)
		}
		return all
	}
	first := paths()
	assert.Equal(t, first, paths())
	assert.NotEqual(t, first[0], first[1])
}

// What one process injects and extracts again, at once and in many goroutines, has
// places of its own.
func TestPropagationConcurrentSafe(t *testing.T) {
	const n = 50
	tree := wfslog.NewTreeBuilder(nil)
	h := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler})
	root := background(h)
	shared := from(h, injected(root))
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for _, ctx := range []context.Context{shared, from(h, injected(root)), from(h, injected(shared))} {
				ctx = wfslog.StartInteraction(ctx, "agent1")
				slog.New(h).InfoContext(ctx, "m")
				wfslog.End(ctx)
			}
		})
	}
	wg.Wait()
	wfslog.End(root)
	require.NoError(t, h.Close())
	doc, err := tree.Document(spanOf(t, root).Run)
	require.NoError(t, err)
	assert.Len(t, doc.Interactions, 3*n)
	assert.True(t, doc.Complete, "%+v", doc.Integrity)
}

// extracting is middleware that extracts a context while it handles a record.
type extracting struct {
	slog.Handler
	from string
	seen *[]bool // whether a Debug record would be taken: with the context as it came, and extracted
}

func (m extracting) Handle(ctx context.Context, r slog.Record) error {
	*m.seen = append(*m.seen, m.Enabled(ctx, slog.LevelDebug), m.Enabled(wfslog.Unmarshal(ctx, m.from), slog.LevelDebug))
	return m.Handler.Handle(ctx, r)
}

func TestExtractedContextTellsNothingOfTheRecordAtHand(t *testing.T) {
	h, _ := newSink(t, wfslog.Options{JournalLevel: slog.LevelInfo})
	text := wfslog.Marshal(wfslog.StartWorkflow(background(h), "w"))
	require.NotEmpty(t, text)
	var seen []bool
	log := slog.New(extracting{h, text, &seen})
	wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), "w")
	assert.Equal(t, []bool{true, false}, seen, "the start is taken whatever its level, other records are not")
}
