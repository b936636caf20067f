package wfslog

import (
	"context"
	"log/slog"
	"slices"

	"github.com/wfslog/wfslog/internal/event"
)

// nextScope holds, from the first group on, the groups and attributes of With
// calls that the operational log gets with each record: an immutable list, the
// newest first. Exactly one of group and attrs is set.
type nextScope struct {
	parent *nextScope
	group  string
	attrs  []slog.Attr
}

// nest returns attrs inside the groups of s, beside the attributes there.
func (s *nextScope) nest(attrs []slog.Attr) []slog.Attr {
	for ; s != nil; s = s.parent {
		switch {
		case s.group == "":
			attrs = slices.Concat(s.attrs, attrs)
		case len(attrs) > 0:
			attrs = []slog.Attr{{Key: s.group, Value: slog.GroupValue(attrs...)}}
		}
	}
	return attrs
}

// escapedWF is what a user's own top-level attribute [keyWF] is called in the
// operational log.
const escapedWF = "!" + keyWF

// topLevel returns attrs with the key wf escaped. It does not change attrs.
func topLevel(attrs []slog.Attr) []slog.Attr {
	i := slices.IndexFunc(attrs, func(a slog.Attr) bool { return a.Key == keyWF })
	if i < 0 {
		return attrs
	}
	attrs = slices.Clone(attrs)
	for i := range attrs {
		if attrs[i].Key == keyWF {
			attrs[i].Key = escapedWF
		}
	}
	return attrs
}

// forward hands the record on to the operational log.
func (rec *record) forward(ctx context.Context) error {
	if done, err := rec.forwardEncoded(); done {
		return err
	}
	h := rec.h
	attrs := rec.attrs
	if attrs == nil && (rec.op != nil || h.tail != nil || rec.hostile || rec.needsCare()) {
		attrs = rec.ownAttrs()
	}
	msg, redacted := rec.message()
	if attrs == nil && rec.span == nil && h.name == "" && redacted == 0 {
		return h.next.Handle(ctx, rec.slog)
	}
	r := slog.NewRecord(rec.slog.Time, rec.slog.Level, msg, rec.slog.PC)
	if h.name != "" {
		r.AddAttrs(slog.String("logger", h.name))
	}
	if attrs != nil {
		var groups []string
		if rec.op == nil {
			groups = h.scope.Groups()
		}
		if rec.hostile || (!rec.encoded && h.core.isHostile(groups, attrs)) {
			var n int
			attrs, n = h.core.harmless(groups, attrs)
			redacted += n
		}
		r.AddAttrs(topLevel(h.tail.nest(attrs))...)
	} else {
		rec.slog.Attrs(func(a slog.Attr) bool { r.AddAttrs(a); return true })
	}
	if rec.span != nil {
		r.AddAttrs(rec.wf())
	}
	if !rec.encoded {
		h.core.countRedacted(redacted)
	}
	return h.next.Handle(ctx, r)
}

// forwardEncoded hands the record on with its attributes as they were encoded for the
// journal, and reports whether the operational log takes them. It writes what it would
// write otherwise.
func (rec *record) forwardEncoded() (done bool, err error) {
	h := rec.h
	if rec.line == nil || rec.seq == 0 || rec.hostile || h.scope.Hostile() || h.reserved || h.tail == nil && rec.reserved {
		return false, nil
	}
	c := h.core
	o := event.Operational{
		Body: rec.line, Parts: rec.parts, Source: c.addSource,
		Level: rec.slog.Level, Stream: c.seq.Stream(), Seq: rec.seq, After: rec.after,
	}
	if h.agent == "" {
		o.Agent = c.textOf(rec.span.agent)
	}
	return c.json.HandleRecorded(&o)
}

func isReserved(a slog.Attr) bool { return event.ReservedKey(a.Key) != "" }

// message returns the record's message without secrets, and how many it had. The
// names that are in the message of an operation may not have been encoded.
func (rec *record) message() (msg string, redacted int) {
	if rec.encoded && !rec.hostile && rec.op == nil {
		return rec.slog.Message, 0
	}
	return rec.h.core.redactText(rec.slog.Message)
}

// wf returns the attribute that says where in the run the record belongs, from
// which the event can be rebuilt out of the operational log. rec.span must be set.
func (rec *record) wf() slog.Attr {
	var members []slog.Attr
	if rec.op != nil {
		members = append(rec.op.members(), rec.usage.attrs()...)
	} else {
		members = make([]slog.Attr, 0, 6)
		members = append(members, slog.String("run", rec.span.run.text), slog.String("span", rec.span.path))
		if rec.span.agent != "" && rec.h.agent == "" {
			members = append(members, slog.String("agent", rec.span.agent))
		}
	}
	rec.h.core.redactMembers(members)
	if rec.seq > 0 {
		members = append(members, slog.String("stream", rec.h.core.seq.Stream()), slog.Uint64("seq", rec.seq))
		if rec.op == nil {
			members = append(members, slog.Uint64("after", uint64(rec.after)))
		}
	}
	return slog.Attr{Key: keyWF, Value: slog.GroupValue(members...)}
}

// needsCare reports whether the record has an attribute that cannot be handed on as
// it is.
func (rec *record) needsCare() (found bool) {
	rec.slog.Attrs(func(a slog.Attr) bool {
		found = a.Key == keyWF || (!rec.encoded && (risky(a.Value, rec.h.core.redact) || rec.h.core.hasSecret(a)))
		return !found
	})
	return found
}
