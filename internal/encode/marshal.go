package encode

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"reflect"
)

// error appends the text of an error, unless it can write itself as JSON.
func (e *Encoder) error(err error) {
	if _, ok := err.(json.Marshaler); ok {
		e.walk(reflect.ValueOf(err), false)
		return
	}
	var text string
	if problem := call(err, "Error", func() { text = err.Error() }); problem != "" {
		if !isNilPointer(err) {
			e.problem(problem)
			return
		}
		text = "<nil>"
	}
	e.String(text)
}

// marshal appends what a marshaling method of v returns. It reports false if there
// is none.
func (e *Encoder) marshal(v reflect.Value, m methods) bool {
	if !v.CanInterface() { // of an embedded type that is not exported
		return false
	}
	addr := v.CanAddr()
	switch {
	case addr && m&hasAddrJSON != 0:
		marshaler, _ := reflect.TypeAssert[json.Marshaler](v.Addr())
		e.marshalJSON(marshaler)
	case m&hasJSON != 0:
		marshaler, _ := reflect.TypeAssert[json.Marshaler](v)
		e.marshalJSON(marshaler)
	case addr && m&hasAddrText != 0:
		marshaler, _ := reflect.TypeAssert[encoding.TextMarshaler](v.Addr())
		e.marshalText(marshaler)
	case m&hasText != 0:
		marshaler, _ := reflect.TypeAssert[encoding.TextMarshaler](v)
		e.marshalText(marshaler)
	default:
		return false
	}
	return true
}

func (e *Encoder) marshalText(m encoding.TextMarshaler) {
	text, problem := marshalText(m)
	if problem != "" {
		e.problem(problem)
		return
	}
	e.String(text)
}

// marshalText returns what MarshalText returns, or what to show in place of it.
func marshalText(m encoding.TextMarshaler) (text, problem string) {
	var b []byte
	var err error
	if problem = call(m, "MarshalText", func() { b, err = m.MarshalText() }); problem != "" {
		return "", problem
	}
	if err != nil {
		return "", errorText(m, "MarshalText", err)
	}
	return string(b), ""
}

func (e *Encoder) marshalJSON(m json.Marshaler) {
	var text []byte
	var err error
	problem := call(m, "MarshalJSON", func() { text, err = m.MarshalJSON() })
	if problem == "" && err != nil {
		problem = errorText(m, "MarshalJSON", err)
	}
	if problem != "" {
		e.problem(problem)
		return
	}
	if e.json(text) {
		return
	}
	const name = "invalid JSON from MarshalJSON"
	problem = problemText("", m, name, "")
	const around = len(`{"!ERROR":"","raw":}`) + minCut
	if e.depth >= e.limits.Depth || escapedPrefix(problem, e.end-len(e.Buf)-around) < len(problem) {
		e.problem(problemText("!ERROR: ", m, name, ""))
		return
	}
	e.Hostile = true
	e.Buf = append(e.Buf, `{"!ERROR":`...)
	e.quote(problem)
	e.Buf = append(e.Buf, `,"raw":`...)
	e.end--
	e.String(string(text))
	e.end++
	e.Buf = append(e.Buf, '}')
}

// rawMessage appends a json.RawMessage: as it is if it is JSON, otherwise as text.
func (e *Encoder) rawMessage(text []byte) {
	if text == nil {
		e.null()
	} else if !e.json(text) {
		e.String(string(text))
	}
}

// maxNumber is the number of characters of a [json.Number] that is kept as such. No
// reader can make use of longer ones.
const maxNumber = minValue / 2

// number appends a json.Number, as a string if it is none.
func (e *Encoder) number(s string) {
	switch {
	case s == "":
		e.Buf = append(e.Buf, '0') // as in encoding/json
	case len(s) <= maxNumber && isNumber(s):
		e.Buf = append(e.Buf, s...)
	default:
		e.String(s)
	}
}

// bytes appends a slice of bytes in base 64.
func (e *Encoder) bytes(v reflect.Value) {
	if v.IsNil() {
		e.null()
		return
	}
	b := e.redactBytes(v.Bytes())
	const quotes = 2
	if len(b) <= e.limits.StringBytes && base64.StdEncoding.EncodedLen(len(b))+quotes <= e.end-len(e.Buf) {
		e.base64Bytes(b)
		return
	}
	if room, ok := e.openCut(len(b), hashOf(b)); ok {
		e.base64Bytes(b[:min(e.limits.StringBytes, base64.StdEncoding.DecodedLen(room), len(b))])
		e.Buf = append(e.Buf, '}')
	}
}

func (e *Encoder) base64Bytes(b []byte) {
	e.Buf = append(e.Buf, '"')
	e.Buf = base64.StdEncoding.AppendEncode(e.Buf, b)
	e.Buf = append(e.Buf, '"')
}
