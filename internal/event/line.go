package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/wfslog/wfslog/internal/jsonscan"
)

// ParseError says where a line of a journal could not be read.
type ParseError struct {
	File  string // as given by the caller; "" for a stream of bytes
	Line  int    // 1-based; 0 if the caller gave only the line
	Field string // the line's field, e.g. "span"; "" if the line as a whole is meant
	Err   error
}

func (e *ParseError) Error() string {
	text := "wfslog: "
	if e.File != "" {
		text += e.File + ":"
	}
	if e.Line > 0 {
		text += strconv.Itoa(e.Line) + ": "
	} else if e.File != "" {
		text += " "
	}
	if e.Field != "" {
		text += "field " + strconv.Quote(e.Field) + ": "
	}
	return text + e.Err.Error()
}

func (e *ParseError) Unwrap() error { return e.Err }

// Why a line is no event.
var (
	// ErrNotJSON is returned for a line that is not one JSON object.
	ErrNotJSON = errors.New("not a JSON object")
	// ErrNotEvent is returned for a JSON object that wfslog has not written.
	ErrNotEvent = errors.New("not a wfslog event")
	// ErrChecksum is returned for a line whose crc does not fit its bytes.
	ErrChecksum = errors.New("checksum does not fit")
	// ErrField is returned for a field that is missing, doubled or malformed, and for
	// the first that is one too many.
	ErrField = errors.New("missing, doubled or malformed")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The parts of a line around its body.
const (
	bodyStart = `,"stream"`
	crcStart  = `,"crc":"`
	crcLen    = len(crcStart) + 8 + len(`"}`)
)

// Checksum returns the CRC-32C of a line's body, to be completed by [AppendLine].
func Checksum(body []byte) uint32 { return crc32.Update(0, castagnoli, body) }

// AppendLine appends a whole line with its newline: the head made of the three
// numbers, body, and the crc, of which sum is the body's part. It is all that
// has to be done under a stream's lock.
func AppendLine(buf []byte, typ Type, seq, n, kids uint64, body []byte, sum uint32) []byte {
	from := len(buf)
	buf = append(buf, `{"seq":`...)
	buf = strconv.AppendUint(buf, seq, 10)
	if hasN(typ) {
		buf = append(buf, `,"n":`...)
		buf = strconv.AppendUint(buf, n, 10)
	}
	if typ == TypeEnd {
		buf = append(buf, `,"kids":`...)
		buf = strconv.AppendUint(buf, kids, 10)
	}
	sum = crc32.Update(sum, castagnoli, buf[from:])
	buf = append(buf, body...)
	buf = append(buf, crcStart...)
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		buf = append(buf, digits[sum>>shift&15])
	}
	return append(buf, "\"}\n"...)
}

// SeqOf returns the number of the event on a line, 0 if it holds none, and what
// follows the number. It looks at nothing else.
func SeqOf(line []byte) (seq uint64, rest []byte) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"seq":`))
	if !ok {
		return 0, nil
	}
	for len(rest) > 0 && '0' <= rest[0] && rest[0] <= '9' {
		seq = seq*10 + uint64(rest[0]-'0')
		rest = rest[1:]
	}
	return seq, rest
}

// hasN reports whether the head of events of type typ holds n.
func hasN(typ Type) bool {
	return typ == TypeEnd || typ == TypeLoss || typ == TypeClose
}

// LineOverhead bounds how much longer a line is than its body.
const LineOverhead = len(`{"seq":18446744073709551615,"n":18446744073709551615,"kids":18446744073709551615`) + crcLen + 1

// maxFields bounds the fields of a line, many times those that any event has: each
// is compared with all before it.
const maxFields = 256

// ParseLine reads one line without its newline. The event's Attrs are part of
// line. Every error is a [*ParseError].
//
// A JSON object without a crc is looked at as a foreign line: see [Event].
func ParseLine(line []byte) (Event, error) {
	line = bytes.TrimSuffix(line, []byte("\r"))
	var e Envelope
	if e.Scan(line) {
		return e.Event(), nil
	}
	return parseAny(line)
}

// parseAny is ParseLine for lines of any form.
func parseAny(line []byte) (Event, error) {
	sum, body, native := splitLine(line)
	if !native {
		return parseForeign(line)
	}
	if err := jsonscan.Object(line); err != nil {
		return Event{}, &ParseError{Err: fmt.Errorf("%w: %w", ErrNotJSON, err)}
	}
	want := crc32.Update(Checksum(line[body:len(line)-crcLen]), castagnoli, line[:body])
	if want != sum {
		return Event{}, &ParseError{Field: "crc", Err: ErrChecksum}
	}
	var (
		ev   Event
		seen = make([]string, 0, 32) // more than any event has
	)
	for rawKey, value := range jsonscan.Members(line) {
		key := fieldName(rawKey)
		if len(seen) == maxFields || slices.Contains(seen, key) {
			return Event{}, &ParseError{Field: key, Err: ErrField}
		}
		seen = append(seen, key)
		if !ev.setField(key, value) {
			return Event{}, &ParseError{Field: key, Err: ErrField}
		}
	}
	if field := ev.missing(seen); field != "" {
		return Event{}, &ParseError{Field: field, Err: ErrField}
	}
	return ev, nil
}

// fieldNames are the names of fields, so that reading one makes no copy.
var fieldNames = func() map[string]string {
	names := map[string]string{}
	for _, name := range []string{
		"seq", "n", "kids", "stream", "time", "level", "run", "span", "event", "kind", "name", "agent", "link", "flags",
		"after", "ordinal", "dur", "status", "error", "resource", "logger", "source", "msg", "attrs", "open", "from",
		"to", "bytes", "cause", "reason", "gone", "crc",
	} {
		names[name] = name
	}
	return names
}()

// fieldName returns the name that a key in quotes stands for.
func fieldName(quoted []byte) string {
	if name, ok := fieldNames[string(quoted[1:len(quoted)-1])]; ok {
		return name
	}
	name, _ := jsonscan.String(quoted)
	return name
}

// splitLine returns the crc that line states and where its body begins. It is
// not ok for a line that does not have the shape of an event.
func splitLine(line []byte) (sum uint32, body int, ok bool) {
	if len(line) < crcLen || !bytes.HasPrefix(line, []byte(`{"seq":`)) || !bytes.HasSuffix(line, []byte(`"}`)) {
		return 0, 0, false
	}
	tail := line[len(line)-crcLen:]
	digits := tail[len(crcStart) : len(crcStart)+8]
	if string(tail[:len(crcStart)]) != crcStart || !isHex(digits, 8) {
		return 0, 0, false
	}
	for _, d := range digits {
		sum = sum<<4 | uint32(hexDigit(d))
	}
	body = bytes.Index(line, []byte(bodyStart))
	return sum, body, body > 0
}

// missing returns the name of the first field that ev needs and does not have.
func (ev *Event) missing(seen []string) string {
	if ev.Seq == 0 {
		return "seq"
	}
	if ev.Stream == "" {
		return "stream"
	}
	if ev.Type == "" {
		return "event"
	}
	if ev.Type.OfSpan() {
		if ev.Run.IsZero() {
			return "run"
		}
		if !slices.Contains(seen, "span") {
			return "span"
		}
	}
	if ev.Type == TypeStart && !ev.Kind.Valid() {
		return "kind"
	}
	return ""
}

// setField sets the field key from its JSON value and reports whether it is
// well formed. Unknown fields are well formed.
func (ev *Event) setField(key string, value []byte) bool {
	switch key {
	case "seq":
		return setUint(&ev.Seq, value)
	case "n":
		return setUint(&ev.N, value)
	case "kids":
		return setUint(&ev.Kids, value)
	case "from":
		return setUint(&ev.From, value)
	case "to":
		return setUint(&ev.To, value)
	case "bytes":
		return setUint(&ev.Bytes, value)
	case "stream":
		return setString(&ev.Stream, value) && isHex(ev.Stream, 16)
	case "gone":
		return setString(&ev.Gone, value) && isHex(ev.Gone, 16)
	case "time":
		return setTime(&ev.Time, value)
	case "level":
		return setLevel(&ev.Level, value)
	case "run":
		var text string
		ok := setString(&text, value)
		if ok {
			ev.Run, ok = parseRunID(text)
		}
		return ok
	case "span":
		return setString(&ev.Span, value) && ValidPath(ev.Span)
	case "event":
		return setString((*string)(&ev.Type), value)
	case "kind":
		return setString((*string)(&ev.Kind), value)
	case "name":
		return setString(&ev.Name, value)
	case "agent":
		return setString(&ev.Agent, value)
	case "after":
		return setUint32(&ev.After, value)
	case "ordinal":
		return setUint32(&ev.Ordinal, value)
	case "dur":
		var ns uint64
		ok := setUint(&ns, value) && ns <= 1<<63-1
		ev.Dur = time.Duration(ns)
		return ok
	case "status":
		return setString(&ev.Status, value)
	case "error":
		return setString(&ev.Error, value)
	case "logger":
		return setString(&ev.Logger, value)
	case "msg":
		return setString(&ev.Msg, value)
	case "cause":
		return setString(&ev.Cause, value)
	case "reason":
		return setString(&ev.Reason, value)
	case "attrs":
		ev.Attrs = value
		return value[0] == '{'
	case "link":
		return setJSON(&ev.Link, value)
	case "flags":
		return setJSON(&ev.Flags, value)
	case "resource":
		return setJSON(&ev.Resource, value)
	case "source":
		return setJSON(&ev.Source, value)
	case "open":
		return setJSON(&ev.Open, value)
	}
	return true
}

func setString(to *string, value []byte) (ok bool) {
	*to, ok = jsonscan.String(value)
	return ok
}

func setUint(to *uint64, value []byte) bool {
	n, err := strconv.ParseUint(string(value), 10, 64)
	*to = n
	return err == nil
}

func setUint32(to *uint32, value []byte) bool {
	n, err := strconv.ParseUint(string(value), 10, 32)
	*to = uint32(n)
	return err == nil
}

func setTime(to *time.Time, value []byte) bool {
	text, ok := jsonscan.String(value)
	if !ok {
		return false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return true // a time that RFC 3339 cannot hold was written as other text
	}
	*to = t
	return true
}

func setLevel(to *slog.Level, value []byte) bool {
	if name, ok := jsonscan.String(value); ok {
		l, known := parseLevelName(name)
		if !known && l.UnmarshalText([]byte(name)) != nil {
			return false
		}
		*to = l
		return true
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return false
	}
	*to = slog.Level(n)
	return true
}

func setJSON[T any](to *T, value []byte) bool { return json.Unmarshal(value, to) == nil }
