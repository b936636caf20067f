package wfslog

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/wfslog/wfslog/internal/encode"
)

// risky reports whether v may be a value that other handlers render with unbounded
// recursion, or not as JSON.
func risky(v slog.Value) bool {
	switch v.Kind() {
	case slog.KindGroup:
		return true
	case slog.KindAny:
		return !harmlessType(v.Any())
	case slog.KindTime:
		year := v.Time().Year()
		return year < 0 || year > 9999
	}
	return false
}

// harmlessType reports whether v can be rendered by any handler.
func harmlessType(v any) bool {
	switch v.(type) {
	case nil, error, []byte, []string, []int, []float64, map[string]string:
		return true
	}
	return false
}

// isHostile reports whether a value of attrs cannot be encoded as it is: it is
// too deep or too large, contains itself, or panics.
func (c *core) isHostile(attrs []slog.Attr) bool {
	e := encode.New(&c.limits)
	defer e.Free()
	e.Attrs(nil, attrs)
	return e.Hostile
}

// harmless returns attrs with all values but plain ones replaced by what the
// journal says of them.
func (c *core) harmless(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, 0, len(attrs))
	e := encode.New(&c.limits)
	defer e.Free()
	for _, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindAny, slog.KindGroup, slog.KindLogValuer, slog.KindString, slog.KindTime:
			e.Buf = e.Buf[:0]
			e.Value(a.Value)
			a.Value = slog.AnyValue(rendered(e.Buf))
		}
		out = append(out, a)
	}
	return out
}

// rendered is a value as the journal has it, in JSON, for handlers that could not
// render the original without harm.
type rendered string

var (
	_ json.Marshaler         = rendered("")
	_ encoding.TextMarshaler = rendered("")
	_ fmt.Stringer           = rendered("")
)

// MarshalJSON returns the value.
func (r rendered) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// MarshalText returns the text of a string, and the JSON of anything else.
func (r rendered) MarshalText() ([]byte, error) {
	var text string
	if json.Unmarshal([]byte(r), &text) == nil {
		return []byte(text), nil
	}
	return []byte(r), nil
}

// String returns what MarshalText does.
func (r rendered) String() string {
	text, _ := r.MarshalText() // never fails
	return string(text)
}
