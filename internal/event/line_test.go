package event_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
)

var (
	testRun  = event.RunID{1, 0x93, 3, 4, 5, 6, 0x70, 8, 0x80, 1, 2, 3, 4, 5, 6, 7}
	testTime = time.Date(2026, 11, 22, 6, 14, 5, 123456789, time.UTC)
	limits   = encode.Limits{}.WithDefaults()
)

const testStream = "9f86d081884c7d65"

// lineOf returns the line of ev with its newline.
func lineOf(ev *event.Event) []byte {
	e := encode.New(&limits)
	defer e.Free()
	ev.AppendBody(e)
	if ev.Attrs != nil {
		e.Buf = append(e.Buf, `,"attrs":`...)
		e.Buf = append(e.Buf, ev.Attrs...)
	}
	return event.AppendLine(nil, ev.Type, ev.Seq, ev.N, ev.Kids, e.Buf, event.Checksum(e.Buf))
}

// sealed returns a line with the given text between stream and crc.
func sealed(head, body string) []byte {
	sum := event.Checksum([]byte(body + head))
	return fmt.Appendf(nil, "%s%s,\"crc\":\"%08x\"}", head, body, sum)
}

// sample returns the lines of a small stream.
func sample(t testing.TB, n int) (lines [][]byte) {
	t.Helper()
	for i := range n {
		ev := event.Event{
			Seq: uint64(i + 1), Stream: testStream, Time: testTime, Run: testRun, Span: "1/2", Type: event.TypeLog,
			Msg: fmt.Sprintf("message \"%d\" é {", i), Attrs: json.RawMessage(`{"a":[1,{"b":null}]}`),
		}
		lines = append(lines, lineOf(&ev))
	}
	return lines
}

func TestLineIsWrittenInItsOrder(t *testing.T) {
	ev := event.Event{
		Seq: 42, Stream: testStream, Time: testTime, Run: testRun, Span: "1/2/3", Type: event.TypeLog, After: 2,
		Logger: "workflow.agent1", Msg: "asked", Attrs: json.RawMessage(`{"action":"llm_call"}`),
	}
	body := `,"stream":"9f86d081884c7d65","time":"2026-11-22T06:14:05.123456789Z","level":"INFO",` +
		`"run":"01930304050670088001020304050607","span":"1/2/3","event":"log","after":2,"logger":"workflow.agent1",` +
		`"msg":"asked","attrs":{"action":"llm_call"}`
	assert.Equal(t, string(sealed(`{"seq":42`, body))+"\n", string(lineOf(&ev)))
}

// events of every type with all their fields.
var events = []event.Event{
	{Type: event.TypeOpen, Open: &event.Open{
		Format: 1, ID: strings.Repeat("9f86d081", 4), Segment: 2, Host: "h<&>\u2028", PID: 7, Boot: "b", ProcStart: "123",
		Program: "p\x1b[31m", Go: "go1.26.8",
		Spans: []event.SpanRef{{Run: testRun, Span: "1", Kind: event.KindIteration, Name: "n", Agent: "a", Time: testTime}},
	}},
	{
		Type: event.TypeStart, Level: slog.LevelDebug, Run: testRun, Kind: event.KindWorkflow, Name: "n\n", Agent: "a",
		Link: &event.Link{Trace: strings.Repeat("ab", 16), Span: strings.Repeat("cd", 8)}, Flags: []string{event.FlagDepth, event.FlagDefault},
	},
	{Type: event.TypeLog, Level: event.LevelTrace, Run: testRun, Span: "4294967295", Msg: "", After: 1<<32 - 1},
	{
		Type: event.TypeLog, Level: 3, Run: testRun, Span: "1/2~k3x9q7aa.2", Logger: "l", Msg: "m \u202e\U000e0041",
		Source: &event.Source{Function: "f", File: "/x.go", Line: 3}, Attrs: json.RawMessage(`{"a":1,"a":2}`),
	},
	{Type: event.TypeSet, Run: testRun, Span: "1", Resource: &event.Resource{Name: "r", URI: "file:///x"}},
	{Type: event.TypeInject, Run: testRun, Span: "1", Ordinal: 7},
	{Type: event.TypeEnd, Level: slog.LevelError, Run: testRun, Span: "1", N: 7, Kids: 3, Dur: 1<<63 - 1, Status: event.StatusError, Error: "e"},
	{Type: event.TypeLoss, N: 3, From: 4, To: 1<<64 - 1, Bytes: 99, Cause: "no space left on device"},
	{Type: event.TypeClose, N: 9, Reason: "closed"},
	{Type: event.TypeGone, Gone: "0123456789abcdef"},
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for i, ev := range events {
		ev.Seq, ev.Stream, ev.Time = uint64(i+1), testStream, testTime
		line := lineOf(&ev)
		require.Equal(t, len(line)-1, bytes.IndexByte(line, '\n'))
		assert.True(t, json.Valid(line), "%s", line)
		assert.NotRegexp(t, "[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u2028\u202e\U000e0041]", string(line), "safe to show")
		got, err := event.ParseLine(line[:len(line)-1])
		require.NoError(t, err, "%s", line)
		assert.Equal(t, ev, got)
	}
}

func TestAnyEventIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ev := event.Event{
			Seq: rapid.Uint64Min(1).Draw(t, "seq"), Stream: testStream, Run: testRun, Type: event.TypeLog,
			Time:  time.Unix(rapid.Int64Range(0, 1<<36).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC(),
			Level: slog.Level(rapid.IntRange(-20, 20).Draw(t, "level")),
			After: rapid.Uint32().Draw(t, "after"), Logger: rapid.String().Draw(t, "logger"), Msg: rapid.String().Draw(t, "msg"),
		}
		line := lineOf(&ev)
		if len(line) > event.LineOverhead+len(line)-len(`{"seq":1`) {
			t.Fatal("longer than the overhead says")
		}
		got, err := event.ParseLine(line[:len(line)-1])
		require.NoError(t, err, "%s", line)
		require.Equal(t, ev, got)
	})
}

func TestOverheadOfALine(t *testing.T) {
	for _, typ := range []event.Type{event.TypeLog, event.TypeEnd, event.TypeLoss} {
		const most = 1<<64 - 1
		line := event.AppendLine(nil, typ, most, most, most, []byte("body"), 0)
		assert.LessOrEqual(t, len(line), len("body")+event.LineOverhead)
	}
}

func TestLinesThatAreNoEvents(t *testing.T) {
	head, rest := `{"seq":1`, `,"level":"INFO","run":"01930304050670088001020304050607","span":"1","event":"log","msg":"m"`
	stream := `,"stream":"9f86d081884c7d65"`
	good := sealed(head, stream+rest)
	_, err := event.ParseLine(good)
	require.NoError(t, err, "%s", good)
	tests := []struct {
		name  string
		line  []byte
		err   error
		field string
	}{
		{"empty", nil, event.ErrNotJSON, ""},
		{"text", []byte("hello"), event.ErrNotJSON, ""},
		{"array", []byte("[1]"), event.ErrNotJSON, ""},
		{"other object", []byte(`{"a":1}`), event.ErrNotEvent, ""},
		{"torn", good[:len(good)-1], event.ErrNotJSON, ""},
		{"two lines", append(bytes.Clone(good), good...), event.ErrNotJSON, ""},
		{"no crc", []byte(strings.Replace(string(good), `,"crc":`, `,"crd":`, 1)), event.ErrNotEvent, ""},
		{"other crc", []byte(strings.Replace(string(good), `"msg":"m"`, `"msg":"n"`, 1)), event.ErrChecksum, "crc"},
		{"seq 0", sealed(`{"seq":0`, stream+rest), event.ErrField, "seq"},
		{"seq too large", sealed(`{"seq":18446744073709551616`, stream+rest), event.ErrField, "seq"},
		{"seq negative", sealed(`{"seq":-1`, stream+rest), event.ErrField, "seq"},
		{"seq no number", sealed(`{"seq":"1"`, stream+rest), event.ErrField, "seq"},
		{"stream too short", sealed(head, `,"stream":"9f86"`+rest), event.ErrField, "stream"},
		{"stream in capitals", sealed(head, `,"stream":"9F86D081884C7D65"`+rest), event.ErrField, "stream"},
		{"field twice", sealed(head, stream+rest+`,"msg":"forged"`), event.ErrField, "msg"},
		{"no type", sealed(head, stream+`,"run":"01930304050670088001020304050607","span":"1"`), event.ErrField, "event"},
		{"no run", sealed(head, stream+`,"span":"1","event":"log"`), event.ErrField, "run"},
		{"no span", sealed(head, stream+`,"run":"01930304050670088001020304050607","event":"log"`), event.ErrField, "span"},
		{"bad path", sealed(head, stream+`,"run":"01930304050670088001020304050607","span":"0","event":"log"`), event.ErrField, "span"},
		{"start without kind", sealed(head, stream+`,"run":"01930304050670088001020304050607","span":"1","event":"start"`), event.ErrField, "kind"},
		{"attrs no object", sealed(head, stream+rest+`,"attrs":[1]`), event.ErrField, "attrs"},
		{"duration negative", sealed(head, stream+rest+`,"dur":-1`), event.ErrField, "dur"},
		{"deep", sealed(head, stream+rest+`,"attrs":{"a":`+strings.Repeat("[", 1_000_000)+strings.Repeat("]", 1_000_000)+`}`), event.ErrNotJSON, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := event.ParseLine(tt.line)
			var pe *event.ParseError
			require.ErrorAs(t, err, &pe)
			assert.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.field, pe.Field)
			assert.NotEmpty(t, pe.Error())
		})
	}
}

// Comparing each of a million fields with all others would take an hour.
func TestFieldsOfALineAreBounded(t *testing.T) {
	body := []byte(`,"stream":"9f86d081884c7d65","event":"future"`)
	for i := range 1_000_000 {
		body = fmt.Appendf(body, `,"x%d":0`, i)
	}
	_, err := event.ParseLine(sealed(`{"seq":1`, string(body)))
	assert.ErrorIs(t, err, event.ErrField)
}

func TestUnknownFieldsAndTypesAreKept(t *testing.T) {
	line := sealed(`{"seq":1,"new":true`, `,"stream":"9f86d081884c7d65","event":"future","KIND":"x","x":{"y":[]}`)
	ev, err := event.ParseLine(line)
	require.NoError(t, err)
	assert.Equal(t, event.Type("future"), ev.Type)
	assert.Empty(t, ev.Kind, "names of fields are case-sensitive")
}

func TestTimeThatCannotBeReadIsLeftOut(t *testing.T) {
	ev, err := event.ParseLine(sealed(`{"seq":1`, `,"stream":"9f86d081884c7d65","time":"year 10000","event":"close"`))
	require.NoError(t, err)
	assert.True(t, ev.Time.IsZero())
}

// A writer that is killed leaves any prefix of its file.
func TestTornAtEveryByte(t *testing.T) {
	lines := sample(t, 5)
	text := bytes.Join(lines, nil)
	for cut := range len(text) + 1 {
		whole := bytes.Count(text[:cut], []byte("\n"))
		good, bad := count(t, text[:cut])
		assert.Equal(t, whole, good, "cut at %d", cut)
		assert.LessOrEqual(t, bad, 1)
		// Another line follows the fragment, as a careless writer would leave it, and
		// then a good one.
		good, bad = count(t, append(append(bytes.Clone(text[:cut]), lines[0]...), lines[1]...))
		torn := cut > 0 && text[cut-1] != '\n'
		assert.Equal(t, b2i(torn), bad, "cut at %d", cut)
		assert.Equal(t, whole+2-b2i(torn), good, "cut at %d", cut)
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Each flipped bit is noticed, and costs no more than the lines that it touches.
func TestEveryFlippedBitIsFound(t *testing.T) {
	lines := sample(t, 3)
	text := bytes.Join(lines, nil)
	for i := range text {
		for bit := range 8 {
			damaged := bytes.Clone(text)
			damaged[i] ^= 1 << bit
			good, bad := count(t, damaged)
			joined := text[i] == '\n' // then two lines are one
			want := 2 - b2i(joined && i < len(text)-1)
			if good != want || bad == 0 {
				t.Errorf("bit %d of byte %d (%q): %d good lines, %d bad", bit, i, text[i], good, bad)
			}
		}
	}
}

func FuzzLine(f *testing.F) {
	for i, ev := range events {
		ev.Seq, ev.Stream, ev.Time = uint64(i+1), testStream, testTime
		f.Add(bytes.TrimSuffix(lineOf(&ev), []byte("\n")))
	}
	f.Add([]byte(`{"time":"2026-11-22T06:14:05Z","level":"INFO","msg":"m","wf":{"run":"01930304050670088001020304050607","span":"1"}}`))
	f.Add([]byte(`{"log":"{\"wf\":{}}\n","stream":"stdout"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		before := bytes.Clone(line)
		ev, err := event.ParseLine(line)
		if !bytes.Equal(before, line) {
			t.Fatal("the line was changed")
		}
		if err != nil {
			return
		}
		if ev.Type.OfSpan() && ev.Run.IsZero() {
			t.Fatalf("an event of a span without a run: %s", line)
		}
		if !event.ValidPath(ev.Span) {
			t.Fatalf("path %q", ev.Span)
		}
		if ev.Attrs != nil && !json.Valid(ev.Attrs) {
			t.Fatalf("attrs %s", ev.Attrs)
		}
	})
}
