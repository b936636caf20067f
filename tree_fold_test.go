package wfslog_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// document returns the document of goldenRun in the lines of the scripts.
func document(t *testing.T, scripts ...*script) *wfslog.Document {
	t.Helper()
	b := wfslog.NewTreeBuilder(nil)
	for _, s := range scripts {
		_, err := b.Write(bytes.Join(s.Lines, nil))
		require.NoError(t, err)
	}
	require.Zero(t, b.Stats().Bad, b.Problems())
	d, err := b.Document(goldenRun)
	require.NoError(t, err)
	return d
}

// started returns a script with the start of a root and of an iteration "1".
func started(stream string) *script {
	s := newScript(stream)
	s.start("", wfslog.KindWorkflow, "w", "", ``)
	s.start("1", wfslog.KindIteration, "", "", ``)
	return s
}

func TestSpansWithOddBounds(t *testing.T) {
	tests := []struct {
		name string
		log  func(s *script)
		want wfslog.Node // of the span "1/1", as far as it says something
		late uint64
	}{
		{"start without end", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
		}, wfslog.Node{Name: "a", Status: "open"}, 0},
		{"end without start", func(s *script) {
			s.end("1/1", time.Second, "", ``)
		}, wfslog.Node{Missing: true, Status: "ok", DurationMS: "1000.0"}, 0},
		{"neither", func(s *script) {
			s.log("1/1/1", 0, slog.LevelInfo, "", "", ``)
		}, wfslog.Node{Missing: true, Status: "open"}, 0},
		{"end before start", func(s *script) {
			s.end("1/1", time.Second, "", ``)
			s.start("1/1", wfslog.KindAction, "a", "", ``)
		}, wfslog.Node{Name: "a", Status: "ok", DurationMS: "1000.0"}, 1},
		{"two ends", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
			s.end("1/1", time.Second, "", ``)
			s.end("1/1", time.Minute, "too late", ``)
		}, wfslog.Node{Name: "a", Status: "ok", DurationMS: "1000.0"}, 1},
		{"two starts", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
			s.start("1/1", wfslog.KindInteraction, "b", "", ``)
		}, wfslog.Node{Name: "a", Status: "open"}, 0},
		{"made-up start, then the real one", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``, event.FlagPartial)
			s.start("1/1", wfslog.KindAction, "b", "", `{"model":"m"}`)
		}, wfslog.Node{Name: "b", Status: "open", Model: "m"}, 0},
		{"closed stream", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
			s.event(wfslog.Event{Type: event.TypeClose})
		}, wfslog.Node{Name: "a", Status: "interrupted"}, 0},
		{"named by an open event", func(s *script) {
			s.log("1/1", 0, slog.LevelInfo, "", "", ``)
			s.open(event.SpanRef{Run: s.run, Span: "1/1", Kind: wfslog.KindAction, Name: "a"})
		}, wfslog.Node{Name: "a", Missing: true, Status: "open"}, 0},
		{"named by two open events", func(s *script) {
			s.end("1/1", 0, "", ``)
			s.open(
				event.SpanRef{Run: goldenOther, Span: "1/1", Kind: wfslog.KindInteraction, Name: "of another run"},
				event.SpanRef{Run: s.run, Span: "1/1", Kind: wfslog.KindAction, Name: "first", Agent: "agent1"},
				event.SpanRef{Run: s.run, Span: "1/1", Kind: wfslog.KindAction, Name: "again"},
			)
			s.open(event.SpanRef{Run: s.run, Span: "1/1", Kind: wfslog.KindAction, Name: "second"})
		}, wfslog.Node{Name: "first", Agent: "agent1", Missing: true, Status: "ok", DurationMS: "0.0"}, 0},
		{"end that says what only wfslog does", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
			s.event(wfslog.Event{Type: event.TypeEnd, Span: "1/1", Status: event.StatusInterrupted})
		}, wfslog.Node{Name: "a", Status: "ok", DurationMS: "0.0"}, 0},
		{"status of the user", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", `{"status":"first"}`)
			s.set("1/1", `{"status":"second"}`, nil)
			s.end("1/1", 0, "", ``)
		}, wfslog.Node{Name: "a", Status: "second", DurationMS: "0.0"}, 0},
		{"status of the user and an error", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
			s.end("1/1", 0, "boom", `{"status":"mostly harmless"}`)
		}, wfslog.Node{Name: "a", Status: "error", Error: "boom", DurationMS: "0.0", Metadata: []byte(`{"status":"mostly harmless"}`)}, 0},
		{"status that is wfslog's", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
			s.end("1/1", 0, "", `{"status":"interrupted"}`)
		}, wfslog.Node{Name: "a", Status: "ok", DurationMS: "0.0", Metadata: []byte(`{"status":"interrupted"}`)}, 0},
		{"error attribute", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
			s.end("1/1", 0, "", `{"error":"boom"}`)
		}, wfslog.Node{Name: "a", Status: "error", Error: "boom", DurationMS: "0.0"}, 0},
		{"error attribute and status", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", ``)
			s.end("1/1", 0, "", `{"error":"boom","status":"ok"}`)
		}, wfslog.Node{Name: "a", Status: "ok", Error: "boom", DurationMS: "0.0"}, 0},
		{"last attribute wins", func(s *script) {
			s.start("1/1", wfslog.KindAction, "a", "", `{"x":1,"y":1,"model":"a","z":1}`)
			s.set("1/1", `{"y":2,"model":"b"}`, nil)
			s.end("1/1", 0, "", `{"x":3,"model":"c","metadata":{"z":3}}`)
		}, wfslog.Node{Name: "a", Status: "ok", DurationMS: "0.0", Model: "c", Metadata: []byte(`{"x":3,"y":2,"z":3}`)}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := started(goldenStreamA)
			tt.log(s)
			d := document(t, s)
			require.Len(t, d.Iterations, 1)
			one := d.Iterations[0]
			got := append(one.Actions, one.Interactions...)
			require.Len(t, got, 1)
			tt.want.Span = "1/1"
			n := *got[0]
			n.StartedAt, n.EndedAt, n.Logs, n.Actions = time.Time{}, time.Time{}, nil, nil
			n.Flags = nil
			assert.Equal(t, tt.want, n)
			assert.Equal(t, tt.late, d.Integrity.Late)
		})
	}
}

func TestStreamsOfOneRun(t *testing.T) {
	a, b := started(goldenStreamA), started(goldenStreamB)
	for _, s := range []*script{a, b} {
		s.log("1", 0, slog.LevelInfo, "", "of "+s.ID, ``)
		s.set("1", `{"x":1}`, &wfslog.Resource{Name: "r"})
	}
	a.end("1", time.Second, "", ``)
	b.end("1", time.Minute, "", ``)
	b.log("1", 0, slog.LevelInfo, "", "late", ``)
	d := document(t, b, a)
	one := d.Iterations[0]
	assert.EqualValues(t, "1000.0", one.DurationMS, "the end of the smaller stream")
	assert.Equal(t, []*wfslog.Resource{{Name: "r"}}, one.Resources)
	require.Len(t, one.Logs, 3, "a record once for each stream")
	assert.Equal(t, []string{"", goldenStreamB, goldenStreamB}, []string{one.Logs[0].Stream, one.Logs[1].Stream, one.Logs[2].Stream})
	assert.True(t, one.Logs[2].Late)
	assert.Equal(t, wfslog.Integrity{Events: 11, Late: 1, Streams: []string{goldenStreamA, goldenStreamB}}, d.Integrity)

	// Without the root's start, no stream goes without saying.
	rest := newScript(goldenStreamA)
	rest.log("", 0, slog.LevelInfo, "", "", ``)
	assert.Equal(t, goldenStreamA, document(t, rest).Logs[0].Stream)

	// A writer proved dead by another.
	gone := newScript(goldenStreamB)
	gone.event(wfslog.Event{Type: event.TypeGone, Gone: goldenStreamA})
	assert.Equal(t, "interrupted", document(t, started(goldenStreamA), gone).Status)
}

func TestSiblingsAreInOrder(t *testing.T) {
	s := started(goldenStreamA)
	log := func(after uint32, logger, msg string) { s.log("1", after, slog.LevelInfo, logger, msg, ``) }
	for _, element := range []string{"10", "9", "2~k3x9q7aa.10", "2~k3x9q7aa.2", "2~k3x9q7aa", "2", "2~aaaaaaaa", "1"} {
		s.start("1/"+element, wfslog.KindInteraction, "", "x", ``)
	}
	log(10, "workflow.late", "")
	log(1, "workflow.b", "")
	log(1, "workflow.a", "")
	log(0, "workflow.first", "")
	log(9, "workflow.first", "")
	log(3, "", "third")
	log(1, "workflow", "first")
	log(1, "", "second")
	one := document(t, s).Iterations[0]
	var got []string
	for _, n := range one.Interactions {
		got = append(got, strings.TrimPrefix(n.Span, "1/"))
	}
	assert.Equal(t, []string{
		"@first", "1", "@b", "@a", "2", "2~aaaaaaaa", "2~k3x9q7aa", "2~k3x9q7aa.2", "2~k3x9q7aa.10", "9", "10", "@late",
	}, got)
	got = nil
	for _, n := range one.Logs {
		got = append(got, n.Msg)
	}
	assert.Equal(t, []string{"first", "second", "third"}, got)
}

func TestAgentsAreToldApartByTheirBytes(t *testing.T) {
	s := started(goldenStreamA)
	long := strings.Repeat("x", 1<<20-100) // as long as handlers write
	names := []string{"a", "A", "é", "e\u0301", "a b", "a%20b", long, long + "y"}
	for _, name := range names {
		s.log("1", 0, slog.LevelInfo, "workflow."+name, "", ``)
	}
	d := document(t, s)
	paths := map[string]bool{}
	var got []string
	for _, n := range d.Iterations[0].Interactions {
		paths[n.Span] = true
		got = append(got, n.Agent)
	}
	assert.True(t, slices.Equal(names, got), "%.100q", got)
	assert.Equal(t, len(names), len(paths))
	assert.Equal(t, len(names), len(d.Agents))
}

func TestLinesWithoutAStreamHaveNoOrder(t *testing.T) {
	s := newScript("")
	foreign := func(ev wfslog.Event) {
		ev.Run, ev.Time, ev.Span = s.run, s.now, "1"
		s.Lines = append(s.Lines, eventtest.Foreign(ev))
	}
	foreign(wfslog.Event{Type: event.TypeEnd, Dur: time.Second}) // {"level":"INFO", …: the first by its bytes
	foreign(wfslog.Event{Type: event.TypeLog, Level: slog.LevelWarn, Msg: "before the end"})
	d := document(t, s)
	require.Len(t, d.Iterations, 1)
	assert.False(t, d.Iterations[0].Logs[0].Late)
	assert.Zero(t, d.Integrity.Late)
}

func TestDocumentsOfOddLinesAreCanonical(t *testing.T) {
	run := `"run":"` + goldenRun.String() + `"`
	b := wfslog.NewTreeBuilder(nil)
	_, err := b.Write(future(
		`"start",`+run+`,"span":"","kind":"workflow","flags":[],"link":{"trace":""},"time":"0000-01-01T00:00:00+23:59"`,
		`"log",`+run+`,"span":"","time":"9999-12-31T23:59:59.999999999-23:59","source":{"line":-5},"flags":[""],"msg":"\u0000\ud800"`,
		`"log",`+run+`,"span":"","source":{},"level":12345,"attrs":{}`,
		`"set",`+run+`,"span":"","resource":{"uri":"x"},"attrs":{"input":null,"metadata":{},"":{ }}`,
		`"set",`+run+`,"span":"","resource":null,"attrs":{"output":"\u2028\u007f","output":1}`,
		`"log",`+run+`,"span":"1","attrs":{"action":"","usage":{},"cost_usd":0e0,"input":[ ]}`,
	))
	require.NoError(t, err)
	require.Zero(t, b.Stats().Bad, b.Problems())
	d, err := b.Document(goldenRun)
	require.NoError(t, err)
	var text bytes.Buffer
	_, err = d.WriteTo(&text)
	require.NoError(t, err)
	assertCanonical(t, text.Bytes())
	var back wfslog.Document
	require.NoError(t, json.Unmarshal(text.Bytes(), &back))
	assert.Equal(t, d, &back)
}

func TestDefaultRunTakesTheStatusOfItsChildren(t *testing.T) {
	fine := func(s *script) { s.end("1", 0, "", ``) }
	tests := []struct {
		name     string
		log      func(s *script)
		want     string
		complete bool
	}{
		{"nothing but the root", func(*script) {}, "ok", true},
		{"all well", func(s *script) { s.start("1", wfslog.KindIteration, "", "", ``); fine(s) }, "ok", true},
		{"open", func(s *script) {
			s.start("1", wfslog.KindIteration, "", "", ``)
			s.start("2", wfslog.KindIteration, "", "", ``)
			s.end("2", 0, "boom", ``)
		}, "open", false},
		{"error", func(s *script) {
			s.start("1", wfslog.KindIteration, "", "", ``)
			fine(s)
			s.start("2", wfslog.KindAction, "", "", ``)
			s.end("2", 0, "boom", ``)
		}, "error", true},
		{"error of an agent", func(s *script) { s.log("", 0, slog.LevelError, "workflow.a", "", ``) }, "error", true},
		{"interrupted", func(s *script) {
			s.start("1", wfslog.KindIteration, "", "", ``)
			s.event(wfslog.Event{Type: event.TypeClose})
		}, "interrupted", false},
		{"closed in time", func(s *script) {
			s.start("1", wfslog.KindIteration, "", "", ``)
			fine(s)
			s.event(wfslog.Event{Type: event.TypeClose})
		}, "ok", true},
		{"ended", func(s *script) {
			s.start("1", wfslog.KindIteration, "", "", ``)
			s.end("1", 0, "boom", ``)
			s.end("", 0, "", ``)
		}, "ok", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScript(goldenStreamA)
			s.start("", wfslog.KindWorkflow, "w", "", ``, event.FlagDefault)
			tt.log(s)
			d := document(t, s)
			assert.Equal(t, tt.want, d.Status)
			assert.Equal(t, tt.complete, d.Complete)
		})
	}
}

func TestLossesCountWhileTheRunGoesOn(t *testing.T) {
	loss := func(from, to, n uint64) wfslog.Event {
		return wfslog.Event{Type: event.TypeLoss, From: from, To: to, N: n, Cause: "no space left on device"}
	}
	s := newScript(goldenStreamA)
	s.open()                 // 1
	s.event(loss(1, 2, 100)) // 2: before the run
	s.Skip(1)
	s.start("", wfslog.KindWorkflow, "w", "", ``) // 4
	s.Skip(2)
	s.event(loss(5, 6, 2)) // 7
	s.log("", 0, slog.LevelInfo, "", "", ``)
	s.event(wfslog.Event{Type: event.TypeLoss, From: 1, To: 8, Cause: "sync"})
	assert.EqualValues(t, 2, document(t, s).Integrity.Lost)
	s.Skip(90)
	s.event(loss(10, 99, 90))
	assert.EqualValues(t, 92, document(t, s).Integrity.Lost, "an open run goes on")

	s = newScript(goldenStreamA)
	s.start("", wfslog.KindWorkflow, "w", "", ``)
	s.end("", time.Second, "", ``)
	s.event(loss(4, 9, 6))
	d := document(t, s)
	assert.Zero(t, d.Integrity.Lost, "after the run")
	assert.True(t, d.Complete)

	headless := newScript(goldenStreamA)
	headless.Skip(3)
	headless.event(loss(1, 3, 3))
	headless.log("", 0, slog.LevelInfo, "", "", ``)
	assert.EqualValues(t, 3, document(t, headless).Integrity.Lost, "a run without a start may have begun before")

	// Another stream's losses are none of the run's business.
	other := newScript(goldenStreamB)
	other.event(loss(1, 9, 6))
	assert.Zero(t, document(t, s, other).Integrity.Lost)
}

func TestUsageIsSummed(t *testing.T) {
	s := started(goldenStreamA)
	record := func(span, attrs string) {
		s.log(span, 0, slog.LevelInfo, "", "", `{"action":"llm_call",`+attrs+`}`)
	}
	record("1", `"usage":{"input_tokens":1},"cost_usd":0.1`)
	record("1", `"usage":{"input_tokens":0,"output_tokens":2},"cost_usd":0.2`)
	record("1", `"cost_usd":1e99`)
	record("1", `"usage":{"input_tokens":"12"}`)
	record("1", `"usage":{"input_tokens":1.5}`)
	record("1", `"usage":[1]`)
	s.start("1/1", wfslog.KindAction, "outer", "", ``)
	s.start("1/1/1", wfslog.KindAction, "reports", "", ``)
	s.start("1/1/1/1", wfslog.KindAction, "hidden", "", ``)
	s.end("1/1/1/1", 0, "", `{"usage":{"input_tokens":1000}}`)
	record("1/1/1", `"cost_usd":1000`)
	s.end("1/1/1", 0, "", `{"usage":{"reasoning_tokens":7}}`)
	record("1/1", `"usage":{"cache_read_tokens":11}`)
	s.end("1/1", 0, "", ``)
	n := func(n uint64) *uint64 { return &n }
	want := &wfslog.UsageTotals{
		Calls: 5, InputTokens: n(1), OutputTokens: n(2), CacheReadTokens: n(11), ReasoningTokens: n(7), CostUSD: "0.3",
	}
	d := document(t, s)
	assert.Equal(t, want, d.Usage)
	assert.Equal(t, want, d.Iterations[0].Usage)
	assert.EqualValues(t, "1e99", d.Iterations[0].Actions[2].CostUSD, "shown, though left out of the sum")

	record("1", `"usage":{"input_tokens":18446744073709551615}`)
	assert.Equal(t, n(18446744073709551615), document(t, s).Usage.InputTokens, "the sum does not overflow")
}

func TestErrorsAreListedUpToALimit(t *testing.T) {
	s := started(goldenStreamA)
	for i := range 150 {
		s.log("1", 0, slog.LevelError, "workflow.a", fmt.Sprint(i), ``)
	}
	s.end("1", 0, "boom", ``)
	s.end("", 0, "bang", ``)
	d := document(t, s)
	assert.EqualValues(t, 152, d.ErrorsTotal)
	assert.EqualValues(t, 150, d.Agents["a"].Errors)
	require.Len(t, d.Errors, 100)
	assert.Equal(t, "bang", d.Errors[0].Error)
	assert.Equal(t, "boom", d.Errors[1].Error)
	assert.Equal(t, "0", d.Errors[2].Msg)
	assert.Equal(t, "1/@a", d.Errors[2].Span)
	assert.Equal(t, "97", d.Errors[99].Msg)
}

func TestEndsTellWhatIsMissing(t *testing.T) {
	s := started(goldenStreamA)
	s.log("1", 0, slog.LevelInfo, "", "lost", ``)
	s.Drop()
	s.start("1/1", wfslog.KindAction, "lost", "", ``)
	s.Drop()
	s.end("1", 0, "", ``)
	s.end("", 0, "", ``)
	d := document(t, s)
	assert.EqualValues(t, 2, d.Integrity.Missing, "a record and a child")
	assert.False(t, d.Complete)
	s.event(wfslog.Event{Type: event.TypeEnd, Span: "2", N: 1<<64 - 1})
	s.event(wfslog.Event{Type: event.TypeEnd, Span: "3", N: 1<<64 - 1})
	assert.EqualValues(t, uint64(1<<64-1), document(t, s).Integrity.Missing, "the sum does not overflow")
}

func TestForeignLinesFillGaps(t *testing.T) {
	s := newScript(goldenStreamA)
	s.start("", wfslog.KindWorkflow, "w", "", ``)
	lost := wfslog.Event{
		Type: event.TypeStart, Seq: 2, Stream: s.ID, Time: s.now, Run: s.run, Span: "1", Kind: wfslog.KindIteration,
	}
	s.start("1", wfslog.KindIteration, "", "", ``)
	s.Drop()
	s.Lines = append(s.Lines, eventtest.Foreign(lost))
	s.end("1", 0, "", ``)
	d := document(t, s)
	assert.False(t, d.Iterations[0].Missing)
	assert.Zero(t, d.Integrity.Missing)

	// The journal's own line is the same event and wins.
	whole := started(goldenStreamA)
	lost.Name = "foreign"
	whole.Lines = append(whole.Lines, eventtest.Foreign(lost))
	d = document(t, whole)
	assert.Empty(t, d.Iterations[0].Name)
	assert.Zero(t, d.Integrity.Conflicts)
}
