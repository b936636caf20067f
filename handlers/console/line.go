package console

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/termtext"
)

// Bounds of what a line shows. The rest is in the journal.
const (
	maxMessage = 1000 // runes
	maxValue   = 200  // runes
	maxKey     = 100  // runes, with the groups in front of it
	maxDepth   = 16   // groups in groups
	maxAttrs   = 500  // attributes and groups of one record
)

// Keys that wfslog's handler gives to what it adds.
const (
	keyLogger = "logger"
	keyWF     = "wf"
)

// line builds what a record shows behind time and level.
type line struct {
	h      *Handler
	logger string // the agent in front of the message
	place  string // the place in the run at the end
	attrs  []byte // with a space in front of each
	seen   int    // attributes and groups
	enc    *encode.Encoder
}

func newLine(h *Handler) *line {
	return &line{h: h, logger: h.logger, place: h.place}
}

func (l *line) free() {
	if l.enc != nil {
		l.enc.Free()
	}
}

// text returns the whole text with message in it.
func (l *line) text(message string) string {
	buf := make([]byte, 0, 256)
	if l.logger != "" {
		buf = l.paint(buf, termtext.Cyan, "["+l.logger+"]")
		buf = append(buf, ' ')
	}
	message, cut := termtext.Cut(message, maxMessage)
	buf = termtext.Append(buf, message)
	if cut {
		buf = append(buf, string(termtext.Ellipsis)...)
	}
	buf = append(buf, l.h.attrs...)
	buf = append(buf, l.attrs...)
	if l.place != "" {
		buf = append(buf, ' ')
		buf = append(buf, l.place...)
	}
	return string(buf)
}

// paint appends text in a colour, if colours are on.
func (l *line) paint(buf []byte, color, text string) []byte {
	if !l.h.color {
		return append(buf, text...)
	}
	buf = append(buf, color...)
	buf = append(buf, text...)
	return append(buf, termtext.Reset...)
}

// add adds an attribute inside depth groups, whose names are in prefix.
func (l *line) add(prefix string, a slog.Attr, depth int) {
	l.seen++
	if l.seen > maxAttrs {
		if l.seen == maxAttrs+1 {
			l.attrs = append(l.attrs, ' ')
			l.attrs = append(l.attrs, string(termtext.Ellipsis)...)
		}
		return
	}
	a.Value = a.Value.Resolve()
	if a.Equal(slog.Attr{}) {
		return
	}
	kind := a.Value.Kind()
	switch {
	case prefix == "" && a.Key == keyLogger && kind == slog.KindString:
		l.logger = shortName(a.Value.String())
	case kind != slog.KindGroup:
		l.addValue(prefix+a.Key, a.Value)
	case prefix == "" && a.Key == keyWF && l.addPlace(a.Value.Group()):
	case depth >= maxDepth:
		l.addValue(prefix+a.Key, slog.StringValue(string(termtext.Ellipsis)))
	default:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range a.Value.Group() {
			l.add(prefix, member, depth+1)
		}
	}
}

// shortName returns the agent of a logger, safe and not too long.
func shortName(logger string) string {
	name, _ := termtext.Cut(strings.TrimPrefix(logger, "workflow."), maxKey)
	return termtext.String(name)
}

// addPlace takes the group wf of a record: what it says of the end of a span,
// and where in the run the record belongs. It reports whether the group is
// wfslog's.
func (l *line) addPlace(members []slog.Attr) bool {
	var run, span, status, failure string
	var took time.Duration
	ended := false
	for _, m := range members {
		v := m.Value.Resolve()
		switch m.Key {
		case "run":
			run = v.String()
		case "span":
			span = v.String()
		case "event":
			ended = v.String() == "end"
		case "status":
			status = v.String()
		case "error":
			failure = v.String()
		case "dur":
			if v.Kind() == slog.KindDuration {
				took = v.Duration()
			}
		}
	}
	if run == "" {
		return false
	}
	if failure != "" {
		l.addValue("error", slog.StringValue(failure))
	}
	var place []byte
	if ended {
		status, _ = termtext.Cut(status, maxKey)
		color := termtext.Green
		if status == "error" {
			color = termtext.Red
		}
		place = l.paint(place, color, termtext.String(status))
		place = append(place, ' ')
		place = append(place, termtext.Duration(took)...)
		place = append(place, ' ')
	}
	span, _ = termtext.Cut(span, maxValue)
	l.place = string(l.paint(place, termtext.Faint, "/"+termtext.String(span)))
	return true
}

func (l *line) addValue(key string, v slog.Value) {
	l.attrs = append(l.attrs, ' ')
	key, _ = termtext.Cut(key, maxKey)
	l.attrs = l.paint(l.attrs, termtext.Faint, string(termtext.AppendValue(nil, key))+"=")
	text, isJSON := l.valueText(v)
	head, cut := termtext.Cut(text, maxValue)
	if cut {
		head += string(termtext.Ellipsis)
	}
	if isJSON {
		text = termtext.String(head) // has quotes enough
	} else {
		text = string(termtext.AppendValue(nil, head))
	}
	if isError(key, v) {
		l.attrs = l.paint(l.attrs, termtext.Red, text)
	} else {
		l.attrs = append(l.attrs, text...)
	}
}

// isError reports whether the value tells what went wrong.
func isError(key string, v slog.Value) bool {
	if key == "error" || key == "err" {
		return true
	}
	_, ok := v.Any().(error)
	return ok
}

// valueText returns v, which is resolved and no group, as text that is not safe
// yet, and whether that is a JSON object or array.
func (l *line) valueText(v slog.Value) (text string, isJSON bool) {
	switch v.Kind() {
	case slog.KindTime:
		return v.Time().Format("2006-01-02T15:04:05.000Z07:00"), false
	case slog.KindFloat64:
		return strconv.FormatFloat(v.Float64(), 'g', -1, 64), false
	case slog.KindAny:
		return l.anyText(v.Any())
	}
	return v.String(), false // of slog's own kinds, which have nothing user-made in them
}

// anyText returns what a value says of itself, and else its JSON.
func (l *line) anyText(v any) (text string, isJSON bool) {
	defer func() {
		if p := recover(); p != nil {
			text, isJSON = panicText(v, p), false
		}
	}()
	switch v := v.(type) {
	case nil:
		return "<nil>", false
	case error:
		return v.Error(), false
	case []byte:
		return string(v), false
	case json.Marshaler, encoding.TextMarshaler:
	case fmt.Stringer:
		return v.String(), false
	}
	if l.enc == nil {
		l.enc = encode.New(&limits)
	}
	l.enc.Buf = l.enc.Buf[:0]
	l.enc.Any(v)
	if json.Unmarshal(l.enc.Buf, &text) == nil {
		return text, false
	}
	return string(l.enc.Buf), true
}

var limits = encode.Limits{}.WithDefaults()

// panicText tells that a method of v panicked with p. It uses no method of p.
func panicText(v, p any) string {
	if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
		return "<nil>"
	}
	if s, ok := p.(string); ok {
		return "!PANIC: " + s
	}
	return fmt.Sprintf("!PANIC: %T", p)
}
