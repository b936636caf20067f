package event

import (
	"bytes"
	"hash/crc32"
	"log/slog"
	"math"
	"time"

	"github.com/wfslog/wfslog/internal/jsonscan"
)

// Envelope is what a line says around its attributes, read by hand: the fields of
// a span's events stand in the order in which [Event.AppendBody] writes them. Of most
// lines it tells all that [ParseLine] does, at a tenth of its cost, because nothing is
// looked up and nothing is copied. What is written in any other way is left to
// ParseLine.
//
// All slices are parts of the line.
type Envelope struct {
	Seq, N, Kids uint64
	Stream       []byte // 16 hex digits
	Run          RunID
	Span         []byte // path
	Type         Type   // of a span's event
	Kind         Kind
	Partial      bool // it has [FlagPartial]
	Plain        bool // the attributes are of printable ASCII, without white space around their parts

	level    slog.Level
	after    uint32
	ordinal  uint32
	dur      time.Duration
	time     []byte // without its quotes, as those below
	flags    []byte // JSON, as those below; nil if the line has none
	name     []byte
	agent    []byte
	status   []byte
	err      []byte
	logger   []byte
	function []byte
	file     []byte
	line     uint64
	msg      []byte
	attrs    []byte

	before knownIDs
}

// knownIDs are those of the line that was scanned before. Most lines have the same, and
// need not be looked at digit by digit: a tenth of the time.
type knownIDs struct {
	stream  [16]byte
	runText [2 * len(RunID{})]byte
	run     RunID
}

// Scan sets e from a line without its newline. It is not ok, and e is undefined,
// unless the line is an event of a span that ParseLine reads, in the usual form.
func (e *Envelope) Scan(line []byte) bool { return e.scan(line, false) }

// ScanAgain is Scan for a line that has been scanned, with plain attributes, which it
// does not look at: that takes half the time. If somebody has changed the line
// meanwhile, and its checksum fits, they may be anything.
func (e *Envelope) ScanAgain(line []byte) bool { return e.scan(line, true) }

func (e *Envelope) scan(line []byte, again bool) bool {
	if len(line) < crcLen {
		return false
	}
	*e = Envelope{before: e.before}
	c := cursor{rest: line[:len(line)-crcLen]}
	tail := line[len(line)-crcLen:]
	if string(tail[:len(crcStart)]) != crcStart || tail[crcLen-2] != '"' || tail[crcLen-1] != '}' {
		return false
	}
	if !c.take(`{"seq":`) || !c.uint(&e.Seq) || e.Seq == 0 {
		return false
	}
	hasN := c.take(`,"n":`)
	if hasN && !c.uint(&e.N) {
		return false
	}
	hasKids := c.take(`,"kids":`)
	if hasKids && !c.uint(&e.Kids) {
		return false
	}
	head := len(line) - crcLen - len(c.rest)
	sum := crc32.Update(Checksum(c.rest), castagnoli, line[:head])
	if !isSum(tail[len(crcStart):], sum) {
		return false
	}
	if !c.take(`,"stream":"`) || !c.stream(e) {
		return false
	}
	if c.take(`","time":"`) && !c.simple(&e.time) {
		return false
	}
	if !c.take(`","level":"`) || !c.level(&e.level) || !c.take(`,"run":"`) || !c.run(e) ||
		!c.take(`","span":"`) || !c.simple(&e.Span) || !validPath(e.Span) || !c.take(`","event":"`) {
		return false
	}
	return c.ofType(e) && c.attrs(e, again) && len(c.rest) == 0
}

// isSum reports whether 8 hex digits name sum.
func isSum(digits []byte, sum uint32) bool {
	for i := range 8 {
		if hexDigit(digits[i]) != int(sum>>(28-4*i)&15) {
			return false
		}
	}
	return true
}

// cursor takes a line apart from its beginning.
type cursor struct{ rest []byte }

// take takes a text, if it comes next.
func (c *cursor) take(text string) bool {
	if len(c.rest) < len(text) || string(c.rest[:len(text)]) != text {
		return false
	}
	c.rest = c.rest[len(text):]
	return true
}

// uint takes a number.
func (c *cursor) uint(to *uint64) bool {
	var n uint64
	i := 0
	for i < len(c.rest) && '0' <= c.rest[i] && c.rest[i] <= '9' {
		n = n*10 + uint64(c.rest[i]-'0')
		i++
	}
	const maxDigits = 19 // of which no number is too large
	if i == 0 || i > maxDigits || i > 1 && c.rest[0] == '0' {
		return false
	}
	*to, c.rest = n, c.rest[i:]
	return true
}

func (c *cursor) uint32(to *uint32) bool {
	var n uint64
	if !c.uint(&n) || n > math.MaxUint32 {
		return false
	}
	*to = uint32(n)
	return true
}

func (c *cursor) stream(e *Envelope) bool {
	known := &e.before.stream
	if len(c.rest) < len(known) {
		return false
	}
	e.Stream, c.rest = c.rest[:len(known)], c.rest[len(known):]
	if string(e.Stream) != string(known[:]) || known[0] == 0 { // none is known yet
		if !isHex(e.Stream, len(known)) {
			return false
		}
		copy(known[:], e.Stream)
	}
	return true
}

func (c *cursor) run(e *Envelope) bool {
	known := &e.before
	if len(c.rest) < len(known.runText) {
		return false
	}
	text := c.rest[:len(known.runText)]
	if string(text) != string(known.runText[:]) || known.runText[0] == 0 {
		run, ok := parseRunID(text)
		if !ok || run.IsZero() {
			return false
		}
		known.run = run
		copy(known.runText[:], text)
	}
	e.Run, c.rest = known.run, c.rest[len(text):]
	return true
}

// simple takes what stands before the next quote: nothing but ASCII letters and
// signs that stand for themselves.
func (c *cursor) simple(to *[]byte) bool {
	for i, b := range c.rest {
		switch {
		case b == '"':
			*to, c.rest = c.rest[:i], c.rest[i:]
			return true
		case b < ' ' || b > '~' || b == '\\':
			return false
		}
	}
	return false
}

// string takes a JSON string.
func (c *cursor) string(to *[]byte) bool {
	if len(c.rest) == 0 || c.rest[0] != '"' {
		return false
	}
	n, err := jsonscan.Value(c.rest)
	if err != nil {
		return false
	}
	*to, c.rest = c.rest[:n], c.rest[n:]
	return true
}

// text takes a member whose value is a string, if it comes next.
func (c *cursor) text(name string, to *[]byte) bool { return !c.take(name) || c.string(to) }

// level takes one of the six names and the quote behind it.
func (c *cursor) level(to *slog.Level) bool {
	i := bytes.IndexByte(c.rest[:min(len(c.rest), len(`CRITICAL"`))], '"')
	if i < 0 {
		return false
	}
	l, known := parseLevelName(string(c.rest[:i])) // the compiler makes no copy
	*to, c.rest = l, c.rest[i+1:]
	return known
}

// ofType takes the type of an event and the fields that events of this type have.
func (c *cursor) ofType(e *Envelope) bool {
	if (e.N > 0 || e.Kids > 0) && !bytes.HasPrefix(c.rest, []byte(TypeEnd)) {
		return false
	}
	switch {
	case c.take(`log"`):
		e.Type = TypeLog
		return (!c.take(`,"after":`) || c.uint32(&e.after)) && c.text(`,"logger":`, &e.logger) && c.source(e) && c.text(`,"msg":`, &e.msg)
	case c.take(`start","kind":"`):
		e.Type = TypeStart
		return c.kind(&e.Kind) && c.text(`,"name":`, &e.name) && c.text(`,"agent":`, &e.agent) && c.flags(e)
	case c.take(`end","dur":`):
		e.Type = TypeEnd
		var ns uint64
		ok := c.uint(&ns) && ns <= math.MaxInt64
		e.dur = time.Duration(ns)
		return ok && c.text(`,"status":`, &e.status) && c.text(`,"error":`, &e.err)
	case c.take(`set"`):
		e.Type = TypeSet
		return true
	case c.take(`inject","ordinal":`):
		e.Type = TypeInject
		return c.uint32(&e.ordinal)
	}
	return false
}

// kind takes a kind and the quote behind it.
func (c *cursor) kind(to *Kind) bool {
	switch {
	case c.take(`action"`):
		*to = KindAction
	case c.take(`interaction"`):
		*to = KindInteraction
	case c.take(`iteration"`):
		*to = KindIteration
	case c.take(`workflow"`):
		*to = KindWorkflow
	default:
		return false
	}
	return true
}

// flags takes the flags that are known, if they come next.
func (c *cursor) flags(e *Envelope) bool {
	const name = `,"flags":`
	if !c.take(name) {
		return true
	}
	list := c.rest
	if !c.take("[") {
		return false
	}
	for sep := ""; !c.take("]"); sep = "," {
		if !c.take(sep) {
			return false
		}
		switch {
		case c.take(`"` + FlagPartial + `"`):
			e.Partial = true
		case c.take(`"` + FlagDefault + `"`), c.take(`"` + FlagDepth + `"`), c.take(`"` + FlagUTF8 + `"`):
		default:
			return false
		}
	}
	e.flags = list[:len(list)-len(c.rest)]
	return true
}

// source takes the place in the code, if it comes next.
func (c *cursor) source(e *Envelope) bool {
	if !c.take(`,"source":{"function":`) {
		return true
	}
	return c.string(&e.function) && c.text(`,"file":`, &e.file) && c.take(`,"line":`) &&
		c.uint(&e.line) && e.line <= math.MaxInt32 && c.take(`}`)
}

// attrs takes the attributes, if they come next.
func (c *cursor) attrs(e *Envelope, again bool) bool {
	e.Plain = true
	if !c.take(`,"attrs":`) {
		return true
	}
	n := len(c.rest)
	if !again {
		var err error
		if n, e.Plain, err = jsonscan.ValueWithin(c.rest, 1); err != nil {
			return false
		}
	}
	if n < len("{}") || c.rest[0] != '{' {
		return false
	}
	e.attrs, c.rest = c.rest[:n], c.rest[n:]
	return true
}

// Event returns the event on the line.
func (e *Envelope) Event() Event {
	var ev Event
	e.Fill(&ev, nil)
	ev.Stream, ev.Span = string(e.Stream), string(e.Span)
	return ev
}

// Fill sets ev to the event on the line, but for Stream and Span, which are left to who
// may know them without a copy. Texts that come again and again are taken from words.
func (e *Envelope) Fill(ev *Event, words *Words) {
	*ev = Event{
		Seq: e.Seq, N: e.N, Kids: e.Kids, Level: e.level, Run: e.Run,
		Type: e.Type, Kind: e.Kind, After: e.after, Ordinal: e.ordinal, Dur: e.dur, Attrs: e.attrs,
		// All are valid strings.
		Name: words.text(e.name), Agent: words.text(e.agent), Status: words.text(e.status), Error: words.text(e.err),
		Logger: words.text(e.logger), Msg: words.text(e.msg),
	}
	if len(e.time) > 0 {
		ev.Time = parseTime(e.time)
	}
	if len(e.flags) > 0 {
		_ = setJSON(&ev.Flags, e.flags) // a list of strings
	}
	if e.function != nil {
		ev.Source = &Source{Function: words.text(e.function), File: words.text(e.file), Line: int(e.line)}
	}
}

// Words keeps texts that come again and again, such as the names of loggers, so that
// most need not be copied. The zero value is empty.
type Words [64]string

// maxWord is the length of texts that are worth being kept.
const maxWord = 64

// text returns the text of a valid JSON string, "" for nil.
func (w *Words) text(quoted []byte) string {
	if w == nil || len(quoted) < 3 || len(quoted) > maxWord || bytes.IndexByte(quoted, '\\') >= 0 {
		text, _ := jsonscan.String(quoted)
		return text
	}
	inner := quoted[1 : len(quoted)-1]
	word := &w[(len(inner)+int(inner[0])*7+int(inner[len(inner)-1])*31)%len(w)]
	if *word != string(inner) {
		*word = string(inner)
	}
	return *word
}

// parseTime reads a time as handlers write it, in UTC, which takes a third of the
// time of [time.Parse], and leaves all others to that. It returns the zero time for
// what is none.
func parseTime(text []byte) time.Time {
	t, ok := parseUTC(text)
	if !ok {
		t, _ = time.Parse(time.RFC3339Nano, string(text)) // a time that RFC 3339 cannot hold was written as other text
	}
	return t
}

func parseUTC(text []byte) (t time.Time, ok bool) {
	const form = "2006-01-02T15:04:05"
	if len(text) <= len(form) || text[len(text)-1] != 'Z' {
		return t, false
	}
	ok = true
	number := func(from, to int) (n int) {
		for _, c := range text[from:to] {
			ok = ok && '0' <= c && c <= '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	if text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		return t, false
	}
	nanos := 0
	if frac := text[len(form) : len(text)-1]; len(frac) > 0 {
		if frac[0] != '.' || len(frac) < 2 || len(frac) > 10 {
			return t, false
		}
		nanos = number(len(form)+1, len(text)-1)
		for range 10 - len(frac) {
			nanos *= 10
		}
	}
	const daysOfAnyMonth = 28
	if !ok || month < 1 || month > 12 || day < 1 || day > daysOfAnyMonth || hour > 23 || minute > 59 || second > 59 {
		return t, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC), true
}
