package encode

import (
	"log/slog"
	"reflect"
	"strconv"
)

// maxLogValues is how often LogValue is called for one value, as in slog.
const maxLogValues = 100

// Resolve returns attrs with all values resolved, at every depth of groups. Empty
// attributes and groups are left out, and members of groups without a key belong to
// the group around. replace, unless it is nil, is called as
// [slog.HandlerOptions.ReplaceAttr] says, with groups as the groups around attrs.
// Neither groups nor attrs are changed.
//
// Groups that are too deep, have more values than l allows, or contain themselves
// are cut; the values that stand for what is missing are shown by [Encoder] like its
// own. Panics and endless LogValue methods become strings, like there.
func Resolve(groups []string, attrs []slog.Attr, replace func([]string, slog.Attr) slog.Attr, l *Limits) []slog.Attr {
	r := resolver{replace: replace, limits: l, groups: groups[:len(groups):len(groups)]}
	return r.appendAttrs(make([]slog.Attr, 0, len(attrs)), attrs, len(groups))
}

type resolver struct {
	replace func([]string, slog.Attr) slog.Attr
	limits  *Limits
	groups  []string
	nodes   int // values in groups
}

// appendAttrs appends attrs, which are in depth groups, to dst.
func (r *resolver) appendAttrs(dst, attrs []slog.Attr, depth int) []slog.Attr {
	for _, a := range attrs {
		if a.Value, _ = resolve(a.Value); r.replace != nil && a.Value.Kind() != slog.KindGroup {
			a = r.replaced(a)
		}
		switch {
		case a.Value.Kind() == slog.KindGroup:
			dst = r.appendGroup(dst, a, depth)
		case !ignored(a):
			dst = append(dst, a)
		}
	}
	return dst
}

// replaced returns what r.replace makes of a.
func (r *resolver) replaced(a slog.Attr) slog.Attr {
	if problem := call(nil, "ReplaceAttr", func() { a = r.replace(r.groups, a) }); problem != "" {
		a.Value = slog.StringValue(problem)
	}
	a.Value, _ = resolve(a.Value)
	return a
}

func (r *resolver) appendGroup(dst []slog.Attr, a slog.Attr, depth int) []slog.Attr {
	members := a.Value.Group()
	room := r.limits.Nodes - r.nodes
	switch {
	case len(members) == 0:
		return dst
	case depth >= r.limits.Depth:
		if a.Key == "" {
			return appendLeftOut(dst, len(members))
		}
		return append(dst, slog.Any(a.Key, depthMark(r.limits.Depth)))
	case len(members) > room:
		members = members[:max(room, 0)]
	}
	r.nodes += len(members)
	missing := len(a.Value.Group()) - len(members)
	if a.Key == "" {
		dst = r.appendAttrs(dst, members, depth+1)
		return appendLeftOut(dst, missing)
	}
	r.groups = append(r.groups, a.Key)
	members = r.appendAttrs(make([]slog.Attr, 0, len(members)), members, depth+1)
	r.groups = r.groups[:len(r.groups)-1]
	if members = appendLeftOut(members, missing); len(members) > 0 {
		dst = append(dst, slog.Attr{Key: a.Key, Value: slog.GroupValue(members...)})
	}
	return dst
}

// cutKey is the key of what is missing in an object.
const cutKey = "!CUT"

// leftOut is a value, under [cutKey], for so many members of a group.
type leftOut int

func appendLeftOut(dst []slog.Attr, n int) []slog.Attr {
	if n == 0 {
		return dst
	}
	return append(dst, slog.Any(cutKey, leftOut(n)))
}

// mark is the JSON that stands for a value that was cut.
type mark string

// MarshalJSON returns the JSON.
func (m mark) MarshalJSON() ([]byte, error) { return []byte(m), nil }

func depthMark(depth int) mark {
	return mark(`{"!CUT":{"depth":` + strconv.Itoa(depth) + `}}`)
}

// resolve is the function resolve, and marks the record if LogValue fails.
func (e *Encoder) resolve(v slog.Value) slog.Value {
	v, ok := resolve(v)
	if !ok {
		e.Hostile = true
	}
	return v
}

// resolve returns what v's LogValue method leads to, which may be a group with
// values that are not resolved. It is not ok if that method fails.
func resolve(v slog.Value) (_ slog.Value, ok bool) {
	if v.Kind() != slog.KindLogValuer {
		return v, true
	}
	first := v.LogValuer()
	for range maxLogValues {
		lv := v.LogValuer()
		if problem := call(lv, "LogValue", func() { v = lv.LogValue() }); problem != "" {
			if isNilPointer(lv) {
				return slog.AnyValue(nil), true
			}
			return slog.StringValue(problem), false
		}
		if v.Kind() != slog.KindLogValuer {
			return v, true
		}
	}
	return slog.StringValue("!ERROR: LogValue called too many times on " + typeName(first)), false
}

func isNilPointer(v any) bool {
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}
