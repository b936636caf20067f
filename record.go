package wfslog

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// record is one slog record on its way through a Handler: first to the stream,
// then to the operational log.
type record struct {
	h     *Handler
	state *state
	slog  slog.Record
	op    *operation // what the record tells of a span, nil for an ordinary one

	// attrs are the record's attributes but for the marker, evaluated once for both
	// outputs; nil if those of slog can be used as they are.
	attrs []slog.Attr

	span    *span    // that the record belongs to, nil if to none
	seq     uint64   // of its event, 0 if it has none
	after   uint32   // of an ordinary record: child ordinals that span had given out
	usage   usageSum // of an end: what the actions in the span have reported
	encoded bool     // the attributes were encoded, so hostile is known
	hostile bool     // the values must not be handed on as they are

	// line holds the event of an ordinary record, if the operational log may make use of
	// it.
	line  *encode.Encoder
	parts event.Parts

	// What the keys of the attributes tell, if the operational log wants to know it.
	mayAct   bool // one of them may make it an action
	reserved bool // one of them is reserved by package jsonlog
}

// prepare looks for the marker, and evaluates the attributes if they cannot be used
// as they are.
func (rec *record) prepare() {
	c := rec.h.core
	evaluate := c.replace != nil || c.content != ContentFull
	resolved := false // the marker is a group
	rec.slog.Attrs(func(a slog.Attr) bool {
		if c.tallies {
			rec.noteKey(a.Key)
		}
		switch a.Value.Kind() {
		case slog.KindLogValuer:
			if op := markedOperation(a); op != nil {
				rec.op = op
			} else {
				evaluate = true
			}
		case slog.KindGroup:
			if rec.state.isResolvedMarker(a) {
				rec.op, resolved = rec.state.op, true
			} else if isOdd(a) {
				evaluate = true
			}
		}
		return true
	})
	if !evaluate && !resolved {
		return
	}
	rec.attrs = rec.ownAttrs()
	if evaluate {
		var groups []string
		if rec.op == nil { // the attributes of operations are in no groups
			groups = rec.h.scope.Groups()
		}
		rec.attrs = c.evaluate(groups, rec.attrs)
		if c.tallies {
			for _, a := range rec.attrs {
				rec.noteKey(a.Key)
			}
		}
	}
}

// noteKey notes what the key of one of the record's own attributes tells.
func (rec *record) noteKey(key string) {
	switch {
	case key == KeyAction:
		rec.mayAct = true
	case event.ReservedKey(key) != "":
		rec.reserved = true
	}
}

// isOdd reports whether a must be evaluated before it is used.
func isOdd(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindLogValuer:
		return true
	case slog.KindGroup:
		return a.Key == "" || !plainGroup(a.Value.Group(), 0)
	}
	return false
}

// loneOperation is an operation with its attributes. It comes from a pool because the
// compiler cannot tell that it is not kept.
type loneOperation struct {
	op    operation
	attrs [8]slog.Attr // more are allocated
}

var loneOperations = sync.Pool{New: func() any { return &loneOperation{} }}

// recordsAlone records what op tells, with attrs, if the operational log is not to get
// it, and reports whether that is so. Without a record to be handed on, a span takes a
// third less time.
func (h *Handler) recordsAlone(ctx context.Context, s *state, op *operation, attrs []slog.Attr) bool {
	if h == nil || h.core == nil || h.shows(s, op.level) && h.next.Enabled(ctx, op.level) {
		return false
	}
	c, admitted := h.core, h.admits(s, op.level)
	if !c.recording || !admitted && !c.wants(op) {
		return true
	}
	l := loneOperations.Get().(*loneOperation)
	l.op = *op
	rec := record{h: h, state: s, op: &l.op, span: op.span, attrs: append(l.attrs[:0], attrs...)}
	if c.replace != nil || c.content != ContentFull || slices.ContainsFunc(rec.attrs, isOdd) {
		rec.attrs = c.evaluate(nil, rec.attrs)
	}
	if err := c.unlessClosed(rec.recordOperation(admitted)); err != nil {
		c.reports.awaitFirst()
	}
	l.op = operation{}
	clear(l.attrs[:min(len(attrs), len(l.attrs))])
	loneOperations.Put(l)
	return true
}

// ownAttrs returns a copy of the attributes of the slog record but for the marker.
func (rec *record) ownAttrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, rec.slog.NumAttrs())
	rec.slog.Attrs(func(a slog.Attr) bool {
		if !a.Equal(slog.Attr{}) && !isMarker(a) && !rec.state.isResolvedMarker(a) {
			attrs = append(attrs, a)
		}
		return true
	})
	return attrs
}

// maxPlainDepth is how deep [plainGroup] looks.
const maxPlainDepth = 4

// plainGroup reports whether all values of a group are evaluated, and none of it
// vanishes: slog's own handlers write invalid JSON behind a group that turns out
// to be empty.
func plainGroup(attrs []slog.Attr, depth int) bool {
	if len(attrs) == 0 || depth == maxPlainDepth {
		return false
	}
	for _, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindLogValuer:
			return false
		case slog.KindGroup:
			if !plainGroup(a.Value.Group(), depth+1) {
				return false
			}
		default:
			if a.Equal(slog.Attr{}) {
				return false
			}
		}
	}
	return true
}

// record writes the record to the stream, if it is to be recorded.
func (rec *record) record() (err error) {
	h, s := rec.h, rec.state
	if !h.core.recording || s.suppressed {
		return nil
	}
	level := rec.slog.Level
	switch {
	case rec.op != nil:
		rec.span = rec.op.span
		err = rec.recordOperation(h.admits(s, level))
	case s.span != nil:
		rec.span = s.span
		if h.admits(s, level) {
			err = rec.recordLog()
		}
	case h.agent != "" && h.admits(s, level):
		rec.span = defaultRoot()
		if err = rec.recordLog(); rec.seq > 0 {
			h.core.withoutContext.Add(1)
		}
	}
	return h.core.unlessClosed(err)
}

// unlessClosed returns err, unless it says that the stream is closed: then the event is
// counted.
func (c *core) unlessClosed(err error) error {
	if errors.Is(err, sequencer.ErrClosed) {
		c.afterClose.Add(1)
		return nil
	}
	return err
}

func (rec *record) recordLog() (err error) {
	c, r := rec.h.core, &rec.slog
	ss := c.streamSpan(rec.span)
	rec.after = rec.span.given()
	ev := event.Event{
		Type: event.TypeLog, Time: r.Time, Level: r.Level, After: rec.after, Logger: rec.h.name, Msg: r.Message,
	}
	if c.addSource {
		ev.Source = (*event.Source)(r.Source())
	}
	e := c.encode(&ev, rec.span, rec, nil)
	if c.json != nil {
		rec.line = e
	} else {
		defer e.Free()
	}
	rec.seq, err = c.seq.Append(&ss.seq, event.TypeLog, e.Buf)
	if rec.mayAct {
		rec.tallyAction(ss)
	}
	return err
}

// recordOperation records what the record tells of a span. admitted says whether
// its level is high enough for the journal: starts are held, ends written if the
// start was, and injects written, also if it is not.
func (rec *record) recordOperation(admitted bool) (err error) {
	c := rec.h.core
	switch rec.op.typ {
	case event.TypeStart:
		if rec.seq, err = c.recordStart(rec, admitted); c.tallies {
			rec.tallyOwn()
		}
	case event.TypeEnd:
		if admitted || c.hasStart(rec.span) {
			ss := c.streamSpan(rec.span)
			if rec.seq, err = c.appendEnd(rec, ss); c.tallies {
				rec.tallyEnd(ss)
			}
		}
	case event.TypeInject:
		rec.seq, err = c.appendInject(rec.op, c.streamSpan(rec.span))
	case event.TypeSet:
		if admitted {
			if rec.seq, err = c.appendSet(rec, c.streamSpan(rec.span)); c.tallies {
				rec.tallyOwn()
			}
		}
	}
	return err
}

// wants reports whether the stream takes the record of op whatever its level:
// each start, to know it when something below is recorded, each inject, since another
// process may record something below, and each end whose start is held.
func (c *core) wants(op *operation) bool {
	switch op.typ {
	case event.TypeStart, event.TypeInject:
		return true
	case event.TypeEnd:
		return op.span.in(c) != nil
	}
	return false
}

// hasAttrs reports whether there are attributes beside the marker of an operation.
func (rec *record) hasAttrs() bool {
	if rec.attrs != nil {
		return len(rec.attrs) > 0
	}
	return rec.slog.NumAttrs() > 1
}
