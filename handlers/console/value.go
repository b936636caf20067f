package console

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/wfslog/wfslog/internal/encode"
)

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

// limits are those of values that only their JSON can show: far more than is shown.
var limits = encode.Limits{Nodes: 2000, StringBytes: 64 << 10, LineBytes: 256 << 10}.WithDefaults()

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
