package encode

import (
	"log/slog"

	"github.com/wfslog/wfslog/internal/redact"
)

// Object appends the attributes of r as an object, beside those of s and inside
// the groups that are open there, and reports whether there are any. If not, it
// appends nothing. See [Encoder.Attrs].
func (e *Encoder) Object(s *Scope, r *slog.Record) bool {
	start := e.openScope(s)
	r.Attrs(func(a slog.Attr) bool {
		e.attrOfRecord(a)
		return true
	})
	return e.closeScope(start)
}

// Attrs is [Encoder.Object] for attributes that are not in a record.
//
// It follows the rules of [slog.Handler]: empty attributes and groups without
// members are left out, members of groups without a key belong to the group around.
// In each object, if a key stands more than once, the last value stays where it is,
// and the earlier ones go to a last member "!DUP" in their order:
// {"k":3,"!DUP":{"k":[1,2]}}. Attributes beyond [Limits.Attrs] are not evaluated,
// but counted in {"!CUT":{"attrs":n}}.
func (e *Encoder) Attrs(s *Scope, attrs []slog.Attr) bool {
	start := e.openScope(s)
	for _, a := range attrs {
		e.attrOfRecord(a)
	}
	return e.closeScope(start)
}

// attrOfRecord appends an attribute to the innermost object of the scope.
func (e *Encoder) attrOfRecord(a slog.Attr) {
	if e.Skip != nil && e.Skip(a) {
		return
	}
	o := &e.objects[len(e.objects)-1]
	if e.attrs >= e.limits.Attrs {
		if !ignored(a) {
			o.cut++
		}
		return
	}
	e.attrs++
	offer := e.Content != nil && len(e.objects) == 1
	if (offer || !e.appendPlain(o, a)) && !e.attr(o, a, offer) {
		e.attrs--
	}
}

// ignored reports whether a is the empty attribute.
func ignored(a slog.Attr) bool {
	return a.Key == "" && a.Value.Kind() == slog.KindAny && a.Value.Any() == nil
}

// attr appends an attribute to o, unless it is to be ignored, and reports whether
// there is something of it. offer is set if Content may write the value.
func (e *Encoder) attr(o *object, a slog.Attr, offer bool) bool {
	kind := a.Value.Kind()
	if kind == slog.KindLogValuer {
		if e.full() {
			o.cut++
			return true
		}
		a.Value = e.resolve(a.Value)
		kind = a.Value.Kind()
	}
	switch {
	case kind == slog.KindGroup && a.Key == "":
		return e.group(o, a, offer)
	case kind == slog.KindAny && a.Key == cutKey:
		if n, ok := a.Value.Any().(leftOut); ok {
			o.cut += int(n)
			return true
		}
	case ignored(a):
		return false
	}
	if e.Redact && e.secret(o, a) {
		if e.member(o, a.Key) {
			e.redacted()
		}
		return true
	}
	if kind == slog.KindGroup {
		return e.group(o, a, offer)
	}
	if e.member(o, a.Key) && !(offer && e.content(a)) {
		e.plain(kind, a.Value)
	}
	return true
}

// secret reports whether the value of a, which is to be a member of o, must be
// replaced.
func (e *Encoder) secret(o *object, a slog.Attr) bool {
	if o.secret {
		return IsSecret(redact.Always, a.Value)
	}
	return IsSecret(redact.Key(a.Key), a.Value)
}

// content lets the caller write the value of an input or output.
func (e *Encoder) content(a slog.Attr) bool {
	return (a.Key == "input" || a.Key == "output") && e.Content(e, a.Key, a.Value)
}

// group appends a group to o, or its members if it has no key. A group of which
// nothing remains leaves nothing behind.
func (e *Encoder) group(o *object, a slog.Attr, offer bool) bool {
	members := a.Value.Group()
	if len(members) == 0 {
		return false
	}
	if a.Key == "" {
		return e.inline(o, members, offer)
	}
	if !e.member(o, a.Key) || offer && e.content(a) || e.tooDeep() {
		return true
	}
	e.depth++
	g := e.open()
	for _, m := range members {
		if !e.appendPlain(&g, m) {
			e.attr(&g, m, false)
		}
	}
	e.depth--
	if e.isEmpty(&g) {
		e.dropObject(&g)
		e.dropMember()
		return false
	}
	e.close(&g, "members")
	return true
}

// inline appends members of a group to the object around it. They count as deeper,
// and the group as a value, because a group may contain itself, more than once.
func (e *Encoder) inline(o *object, members []slog.Attr, offer bool) (some bool) {
	if e.depth >= e.limits.Depth || e.full() {
		o.cut += len(members)
		return true
	}
	e.nodes++
	e.depth++
	for _, m := range members {
		if e.attr(o, m, offer) {
			some = true
		}
	}
	e.depth--
	return some
}
