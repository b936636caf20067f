package wfslog

import (
	"log/slog"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/redact"
)

// risky reports whether v may be a value that other handlers render with unbounded
// recursion, or not as JSON, or, if secrets are redacted, one that holds any and is
// no string.
func risky(v slog.Value, hideSecrets bool) bool {
	switch v.Kind() {
	case slog.KindGroup:
		return true
	case slog.KindAny:
		return !harmlessType(v.Any(), hideSecrets)
	case slog.KindTime:
		year := v.Time().Year()
		return year < 0 || year > 9999
	}
	return false
}

// harmlessType reports whether v can be rendered by any handler, and if secrets are
// redacted, that it holds none.
func harmlessType(v any, hideSecrets bool) bool {
	switch v.(type) {
	case nil, []int, []float64:
		return true
	case error, []byte, []string, map[string]string:
		return !hideSecrets
	}
	return false
}

// isHostile reports whether a value of attrs cannot be encoded as it is: it is
// too deep or too large, contains itself, panics, or holds a secret.
func (c *core) isHostile(groups []string, attrs []slog.Attr) bool {
	if c.redact && inSecret(groups) {
		return true
	}
	e := c.newEncoder()
	defer e.Free()
	e.Attrs(nil, attrs)
	return e.Hostile
}

// harmless returns attrs, which are in groups, with all values but plain ones
// replaced by what the journal says of them, and how many secrets they had.
func (c *core) harmless(groups []string, attrs []slog.Attr) (_ []slog.Attr, redacted int) {
	out := make([]slog.Attr, 0, len(attrs))
	e := c.newEncoder()
	defer e.Free()
	for _, a := range attrs {
		switch kind := a.Value.Kind(); {
		case c.redact && encode.IsSecret(kindIn(groups, a.Key), a.Value):
			a.Value = slog.StringValue(redact.Mark)
			redacted++
		case kind == slog.KindAny, kind == slog.KindGroup, kind == slog.KindLogValuer, kind == slog.KindString, kind == slog.KindTime:
			e.Buf = e.Buf[:0]
			e.Value(a.Value)
			a.Value = slog.AnyValue(encode.Rendered(e.Buf))
		}
		key, n := c.redactText(a.Key)
		a.Key = key
		redacted += n
		out = append(out, a)
	}
	return out, redacted + e.Redacted
}
