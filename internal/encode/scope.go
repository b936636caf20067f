package encode

import (
	"log/slog"
	"slices"

	"github.com/wfslog/wfslog/internal/redact"
)

// Scope is what a handler's WithAttrs and WithGroup calls have collected. A nil
// *Scope is empty. Scopes are immutable, share nothing that can change, and are
// safe for concurrent use.
type Scope struct {
	groups []string // all open groups

	// The attributes, encoded: text is an object without its end, and without the end
	// of the groups opened inside it. Groups that have been opened since the last
	// attribute are not in it. objects and members say where its parts are.
	text    []byte
	objects []object
	members []member

	attrs   int // attributes in text
	nodes   int // values in text
	hostile bool
	badUTF8 bool
}

// Groups returns the names of the open groups, outermost first. They must not be
// changed.
func (s *Scope) Groups() []string {
	if s == nil {
		return nil
	}
	return s.groups
}

// Hostile reports whether an attribute of the scope was one that must not be handed
// to another handler: see [Encoder].
func (s *Scope) Hostile() bool { return s != nil && s.hostile }

// WithGroup returns a scope in which name is open inside the groups of s. It returns
// s if name is empty, and if 40 groups are open: deeper ones are not kept apart.
func (s *Scope) WithGroup(name string) *Scope {
	if name == "" || len(s.Groups()) >= maxDepth {
		return s
	}
	var s2 Scope
	if s != nil {
		s2 = *s
	}
	s2.groups = append(slices.Clip(s2.groups), name)
	return &s2
}

// WithAttrs returns a scope that also has attrs, which are evaluated now and are
// only read. It returns s if there is nothing to add. All attributes of a scope
// together take at most half a line, and what is beyond is counted as left out.
// e must have an empty buffer; afterwards it is of use only for what it says of
// attrs.
func (s *Scope) WithAttrs(e *Encoder, attrs []slog.Attr) *Scope {
	if len(attrs) == 0 {
		return s
	}
	e.openScope(s)
	e.end -= e.limits.LineBytes / 2
	o := &e.objects[len(e.objects)-1]
	members, cut := len(e.members), o.cut
	for _, a := range attrs {
		e.attrOfRecord(a)
	}
	if len(e.members) == members && o.cut == cut {
		return s
	}
	s2 := &Scope{
		groups:  s.Groups(),
		text:    slices.Clone(e.Buf),
		objects: slices.Clone(e.objects),
		members: slices.Clone(e.members),
		attrs:   e.attrs,
		nodes:   e.nodes,
		hostile: s.Hostile() || e.Hostile || o.cut > 0,
		badUTF8: e.BadUTF8,
	}
	for i := range s2.objects {
		o, end := &s2.objects[i], len(s2.members)
		if i+1 < len(s2.objects) {
			end = s2.objects[i+1].base
		}
		if !e.distinct(s2.members[o.base:end], o.known) {
			end = o.base
		}
		o.known = end - o.base
	}
	return s2
}

// openScope appends the beginning of an attributes object: what s holds, and its
// open groups. It returns where the object starts.
func (e *Encoder) openScope(s *Scope) (start int) {
	start = len(e.Buf)
	if s == nil {
		e.objects = append(e.objects, e.open())
		return start
	}
	keep := keptBack*len(s.objects) + keptPerMember*len(s.members)
	switch {
	case s.text == nil:
		e.objects = append(e.objects, e.open())
	case start+len(s.text)+keep+minValue > e.end:
		o := e.open()
		o.cut = len(s.members) - (len(s.objects) - 1) // the open groups are members, too
		for i := range s.objects {
			o.cut += s.objects[i].cut
		}
		e.objects = append(e.objects, o)
	default:
		e.Buf = append(e.Buf, s.text...)
		for _, m := range s.members {
			e.members = append(e.members, member{key: start + m.key, value: start + m.value})
		}
		for _, o := range s.objects {
			o.start += start
			e.objects = append(e.objects, o)
		}
		e.end -= keep
		e.depth = len(s.objects) - 1
		e.attrs += s.attrs
		e.nodes += s.nodes
		e.BadUTF8 = e.BadUTF8 || s.badUTF8
	}
	e.openGroups(s.groups[len(e.objects)-1:])
	return start
}

// openGroups opens groups inside the innermost object. Those for which there is no
// room, or which are too deep, are not kept apart.
func (e *Encoder) openGroups(groups []string) {
	for _, name := range groups {
		o := &e.objects[len(e.objects)-1]
		if e.depth >= e.limits.Depth {
			return
		}
		if !e.named(o, name, e.Rename != nil && len(e.objects) == 1) {
			o.cut--
			return
		}
		e.depth++
		secret := o.secret || e.keyKind(name) == redact.Always
		group := e.open()
		group.secret = secret
		e.objects = append(e.objects, group)
	}
}

// closeScope ends the object that openScope has started. If it is empty, it takes
// it back and reports false.
func (e *Encoder) closeScope(start int) bool {
	for len(e.objects) > 1 && e.isEmpty(&e.objects[len(e.objects)-1]) {
		e.dropObject(&e.objects[len(e.objects)-1])
		e.dropMember()
		e.objects = e.objects[:len(e.objects)-1]
	}
	e.depth = 0
	if e.isEmpty(&e.objects[0]) {
		e.dropObject(&e.objects[0])
		e.objects = e.objects[:0]
		return false
	}
	for len(e.objects) > 0 {
		e.close(&e.objects[len(e.objects)-1], "attrs")
		e.objects = e.objects[:len(e.objects)-1]
	}
	return true
}
