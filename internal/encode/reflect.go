package encode

import (
	"encoding"
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"sync"
	"time"

	"github.com/wfslog/wfslog/internal/redact"
)

// plan says how values of a type are encoded.
type plan struct {
	methods methods
	special special
	fields  []field // of a struct
	longest int     // length of the longest name of a field; without bound if one is redacted
}

// methods says which marshaling methods a type has.
type methods uint8

const (
	hasJSON     methods = 1 << iota // MarshalJSON
	hasAddrJSON                     // its pointer has MarshalJSON
	hasText                         // MarshalText
	hasAddrText                     // its pointer has MarshalText
)

// special tells types that are not encoded like others of their kind.
type special uint8

const (
	specialTime   special = iota + 1 // time.Time
	specialRaw                       // json.RawMessage
	specialNumber                    // json.Number
	specialBytes                     // slices of bytes
)

var (
	timeType          = reflect.TypeFor[time.Time]()
	rawMessageType    = reflect.TypeFor[json.RawMessage]()
	numberType        = reflect.TypeFor[json.Number]()
	marshalerType     = reflect.TypeFor[json.Marshaler]()
	textMarshalerType = reflect.TypeFor[encoding.TextMarshaler]()
)

var plans sync.Map // of *plan, by reflect.Type

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p, _ := plans.LoadOrStore(t, newPlan(t))
	return p.(*plan)
}

func newPlan(t reflect.Type) *plan {
	p := &plan{methods: methodsOf(t)}
	switch {
	case t == timeType:
		p.special, p.methods = specialTime, 0
	case t == rawMessageType:
		p.special, p.methods = specialRaw, 0
	case t == numberType:
		p.special = specialNumber
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && methodsOf(t.Elem()) == 0:
		p.special = specialBytes
	case t.Kind() == reflect.Struct:
		p.fields = fieldsOf(t)
		for _, f := range p.fields {
			p.longest = max(p.longest, len(f.name))
			if _, n := redact.Text(f.name); n > 0 {
				p.longest = math.MaxInt // names can become equal, too
			}
		}
	}
	return p
}

func methodsOf(t reflect.Type) (m methods) {
	addr := reflect.PointerTo(t)
	if t.Implements(marshalerType) {
		m |= hasJSON
	}
	if addr.Implements(marshalerType) {
		m |= hasAddrJSON
	}
	if t.Implements(textMarshalerType) {
		m |= hasText
	}
	if addr.Implements(textMarshalerType) {
		m |= hasAddrText
	}
	return m
}

// walk appends v as encoding/json does, or, if it is quoted, a string with that.
func (e *Encoder) walk(v reflect.Value, quoted bool) {
	// A pointer has the methods of what it points to, which can be addressed then.
	for hops := 0; v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface; hops++ {
		switch {
		case v.IsNil():
			e.null()
			return
		case hops > e.limits.Depth:
			e.mark(depthMark(e.limits.Depth))
			return
		}
		v = v.Elem()
	}
	p := planOf(v.Type())
	if p.methods != 0 && e.marshal(v, p.methods) {
		return
	}
	if !quoted {
		e.walkType(v, p)
		return
	}
	start := len(e.Buf)
	e.walkType(v, p)
	text := string(e.Buf[start:])
	e.Buf = e.Buf[:start]
	e.String(text)
}

// walkType appends a value that is not nil, and whose type has no method for it.
func (e *Encoder) walkType(v reflect.Value, p *plan) {
	switch p.special {
	case specialTime:
		if !v.CanInterface() { // embedded under another name that is not exported
			break
		}
		t, _ := reflect.TypeAssert[time.Time](v)
		e.Time(t)
		return
	case specialRaw:
		e.rawMessage(v.Bytes())
		return
	case specialNumber:
		e.number(v.String())
		return
	case specialBytes:
		e.bytes(v)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		e.Buf = strconv.AppendBool(e.Buf, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.Buf = strconv.AppendInt(e.Buf, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.Buf = strconv.AppendUint(e.Buf, v.Uint(), 10)
	case reflect.Float32:
		e.float(v.Float(), 32)
	case reflect.Float64:
		e.float(v.Float(), 64)
	case reflect.String:
		e.String(v.String())
	case reflect.Struct:
		e.structure(v, p)
	case reflect.Map:
		e.mapping(v)
	case reflect.Slice, reflect.Array:
		e.array(v)
	default: // complex numbers, channels, functions, unsafe pointers
		e.String(v.Type().String())
	}
}
