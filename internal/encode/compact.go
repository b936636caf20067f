package encode

import (
	"github.com/wfslog/wfslog/internal/jsonscan"
	"github.com/wfslog/wfslog/internal/redact"
)

// maxSecret is how much is looked at of what is cut away, for secrets that begin
// before the cut.
const maxSecret = 16 << 10

// json appends JSON text that a method of the user's made: on one line, with what is
// unsafe in strings escaped, and within the limits. It reports false, and appends
// nothing, if text is not JSON. What is cut is only looked at as far as is needed to
// find its end.
func (e *Encoder) json(text []byte) bool {
	if len(text) > e.limits.LineBytes {
		// Converted is no more than is needed of what may be very large.
		head := string(text[:min(len(text), e.limits.StringBytes+maxSecret)])
		e.cutText(len(text), hashOf(text), e.redactText(head))
		return true
	}
	start, end, depth, members, nodes := len(e.Buf), e.end, e.depth, len(e.members), e.nodes
	hostile, redacted := e.Hostile, e.Redacted
	c := compactor{e: e, rest: text}
	if c.value() && c.peek() == 0 && len(c.rest) == 0 {
		return true
	}
	e.Buf, e.end, e.depth, e.members, e.nodes = e.Buf[:start], end, depth, e.members[:members], nodes
	e.Hostile, e.Redacted = hostile, redacted
	return false
}

// compactor copies JSON text to an encoder, value by value.
type compactor struct {
	e    *Encoder
	rest []byte // not yet copied
}

// peek returns the first byte that is not white space, 0 at the end.
func (c *compactor) peek() byte {
	for i, b := range c.rest {
		switch b {
		case ' ', '\t', '\r', '\n':
			continue
		}
		c.rest = c.rest[i:]
		return b
	}
	c.rest = nil
	return 0
}

// take returns the scalar at the beginning of the rest, nil if there is none.
func (c *compactor) take() []byte {
	n, err := jsonscan.Value(c.rest)
	if err != nil {
		return nil
	}
	scalar := c.rest[:n]
	c.rest = c.rest[n:]
	return scalar
}

// value copies the next value. Like the other methods that return a bool, it
// reports whether the text was as JSON wants it.
func (c *compactor) value() bool {
	switch first := c.peek(); first {
	case '{':
		return c.container(c.object)
	case '[':
		return c.container(c.array)
	case '"':
		text, ok := c.string()
		if ok {
			c.e.String(text)
		}
		return ok
	default:
		scalar := c.take()
		if len(scalar) > maxNumber {
			c.e.String(string(scalar))
		} else {
			c.e.Buf = append(c.e.Buf, scalar...)
		}
		return len(scalar) > 0
	}
}

// string takes the string at the beginning of the rest.
func (c *compactor) string() (text string, ok bool) { return jsonscan.String(c.take()) }

// container copies an object or an array, unless it would be too deep.
func (c *compactor) container(members func() bool) bool {
	if c.e.tooDeep() {
		return c.skip()
	}
	c.rest = c.rest[1:]
	return members()
}

func (c *compactor) object() bool {
	e := c.e
	e.depth++
	o := e.open()
	ok := c.list('}', func() bool {
		if c.peek() != '"' {
			return false
		}
		key, ok := c.string()
		if !ok || c.peek() != ':' {
			return false
		}
		c.rest = c.rest[1:]
		if !e.member(&o, key) {
			return c.skip()
		}
		if kind := e.keyKind(key); kind != redact.None {
			return c.redactValue(kind)
		}
		return c.value()
	})
	if ok {
		e.close(&o, "members")
		e.depth--
	}
	return ok
}

func (c *compactor) array() bool {
	e := c.e
	e.openArray()
	cut := 0
	ok := c.list(']', func() bool {
		if cut > 0 || e.full() {
			cut++
			return c.skip()
		}
		e.item()
		return c.value()
	})
	if cut > 0 {
		e.cutItems(cut)
	}
	e.closeArray()
	return ok
}

// list calls item for each of the items up to end.
func (c *compactor) list(end byte, item func() bool) bool {
	if c.peek() == end {
		c.rest = c.rest[1:]
		return true
	}
	for item() {
		next := c.peek()
		if next != end && next != ',' {
			return false
		}
		c.rest = c.rest[1:]
		if next == end {
			return true
		}
	}
	return false
}

// skip passes over a value, however deep, of which only the strings and the
// brackets are looked at.
func (c *compactor) skip() bool {
	depth := 0
	for {
		switch c.peek() {
		case 0:
			return false
		case '{', '[':
			depth++
			c.rest = c.rest[1:]
		case '}', ']':
			depth--
			c.rest = c.rest[1:]
		case ',', ':':
			if depth == 0 {
				return false
			}
			c.rest = c.rest[1:]
		default:
			if c.take() == nil {
				return false
			}
		}
		if depth <= 0 {
			return depth == 0
		}
	}
}

// isNumber reports whether s is a number of JSON.
func isNumber(s string) bool {
	if c := s[0]; c != '-' && (c < '0' || c > '9') {
		return false
	}
	n, err := jsonscan.Value([]byte(s))
	return err == nil && n == len(s)
}
