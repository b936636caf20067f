package encode

import (
	"encoding"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// structure appends a struct with the fields that encoding/json would write.
func (e *Encoder) structure(v reflect.Value, p *plan) {
	if e.tooDeep() {
		return
	}
	e.depth++
	o := e.open()
	if p.longest <= e.limits.KeyBytes {
		o.known = len(p.fields)
	}
	for i := range p.fields {
		f := &p.fields[i]
		fv, ok := f.of(v)
		if ok && !f.omits(fv) && e.member(&o, f.name) {
			e.memberOf(f.secret, fv, f.quoted)
		}
	}
	e.close(&o, "members")
	e.depth--
}

// array appends an array or a slice.
func (e *Encoder) array(v reflect.Value) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		e.null()
		return
	}
	if e.tooDeep() {
		return
	}
	e.openArray()
	for i, n := 0, v.Len(); i < n; i++ {
		if e.full() {
			e.cutItems(n - i)
			break
		}
		e.item()
		e.walk(v.Index(i), false)
	}
	e.closeArray()
}

func (e *Encoder) openArray() {
	e.depth++
	e.Buf = append(e.Buf, '[')
	e.end -= keptBack
}

func (e *Encoder) closeArray() {
	e.Buf = append(e.Buf, ']')
	e.end += keptBack
	e.depth--
}

// item makes ready for the next element of an array.
func (e *Encoder) item() {
	e.nodes++
	e.separateItem()
}

// separateItem appends a comma unless an array has just been opened.
func (e *Encoder) separateItem() {
	if e.Buf[len(e.Buf)-1] != '[' { // no value ends like this
		e.Buf = append(e.Buf, ',')
	}
}

// cutItems appends what stands for the last n elements of an array.
func (e *Encoder) cutItems(n int) {
	e.Hostile = true
	e.separateItem()
	e.Buf = append(e.Buf, `{"!CUT":{"items":`...)
	e.Buf = strconv.AppendInt(e.Buf, int64(n), 10)
	e.Buf = append(e.Buf, `}}`...)
}

// entry is an entry of a map.
type entry struct {
	key   string
	value reflect.Value
}

// mapping appends a map, sorted by the text of its keys.
func (e *Encoder) mapping(v reflect.Value) {
	if v.IsNil() {
		e.null()
		return
	}
	if e.tooDeep() {
		return
	}
	e.depth++
	o := e.open()
	entries := e.firstEntries(v, max(e.limits.Nodes-e.nodes, 0))
	for _, entry := range entries {
		if e.member(&o, entry.key) {
			e.memberOf(e.keyKind(entry.key), entry.value, false)
		}
	}
	o.cut += v.Len() - len(entries)
	e.close(&o, "members")
	e.depth--
}

// firstEntries returns the n entries with the smallest keys, or fewer if v has not
// as many, sorted.
func (e *Encoder) firstEntries(v reflect.Value, n int) []entry {
	byKey := func(a, b entry) int { return strings.Compare(a.key, b.key) }
	entries := make([]entry, 0, min(v.Len(), 2*n))
	for it := v.MapRange(); it.Next() && n > 0; {
		if len(entries) == 2*n {
			slices.SortFunc(entries, byKey)
			entries = entries[:n]
		}
		entries = append(entries, entry{e.keyText(it.Key()), it.Value()})
	}
	slices.SortFunc(entries, byKey)
	return entries[:min(len(entries), n)]
}

// keyText returns the text of a map's key: what encoding/json takes for it, and for
// keys that it does not know, the JSON of their value.
func (e *Encoder) keyText(k reflect.Value) string {
	if k.Kind() == reflect.Interface {
		k = k.Elem()
	}
	switch k.Kind() {
	case reflect.String:
		return k.String()
	case reflect.Invalid: // a nil interface
		return "null"
	}
	if k.CanInterface() {
		if m, ok := reflect.TypeAssert[encoding.TextMarshaler](k); ok {
			if k.Kind() == reflect.Pointer && k.IsNil() {
				return ""
			}
			text, problem := marshalText(m)
			if problem != "" {
				e.Hostile = true
				return problem
			}
			return text
		}
	}
	start, nodes := len(e.Buf), e.nodes
	e.walk(k, false)
	text := e.Buf[start:]
	if text[0] == '"' {
		text = text[1 : len(text)-1] // names of types, and numbers that JSON does not know
	}
	key := string(text)
	e.Buf, e.nodes = e.Buf[:start], nodes
	return key
}
