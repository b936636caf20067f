package encode

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/wfslog/wfslog/internal/redact"
)

// field is a field that encoding/json writes for a struct.
type field struct {
	name      string
	index     []int // of the field, through embedded structs
	tagged    bool  // the name is from the tag
	quoted    bool
	omitEmpty bool
	omitZero  bool
	zeroer    bool // the type has IsZero
	addrZero  bool // its pointer has
	secret    redact.Kind
}

type isZeroer interface{ IsZero() bool }

var isZeroerType = reflect.TypeFor[isZeroer]()

// of returns the field of the struct v. It is not ok if it would be in an embedded
// struct whose pointer is nil.
func (f *field) of(v reflect.Value) (_ reflect.Value, ok bool) {
	for _, i := range f.index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v, true
}

// omits reports whether the field with the value v is left out.
func (f *field) omits(v reflect.Value) bool {
	return f.omitEmpty && isEmpty(v) || f.omitZero && f.isZero(v)
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct, reflect.Complex64, reflect.Complex128, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return false
	}
	return v.IsZero()
}

// isZero reports whether v is zero, by its own account if it has a method for it. A
// value whose method panics is not.
func (f *field) isZero(v reflect.Value) (zero bool) {
	switch {
	case !v.CanInterface() || !f.zeroer && !f.addrZero:
		return v.IsZero()
	case f.zeroer:
		if v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
			if v.IsNil() || v.Kind() == reflect.Interface && v.Elem().Kind() == reflect.Pointer && v.Elem().IsNil() {
				return true
			}
		}
	case v.CanAddr():
		v = v.Addr()
	default:
		copied := reflect.New(v.Type())
		copied.Elem().Set(v)
		v = copied
	}
	z, _ := reflect.TypeAssert[isZeroer](v)
	_ = call(z, "IsZero", func() { zero = z.IsZero() }) // a panic is as good as false
	return zero
}

// embedded is a struct whose fields are promoted.
type embedded struct {
	typ   reflect.Type
	index []int
	times int // that the type is embedded at this depth
}

// fieldsOf returns the fields of the struct type t by encoding/json's rules: those of
// embedded structs are promoted; of those with the same name the least deep stands,
// and among these the one that has it from a tag; if there are several, none.
func fieldsOf(t reflect.Type) []field {
	var all []field
	visited := map[reflect.Type]bool{}
	for level := []embedded{{typ: t, times: 1}}; len(level) > 0; {
		var next []embedded
		for _, s := range level {
			if visited[s.typ] {
				continue
			}
			visited[s.typ] = true
			for i := range s.typ.NumField() {
				sf := s.typ.Field(i)
				f, promoted, ok := newField(sf)
				if !ok {
					continue
				}
				f.index = append(slices.Clip(s.index), i)
				if promoted == nil {
					for range min(s.times, 2) { // two are enough to hide each other
						all = append(all, f)
					}
					continue
				}
				if i := slices.IndexFunc(next, func(s embedded) bool { return s.typ == promoted }); i >= 0 {
					next[i].times++
				} else {
					next = append(next, embedded{promoted, f.index, 1})
				}
			}
		}
		level = next
	}
	return visible(all)
}

// newField returns what the declaration of a field says: either the field, or the
// embedded struct whose fields are promoted. It is not ok for one that is ignored.
func newField(sf reflect.StructField) (f field, promoted reflect.Type, ok bool) {
	elem := sf.Type
	if elem.Kind() == reflect.Pointer && (sf.Anonymous || elem.Name() == "") {
		elem = elem.Elem()
	}
	tag := sf.Tag.Get("json")
	if tag == "-" || !sf.IsExported() && !(sf.Anonymous && elem.Kind() == reflect.Struct) {
		return f, nil, false
	}
	name, options, _ := strings.Cut(tag, ",")
	if f.tagged = isName(name); !f.tagged {
		if sf.Anonymous && elem.Kind() == reflect.Struct {
			return f, elem, true
		}
		name = sf.Name
	}
	f.name, f.secret = name, redact.Key(name)
	for option := range strings.SplitSeq(options, ",") {
		switch option {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
			f.zeroer = sf.Type.Implements(isZeroerType)
			f.addrZero = reflect.PointerTo(sf.Type).Implements(isZeroerType)
		case "string":
			kind := elem.Kind()
			f.quoted = kind >= reflect.Bool && kind <= reflect.Float64 || kind == reflect.String
		}
	}
	return f, nil, true
}

// isName reports whether encoding/json takes s as the name in a tag.
func isName(s string) bool {
	for _, c := range s {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", c) && !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return false
		}
	}
	return s != ""
}

// visible returns the fields that are not hidden by others, in their order.
func visible(all []field) []field {
	slices.SortStableFunc(all, func(a, b field) int {
		byTag := 0
		if a.tagged != b.tagged {
			byTag = 1
			if a.tagged {
				byTag = -1
			}
		}
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(len(a.index), len(b.index)), byTag)
	})
	var fields []field
	for i := 0; i < len(all); {
		first, next := all[i], i+1
		for next < len(all) && all[next].name == first.name {
			next++
		}
		if alone := next == i+1; alone || len(all[i+1].index) > len(first.index) || all[i+1].tagged != first.tagged {
			fields = append(fields, first)
		}
		i = next
	}
	slices.SortFunc(fields, func(a, b field) int { return slices.Compare(a.index, b.index) })
	return fields
}
