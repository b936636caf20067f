package wfslog

import (
	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
)

// encode returns an encoder that holds the body of ev, an event of s, with the
// attributes of rec.
func (c *core) encode(ev *event.Event, s *span, rec *record, flags []string) *encode.Encoder {
	ev.Stream, ev.Time, ev.Run, ev.Span = c.seq.Stream(), ev.Time.UTC(), s.run.id, s.path
	e := c.newEncoder()
	parts := new(event.Parts)
	if rec != nil {
		parts = &rec.parts
	}
	ev.AppendBodyAt(e, s.place, parts)
	mark := len(e.Buf)
	e.Buf = append(e.Buf, `,"attrs":`...)
	parts.Attrs = len(e.Buf)
	if !rec.appendAttrs(e) {
		e.Buf = e.Buf[:mark]
	}
	parts.AttrsEnd = len(e.Buf)
	if e.BadUTF8 {
		flags = append(flags, event.FlagUTF8)
	}
	event.AppendFlags(e, flags)
	c.countRedacted(e.Redacted)
	return e
}

// appendAttrs appends the record's attributes, and those of its logger unless it
// tells of a span, as an object. If there are none, it appends nothing and reports
// false. A nil record has none.
func (rec *record) appendAttrs(e *encode.Encoder) (some bool) {
	if rec == nil {
		return false
	}
	var scope *encode.Scope
	if rec.op == nil {
		scope = rec.h.scope
	}
	switch {
	case rec.attrs != nil:
		some = e.Attrs(scope, rec.attrs)
	case rec.op != nil:
		e.Skip = isMarker
		some = e.Object(nil, &rec.slog)
	default:
		some = e.Object(scope, &rec.slog)
	}
	rec.encoded, rec.hostile = true, e.Hostile
	return some
}
