package wfslog_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// propertyChecks is how many generated sets of events each property is checked
// with; there are eight properties.
const propertyChecks = 1250

// checkProperty is rapid.Check with propertyChecks checks, unless the command line
// says how many.
func checkProperty(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	checks := flag.Lookup("rapid.checks")
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f == checks })
	if !given {
		old := checks.Value.String()
		require.NoError(t, checks.Value.Set(strconv.Itoa(propertyChecks)))
		defer func() { _ = checks.Value.Set(old) }() // it was the value before
	}
	rapid.Check(t, property)
}

var (
	somePaths = []string{
		"", "", "1", "1", "2", "1/1", "1/2", "2/1", "1/1/1", "2/1/1", "3", "1/1~k3x9q7aa", "1/1~k3x9q7aa.2",
		"1/1~zzzzzzzz", "1/1~k3x9q7aa/1", "1/10", "1/9", "7/7/7",
	}
	someKinds   = []wfslog.Kind{wfslog.KindWorkflow, wfslog.KindIteration, wfslog.KindIteration, wfslog.KindInteraction, wfslog.KindAction}
	someLoggers = []string{"", "workflow", "workflow.agent1", "workflow.agent2", "workflow.a/~@%\n", "other"}
	someAttrs   = []string{
		``, ``, `{}`, `{"a":1}`, `{"a":2,"b":{"c":[1, 2]}}`, `{"action":"llm_call","input":"i","output":{"o":1}}`,
		`{"action":"tool_call","usage":{"input_tokens":3,"output_tokens":5},"cost_usd":0.000000001}`, `{"action":7}`,
		`{"usage":{"input_tokens":100,"cache_read_tokens":1},"cost_usd":1.25}`, `{"usage":{"input_tokens":-1}}`,
		`{"usage":{"input_tokens":18446744073709551615}}`, `{"cost_usd":1e300}`, `{"cost_usd":9e9}`, `{"status":"odd"}`,
		`{"status":"open"}`, `{"error":"boom"}`, `{"model":"m","provider":"p","tool":"t","finish_reason":"f"}`,
		`{"metadata":{"a":3,"model":"x"},"model":5}`, `{"!DUP":{"a":0},"key \u202e":"\u0000\ud800"}`,
		"{ \"raw\" : \"\u202e\u0085\u2028\" ,\r\t\"n\" : -0.0e5 }", `{"input":null}`,
	}
	someLevels = []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelInfo, slog.LevelError, wfslog.LevelCritical, 3}
	someRuns   = []wfslog.RunID{goldenRun, goldenRun, goldenRun, goldenOther}
)

// drawLines draws the lines of several streams with all that can go wrong, in the
// order in which they were written.
func drawLines(t *rapid.T) [][]byte {
	streams := []*eventtest.Stream{
		eventtest.NewStream("aaaaaaaaaaaaaaaa"), eventtest.NewStream("bbbbbbbbbbbbbbbb"), eventtest.NewStream("0000000000000001"),
	}
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }
	var lines [][]byte
	for i := range rapid.IntRange(1, 20).Draw(t, "events") {
		s := streams[pick("stream", len(streams))]
		ev := wfslog.Event{
			Time: goldenStart.Add(time.Duration(pick("time", 1e6))), Level: someLevels[pick("level", len(someLevels))],
			Run: someRuns[pick("run", len(someRuns))], Span: somePaths[pick("path", len(somePaths))],
			Attrs: json.RawMessage(someAttrs[pick("attrs", len(someAttrs))]),
		}
		switch pick("type", 17) {
		case 0, 1, 2, 3:
			ev.Type, ev.Kind = event.TypeStart, someKinds[pick("kind", len(someKinds))]
			if ev.Span == "" {
				ev.Kind = wfslog.KindWorkflow
			}
			ev.Name, ev.Agent = "name", []string{"", "agent1", "agent3"}[pick("agent", 3)]
			ev.Flags = [][]string{nil, {event.FlagDefault}, {event.FlagPartial}, {"x", "\u202e"}}[pick("flags", 4)]
		case 4, 5, 6:
			ev.Type, ev.Dur = event.TypeEnd, time.Duration(pick("dur", 1e9))
			ev.Status = []string{"", event.StatusOK, event.StatusError, event.StatusError, event.StatusOpen, "odd"}[pick("status", 6)]
			ev.N = uint64(pick("n", 3)) // 0 means what was really written
		case 7:
			ev.Type = event.TypeSet
			if pick("resource", 2) == 1 {
				ev.Resource = &wfslog.Resource{Name: "r", URI: "file:///\u2028"}
			}
		case 8:
			ev = wfslog.Event{Type: event.TypeClose, N: 1, Time: ev.Time}
		case 9:
			ev = wfslog.Event{Type: event.TypeGone, Gone: streams[pick("gone", len(streams))].ID}
		case 10:
			from := uint64(pick("from", 20))
			ev = wfslog.Event{Type: event.TypeLoss, From: from, To: from + uint64(pick("to", 5)), N: uint64(pick("n", 3))}
		case 11:
			ev = wfslog.Event{Type: event.TypeOpen, Open: &event.Open{Format: 1, ID: s.ID + s.ID, Spans: []event.SpanRef{
				{Run: ev.Run, Span: ev.Span, Kind: someKinds[pick("kind", len(someKinds))], Name: "ref", Agent: "agent1", Time: ev.Time},
			}}}
		case 12:
			ev.Type = "future"
		case 13:
			ev.Type, ev.Ordinal = event.TypeInject, uint32(pick("ordinal", 4)+1)
		default:
			ev.Type, ev.After = event.TypeLog, uint32(pick("after", 4))
			ev.Msg = fmt.Sprint("m", i) // by which a line without stream and seq is known again
			ev.Logger = someLoggers[pick("logger", len(someLoggers))]
		}
		line := s.Add(ev)
		ev.Stream, ev.Seq = s.ID, uint64(len(s.Lines))
		switch pick("fate", 12) {
		case 0: // lost
		case 1: // also passed on
			if ev.Type.OfSpan() {
				lines = append(lines, eventtest.Foreign(ev))
				other := ev
				other.Msg += "?"
				lines = append(lines, eventtest.Foreign(other)) // the same unless it is a record
			}
			lines = append(lines, line)
		case 2: // only passed on, to where identities are dropped
			if ev.Type.OfSpan() {
				ev.Seq, ev.Stream = 0, ""
				lines = append(lines, eventtest.Foreign(ev))
			}
		case 3: // only passed on, twice and in different words
			if ev.Type.OfSpan() {
				lines = append(lines, eventtest.Foreign(ev))
				ev.Msg += "!"
				lines = append(lines, eventtest.Foreign(ev))
			}
		case 4: // a second writer with the same identity
			for i := range pick("variants", 3) {
				other := ev
				other.Time = other.Time.Add(time.Duration(i+1) * time.Second)
				if other.Type.OfSpan() && pick("elsewhere", 3) == 0 {
					other.Run = goldenOther
				}
				lines = append(lines, eventtest.Line(other, 1, 0))
			}
			lines = append(lines, line)
		case 5: // damaged
			damaged := bytes.Clone(line)
			damaged[pick("byte", len(damaged)-1)] ^= 1 << pick("bit", 8)
			lines = append(lines, damaged)
		default:
			lines = append(lines, line)
		}
	}
	return lines
}

// fold returns the documents of all runs in the lines.
func fold(t require.TestingT, lines [][]byte) string { return documents(t, build(t, lines)) }

func build(t require.TestingT, lines [][]byte) *wfslog.TreeBuilder {
	b := wfslog.NewTreeBuilder(nil)
	_, err := b.Write(bytes.Join(lines, nil))
	require.NoError(t, err)
	return b
}

func documents(t require.TestingT, b *wfslog.TreeBuilder) string {
	var out strings.Builder
	for _, run := range b.Runs() {
		require.NoError(t, b.WriteDocument(&out, run))
	}
	return out.String()
}

func assertSameDocuments(t require.TestingT, want, got string) {
	if sha256.Sum256([]byte(want)) != sha256.Sum256([]byte(got)) {
		require.Equal(t, want, got)
	}
}

func TestDocumentsDoNotDependOnOrder(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		want, got := build(t, lines), build(t, rapid.Permutation(lines).Draw(t, "order"))
		assertSameDocuments(t, documents(t, want), documents(t, got))
		require.Equal(t, want.Stats(), got.Stats())
	})
}

func TestDocumentsDoNotDependOnRepetition(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		if len(lines) == 0 {
			return
		}
		repeated := append(rapid.SliceOf(rapid.SampledFrom(lines)).Draw(t, "again"), lines...)
		repeated = append(repeated, rapid.SliceOf(rapid.SampledFrom(lines)).Draw(t, "and again")...)
		want, got := build(t, lines), build(t, repeated)
		assertSameDocuments(t, documents(t, want), documents(t, got))
		once, again := want.Stats(), got.Stats()
		require.Equal(t, []uint64{once.Events, once.Conflicts, once.Bad}, []uint64{again.Events, again.Conflicts, again.Bad})
	})
}

func TestDocumentsDoNotDependOnSplitWrites(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		b := wfslog.NewTreeBuilder(nil)
		all := bytes.Join(lines, nil)
		for len(all) > 0 {
			n := min(rapid.IntRange(1, 1000).Draw(t, "piece"), len(all))
			_, err := b.Write(all[:n])
			require.NoError(t, err)
			all = all[n:]
		}
		assertSameDocuments(t, fold(t, lines), documents(t, b))
	})
}

func TestDocumentsDoNotDependOnDivision(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		parts := make([][][]byte, 3)
		for _, line := range lines {
			i := rapid.IntRange(0, len(parts)-1).Draw(t, "part")
			parts[i] = append(parts[i], line)
		}
		b := wfslog.NewTreeBuilder(nil)
		for _, part := range parts {
			_, err := b.ReadFrom(bytes.NewReader(bytes.Join(part, nil)))
			require.NoError(t, err)
		}
		assertSameDocuments(t, fold(t, lines), documents(t, b))
	})
}

func TestDocumentsDoNotDependOnWhenTheyAreAskedFor(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		b := wfslog.NewTreeBuilder(nil)
		asked := rapid.IntRange(0, len(lines)).Draw(t, "asked")
		for i, line := range lines {
			if i == asked {
				assertSameDocuments(t, fold(t, lines[:i]), documents(t, b))
			}
			_, err := b.Write(line)
			require.NoError(t, err)
		}
		assertSameDocuments(t, fold(t, lines), documents(t, b))
	})
}

func TestDocumentsCountConflictsOnce(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		s := eventtest.NewStream("aaaaaaaaaaaaaaaa")
		lines := [][]byte{s.Add(wfslog.Event{Type: event.TypeStart, Run: goldenRun, Kind: wfslog.KindWorkflow})}
		variants := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 20).Draw(t, "variants")
		distinct := map[int]bool{}
		for _, v := range variants {
			distinct[v] = true
			lines = append(lines, eventtest.Line(wfslog.Event{
				Seq: 2, Stream: s.ID, Run: goldenRun, Type: event.TypeLog, Msg: strconv.Itoa(v),
			}, 0, 0))
		}
		b := wfslog.NewTreeBuilder(nil)
		_, err := b.Write(bytes.Join(lines, nil))
		require.NoError(t, err)
		d, err := b.Document(goldenRun)
		require.NoError(t, err)
		require.EqualValues(t, len(distinct)-1, d.Integrity.Conflicts)
		require.EqualValues(t, len(distinct)-1, b.Stats().Conflicts)
		require.Len(t, d.Logs, 1)
		for v := range distinct {
			require.LessOrEqual(t, d.Logs[0].Msg, strconv.Itoa(v), "the smallest bytes win")
		}
	})
}

func TestDocumentsAreCanonicalJSON(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		b := wfslog.NewTreeBuilder(nil)
		_, err := b.Write(bytes.Join(drawLines(t), nil))
		require.NoError(t, err)
		for _, run := range b.Runs() {
			var text, flat bytes.Buffer
			require.NoError(t, b.WriteDocument(&text, run))
			require.True(t, json.Valid(text.Bytes()), text.String())
			if strings.ContainsFunc(text.String(), isUnsafe) {
				require.Fail(t, "unsafe character", "%q", text.String())
			}
			assertCanonical(t, text.Bytes())
			d, err := b.Document(run)
			require.NoError(t, err)
			var back wfslog.Document
			require.NoError(t, json.Unmarshal(text.Bytes(), &back))
			require.Equal(t, d, &back)
			require.NoError(t, d.WriteFlat(&flat))
			for line := range strings.Lines(flat.String()) {
				require.True(t, json.Valid([]byte(line)), line)
			}
		}
	})
}

func isUnsafe(r rune) bool {
	return r < ' ' && r != '\n' || 0x7f <= r && r < 0xa0 || r == '\u202e' || r == '\u2028'
}
