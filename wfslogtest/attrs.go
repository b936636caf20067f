package wfslogtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strconv"
	"strings"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/encode"
)

var limits = encode.Limits{}.WithDefaults()

// wanted returns an attribute's value as it is recorded.
func wanted(a slog.Attr) string {
	e := encode.New(&limits)
	defer e.Free()
	e.Attrs(nil, []slog.Attr{a})
	var object map[string]json.RawMessage
	if json.Unmarshal(e.Buf, &object) != nil {
		return "null" // an empty attribute
	}
	return string(object[a.Key])
}

// decode returns JSON as values whose numbers keep their digits.
func decode(text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&v) // nil if there is nothing to decode
	return v
}

// attributes returns the attributes of a node as they were recorded.
func attributes(n *wfslog.Node) map[string]any {
	own := *n
	own.Iterations, own.Workflows, own.Interactions, own.Actions, own.Logs = nil, nil, nil, nil, nil
	text, err := json.Marshal(&own)
	if err != nil {
		return nil
	}
	fields, _ := decode(text).(map[string]any)
	all := map[string]any{}
	for _, object := range []string{"attrs", "metadata"} {
		members, _ := fields[object].(map[string]any)
		maps.Copy(all, members)
	}
	for _, key := range []string{
		wfslog.KeyInput, wfslog.KeyOutput, wfslog.KeyModel, wfslog.KeyProvider, wfslog.KeyTool, wfslog.KeyUsage,
		wfslog.KeyCost, wfslog.KeyFinishReason, wfslog.KeyStatus, wfslog.KeyError,
	} {
		if v, ok := fields[key]; ok {
			all[key] = v
		}
	}
	all[wfslog.KeyMetadata] = maps.Clone(all)
	all[wfslog.KeyAction] = n.Name
	return all
}

func hasAttrs(n *wfslog.Node, attrs []slog.Attr) bool {
	if len(attrs) == 0 {
		return true
	}
	got := attributes(n)
	for _, a := range attrs {
		v, ok := got[a.Key]
		if !ok || !within(decode([]byte(wanted(a))), v) {
			return false
		}
	}
	return true
}

// attributesOf returns those attributes of a node that have the keys of attrs.
func attributesOf(n *wfslog.Node, attrs []slog.Attr) string {
	got := attributes(n)
	texts := make([]string, 0, len(attrs))
	for _, a := range attrs {
		v, ok := got[a.Key]
		if !ok {
			texts = append(texts, "no "+a.Key)
			continue
		}
		value, _ := json.Marshal(v) // it comes from JSON
		texts = append(texts, a.Key+"="+string(value))
	}
	return strings.Join(texts, ", ")
}

// within reports whether want, decoded JSON, is in got: the same, but that objects
// in got may have further members.
func within(want, got any) bool {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		for key, v := range want {
			member, has := object[key]
			ok = ok && has && within(v, member)
		}
		return ok
	case []any:
		array, ok := got.([]any)
		if !ok || len(array) != len(want) {
			return false
		}
		for i, v := range want {
			ok = ok && within(v, array[i])
		}
		return ok
	case json.Number:
		n, ok := got.(json.Number)
		return ok && (n == want || equalNumbers(n.String(), want.String()))
	}
	return want == got
}

// equalNumbers reports whether two numbers that may be written in different ways
// are the same. Integers are exact.
func equalNumbers(a, b string) bool {
	if !strings.ContainsAny(a+b, ".eE") {
		return false // integers, which are not written the same
	}
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y
}

// place says where in a node something is.
func place(e *entry, path string) string {
	what := string(e.kind)
	name := e.node.Name
	if e.kind == KindLog {
		name = e.node.Msg
	}
	if name != "" {
		what += fmt.Sprintf(" %q", name)
	}
	if e.agent != "" {
		what += " of " + e.agent
	}
	if at := address(e.node); at != ":0" {
		what += " (" + at + ")"
	}
	if path != "" {
		what += ": " + path
	}
	return what
}
