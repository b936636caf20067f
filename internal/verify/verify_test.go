package verify_test

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
	"github.com/wfslog/wfslog/internal/verify"
)

var (
	run   = event.RunID{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80}
	start = time.Date(2026, 11, 22, 6, 14, 5, 0, time.UTC)
)

// segments returns the lines of a stream with a run of two iterations, each in a
// segment of its own.
func segments(id string) [][][]byte {
	s := eventtest.NewStream(id)
	open := func(n int, spans ...event.SpanRef) {
		s.Add(event.Event{Type: event.TypeOpen, Time: start, Open: &event.Open{
			Format: event.Format, Segment: n, Program: "p", PID: 7, Spans: spans,
		}})
	}
	iteration := func(path string) {
		s.Add(event.Event{Type: event.TypeStart, Run: run, Span: path, Kind: event.KindIteration, Time: start})
		for range 3 {
			s.Add(event.Event{Type: event.TypeLog, Run: run, Span: path, Msg: "m", Attrs: []byte(`{"k":"` + strings.Repeat("v", 100) + `"}`)})
		}
		s.Add(event.Event{Type: event.TypeEnd, Run: run, Span: path, Status: event.StatusOK})
	}
	open(1)
	s.Add(event.Event{Type: event.TypeStart, Run: run, Kind: event.KindWorkflow, Name: "w", Time: start})
	iteration("1")
	first := len(s.Lines)
	open(2, event.SpanRef{Run: run, Kind: event.KindWorkflow, Name: "w"})
	iteration("2")
	s.Add(event.Event{Type: event.TypeEnd, Run: run, Status: event.StatusOK})
	s.Add(event.Event{Type: event.TypeClose, N: 14, Reason: "done"})
	return [][][]byte{slices.Clone(s.Lines[:first]), slices.Clone(s.Lines[first:])}
}

const (
	streamA = "aaaaaaaaaaaaaaaa"
	streamB = "bbbbbbbbbbbbbbbb"
)

// check reads the given inputs of stream A.
func check(t *testing.T, l verify.Limits, state verify.State, inputs ...[]byte) *verify.Report {
	t.Helper()
	c := verify.New(l)
	for i, text := range inputs {
		err := c.Read(bytes.NewReader(text), verify.Input{Name: "f", Stream: streamA, State: state, Newest: i+1 == len(inputs)})
		require.NoError(t, err)
	}
	return c.Report()
}

func join(lines ...[][]byte) []byte { return bytes.Join(slices.Concat(lines...), nil) }

// lossLine returns a loss event of stream A with the given number.
func lossLine(seq, from, to, n uint64, cause string) []byte {
	return eventtest.Line(event.Event{Seq: seq, Stream: streamA, Type: event.TypeLoss, From: from, To: to, Cause: cause}, n, 0)
}

func TestDamageIsFound(t *testing.T) {
	a := segments(streamA)
	one, two := a[0], a[1]
	whole := join(one, two)
	flip := func(line []byte) []byte {
		line = slices.Clone(line)
		line[len(line)/2] ^= 1
		return line
	}
	with := func(lines [][]byte, i int, line ...[]byte) [][]byte {
		return slices.Replace(slices.Clone(lines), i, i+1, line...)
	}
	without := func(lines [][]byte, i int) [][]byte { return slices.Delete(slices.Clone(lines), i, i+1) }
	conflict := eventtest.Line(event.Event{Seq: 4, Stream: streamA, Type: event.TypeLog, Run: run, Span: "1", Msg: "other"}, 0, 0)
	unknown := eventtest.Line(event.Event{Seq: 16, Stream: streamA, Type: "frobbed"}, 0, 0)
	future := eventtest.Line(event.Event{
		Seq: 15, Stream: streamA, Type: event.TypeOpen, Open: &event.Open{Format: event.Format + 1, Segment: 3},
	}, 0, 0)
	last := eventtest.Line(event.Event{Seq: 1<<64 - 1, Stream: streamA, Type: event.TypeLog, Run: run, Msg: "m"}, 0, 0)

	tests := []struct {
		name   string
		inputs [][]byte
		ok     bool
		want   string // the summary
	}{
		{"whole", [][]byte{whole}, true, "The journal is whole: 15 events in 1 stream."},
		{"in segments", [][]byte{join(one), join(two)}, true, "The journal is whole: 15 events in 1 stream."},
		{"segments in any order", [][]byte{join(two), join(one)}, true, "The journal is whole: 15 events in 1 stream."},
		{"a segment twice", [][]byte{join(one), join(two), join(one)}, true, "The journal is whole: 15 events in 1 stream."},
		{"empty", [][]byte{nil, []byte("\n\n")}, true, "The journal is empty."},
		{
			"a flipped bit",
			[][]byte{join(with(one, 3, flip(one[3])), two)},
			false,
			"The journal is not whole: 1 line damaged, 1 event missing without a word.",
		},
		{
			"a deleted line",
			[][]byte{join(without(one, 4), two)},
			false,
			"The journal is not whole: 1 event missing without a word.",
		},
		{
			"a deleted segment",
			[][]byte{join(two)},
			false,
			"The journal is not whole: 7 events missing without a word.",
		},
		{
			"torn",
			[][]byte{whole[:len(whole)-20]},
			false,
			"The journal is not whole: 1 line torn.",
		},
		{
			"torn, and written on",
			[][]byte{join(with(one, 3, one[3][:50], []byte("\n")), two)},
			false,
			"The journal is not whole: 1 line damaged, 1 event missing without a word.",
		},
		{
			"zero bytes behind",
			[][]byte{append(bytes.Clone(whole), make([]byte, 5000)...)},
			false,
			"The journal is not whole: 1 line damaged.",
		},
		{
			"zero bytes within",
			[][]byte{join(with(one, 3, make([]byte, len(one[3]))), two)},
			false,
			"The journal is not whole: 1 line damaged, 1 event missing without a word.",
		},
		{
			"stated lost",
			[][]byte{join(with(without(one, 3), 3, lossLine(5, 4, 4, 1, "disk full")), two)},
			false,
			"The journal is not whole: 1 event stated lost.",
		},
		{
			"pruned",
			[][]byte{join(two, [][]byte{lossLine(16, 1, 7, 7, "pruned")})},
			true,
			"The journal is whole but for 7 events that retention deleted: 9 events in 1 stream.",
		},
		{
			"more pruned than stated",
			[][]byte{join(two, [][]byte{lossLine(16, 1, 7, 5, "pruned")})},
			false,
			"The journal is not whole: 2 events missing without a word.",
		},
		{
			"others pruned than stated",
			[][]byte{join(without(one, 4), two, [][]byte{lossLine(16, 1, 3, 3, "pruned")})},
			false,
			"The journal is not whole: 1 event missing without a word.",
		},
		{
			"two lines with one number",
			[][]byte{join(one, two, [][]byte{conflict})},
			false,
			"The journal is not whole: 1 line contradicting others.",
		},
		{"an unknown type", [][]byte{join(one, two, [][]byte{unknown})}, true, "The journal is whole: 16 events in 1 stream."},
		{"an unknown format", [][]byte{join(one, two[:len(two)-1], [][]byte{future})}, false, "The journal is not whole: 1 segment in a format that this version does not know."},
		{
			"the largest number",
			[][]byte{join(one, two, [][]byte{last})},
			false,
			"The journal is not whole: 18446744073709551599 events missing without a word.",
		},
		{"no end", [][]byte{join(one, two[:len(two)-2])}, false, "The journal is whole, 13 events in 1 stream, but 1 span never ended: the program ended before."},
		{"no journal", [][]byte{[]byte("hello\n{\"msg\":\"hi\"}\n")}, false, "This is no journal: nothing in it is an event."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := check(t, verify.Limits{}, verify.StateDead, tt.inputs...)
			assert.Equal(t, tt.want, got.Summary)
			assert.Equal(t, tt.ok, got.OK)
			assert.Empty(t, got.Limits)
			assert.Equal(t, got.Damaged+got.Torn, uint64(len(got.Damage)), "damage: %v", got.Damage)
		})
	}
}

func TestDamageIsToldWithItsPlace(t *testing.T) {
	a := segments(streamA)
	text := join(a[0][:2], [][]byte{[]byte("{not an event\n")}, a[0][2:], a[1], [][]byte{[]byte("{half")})
	got := check(t, verify.Limits{}, verify.StateDead, text)
	offset := int64(len(join(a[0][:2])))
	assert.Equal(t, []verify.Damage{
		{File: "f", Line: 3, Offset: offset, Size: 13, Why: "not a JSON object"},
		{File: "f", Line: 17, Offset: int64(len(text)) - 5, Size: 5, Why: "unfinished line", Torn: true},
	}, got.Damage)
	assert.Equal(t, []*verify.File{{Name: "f", Bytes: int64(len(text)), Events: 15, Damaged: 1, Torn: true}}, got.Files)
	assert.Equal(t, uint64(1), got.Streams[0].Damaged)
	assert.Equal(t, uint64(1), got.Streams[0].Torn)
}

func TestALiveWriterIsAtWork(t *testing.T) {
	a := segments(streamA)
	text := join(a[0], a[1][:3])
	got := check(t, verify.Limits{}, verify.StateLive, text[:len(text)-9])
	assert.True(t, got.OK)
	assert.Equal(t, "The journal is whole: 9 events in 1 stream, of which 1 is still being written.", got.Summary)
	assert.Equal(t, uint64(1), got.Writing)
	assert.Equal(t, uint64(2), got.Open)
	assert.Equal(t, []verify.Span{
		{Run: run, Kind: event.KindWorkflow, Name: "w", Stream: streamA, Started: start, Open: true},
		{Run: run, Span: "2", Kind: event.KindIteration, Stream: streamA, Started: start, Open: true},
	}, got.Unended)

	// Only its newest segment can be unfinished.
	got = check(t, verify.Limits{}, verify.StateLive, text[:len(text)-9], nil)
	assert.False(t, got.OK)
	assert.Equal(t, uint64(1), got.Torn)
}

func TestStreamsAreToldApart(t *testing.T) {
	a, b := segments(streamA), segments(streamB)
	b[0] = slices.Delete(b[0], 3, 5)
	got := check(t, verify.Limits{}, verify.StateDead, join(a[0], b[0], a[1], b[1]))
	require.Len(t, got.Streams, 2)
	assert.Zero(t, got.Streams[0].Unaccounted)
	assert.Equal(t, uint64(2), got.Streams[1].Unaccounted)
	assert.Equal(t, []verify.Range{{From: 4, To: 5}}, got.Streams[1].GapRanges)
	assert.Equal(t, uint64(2), got.Streams[1].Missing, "two events of the span 1")
	assert.Equal(t, uint64(2), got.Unaccounted)
	assert.Equal(t, verify.StateClosed, got.Streams[0].State)
	assert.Equal(t, 2, got.Streams[0].Segments)
	assert.Equal(t, "p", got.Streams[0].Program)
}

func TestDefaultRunsNeedNoEnd(t *testing.T) {
	s := eventtest.NewStream(streamA)
	s.Add(event.Event{Type: event.TypeStart, Run: run, Kind: event.KindWorkflow, Flags: []string{event.FlagDefault}})
	got := check(t, verify.Limits{}, verify.StateDead, join(s.Lines))
	assert.True(t, got.OK, got.Summary)
}

func TestForeignLinesFillNoGaps(t *testing.T) {
	a := segments(streamA)
	foreign := eventtest.Foreign(event.Event{Seq: 5, Stream: streamA, Type: event.TypeLog, Run: run, Span: "1"})
	got := check(t, verify.Limits{}, verify.StateDead, join(a[0][:4], [][]byte{foreign}, a[0][5:], a[1]))
	assert.Equal(t, uint64(1), got.Unaccounted)
	assert.Equal(t, uint64(1), got.Foreign)
}

func TestLimitsAreTold(t *testing.T) {
	a := segments(streamA)
	got := check(t, verify.Limits{Spans: 1}, verify.StateDead, join(a[0], a[1]))
	assert.Equal(t, []string{"more than 1 spans: whether the others have ended is not looked at"}, got.Limits)
	got = check(t, verify.Limits{Streams: 1}, verify.StateDead, join(a[0], a[1], segments(streamB)[0]))
	assert.Equal(t, []string{"more than 1 streams: the events of the others are not looked at"}, got.Limits)
	got = check(t, verify.Limits{Loose: 1}, verify.StateDead, join(a[1], a[0]))
	assert.Equal(t, []string{"more than 1 events out of order: the others are not looked at"}, got.Limits)
	assert.True(t, got.OK, got.Summary)
	got = check(t, verify.Limits{Listed: 2}, verify.StateDead, []byte("a\nb\nc\n"))
	assert.Len(t, got.Damage, 2)
	assert.Equal(t, uint64(3), got.Damaged)
}

// TestEveryTornPrefixIsTold cuts a journal at every byte.
func TestEveryTornPrefixIsTold(t *testing.T) {
	a := segments(streamA)
	text := join(a[0], a[1])
	for n := range text {
		got := check(t, verify.Limits{}, verify.StateDead, text[:n])
		atLineEnd := n == 0 || text[n-1] == '\n'
		assert.Equal(t, !atLineEnd, got.Torn == 1, "cut at %d", n)
		assert.Equal(t, uint64(bytes.Count(text[:n], []byte("\n"))), got.Events, "cut at %d", n)
		assert.Zero(t, got.Damaged+got.Unaccounted, "cut at %d", n)
	}
}

// TestEveryFlippedBitIsTold flips every bit of a journal.
func TestEveryFlippedBitIsTold(t *testing.T) {
	a := segments(streamA)
	text := join(a[0][:4])
	rest := join(a[0][4:], a[1])
	for i := range len(text) * 8 {
		flipped := append(bytes.Clone(text), rest...)
		flipped[i/8] ^= 1 << (i % 8)
		assert.False(t, check(t, verify.Limits{}, verify.StateDead, flipped).OK, "bit %d", i)
	}
}

func TestLinesThatAreReadTwiceAreDuplicates(t *testing.T) {
	a := segments(streamA)
	whole, first := join(a[0], a[1]), join(a[0])
	got := check(t, verify.Limits{}, verify.StateDead, whole, first, whole)
	assert.True(t, got.OK, got.Summary)
	assert.Equal(t, uint64(len(a[0])+len(a[1])), got.Events)
	assert.Equal(t, uint64(2*len(a[0])+len(a[1])), got.Duplicates)
}

// TestDeadWritersAreToldByOthers reads what another stream says of a writer, of which
// nothing else is known, or which is known to be at work.
func TestDeadWritersAreToldByOthers(t *testing.T) {
	others := eventtest.NewStream(streamB)
	others.Add(event.Event{Type: event.TypeGone, Gone: streamA})
	text := join(segments(streamA)[0])
	for state, want := range map[verify.State]verify.State{
		"": verify.StateDead, verify.StateUnknown: verify.StateDead, verify.StateLive: verify.StateLive,
	} {
		got := check(t, verify.Limits{}, state, text, join(others.Lines))
		require.Len(t, got.Streams, 2)
		assert.Equal(t, want, got.Streams[1].State, "known as %q", state)
	}
}

func TestDamageOfUnknownStreamsIsCounted(t *testing.T) {
	c := verify.New(verify.Limits{})
	require.NoError(t, c.Read(strings.NewReader("damage\nhalf"), verify.Input{Name: "-"}))
	got := c.Report()
	assert.Equal(t, uint64(1), got.Damaged)
	assert.Equal(t, uint64(1), got.Torn)
	assert.Empty(t, got.Streams)
}

func TestUnendedSpansAreInTheOrderOfTheTree(t *testing.T) {
	want := []string{"", "1", "1/2", "1/10", "2~abcdefgh", "2~abcdefgi/1", "10", "10/1"}
	s := eventtest.NewStream(streamA)
	for _, i := range []int{7, 3, 0, 5, 2, 6, 1, 4} {
		s.Add(event.Event{Type: event.TypeStart, Run: run, Span: want[i], Kind: event.KindAction, Time: start})
	}
	got := check(t, verify.Limits{}, verify.StateDead, join(s.Lines))
	var paths []string
	for _, u := range got.Unended {
		paths = append(paths, u.Span)
	}
	assert.Equal(t, want, paths)
}

// TestManyLossesAreJoined states more losses than are kept apart, of more causes
// than are told apart.
func TestManyLossesAreJoined(t *testing.T) {
	const losses = 5000
	var text []byte
	text = append(text, lossLine(1, 0, 0, 0, "cause 0")...)
	for i := range uint64(losses) { // each event that follows a lost one says so
		text = append(text, lossLine(3+2*i, 2+2*i, 2+2*i, 1, "cause "+strconv.Itoa(int(i%200)))...)
	}
	got := check(t, verify.Limits{}, verify.StateDead, text)
	assert.Equal(t, uint64(losses), got.Gaps)
	assert.Equal(t, uint64(losses), got.Lost)
	assert.Zero(t, got.Unaccounted)
	require.Len(t, got.Streams, 1)
	assert.Len(t, got.Streams[0].Causes, 100)
	assert.Equal(t, verify.Cause{Cause: "cause 0", Events: losses / 200}, got.Streams[0].Causes[0])
	var sum uint64
	for _, c := range got.Streams[0].Causes {
		sum += c.Events
	}
	assert.Equal(t, uint64(losses), sum)
}

// What is in a crash ring may be in a segment, too. That is no duplicate.
func TestLinesOfACrashRingFillGapsAlone(t *testing.T) {
	a := segments(streamA)
	all := slices.Concat(a...)
	c := verify.New(verify.Limits{})
	in := verify.Input{Name: "f", Stream: streamA, State: verify.StateDead}
	require.NoError(t, c.Read(bytes.NewReader(join(all[:10])), in))
	in.Name = "ring"
	c.AddMissing(join(all[5:]), in)
	r := c.Report()
	assert.True(t, r.OK, r.Summary)
	assert.Equal(t, uint64(len(all)), r.Events)
	assert.Zero(t, r.Duplicates+r.Conflicts+r.Gaps+r.Damaged)
	require.Len(t, r.Files, 2)
	assert.Equal(t, uint64(len(all)-10), r.Files[1].Events)
	assert.Equal(t, int64(len(join(all[10:]))), r.Files[1].Bytes)

	c = verify.New(verify.Limits{})
	in.Name = "f"
	require.NoError(t, c.Read(bytes.NewReader(join(all)), in))
	in.Name = "ring"
	c.AddMissing(append(join(all[5:]), "no event\n"...), in)
	r = c.Report()
	assert.True(t, r.OK, r.Summary)
	assert.Zero(t, r.Duplicates+r.Damaged)
	assert.Len(t, r.Files, 1, "the ring had nothing")
}
