package wfslog

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// TestSealedIterationsChangeNothing checks that a document which is put together
// of iterations that were folded and sealed apart, in any portions, and of the
// rest has the bytes of the document that is made at once.
func TestSealedIterationsChangeNothing(t *testing.T) {
	sealedAny, sealedAll := 0, 0
	property := func(t *rapid.T) {
		in := drawIterations(t)
		var whole bytes.Buffer
		f := foldRun(cloneInput(in), &foldCarry{})
		_, err := f.document().WriteTo(&whole)
		require.NoError(t, err)

		bounds, rest := f.splitLines()
		var part sealedPart
		var text []byte
		for limit := uint32(1); limit <= maxTestIterations; limit++ {
			if !rapid.Bool().Draw(t, "seal") {
				continue
			}
			batch := cloneInput(in)
			batch.lines = slices.Clone(bounds)
			for _, l := range rest {
				if 0 < l.iteration && l.iteration <= limit {
					batch.lines = append(batch.lines, l.foldLine)
				}
			}
			f := foldRun(batch, &part.carry)
			d := f.document()
			sealed := rapid.IntRange(0, f.sealable()).Draw(t, "sealed")
			if sealed == 0 {
				continue
			}
			require.NoError(t, part.adopt(f, d))
			piece, size, err := part.render(d, sealed, false)
			require.NoError(t, err)
			text = append(text, piece...)
			part.seal(f, d, sealed, size)
			require.EqualValues(t, len(text), part.size)
			last := f.iterations[sealed-1].span.element.Ordinal
			rest = slices.DeleteFunc(rest, func(l splitLine) bool { return 0 < l.iteration && l.iteration <= last })
			sealedAny++
		}
		last := cloneInput(in)
		last.lines = slices.Clone(bounds)
		for _, l := range rest {
			last.lines = append(last.lines, l.foldLine)
		}
		f = foldRun(last, &part.carry)
		d := f.document()
		require.NoError(t, part.adopt(f, d))
		piece, _, err := part.render(d, 0, true)
		require.NoError(t, err)
		require.Equal(t, whole.String(), string(append(text, piece...)))
		if part.carry.iterations > 0 && len(f.iterations) == 0 {
			sealedAll++
		}
	}
	for range 5 {
		rapid.Check(t, property)
	}
	require.NotZero(t, sealedAny, "the test has not tried anything")
	require.NotZero(t, sealedAll, "the test has not sealed all of a run")
}

func cloneInput(in *foldInput) *foldInput {
	clone := *in
	clone.lines, clone.refs = slices.Clone(in.lines), slices.Clone(in.refs)
	return &clone
}

// splitLine is an event with the ordinal of the root's iteration that it is in, 0
// if it is in none.
type splitLine struct {
	foldLine
	iteration uint32
}

// splitLines returns the starts and ends of the root, which each part of the fold
// gets, and all other events.
func (f *fold) splitLines() (bounds []foldLine, rest []splitLine) {
	iterations := map[string]uint32{}
	for _, it := range f.iterations {
		iterations[it.span.path] = it.span.element.Ordinal
	}
	for _, l := range f.in.lines {
		ev, _ := event.ParseLine(l.line)
		if ev.Span == "" && (ev.Type == event.TypeStart || ev.Type == event.TypeEnd) {
			bounds = append(bounds, l)
			continue
		}
		top, _, _ := strings.Cut(ev.Span, "/")
		rest = append(rest, splitLine{l, iterations[top]})
	}
	return bounds, rest
}

const maxTestIterations = 4

var carryRun = RunID{6: 0x70, 15: 1}

// drawIterations draws a run with several iterations, whose events are mixed, and
// nearly all of which have ended.
func drawIterations(t *rapid.T) *foldInput {
	pick := func(label string, n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }
	streams := []*eventtest.Stream{eventtest.NewStream("bbbbbbbbbbbbbbbb"), eventtest.NewStream("aaaaaaaaaaaaaaaa")}
	now := time.Date(2026, 11, 22, 6, 14, 5, 0, time.UTC)
	var lines [][]byte
	add := func(s *eventtest.Stream, ev Event) {
		now = now.Add(time.Millisecond)
		ev.Time = now
		if ev.Type.OfSpan() {
			ev.Run = carryRun
		}
		line := s.Add(ev)
		switch pick("fate", 30) {
		case 0: // lost
			return
		case 1: // a second writer with the same identity
			other := ev
			other.Seq, other.Stream, other.Time = uint64(len(s.Lines)), s.ID, now.Add(time.Hour)
			lines = append(lines, eventtest.Line(other, 1, 0))
		case 2: // damaged
			damaged := bytes.Clone(line)
			damaged[len(damaged)-5] ^= 1
			lines = append(lines, damaged)
			return
		}
		lines = append(lines, line)
	}
	flags := [][]string{nil, {event.FlagDefault}}[pick("default", 2)]
	add(streams[0], Event{Type: event.TypeStart, Kind: KindWorkflow, Name: "w", Flags: flags})

	// Each iteration is a list of events still to be written, of which any may come
	// next.
	var queues [][]func()
	queue := func(s *eventtest.Stream, path string) {
		var events []func()
		then := func(ev Event) { events = append(events, func() { add(s, ev) }) }
		attrs := func() json.RawMessage { return json.RawMessage(carryAttrs[pick("attrs", len(carryAttrs))]) }
		status := func() string { return []string{event.StatusOK, event.StatusError}[pick("status", 2)] }
		kind := KindIteration
		if pick("kind", 6) == 0 {
			kind = KindInteraction
		}
		then(Event{Type: event.TypeStart, Kind: kind, Span: path, Agent: "agent1"})
		for range pick("events", 4) {
			child := path + "/" + strconv.Itoa(1+pick("child", 3))
			switch pick("type", 6) {
			case 0, 1:
				then(Event{Type: event.TypeStart, Kind: []Kind{KindInteraction, KindAction}[pick("kind", 2)], Span: child, Agent: "agent2"})
				then(Event{Type: event.TypeLog, Span: child, Msg: "in", Level: slog.LevelError, Attrs: attrs()})
				then(Event{Type: event.TypeEnd, Span: child, Status: status(), Attrs: attrs()})
			case 2:
				then(Event{Type: event.TypeEnd, Span: child, Status: status()}) // perhaps without a start
			case 3:
				then(Event{Type: event.TypeSet, Span: path, Attrs: attrs()})
			default:
				then(Event{
					Type: event.TypeLog, Span: path, After: uint32(pick("after", 3)), Msg: "m", Attrs: attrs(),
					Logger: []string{"", "workflow.agent1", "workflow.agent3"}[pick("logger", 3)],
				})
			}
		}
		if pick("ends", 8) > 0 {
			then(Event{Type: event.TypeEnd, Span: path, Status: status(), Dur: time.Second})
			if pick("late", 4) == 0 {
				then(Event{Type: event.TypeLog, Span: path, Msg: "late"})
			}
		}
		queues = append(queues, events)
	}
	for i := range pick("iterations", maxTestIterations+1) {
		queue(streams[pick("stream", 2)], strconv.Itoa(i+1))
	}
	root := []func(){
		func() {
			add(streams[0], Event{Type: event.TypeLog, Logger: "workflow.agent1", Level: slog.LevelError, After: 1, Msg: "of the root"})
		},
		func() { add(streams[1], Event{Type: event.TypeSet, Attrs: json.RawMessage(`{"a":1}`)}) },
		func() { add(streams[1], Event{Type: event.TypeLoss, From: 1, To: 3, N: 2}) },
		func() {
			add(streams[0], Event{Type: event.TypeLog, Attrs: json.RawMessage(`{"action":"x","cost_usd":0.1}`)})
		},
		func() { add(streams[0], Event{Type: event.TypeClose}) },
		func() { add(streams[0], Event{Type: event.TypeGone, Gone: streams[1].ID}) },
		func() {
			add(streams[1], Event{Type: event.TypeOpen, Open: &event.Open{Format: 1, ID: streams[1].ID + streams[1].ID, Spans: []event.SpanRef{
				{Run: carryRun, Span: "1/1", Kind: KindAction, Name: "named"}, {Run: carryRun, Span: "2", Kind: KindIteration},
			}}})
		},
	}
	queues = append(queues, root[pick("root", len(root)+1):])
	for {
		queues = slices.DeleteFunc(queues, func(q []func()) bool { return len(q) == 0 })
		if len(queues) == 0 {
			break
		}
		i := min(pick("next", 3), len(queues)-1) // mostly one after another
		queues[i][0]()
		queues[i] = queues[i][1:]
	}
	// The root ends last: an iteration that begins after the end of the root, in the
	// same stream, must not be sealed without that end, which does not count it.
	if pick("end", 3) > 0 {
		add(streams[0], Event{Type: event.TypeEnd, Status: event.StatusError, Error: "boom"})
		add(streams[0], Event{Type: event.TypeLog, Span: "1", Msg: "late"})
	}

	b := NewTreeBuilder(nil)
	_, err := b.Write(bytes.Join(lines, nil))
	require.NoError(t, err)
	tree, err := b.tree(carryRun)
	require.NoError(t, err)
	if tree != nil {
		return tree.fold(0).in
	}
	return &foldInput{run: carryRun} // all events were lost
}

var carryAttrs = []string{
	``, ``, `{"error":"boom"}`, `{"status":"odd"}`, `{"usage":{"input_tokens":3},"cost_usd":0.25}`,
	`{"action":"llm_call","usage":{"input_tokens":5,"output_tokens":1}}`, `{"action":"tool","status":"error"}`, `{"x":1}`,
}
