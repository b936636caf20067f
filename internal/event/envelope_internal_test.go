package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/jsonscan"
)

// lineOf returns the line of ev without its newline.
func lineOf(ev *Event) []byte {
	limits := encode.Limits{}.WithDefaults()
	e := encode.New(&limits)
	defer e.Free()
	ev.AppendBody(e)
	if len(ev.Attrs) > 0 {
		e.Buf = append(e.Buf, `,"attrs":`...)
		e.Buf = append(e.Buf, ev.Attrs...)
	}
	line := AppendLine(nil, ev.Type, ev.Seq, ev.N, ev.Kids, e.Buf, Checksum(e.Buf))
	return line[:len(line)-1]
}

// sign gives a line, whatever it is, the checksum that fits it.
func sign(line []byte) []byte {
	if len(line) < crcLen {
		return line
	}
	text := line[:len(line)-crcLen]
	body := max(bytes.Index(text, []byte(bodyStart)), 0)
	sum := crc32.Update(Checksum(text[body:]), castagnoli, text[:body])
	return fmt.Appendf(bytes.Clone(text), `,"crc":"%08x"}`, sum)
}

// usualEvents are one of each type, in the form in which handlers write them.
func usualEvents() []*Event {
	at := time.Date(2026, time.November, 22, 6, 14, 5, 123456789, time.UTC)
	run := RunID{1, 15: 2}
	of := func(ev Event) *Event {
		ev.Seq, ev.Stream, ev.Run, ev.Time = 42, "9f86d081884c7d65", run, at
		return &ev
	}
	return []*Event{
		of(Event{Type: TypeStart, Kind: KindWorkflow, Name: "w \"quoted\" \u00e9", Flags: []string{FlagDefault}}),
		of(Event{Type: TypeStart, Span: "1", Kind: KindIteration}),
		of(Event{Type: TypeStart, Span: "1/2", Kind: KindInteraction, Agent: "agent1", Flags: []string{FlagPartial, FlagDepth}}),
		of(Event{Type: TypeStart, Span: "1/2/4~k3x9q7aa.2", Kind: KindAction, Name: "llm_call", Attrs: json.RawMessage(`{"a":[1,{"b":"c"}]}`)}),
		of(Event{Type: TypeLog, Span: "1/2", After: 7, Logger: "workflow.agent1", Msg: "line\nline", Level: slog.LevelError}),
		of(Event{
			Type: TypeLog, Span: "1/2", Msg: "m", Source: &Source{Function: "main.main", File: "/a/b.go", Line: 7},
			Attrs: json.RawMessage(`{"input":"Explain \"this\",\nplease: \u00e9 日本","n":-1.5e3}`),
		}),
		of(Event{Type: TypeSet, Span: "1", Attrs: json.RawMessage(`{}`)}),
		of(Event{Type: TypeSet, Span: "1", Attrs: json.RawMessage("{\"a\":\"\x7f\"}")}),
		of(Event{Type: TypeSet, Span: "1", Attrs: json.RawMessage(`{"a":[1, 2]}`)}),
		of(Event{Type: TypeSet, Span: "1", Attrs: json.RawMessage("{\"a\":\"\u202e\"}")}),
		of(Event{Type: TypeInject, Span: "1", Ordinal: 3}),
		of(Event{Type: TypeEnd, Span: "1", N: 5, Kids: 2, Dur: 812 * time.Millisecond, Status: StatusOK}),
		of(Event{Type: TypeEnd, Span: "1", N: 5, Dur: time.Second, Status: StatusError, Error: "no \\ luck", Level: LevelCritical}),
	}
}

// TestUsualLinesAreScanned holds the way of a line to the fast path: a change of what
// handlers write must not send all lines the slow way.
func TestUsualLinesAreScanned(t *testing.T) {
	for _, ev := range usualEvents() {
		line := lineOf(ev)
		var e Envelope
		assert.True(t, e.Scan(line), "%s", line)
		requireSameAsAny(t, line)
	}
}

// requireSameAsAny compares what Scan makes of a line with what the general way does.
func requireSameAsAny(t require.TestingT, line []byte) {
	var e, used Envelope
	ok := e.Scan(line)
	for _, before := range [][]byte{lineOf(usualEvents()[0]), line} {
		_ = used.Scan(before) // whatever it is
		require.Equal(t, ok, used.Scan(line), "%q", line)
		if ok {
			require.Equal(t, e.Event(), used.Event(), "%q", line)
		}
	}
	if !ok {
		return
	}
	want, err := parseAny(line)
	require.NoError(t, err, "%q", line)
	require.Equal(t, want, e.Event(), "%q", line)
	require.Equal(t, want.Stream, string(e.Stream), "%q", line)
	require.Equal(t, want.Span, string(e.Span), "%q", line)
	require.Equal(t, []any{want.Seq, want.Run, want.Type, want.Kind}, []any{e.Seq, e.Run, e.Type, e.Kind}, "%q", line)
	partial := false
	for _, flag := range want.Flags {
		partial = partial || flag == FlagPartial
	}
	require.Equal(t, partial, e.Partial, "%q", line)
	if e.Plain {
		var again Envelope
		require.True(t, again.ScanAgain(line), "%q", line)
		require.Equal(t, e, again, "%q", line)
		require.Equal(t, string(e.attrs), string(encode.AppendClean(nil, e.attrs)), "%q", line)
	}
}

// oddValues are put into lines in place of the values of fields.
var oddValues = []string{
	``, `0`, `01`, `1`, `-1`, `1.5`, `1e3`, `2147483648`, `4294967295`, `4294967296`, `9223372036854775807`, `9223372036854775808`,
	`18446744073709551615`, `18446744073709551616`, `null`, `true`, `""`, `"x"`, `"\ud800"`, "\"\xff\"", "\"\x7f\"", "\"\u202e\"", `{}`, `{} `, `[]`, `]`, `["x"]`, `[,"partial"]`,
	`["partial","partial"]`, `["default"`, `["depth",]`, `"0123456789abcdef"`, `"0123456789ABCDEF"`, `"2026-01-31T23:59:59.5Z"`, `"2026-02-30T00:00:00Z"`,
	`"2026-01-02T24:00:00Z"`, `"2026-01-02T23:60:00Z"`, `"2026-01-02T23:59:60Z"`, `"2026-13-02T03:04:05Z"`, `"2026-00-02T03:04:05Z"`, `"2026-01-02T03:04:05.1+01:00"`,
	`"2026-01-02T03:04:05,5Z"`, `"2026-01-02T03:04:05.1234567890Z"`, `"2026-01-02T03:04:05.Z"`, `"2026-01-0aT03:04:05Z"`, `"2026x01-02T03:04:05Z"`, `"INFO+1"`, `"WARN"`,
	`"00000000000000000000000000000000"`, `"1/0"`, `"01"`, `"/"`, `"1/"`, `"/1"`, `"10"`, `"4294967295"`, `"4294967296"`, `"42949672950"`, `"` + strings.Repeat("1/", 63) + `1"`,
	`"` + strings.Repeat("1/", 64) + `1"`, `"1\u002f2"`, `"future"`, `"start"`, `"log"`, `"set"`, `"end"`, `"close"`, `"iteration"`, `{"a":1,}`, "{\"a\":\"\xff\"}",
	strings.Repeat(`{"a":`, 127) + `1` + strings.Repeat(`}`, 127), strings.Repeat(`{"a":`, 128) + `1` + strings.Repeat(`}`, 128),
	`{"function":"f"}`, `{"function":"f","line":-1}`, `{"function":"f","line":1,"x":2}`, `{"function":"f","file":"g","line":2147483648}`,
	`{"function":"f","line":9223372036854775808}`, `{"name":"r"}`, `{"trace":"t"}`, "\x00",
	`"` + strings.Repeat("\x00", 16) + `"`, `"` + strings.Repeat("\x00", 32) + `"`, `"02` + strings.Repeat("0", 30) + `"`, `"0` + strings.Repeat("g", 31) + `"`, "1\n", "1 ",
}

// oddFields are put into lines beside their fields.
var oddFields = []string{
	`"n":3`, `"n":0`, `"kids":1`, `"stream":"0123456789abcdef"`, `"flags":["x"]`, `"flags":[]`, `"future":1`, `"source":{}`, `"resource":{"name":"r"}`, `"link":{"trace":"t"}`,
	`"ordinal":1`, `"after":1`, `"attrs":{"a":1}`, `"msg":"m"`, `"crc":"00000000"`, ` "n":3`, ``, `}`, `{`,
}

func TestScanAgreesWithTheGeneralWay(t *testing.T) {
	events := usualEvents()
	rapid.Check(t, func(t *rapid.T) {
		line := lineOf(rapid.SampledFrom(events).Draw(t, "event"))
		var keys, values []string
		for key, value := range jsonscan.Members(line) {
			keys, values = append(keys, string(key)), append(values, string(value))
		}
		place := rapid.IntRange(0, len(keys)-2) // the last is the crc
		switch i := place.Draw(t, "field"); rapid.IntRange(0, 5).Draw(t, "change") {
		case 0:
			j := place.Draw(t, "other")
			keys[i], keys[j], values[i], values[j] = keys[j], keys[i], values[j], values[i]
		case 1:
			keys, values = slices.Delete(keys, i, i+1), slices.Delete(values, i, i+1)
		default:
			values[i] = rapid.SampledFrom(oddValues).Draw(t, "value")
		}
		var text []byte
		added := rapid.IntRange(0, 3*len(keys)).Draw(t, "added")
		for i, key := range keys {
			text = append(text, ',')
			text = append(text, key+":"+values[i]...)
			if i == added {
				text = append(text, ","+rapid.SampledFrom(oddFields).Draw(t, "more")...)
			}
		}
		text[0] = '{'
		requireSameAsAny(t, sign(append(text, '}')))
	})
	// All values in all places: a rare one of each has to be refused.
	for _, ev := range events {
		line := lineOf(ev)
		for _, value := range jsonscan.Members(line) {
			from := cap(line) - cap(value)
			for _, odd := range oddValues {
				text := append(line[:from:from], odd...)
				requireSameAsAny(t, sign(append(text, line[from+len(value):]...)))
			}
		}
	}
}

func TestScanRefusesOtherChecksums(t *testing.T) {
	line := lineOf(usualEvents()[5])
	for i := range line {
		damaged := bytes.Clone(line)
		damaged[i] ^= 1
		var e Envelope
		assert.False(t, e.Scan(damaged), "byte %d", i)
	}
}

func FuzzEnvelope(f *testing.F) {
	for _, ev := range usualEvents() {
		f.Add(lineOf(ev))
	}
	for _, odd := range oddFields {
		f.Add([]byte(`{"seq":1,"stream":"9f86d081884c7d65","level":"INFO","run":"01000000000000000000000000000002","span":"1","event":"log",` + odd + `,"crc":"00000000"}`))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		requireSameAsAny(t, line)
		requireSameAsAny(t, sign(line))
	})
}
