package wfslog

import (
	"errors"
	"log/slog"
	"slices"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/redact"
)

// newEncoder returns an encoder that redacts secrets, unless they are kept.
func (c *core) newEncoder() *encode.Encoder {
	e := encode.New(&c.limits)
	e.Redact = c.redact
	return e
}

// countRedacted counts n secrets that were replaced.
func (c *core) countRedacted(n int) {
	if n > 0 {
		c.redacted.Add(uint64(n))
	}
}

// redactText returns s without secrets, and how many it had.
func (c *core) redactText(s string) (string, int) {
	if !c.redact {
		return s, 0
	}
	return redact.Text(s)
}

// textOf is redactText for what is counted elsewhere.
func (c *core) textOf(s string) string {
	s, _ = c.redactText(s)
	return s
}

// hasSecret reports whether a has a secret that can be seen without encoding it. It
// may have others if it is risky.
func (c *core) hasSecret(a slog.Attr) bool {
	if !c.redact {
		return false
	}
	if encode.IsSecret(redact.Key(a.Key), a.Value) {
		return true
	}
	_, n := redact.Text(a.Key)
	if n == 0 && a.Value.Kind() == slog.KindString {
		_, n = redact.Text(a.Value.String())
	}
	return n > 0
}

// kindIn returns what the key tells of its value, inside groups.
func kindIn(groups []string, key string) redact.Kind {
	if inSecret(groups) {
		return redact.Always
	}
	return redact.Key(key)
}

// inSecret reports whether the name of one of the groups tells that all in it is
// secret.
func inSecret(groups []string) bool {
	return slices.ContainsFunc(groups, func(name string) bool { return redact.Key(name) == redact.Always })
}

// redacting returns replace for attributes without secrets.
func (c *core) redacting(replace func([]string, slog.Attr) slog.Attr) func([]string, slog.Attr) slog.Attr {
	if replace == nil || !c.redact {
		return replace
	}
	return func(groups []string, a slog.Attr) slog.Attr {
		return replace(groups, c.redactAttr(groups, a))
	}
}

// redactAttr returns a, which is resolved and no group, without secrets.
func (c *core) redactAttr(groups []string, a slog.Attr) slog.Attr {
	kind := kindIn(groups, a.Key)
	key, n := redact.Text(a.Key)
	a.Key = key
	switch {
	case encode.IsSecret(kind, a.Value):
		a.Value = slog.StringValue(redact.Mark)
		n++
	case a.Value.Kind() == slog.KindString:
		if text, found := redact.Text(a.Value.String()); found > 0 {
			a.Value = slog.StringValue(text)
			n += found
		}
	case a.Value.Kind() == slog.KindAny:
		e := c.newEncoder()
		if e.Value(a.Value); e.Redacted > 0 {
			a.Value = slog.AnyValue(encode.Rendered(e.Buf))
			n += e.Redacted
		}
		e.Free()
	}
	c.countRedacted(n)
	return a
}

// redactMembers redacts texts of wfslog's own in place.
func (c *core) redactMembers(members []slog.Attr) {
	for i, m := range members {
		switch m.Value.Kind() {
		case slog.KindString:
			if text, n := c.redactText(m.Value.String()); n > 0 {
				members[i].Value = slog.StringValue(text)
			}
		case slog.KindGroup:
			c.redactMembers(m.Value.Group())
		}
	}
}

// redactError returns err, or if its text holds secrets, an error without them.
func (c *core) redactError(err error) error {
	if err == nil || !c.redact {
		return err
	}
	text, n := redact.Text(errorText(err))
	if n == 0 {
		return err
	}
	return &redactedError{text, err}
}

// redactedError is an error whose text held a secret. It does not unwrap, since
// what is inside it would tell.
type redactedError struct {
	text string
	err  error
}

// Error returns the text of the error without secrets.
func (e *redactedError) Error() string { return e.text }

// Is reports whether the error is target.
func (e *redactedError) Is(target error) bool { return errors.Is(e.err, target) }
