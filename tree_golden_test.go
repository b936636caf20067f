package wfslog_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// The ids and times of golden files.
var (
	goldenRun   = wfslog.RunID{0x01, 0x93, 0x5d, 0x2f, 0x8a, 0x00, 0x7c, 0x11, 0x8e, 0x5f, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60}
	goldenOther = wfslog.RunID{0x01, 0x93, 0x5d, 0x2f, 0x8a, 0x01, 0x7c, 0x11, 0x8e, 0x5f, 0x10, 0x20, 0x30, 0x40, 0x50, 0x61}
	goldenStart = time.Date(2026, 11, 22, 6, 14, 5, 0, time.UTC)
)

const (
	goldenStreamA = "1f86d081884c7d65"
	goldenStreamB = "9a3c5e7012345678"
)

// script writes a run for a golden file.
type script struct {
	*eventtest.Stream
	run wfslog.RunID
	now time.Time
}

func newScript(stream string) *script {
	return &script{Stream: eventtest.NewStream(stream), run: goldenRun, now: goldenStart}
}

// event appends an event 125 ms after the last one.
func (s *script) event(ev wfslog.Event) {
	s.now = s.now.Add(125 * time.Millisecond)
	ev.Time = s.now
	if ev.Type.OfSpan() {
		ev.Run = s.run
	}
	s.Add(ev)
}

func (s *script) open(refs ...event.SpanRef) {
	s.event(wfslog.Event{Type: event.TypeOpen, Open: &event.Open{
		Format: event.Format, ID: s.ID + s.ID, Segment: 1, Host: "host", PID: 4711, Program: "research", Go: "go1.26.8", Spans: refs,
	}})
}

func (s *script) start(path string, kind wfslog.Kind, name, agent, attrs string, flags ...string) {
	s.event(wfslog.Event{
		Type: event.TypeStart, Level: slog.LevelDebug, Span: path, Kind: kind, Name: name, Agent: agent,
		Attrs: json.RawMessage(attrs), Flags: flags,
	})
}

func (s *script) end(path string, dur time.Duration, err, attrs string) {
	ev := wfslog.Event{
		Type: event.TypeEnd, Span: path, Dur: dur, Status: event.StatusOK, Error: err, Attrs: json.RawMessage(attrs),
	}
	if err != "" {
		ev.Status, ev.Level = event.StatusError, slog.LevelError
	}
	s.event(ev)
}

func (s *script) log(path string, after uint32, level slog.Level, logger, msg, attrs string) {
	s.event(wfslog.Event{
		Type: event.TypeLog, Span: path, After: after, Level: level, Logger: logger, Msg: msg, Attrs: json.RawMessage(attrs),
	})
}

func (s *script) set(path, attrs string, resource *wfslog.Resource) {
	s.event(wfslog.Event{
		Type: event.TypeSet, Level: slog.LevelDebug, Span: path, Attrs: json.RawMessage(attrs), Resource: resource,
	})
}

var goldens = map[string]func() [][]byte{
	"research": func() [][]byte {
		s := newScript(goldenStreamA)
		s.open()
		s.start("", wfslog.KindWorkflow, "research", "", `{"model_config":{"model":"m1","temperature":0.2}}`)
		s.set("", ``, &wfslog.Resource{Name: "corpus", URI: "file:///data/corpus"})
		s.start("1", wfslog.KindIteration, "", "", ``)
		s.start("1/1", wfslog.KindInteraction, "", "agent1", `{"input":"What is known about folds?"}`)
		s.start("1/1/1", wfslog.KindAction, "llm_call", "agent1", `{"model":"m1","provider":"p1","input":"Summarise \u001b[31mthis\u001b[0m","temperature":0.2}`)
		s.log("1/1/1", 0, slog.LevelDebug, "workflow.agent1", "sending", `{"bytes":5120}`)
		s.end("1/1/1", 812*time.Millisecond, "", `{"output":"A fold is …","usage":{"input_tokens":1200,"output_tokens":85},"cost_usd":0.0123,"finish_reason":"stop"}`)
		s.log("1/1", 1, slog.LevelInfo, "workflow.agent1", "looked it up", `{"action":"tool_call","tool":"search","input":{"q":"fold"},"output":["a","b"],"rank":1}`)
		s.log("1/1", 1, slog.LevelInfo, "workflow.agent1", "thinking", `{"step":1}`)
		s.end("1/1", 2500250*time.Microsecond, "", `{"output":"Folds are functions."}`)
		s.log("1", 1, slog.LevelWarn, "", "slow", ``)
		s.end("1", 4011200*time.Microsecond, "", ``)
		s.start("2", wfslog.KindIteration, "", "", ``)
		s.log("2", 0, slog.LevelInfo, "workflow.agent2", "asked", `{"action":"llm_call","model":"m2","input":"why?","output":"because","usage":{"input_tokens":10,"output_tokens":3,"reasoning_tokens":40},"cost_usd":1.5e-05}`)
		s.log("2", 0, slog.LevelError, "workflow.agent2", "no answer", `{"error":"timeout"}`)
		s.log("2", 0, slog.LevelInfo, "workflow.a/b~c@d%", "hello", ``)
		s.start("2/1", wfslog.KindInteraction, "", "agent1", ``)
		s.start("2/1/1", wfslog.KindAction, "sub_agent", "agent1", `{"metadata":{"prompt":"v2","input":"kept"}}`)
		s.start("2/1/1/1", wfslog.KindInteraction, "", "agent3", ``)
		s.log("2/1/1/1", 0, slog.LevelInfo, "workflow.agent3", "asked", `{"action":"llm_call","usage":{"input_tokens":7}}`)
		s.end("2/1/1/1", 100*time.Millisecond, "", ``)
		s.end("2/1/1", 200*time.Millisecond, "", `{"usage":{"input_tokens":70,"output_tokens":30},"cost_usd":0.1}`)
		s.start("2/1/2", wfslog.KindAction, "tool_call", "agent1", `{"tool":"python"}`)
		s.end("2/1/2", 300*time.Microsecond, "exit status 1", `{"input":"1/0"}`)
		s.end("2/1", time.Second, "", `{"status":"partial"}`)
		s.end("2", 2*time.Second, "", ``)
		s.set("", `{"model_config":{"model":"m2"},"reviewed":true}`, nil)
		s.end("", 8123400*time.Microsecond, "", `{"output":{"answer":42}}`)
		s.event(wfslog.Event{Type: event.TypeClose, N: 31, Reason: "closed"})
		return s.Lines
	},
	"killed": func() [][]byte {
		s := newScript(goldenStreamA)
		s.open()
		s.start("", wfslog.KindWorkflow, "research", "", ``)
		s.start("1", wfslog.KindIteration, "", "", ``)
		s.log("1", 0, slog.LevelInfo, "workflow.agent1", "working", ``)
		s.end("1", time.Second, "", ``)
		s.start("2", wfslog.KindIteration, "", "", ``)
		s.log("2", 0, slog.LevelInfo, "workflow.agent1", "working", ``)
		s.start("2/1", wfslog.KindAction, "llm_call", "", `{"input":"…","status":"open"}`)
		whole := s.Lines
		s.log("2/1", 0, slog.LevelInfo, "", "never finished", ``)
		torn := s.Lines[len(s.Lines)-1]
		other := newScript(goldenStreamB)
		other.open()
		other.event(wfslog.Event{Type: event.TypeGone, Gone: goldenStreamA})
		return append(append(other.Lines, whole...), torn[:len(torn)/2])
	},
	"losses": func() [][]byte {
		s := newScript(goldenStreamA)
		s.open()
		s.start("", wfslog.KindWorkflow, "research", "", ``)
		s.start("1", wfslog.KindIteration, "", "", ``)
		s.start("1/1", wfslog.KindInteraction, "", "agent1", ``)
		s.Drop()
		s.start("1/1/1", wfslog.KindAction, "llm_call", "agent1", ``)
		s.Drop()
		s.open(event.SpanRef{Run: s.run, Span: "1/1", Kind: wfslog.KindInteraction, Agent: "agent1", Time: s.now})
		s.event(wfslog.Event{Type: event.TypeLoss, From: 4, To: 5, N: 2, Bytes: 500, Cause: "no space left on device"})
		s.log("1/1", 1, slog.LevelInfo, "workflow.agent1", "the start of this is lost", ``)
		s.log("1/1/1", 0, slog.LevelInfo, "workflow.agent1", "and of this", ``)
		s.log("7/3", 0, slog.LevelInfo, "workflow.agent1", "an orphan", ``)
		s.end("1/1/1", time.Second, "", ``)
		s.end("1", time.Second, "", ``)
		s.log("1", 1, slog.LevelInfo, "", "late", ``)
		damaged := bytes.Clone(s.Lines[len(s.Lines)-1])
		damaged[20] ^= 1
		s.Lines = append(s.Lines, damaged)
		s.end("", time.Second, "", ``)
		return s.Lines
	},
	"default": func() [][]byte {
		s := newScript(goldenStreamA)
		s.open()
		s.start("", wfslog.KindWorkflow, "program", "", ``, event.FlagDefault)
		s.log("", 0, slog.LevelInfo, "workflow.agent1", "asked the model",
			`{"action":"llm_call","input":"hi","output":"ho","usage":{"input_tokens":1,"output_tokens":2}}`)
		s.start("1", wfslog.KindIteration, "", "", ``)
		s.log("1", 0, slog.LevelInfo, "workflow.agent1", "in the iteration", ``)
		s.end("1", time.Second, "it failed", ``)
		s.log("", 1, slog.LevelInfo, "workflow.agent1", "between", ``)
		return s.Lines
	},
	"merged": func() [][]byte {
		a, b := newScript(goldenStreamA), newScript(goldenStreamB)
		a.open()
		a.start("", wfslog.KindWorkflow, "research", "", ``)
		a.start("1", wfslog.KindIteration, "", "", ``)
		a.event(wfslog.Event{Type: event.TypeInject, Level: slog.LevelDebug, Span: "1", Ordinal: 1})
		a.event(wfslog.Event{Type: event.TypeInject, Level: slog.LevelDebug, Span: "1", Ordinal: 2})
		a.event(wfslog.Event{Type: event.TypeInject, Level: slog.LevelDebug, Span: "1", Ordinal: 3})
		b.open()
		b.start("1/1~k3x9q7aa", wfslog.KindInteraction, "", "remote", ``)
		b.end("1/1~k3x9q7aa", time.Second, "", ``)
		b.start("1/1~k3x9q7aa.2", wfslog.KindInteraction, "", "remote", ``, event.FlagPartial)
		b.end("1/1~k3x9q7aa.2", time.Second, "", ``)
		b.event(wfslog.Event{
			Type: event.TypeStart, Level: slog.LevelDebug, Span: "1/2~aaaaaaaa", Kind: wfslog.KindWorkflow, Name: "worker",
			Link: &wfslog.Link{Trace: goldenOther.String(), Span: "00f067aa0ba902b7"},
		})
		b.log("1/2~aaaaaaaa", 0, slog.LevelInfo, "workflow.remote", "at work", ``)
		b.end("1/2~aaaaaaaa", time.Second, "", ``)
		b.log("1", 1, slog.LevelInfo, "", "from the other process", ``)
		b.start("1/3~bbbbbbbb", wfslog.KindWorkflow, "program", "", ``, event.FlagDefault) // never ended
		b.start("1/3~bbbbbbbb/1", wfslog.KindIteration, "", "", ``)
		b.end("1/3~bbbbbbbb/1", time.Second, "it failed", ``)
		a.end("1", 2*time.Second, "", ``)
		a.end("", 3*time.Second, "", ``)
		lines := append(a.Lines, b.Lines...)
		return append(lines, a.Lines...) // read twice
	},
	"odd": func() [][]byte {
		s := newScript(goldenStreamA)
		s.start("", wfslog.KindWorkflow, "odd \u202e\u0085 names", "", `{"usage":{"input_tokens":1},"model":7,"status":"interrupted"}`)
		s.start("1", wfslog.KindAction, "negative", "", ``)
		s.end("1", 0, "", `{"usage":{"input_tokens":-1},"cost_usd":-0.5,"error":{"code":7},"input":null}`)
		s.start("2", wfslog.KindAction, "huge", "", ``, event.FlagDepth)
		s.end("2", 1, "", `{"usage":{"input_tokens":18446744073709551615},"cost_usd":1e30,"metadata":"text"}`)
		s.start("3", wfslog.KindAction, "unknown bucket", "", ``)
		s.end("3", 999999, "", `{"usage":{"input_tokens":1,"jokes":2},"!DUP":{"a":1}}`)
		s.log("", 3, slog.LevelInfo, "", "no action", `{"action":{"a":1}}`)
		s.log("", 3, slog.LevelInfo, "", "failed action", `{"action":"tool_call","error":"boom","status":"error"}`)
		s.log("", 3, slog.Level(1), "", "level between", ``)
		s.event(wfslog.Event{
			Type: event.TypeLog, After: 3, Msg: "with its place", Source: &wfslog.Source{Function: "main.main", File: "main.go", Line: 7},
		})
		s.event(wfslog.Event{Type: "future", Run: s.run, Span: "1"})
		foreign := wfslog.Event{
			Type: event.TypeLog, Time: goldenStart, Run: s.run, Logger: "workflow.agent1", Msg: "bidi \u202e and \u0090 control",
			Attrs: json.RawMessage(`{"key \u202e":["\u2028", {"a" : 1}]}`),
		}
		return append(s.Lines, eventtest.Foreign(foreign), eventtest.Foreign(foreign))
	},
}

func TestGoldenDocuments(t *testing.T) {
	for name, lines := range goldens {
		t.Run(name, func(t *testing.T) {
			input := filepath.Join("testdata", name+".jsonl")
			if *update {
				require.NoError(t, os.WriteFile(input, bytes.Join(lines(), nil), 0o644))
			}
			b := wfslog.NewTreeBuilder(nil)
			f, err := os.Open(input)
			require.NoError(t, err)
			defer f.Close()
			_, err = b.ReadFrom(f)
			require.NoError(t, err)
			require.Equal(t, []wfslog.RunID{goldenRun}, b.Runs())
			var document, flat bytes.Buffer
			require.NoError(t, b.WriteDocument(&document, goldenRun))
			require.NoError(t, b.WriteFlat(&flat, goldenRun))
			golden(t, name+".json", document.Bytes())
			golden(t, name+".flat.jsonl", flat.Bytes())
			assert.True(t, json.Valid(document.Bytes()))
			for line := range strings.Lines(flat.String()) {
				assert.True(t, json.Valid([]byte(line)), line)
			}
			assertCanonical(t, document.Bytes())
		})
	}
}

// golden compares got with a file in testdata, or writes it there.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), string(got), "%s; go test -run %s -update rewrites it", path, t.Name())
}

// assertCanonical checks that a document which is read and written again stays
// the same, also if another program has laid it out differently.
func assertCanonical(t require.TestingT, document []byte) {
	var indented bytes.Buffer
	require.NoError(t, json.Indent(&indented, document, "\t", "    "))
	for _, text := range [][]byte{document, indented.Bytes()} {
		var d wfslog.Document
		require.NoError(t, json.Unmarshal(text, &d))
		var again bytes.Buffer
		n, err := d.WriteTo(&again)
		require.NoError(t, err)
		require.Equal(t, int64(again.Len()), n)
		require.Equal(t, string(document), again.String())
	}
}

func ExampleTreeBuilder() {
	b := wfslog.NewTreeBuilder(nil)
	f, err := os.Open("testdata/research.jsonl")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	if _, err := b.ReadFrom(f); err != nil {
		fmt.Println(err)
		return
	}
	for _, run := range b.Runs() {
		d, err := b.Document(run)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(d.Workflow, d.Status, d.Duration(), len(d.Iterations), "iterations,", d.Usage.Calls, "calls, USD", d.Usage.CostUSD)
	}
	// Output: research ok 8.1234s 2 iterations, 3 calls, USD 0.112315
}
