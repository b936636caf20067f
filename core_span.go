package wfslog

import (
	"errors"
	"log/slog"
	"time"
	"unicode/utf8"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// streamSpan returns what the stream knows of s. A start that the stream has not
// seen is made up from the span, to be written before the first event below it; that
// of a span which was started elsewhere is not this stream's to write.
func (c *core) streamSpan(s *span) *streamSpan {
	if ss := s.in(c); ss != nil {
		return ss
	}
	if r := s.remote; r != nil && r.local != nil {
		if ss := r.local.in(c); ss != nil {
			return ss
		}
	}
	made := c.newStreamSpan(s)
	if s.remote == nil {
		flag := event.FlagPartial
		if s.isDefault {
			flag = event.FlagDefault
			recordsDefault(c, s)
		}
		e := c.encodeStart(s, nil, flag)
		defer e.Free()
		c.seq.Hold(&made.seq, e.Buf)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addLocked(made)
}

// newStreamSpan returns what the stream is to know of s. All ancestors of s are
// known to the stream then.
func (c *core) newStreamSpan(s *span) *streamSpan {
	made := &streamSpan{core: c}
	made.seq.Remote = s.remote != nil
	made.seq.Ref = event.SpanRef{
		Run: s.run.id, Span: s.path, Kind: s.kind, Time: s.start.UTC(),
		Name: head(c.textOf(c.nameOf(s)), maxRefName), Agent: head(c.textOf(s.agent), maxRefName),
	}
	if s.parent != nil {
		made.seq.Parent = &c.streamSpan(s.parent).seq // at most event.MaxDepth deep
	}
	return made
}

// maxRefName bounds the names that are repeated at the beginning of a segment.
const maxRefName = 256

// head returns the first limit bytes of text, or a few less, so that no character is
// cut in two.
func head(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := limit
	for end > max(limit-utf8.UTFMax, 0) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// nameOf returns the name of s: that of a default run comes from the handler that
// records it.
func (c *core) nameOf(s *span) string {
	if s.isDefault {
		return c.workflow
	}
	return s.name
}

// hasStart reports whether the start of s is written.
func (c *core) hasStart(s *span) bool {
	ss := s.in(c)
	if ss == nil {
		return false
	}
	started, _ := c.seq.State(&ss.seq)
	return started
}

// recordStart writes the start of a span, or holds it if its level is not
// admitted.
func (c *core) recordStart(rec *record, admitted bool) (seq uint64, err error) {
	s := rec.span
	made := c.newStreamSpan(s)
	e := c.encodeStart(s, rec, "")
	defer e.Free()
	s.mu.Lock()
	defer s.mu.Unlock()
	ss := s.in(c)
	switch {
	case ss == nil && admitted: // nobody else can know made yet
		seq, err = c.seq.Append(&made.seq, event.TypeStart, e.Buf)
		s.addLocked(made)
		return seq, err
	case ss == nil:
		c.seq.Hold(&made.seq, e.Buf)
		s.addLocked(made)
		return 0, nil
	}
	// A start was made up for an earlier event, or this one comes again.
	if c.seq.Hold(&ss.seq, e.Buf) || !rec.hasAttrs() {
		return 0, nil
	}
	return c.appendSet(rec, ss)
}

func (c *core) encodeStart(s *span, rec *record, flag string) *encode.Encoder {
	ev := event.Event{
		Type: event.TypeStart, Time: s.start, Level: slog.LevelDebug, Kind: s.kind, Name: c.nameOf(s), Agent: s.agent,
	}
	if s.parent == nil {
		ev.Link = s.run.link
	}
	flags := make([]string, 0, 3)
	if flag != "" {
		flags = append(flags, flag)
	}
	if s.moved {
		flags = append(flags, event.FlagDepth)
	}
	return c.encode(&ev, s, rec, flags)
}

// appendEnd writes the end of the span that ss stands for.
func (c *core) appendEnd(rec *record, ss *streamSpan) (uint64, error) {
	op := rec.op
	ev := event.Event{
		Type: event.TypeEnd, Time: op.time, Level: op.level, Dur: op.dur, Status: op.status, Error: op.err,
	}
	e := c.encode(&ev, op.span, rec, nil)
	defer e.Free()
	seq, err := c.seq.Append(&ss.seq, event.TypeEnd, e.Buf)
	if errors.Is(err, sequencer.ErrEnded) {
		return 0, nil // middleware sent the record twice, or too late
	}
	return seq, err
}

// appendSet writes what a record adds to the span that ss stands for.
func (c *core) appendSet(rec *record, ss *streamSpan) (uint64, error) {
	op := rec.op
	ev := event.Event{Type: event.TypeSet, Time: op.time, Level: op.level, Resource: op.resource}
	e := c.encode(&ev, op.span, rec, nil)
	defer e.Free()
	return c.seq.Append(&ss.seq, event.TypeSet, e.Buf)
}

// appendInject writes that a child ordinal of the span that ss stands for is given
// to another process.
func (c *core) appendInject(op *operation, ss *streamSpan) (uint64, error) {
	ev := event.Event{Type: event.TypeInject, Time: op.time, Level: op.level, Ordinal: op.ordinal}
	e := c.encode(&ev, op.span, nil, nil)
	defer e.Free()
	return c.seq.Append(&ss.seq, event.TypeInject, e.Buf)
}

// lacksEnd reports whether the stream has written the start of the span that ss stands
// for, and not its end.
func (c *core) lacksEnd(ss *streamSpan) bool {
	started, ended := c.seq.State(&ss.seq)
	return started && !ended
}

// endDirectly writes the end of a span whose record did not get here, because some
// middleware kept it.
func (c *core) endDirectly(op *operation, attrs []slog.Attr, ss *streamSpan) {
	rec := record{op: op, attrs: c.evaluate(nil, attrs)}
	_, _ = c.appendEnd(&rec, ss) // counted as lost
}

// endRoot ends the default run, whose root no context carries.
func (c *core) endRoot(root *span) {
	ss := root.in(c)
	if ss == nil || !c.lacksEnd(ss) {
		return
	}
	now := time.Now()
	op := operation{typ: event.TypeEnd, span: root, time: now, level: slog.LevelInfo, dur: now.Sub(root.start)}
	c.endDirectly(&op, nil, ss)
}
