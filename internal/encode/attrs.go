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

// ObjectWithout is [Encoder.Object] without the attributes of r with the indices i and
// j; there need not be any.
func (e *Encoder) ObjectWithout(i, j int, s *Scope, r *slog.Record) bool {
	start, n := e.openScope(s), 0
	r.Attrs(func(a slog.Attr) bool {
		if n != i && n != j {
			e.attrOfRecord(a)
		}
		n++
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
	top := e.Rename != nil && len(e.objects) == 1
	some, ok := false, false
	if !top || e.Rename(a.Key) == "" {
		some, ok = e.appendPlain(o, a)
	}
	if !ok {
		some = e.attr(o, a, top)
	}
	if !some {
		e.attrs--
	}
}

// ignored reports whether a is the empty attribute.
func ignored(a slog.Attr) bool {
	return a.Key == "" && a.Value.Kind() == slog.KindAny && a.Value.Any() == nil
}

// attr appends an attribute to o, unless it is to be ignored, and reports whether
// there is something of it. top is set if Rename may have another name for it.
func (e *Encoder) attr(o *object, a slog.Attr, top bool) bool {
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
		return e.group(o, a, top)
	case kind == slog.KindAny && a.Key == cutKey:
		if n, ok := a.Value.Any().(leftOut); ok {
			o.cut += int(n)
			return true
		}
	case ignored(a):
		return false
	}
	if e.Redact && e.secret(o, a) {
		if e.named(o, a.Key, top) {
			e.redacted()
		}
		return true
	}
	if kind == slog.KindGroup {
		return e.group(o, a, top)
	}
	if e.named(o, a.Key, top) {
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

// named is member for a key that Rename may have another name for, if top is set.
func (e *Encoder) named(o *object, key string, top bool) bool {
	if !e.member(o, key) {
		return false
	}
	if top {
		if name := e.Rename(key); name != "" {
			m := &e.members[len(e.members)-1]
			e.Buf = append(append(append(e.Buf[:m.key], '"'), name...), `":`...)
			m.value = len(e.Buf)
		}
	}
	return true
}

// group appends a group to o, or its members if it has no key. A group of which
// nothing remains leaves nothing behind.
func (e *Encoder) group(o *object, a slog.Attr, top bool) bool {
	members := a.Value.Group()
	if len(members) == 0 {
		return false
	}
	if a.Key == "" {
		return e.inline(o, members, top)
	}
	if !e.named(o, a.Key, top) || e.tooDeep() {
		return true
	}
	return e.groupMembers(members)
}

// groupMembers appends the value of a group whose key was appended as that of a
// member. If nothing remains of it, that is taken back.
func (e *Encoder) groupMembers(members []slog.Attr) (some bool) {
	e.depth++
	g := e.open()
	for _, m := range members {
		if _, ok := e.appendPlain(&g, m); !ok {
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
func (e *Encoder) inline(o *object, members []slog.Attr, top bool) (some bool) {
	if e.depth >= e.limits.Depth || e.full() {
		o.cut += len(members)
		return true
	}
	e.nodes++
	e.depth++
	for _, m := range members {
		if e.attr(o, m, top) {
			some = true
		}
	}
	e.depth--
	return some
}
