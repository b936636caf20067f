package encode

import (
	"log/slog"
	"reflect"
	"unicode/utf8"

	"github.com/wfslog/wfslog/internal/redact"
)

// redactText returns s without secrets, if that is asked for.
func (e *Encoder) redactText(s string) string {
	if !e.Redact {
		return s
	}
	s, n := redact.Text(s)
	if n > 0 {
		e.Redacted += n
		e.Hostile = true
	}
	return s
}

// redactBytes is redactText for bytes, if they are text.
func (e *Encoder) redactBytes(b []byte) []byte {
	if !e.Redact || !utf8.Valid(b) {
		return b
	}
	redacted := e.Redacted
	if text := e.redactText(string(b)); e.Redacted > redacted {
		return []byte(text)
	}
	return b
}

// redacted appends what stands in place of a value.
func (e *Encoder) redacted() {
	e.Redacted++
	e.Hostile = true
	e.Buf = append(e.Buf, `"`+redact.Mark+`"`...)
}

// keyKind says what a key tells of its value, if that matters.
func (e *Encoder) keyKind(key string) redact.Kind {
	if !e.Redact {
		return redact.None
	}
	return redact.Key(key)
}

// memberOf appends the value of a member whose key is of the given kind.
func (e *Encoder) memberOf(kind redact.Kind, v reflect.Value, quoted bool) {
	if kind != redact.None && e.Redact && secretReflect(kind, v) {
		e.redacted()
		return
	}
	e.walk(v, quoted)
}

// IsSecret reports whether v, the value of a key of the given kind, is to be
// replaced whole. nil, booleans and what is empty are not. A value that is not
// resolved is.
func IsSecret(kind redact.Kind, v slog.Value) bool {
	if kind == redact.None {
		return false
	}
	switch v.Kind() {
	case slog.KindBool:
		return false
	case slog.KindString:
		return secretText(kind, v.String())
	case slog.KindGroup:
		return kind == redact.Always && len(v.Group()) > 0
	case slog.KindAny:
		return secretReflect(kind, reflect.ValueOf(v.Any()))
	}
	return kind == redact.Always
}

func secretText(kind redact.Kind, s string) bool {
	if kind == redact.IfToken {
		return redact.Token(s)
	}
	return s != "" && s != redact.Mark
}

func secretReflect(kind redact.Kind, v reflect.Value) bool {
	for hops := 0; v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface; hops++ {
		if v.IsNil() || hops > maxDepth {
			return false
		}
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Invalid, reflect.Bool:
		return false
	case reflect.String:
		return secretText(kind, v.String())
	case reflect.Map:
		return kind == redact.Always && v.Len() > 0
	case reflect.Slice, reflect.Array:
		if kind == redact.Always {
			return v.Len() > 0
		}
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return redact.Token(string(v.Bytes()))
		}
		return v.Len() == 1 && secretReflect(kind, v.Index(0)) // a header
	}
	return kind == redact.Always
}

// redactValue copies what stands in place of the next value, whose key is of the
// given kind, or the value if it is no secret.
func (c *compactor) redactValue(kind redact.Kind) bool {
	switch first := c.peek(); first {
	case 'n', 't', 'f', 0:
		return c.value()
	case '"':
		text, ok := c.string()
		if ok && secretText(kind, text) {
			c.e.redacted()
		} else if ok {
			c.e.String(text)
		}
		return ok
	default:
		if kind != redact.Always {
			return c.value()
		}
		c.e.redacted()
		return c.skip()
	}
}
