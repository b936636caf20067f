// Package encode writes slog attributes as JSON on one line, whatever they hold.
//
// It writes what [slog.JSONHandler] writes for ordinary values, and differs where
// that loses data, or harms the program or a reader:
//
//   - The work and the output are bounded by [Limits]. Neither depth nor size of a
//     value decides over the program's stack or memory. What is left out is counted
//     in a member or element "!CUT".
//   - Panics in methods of values are caught, and told in place of the value, in a
//     string that starts with "!PANIC: "; errors of such methods with "!ERROR: ".
//   - The output is valid JSON and UTF-8, also for times and numbers that JSON does
//     not know. Control characters and invisible ones that change how text is shown
//     are escaped, so that the output can be sent to a terminal.
//   - Strings that are not UTF-8 are kept as {"!B64":"…"}.
//   - A key stands once in an object: see [Encoder.Attrs].
//   - Secrets are replaced, if that is asked for, before anything is cut.
//   - Keys that start with "!" are the package's own. Those of the user get one more
//     "!" in front, except for slog's "!BADKEY".
package encode

import (
	"log/slog"
	"math"
	"reflect"
	"strconv"
	"sync"
)

// Encoder appends JSON to Buf. It is not safe for concurrent use.
type Encoder struct {
	// Buf is the output so far. Callers may append to it between calls.
	Buf []byte
	// Hostile is set when a value was cut, panicked, held a secret, or was one that
	// handlers are known to write as invalid JSON or to die of. The caller then must not hand the
	// original value to another handler.
	Hostile bool
	// BadUTF8 is set when U+FFFD stands for invalid UTF-8 in a key or a [Encoder.Text].
	BadUTF8 bool
	// CutText is set when a [Encoder.Text] was cut.
	CutText bool
	// Redacted counts the secrets that were replaced. Then Hostile is set as well.
	Redacted int

	// Redact replaces what [redact] takes for secrets: the values of telling keys
	// whole, and what has the shape of one in all strings, keys and texts.
	Redact bool
	// Skip, unless it is nil, reports whether to leave out one of the attributes that
	// [Encoder.Attrs] or [Encoder.Object] was called with. It gets them as they are.
	Skip func(a slog.Attr) bool
	// Rename, unless it is nil, returns the name that stands for a key outside of all
	// groups, "" if the key itself does. Names are short, and written as they are.
	Rename func(key string) (name string)

	limits *Limits
	end    int // what len(Buf) may be, without what is kept back to close containers
	depth  int // containers open in the attributes object
	nodes  int // values begun, also of groups that were dropped because they were empty
	attrs  int // attributes begun, With attributes included

	objects []object // those of the scope and the record; nested ones are on the stack
	members []member // of all open objects, outermost first
	slots   []int32  // hash table of duplicates, see [Encoder.distinct]
	spare   []byte   // where objects with duplicates are put together
	date    dateText // of the last time in UTC
}

const (
	firstBufSize   = 1 << 10
	maxPooledBuf   = 256 << 10 // prompts of usual length are pooled
	maxPooledSlots = 4 << 10   // of members and their hash table
)

var pool = sync.Pool{New: func() any {
	return &Encoder{
		Buf:     make([]byte, 0, firstBufSize),
		objects: make([]object, 0, 4),
		members: make([]member, 0, 32),
	}
}}

// New returns an encoder with an empty buffer from a pool. l must have been
// completed by [Limits.WithDefaults]; it is kept until Free, and not modified.
func New(l *Limits) *Encoder {
	e := pool.Get().(*Encoder)
	e.limits = l
	e.end = l.bufferEnd()
	return e
}

// Free returns e to the pool. Neither e nor its buffer may be used afterwards. An
// encoder that is not freed is merely lost to the pool.
func (e *Encoder) Free() {
	if cap(e.Buf) > maxPooledBuf || cap(e.spare) > maxPooledBuf ||
		cap(e.members) > maxPooledSlots || cap(e.slots) > 4*maxPooledSlots {
		return
	}
	*e = Encoder{
		Buf:     e.Buf[:0],
		objects: e.objects[:0],
		members: e.members[:0],
		slots:   e.slots[:0],
		spare:   e.spare[:0],
		date:    e.date,
	}
	pool.Put(e)
}

// Any appends the JSON of v, as [Encoder.Value] does.
func (e *Encoder) Any(v any) { e.Value(slog.AnyValue(v)) }

// Value appends the JSON of v, with all values resolved that it holds as groups,
// however deep.
func (e *Encoder) Value(v slog.Value) {
	if v.Kind() == slog.KindLogValuer {
		v = e.resolve(v)
	}
	e.nodes++
	if kind := v.Kind(); kind != slog.KindGroup {
		e.plain(kind, v)
		return
	}
	if e.tooDeep() {
		return
	}
	e.depth++
	o := e.open()
	for _, a := range v.Group() {
		e.attr(&o, a, false)
	}
	e.close(&o, "members")
	e.depth--
}

// plain appends a value of the given kind, which is resolved, and no group.
func (e *Encoder) plain(kind slog.Kind, v slog.Value) {
	switch kind {
	case slog.KindString:
		e.String(v.String())
	case slog.KindInt64:
		e.Buf = strconv.AppendInt(e.Buf, v.Int64(), 10)
	case slog.KindUint64:
		e.Buf = strconv.AppendUint(e.Buf, v.Uint64(), 10)
	case slog.KindFloat64:
		e.float(v.Float64(), 64)
	case slog.KindBool:
		e.Buf = strconv.AppendBool(e.Buf, v.Bool())
	case slog.KindDuration:
		e.Buf = strconv.AppendInt(e.Buf, int64(v.Duration()), 10)
	case slog.KindTime:
		e.Time(v.Time())
	default:
		e.any(v.Any())
	}
}

func (e *Encoder) any(v any) {
	switch v := v.(type) {
	case nil:
		e.null()
	case mark:
		e.mark(v)
	case Rendered:
		e.rendered(v)
	case error:
		e.error(v)
	default:
		e.walk(reflect.ValueOf(v), false)
	}
}

// mark appends what stands for a value that was cut.
func (e *Encoder) mark(m mark) {
	e.Hostile = true
	e.Buf = append(e.Buf, m...)
}

// problem appends the text of a method's failure in place of its result.
func (e *Encoder) problem(text string) {
	e.Hostile = true
	e.String(text)
}

// tooDeep reports whether no further container may be opened. Then it has appended
// what stands for it.
func (e *Encoder) tooDeep() bool {
	if e.depth < e.limits.Depth {
		return false
	}
	e.mark(depthMark(e.limits.Depth))
	return true
}

// minValue is what any value can make do with: numbers as they are, anything else
// cut. It includes what opening a container keeps back.
const minValue = 128

// noRoom reports whether the line may be too short for another value.
func (e *Encoder) noRoom() bool { return len(e.Buf)+minValue > e.end }

// full reports whether containers must not go on.
func (e *Encoder) full() bool { return e.nodes >= e.limits.Nodes || e.noRoom() }

func (e *Encoder) null() { e.Buf = append(e.Buf, "null"...) }

// float appends f as encoding/json does, and what JSON cannot say as a string.
func (e *Encoder) float(f float64, bits int) {
	switch {
	case math.IsNaN(f):
		e.Buf = append(e.Buf, `"NaN"`...)
		return
	case math.IsInf(f, 1):
		e.Buf = append(e.Buf, `"+Inf"`...)
		return
	case math.IsInf(f, -1):
		e.Buf = append(e.Buf, `"-Inf"`...)
		return
	}
	format := byte('f')
	if abs := math.Abs(f); abs != 0 {
		// The limits are those of a float32 where f is one.
		if bits == 64 && (abs < 1e-6 || abs >= 1e21) || bits == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21) {
			format = 'e'
		}
	}
	b := strconv.AppendFloat(e.Buf, f, format, -1, bits)
	if n := len(b); format == 'e' && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1] // e-09 to e-9
		b = b[:n-1]
	}
	e.Buf = b
}
