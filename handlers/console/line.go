package console

import (
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/termtext"
)

// Bounds of what is shown of a record. The rest is in the journal.
const (
	maxMessage = 1000 // runes
	maxError   = 1000 // runes, in one line
	maxValue   = 200  // runes, in one line
	maxKey     = 100  // runes, with the groups in front of it
	maxDepth   = 16   // groups in groups
	maxAttrs   = 500  // attributes and groups of one record
)

const ellipsis = string(termtext.Ellipsis)

// Keys that have a place of their own in the line.
const (
	keyLogger = "logger"
	keyWF     = "wf"
	keyUsage  = "usage"
	keyCost   = "cost_usd"
	keyStatus = "status"
	keyError  = "error"
)

// line collects what a record shows, and lays it out.
type line struct {
	h *Handler
	told
	fields []field
	own    int    // fields[:own] are of With calls
	digits []byte // the text of fields that have none
	seen   int    // attributes and groups
	enc    *encode.Encoder

	out     []byte // what is laid out so far
	column  int    // columns of the last line of out
	columns int    // of the terminal
	indent  int    // of lines after the first
	fresh   bool   // nothing stands behind the indent yet
	unit    []byte // what is to be kept together on a line
}

// told is what a record tells that has a place of its own in the line.
type told struct {
	logger  string
	run     string
	span    string
	event   string // "start", "set" or "end"
	agent   string // of the span
	status  string // of the span that ended
	failure string // of the span that ended
	took    time.Duration
	usage   usage
	cost    float64
	hasCost bool
}

// field is an attribute.
type field struct {
	group    string // with a dot behind it
	key      string
	text     string // not safe yet
	from, to int    // the text, if it is in digits
	kind     fieldKind
	failed   bool // it tells what went wrong
	below    bool // it stands below its record
}

type fieldKind uint8

const (
	fieldText   fieldKind = iota
	fieldJSON             // an object or array, which has quotes enough
	fieldDigits           // in digits
	fieldPlain            // safe as it is
)

var lines = sync.Pool{New: func() any { return new(line) }}

func newLine(h *Handler) *line {
	l := lines.Get().(*line)
	l.h = h
	l.told = h.told
	l.fields = append(l.fields[:0], h.fields...)
	l.own = len(l.fields)
	l.digits, l.out, l.seen = l.digits[:0], l.out[:0], 0
	return l
}

func (l *line) free() {
	if l.enc != nil {
		l.enc.Free()
	}
	clear(l.fields) // they hold texts of any length
	l.h, l.enc, l.told = nil, nil, told{}
	const most = 16 << 10
	if cap(l.out)+cap(l.digits)+cap(l.unit) <= most && cap(l.fields) <= maxAttrs {
		lines.Put(l)
	}
}

// keep makes the field independent of l.
func (f *field) keep(l *line) {
	if f.kind == fieldDigits {
		f.text, f.kind = string(l.digits[f.from:f.to]), fieldPlain
	}
}

// add adds an attribute inside depth groups, whose names are in prefix.
func (l *line) add(prefix string, a slog.Attr, depth int) {
	l.seen++
	if l.seen > maxAttrs {
		if l.seen == maxAttrs+1 {
			l.fields = append(l.fields, field{key: ellipsis, text: ellipsis})
		}
		return
	}
	a.Value = a.Value.Resolve()
	kind := a.Value.Kind()
	switch {
	case kind == slog.KindAny && a.Equal(slog.Attr{}):
	case prefix == "" && l.tell(a, kind):
	case kind != slog.KindGroup:
		l.addValue(prefix, a)
	case depth >= maxDepth:
		l.addValue(prefix, slog.String(a.Key, ellipsis))
	default:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range a.Value.Group() {
			l.add(prefix, member, depth+1)
		}
	}
}

// tell takes an attribute that has a place of its own in the line, and reports
// whether it has.
func (l *line) tell(a slog.Attr, kind slog.Kind) bool {
	switch a.Key {
	case keyLogger:
		if kind == slog.KindString {
			l.logger = a.Value.String()
			return true
		}
	case keyWF:
		return kind == slog.KindGroup && l.tellPlace(a.Value.Group())
	case keyUsage:
		return kind == slog.KindGroup && l.usage.take(a.Value.Group())
	case keyCost:
		if kind == slog.KindFloat64 && a.Value.Float64() >= 0 && a.Value.Float64() < 1e9 {
			l.cost, l.hasCost = a.Value.Float64(), true
			return true
		}
	}
	return false
}

// tellPlace takes the group wf of a record: what it says of a span, and where in the
// run the record belongs. It reports whether the group is wfslog's.
func (l *line) tellPlace(members []slog.Attr) bool {
	t := l.told
	t.run = ""
	var sums []slog.Attr
	for _, m := range members {
		v := m.Value.Resolve()
		switch m.Key {
		case "run":
			t.run = v.String()
		case "span":
			t.span = v.String()
		case "event":
			t.event = v.String()
		case "agent":
			t.agent = v.String()
		case "status":
			t.status = v.String()
		case "error":
			t.failure = v.String()
		case "dur":
			if v.Kind() == slog.KindDuration {
				t.took = v.Duration()
			}
		case keyUsage, keyCost:
			sums = append(sums, slog.Attr{Key: m.Key, Value: v})
		}
	}
	if t.run == "" {
		return false
	}
	l.told = t
	for _, sum := range sums { // the call's own are known already
		if l.usage == (usage{}) && sum.Key == keyUsage || !l.hasCost && sum.Key == keyCost {
			l.tell(sum, sum.Value.Kind())
		}
	}
	return true
}

// addValue adds an attribute that is no group.
func (l *line) addValue(prefix string, a slog.Attr) {
	f := field{group: prefix, key: a.Key, kind: fieldDigits, from: len(l.digits)}
	v := a.Value
	switch v.Kind() {
	case slog.KindString:
		f.text, f.kind = v.String(), fieldText
	case slog.KindInt64:
		l.digits = strconv.AppendInt(l.digits, v.Int64(), 10)
	case slog.KindUint64:
		l.digits = strconv.AppendUint(l.digits, v.Uint64(), 10)
	case slog.KindFloat64:
		l.digits = strconv.AppendFloat(l.digits, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		l.digits = strconv.AppendBool(l.digits, v.Bool())
	case slog.KindDuration:
		l.digits = append(l.digits, v.Duration().String()...)
	case slog.KindTime:
		l.digits = v.Time().AppendFormat(l.digits, "2006-01-02T15:04:05.000Z07:00")
	default:
		var isJSON bool
		f.kind = fieldText
		if f.text, isJSON = l.anyText(v.Any()); isJSON {
			f.kind = fieldJSON
		}
		_, f.failed = v.Any().(error)
	}
	f.to = len(l.digits)
	f.failed = f.failed || a.Key == keyError || a.Key == "err"
	l.fields = append(l.fields, f)
}

// settle gives what the end of a span says of itself its place: status and error,
// which may be attributes of the user's.
func (l *line) settle() {
	if l.event != "end" {
		l.status, l.failure, l.took = "", "", 0
		return
	}
	kept := l.fields[:l.own]
	for _, f := range l.fields[l.own:] {
		isText := f.group == "" && f.kind == fieldText
		switch {
		case isText && f.key == keyStatus:
			l.status = f.text
		case isText && f.key == keyError && (l.failure == "" || l.failure == f.text):
			l.failure = f.text
		default:
			kept = append(kept, f)
		}
	}
	l.fields = kept
}
