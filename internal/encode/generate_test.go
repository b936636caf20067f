package encode_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// Types that write themselves, by value or by pointer, for generated values.
type (
	jsonByValue   struct{ V any }
	jsonByPointer struct{ V any }
	textByValue   struct{ S string }
	textByPointer struct{ S string }
	zeroByValue   struct{ N int8 }
	zeroByPointer struct{ N int8 }
	namedString   string
	namedBytes    []byte
)

func (v jsonByValue) MarshalJSON() ([]byte, error) {
	return json.MarshalIndent([]any{"v", v.V}, "\n ", "\t")
}
func (v *jsonByPointer) MarshalJSON() ([]byte, error) { return json.Marshal([]any{"p", v.V}) }
func (v textByValue) MarshalText() ([]byte, error)    { return []byte("v" + v.S), nil }
func (v *textByPointer) MarshalText() ([]byte, error) { return []byte("p" + v.S), nil }
func (v zeroByValue) IsZero() bool                    { return v.N > 0 }
func (v *zeroByPointer) IsZero() bool                 { return v.N > 0 }

// Structs to be embedded; reflect cannot embed those with methods.
type (
	Embedded struct {
		A int
		B string `json:"b"`
		Both
	}
	Both struct {
		B bool `json:"b"`
		C any
		X *Both `json:"x,omitempty"`
	}
	withHidden struct {
		hidden
		*Both
		M map[textByValue]int `json:",omitempty"`
	}
	hidden struct {
		A       float32 `json:",string"`
		Visible string
	}
)

var leaves = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](),
	reflect.TypeFor[int32](), reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](), reflect.TypeFor[float32](),
	reflect.TypeFor[float64](), reflect.TypeFor[time.Duration](), reflect.TypeFor[time.Time](),
	reflect.TypeFor[json.Number](), reflect.TypeFor[json.RawMessage](), reflect.TypeFor[[]byte](),
	reflect.TypeFor[any](), reflect.TypeFor[jsonByValue](), reflect.TypeFor[jsonByPointer](),
	reflect.TypeFor[textByValue](), reflect.TypeFor[textByPointer](), reflect.TypeFor[zeroByValue](),
	reflect.TypeFor[zeroByPointer](), reflect.TypeFor[namedString](), reflect.TypeFor[namedBytes](),
	reflect.TypeFor[Embedded](), reflect.TypeFor[withHidden](), reflect.TypeFor[encoding.TextMarshaler](),
	reflect.TypeFor[slog.Level](),
}

var mapKeys = []reflect.Type{
	reflect.TypeFor[string](), reflect.TypeFor[namedString](), reflect.TypeFor[int8](), reflect.TypeFor[uint](),
	reflect.TypeFor[textByValue](),
}

var tags = []string{
	"", "", `json:"a"`, `json:"b,omitempty"`, `json:",omitempty"`, `json:",omitzero"`, `json:"c,omitzero,string"`,
	`json:",string"`, `json:"-"`, `json:"-,"`, `json:"!x"`, `json:"<é>"`, `json:"bad\"name"`, `json:"F1"`, `other:"a"`,
}

// typeOf generates a type whose values encoding/json can write.
func typeOf(t *rapid.T, depth int) reflect.Type {
	kind := 0
	if depth > 0 {
		kind = rapid.IntRange(-4, 5).Draw(t, "kind")
	}
	switch kind {
	case 1:
		return reflect.PointerTo(typeOf(t, depth-1))
	case 2:
		return reflect.SliceOf(typeOf(t, depth-1))
	case 3:
		return reflect.ArrayOf(rapid.IntRange(0, 2).Draw(t, "len"), typeOf(t, depth-1))
	case 4:
		return reflect.MapOf(rapid.SampledFrom(mapKeys).Draw(t, "key"), typeOf(t, depth-1))
	case 5:
		fields := make([]reflect.StructField, rapid.IntRange(0, 4).Draw(t, "fields"))
		for i := range fields {
			f := &fields[i]
			*f = reflect.StructField{Name: fmt.Sprint("F", i), Tag: reflect.StructTag(rapid.SampledFrom(tags).Draw(t, "tag"))}
			if rapid.IntRange(0, 4).Draw(t, "embed") > 0 {
				f.Type = typeOf(t, depth-1)
				continue
			}
			f.Anonymous = true
			switch i % 3 {
			case 0:
				f.Type, f.Name = reflect.TypeFor[Embedded](), "Embedded"
			case 1:
				f.Type, f.Name = reflect.TypeFor[*Both](), "Both"
			default:
				f.Anonymous, f.Type = false, reflect.TypeFor[*hidden]()
			}
		}
		return reflect.StructOf(uniqueNames(fields))
	}
	return rapid.SampledFrom(leaves).Draw(t, "type")
}

// uniqueNames returns fields without those whose name an earlier one has.
func uniqueNames(fields []reflect.StructField) (unique []reflect.StructField) {
	seen := map[string]bool{}
	for _, f := range fields {
		if !seen[f.Name] {
			unique = append(unique, f)
		}
		seen[f.Name] = true
	}
	return unique
}

var texts = rapid.OneOf(
	rapid.String(),
	rapid.SampledFrom([]string{"", "a", "b", "!x", "!!x", "!CUT", "!BADKEY", "\xff", "a\xed\xa0\x80b", "\u202e<&>\x7f\"\\\n"}),
	rapid.StringOf(rapid.SampledFrom([]rune("ab\"\\\n\x1b\u0085\u2028\ufeff漢é😀\U000e0041"))),
	rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "bytes")) }),
)

var times = rapid.Custom(func(t *rapid.T) time.Time {
	zone := time.UTC
	if minutes := rapid.IntRange(-1439, 1439).Draw(t, "zone"); minutes != 0 {
		zone = time.FixedZone("", 60*minutes)
	}
	const day = 24 * 60 * 60 // in which the zone may not lead out of the years 0 to 9999
	seconds := rapid.Int64Range(-62_167_219_200+day, 253_402_300_799-day).Draw(t, "seconds")
	return time.Unix(seconds, rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).In(zone)
})

var floats = rapid.OneOf(
	rapid.Float64().Filter(func(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }),
	rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e-6, 9.9e-7, 1e21, 9.99e20, 1e-9, 1e100, 0.1, math.MaxFloat64, math.SmallestNonzeroFloat64}),
)

var rawMessages = rapid.SampledFrom([]string{"null", " 1 ", `{"a":1,"!x":[ true ]}`, `[1.50,-0,1e5,"\u00e9\ud800"]`, `"\u003c"`, `{"a":1,"a":2}`, "[]", "{\n}"})

// valueOf generates a value of type typ, which nil pointers end at depth 0.
func valueOf(t *rapid.T, typ reflect.Type, depth int) reflect.Value {
	v := reflect.New(typ).Elem()
	switch typ {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(times.Draw(t, "time")))
		return v
	case reflect.TypeFor[json.Number]():
		v.SetString(rapid.SampledFrom([]string{"", "1", "-1.50e+7"}).Draw(t, "number"))
		return v
	case reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(rawMessages.Draw(t, "raw")))
		return v
	case reflect.TypeFor[encoding.TextMarshaler]():
		if rapid.Bool().Draw(t, "marshaler") {
			v.Set(reflect.ValueOf(&textByPointer{texts.Draw(t, "text")}))
		}
		return v
	}
	switch typ.Kind() {
	case reflect.String:
		v.SetString(texts.Draw(t, "string"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int8, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int"))
	case reflect.Uint, reflect.Uint64, reflect.Uintptr, reflect.Uint8:
		v.SetUint(rapid.Uint64().Draw(t, "uint"))
	case reflect.Float32:
		v.SetFloat(float64(rapid.Float32Range(-1e30, 1e30).Draw(t, "float32")))
	case reflect.Float64:
		v.SetFloat(floats.Draw(t, "float"))
	case reflect.Interface:
		if depth > 0 && rapid.Bool().Draw(t, "some") {
			v.Set(valueOf(t, typeOf(t, depth-1), depth-1))
		}
	case reflect.Pointer:
		if depth > 0 && rapid.Bool().Draw(t, "some") {
			v.Set(reflect.New(typ.Elem()))
			v.Elem().Set(valueOf(t, typ.Elem(), depth-1))
		}
	case reflect.Slice:
		if n := rapid.IntRange(-1, 3).Draw(t, "len"); n >= 0 {
			v.Set(reflect.MakeSlice(typ, n, n))
		}
		fill(t, v, depth)
	case reflect.Array:
		fill(t, v, depth)
	case reflect.Map:
		if n := rapid.IntRange(-1, 3).Draw(t, "len"); n >= 0 {
			v.Set(reflect.MakeMap(typ))
			for range n {
				v.SetMapIndex(valueOf(t, typ.Key(), 0), valueOf(t, typ.Elem(), depth-1))
			}
		}
	case reflect.Struct:
		for i := range typ.NumField() {
			if f := v.Field(i); f.CanSet() {
				f.Set(valueOf(t, f.Type(), depth-1))
			}
		}
	}
	return v
}

func fill(t *rapid.T, v reflect.Value, depth int) {
	for i := range v.Len() {
		v.Index(i).Set(valueOf(t, v.Type().Elem(), depth-1))
	}
}

// ordinary generates what encoding/json can write.
func ordinary(t *rapid.T) any {
	return valueOf(t, typeOf(t, 3), 3).Interface()
}

// slogValue generates a value of each kind that slog has.
func slogValue(t *rapid.T, depth int, anything func(*rapid.T) any) slog.Value {
	switch rapid.IntRange(0, 10).Draw(t, "kind") {
	case 0:
		return slog.Int64Value(rapid.Int64().Draw(t, "int"))
	case 1:
		return slog.Uint64Value(rapid.Uint64().Draw(t, "uint"))
	case 2:
		return slog.Float64Value(floats.Draw(t, "float"))
	case 3:
		return slog.BoolValue(rapid.Bool().Draw(t, "bool"))
	case 4:
		return slog.DurationValue(time.Duration(rapid.Int64().Draw(t, "duration")))
	case 5:
		return slog.TimeValue(times.Draw(t, "time"))
	case 6, 7:
		if depth > 0 {
			return slog.GroupValue(attrsOf(t, depth-1, anything)...)
		}
	case 8:
		if depth > 0 {
			v := slogValue(t, depth-1, anything)
			return slog.AnyValue(logValuer(func() slog.Value { return v }))
		}
	case 9:
		text := texts.Draw(t, "error")
		return slog.AnyValue(errorMethod(func() string { return text }))
	case 10:
		return slog.AnyValue(anything(t))
	}
	return slog.StringValue(texts.Draw(t, "string"))
}

// attrsOf generates attributes, with the same key more than once and groups that are
// empty or have no key.
func attrsOf(t *rapid.T, depth int, anything func(*rapid.T) any) []slog.Attr {
	attrs := make([]slog.Attr, rapid.IntRange(0, 5).Draw(t, "attrs"))
	for i := range attrs {
		key := fmt.Sprint("k", i)
		if rapid.IntRange(0, 3).Draw(t, "odd") == 0 {
			key = texts.Draw(t, "key")
		}
		attrs[i] = slog.Attr{Key: strings.Clone(key), Value: slogValue(t, depth, anything)}
	}
	return attrs
}
