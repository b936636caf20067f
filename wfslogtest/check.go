package wfslogtest

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/redact"
)

// finish ends the workflow of the test and fails the test if something is wrong.
func (r *Recorder) finish() {
	r.t.Helper()
	docs, entries := r.snapshot()
	var c checker
	c.docs(r, docs, entries)
	wfslog.End(r.ctx)
	_ = r.handler.Close() // it fails if events are lost, of which stats tells
	c.stats(r)
	if len(c.problems) == 0 {
		return
	}
	r.t.Errorf("wfslogtest: %s\n\n%s", strings.Join(c.problems, "\n"), draw(docs))
}

// checker collects what is wrong with what a test recorded.
type checker struct {
	problems []string
	secrets  int // places that are named
}

func (c *checker) addf(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// addPlaces adds a problem with the places where it is.
func (c *checker) addPlaces(problem string, places []string) {
	if len(places) > 0 {
		c.addf("%s:%s", problem, indented(places))
	}
}

// docs checks what stands in documents.
func (c *checker) docs(r *Recorder, docs []*wfslog.Document, entries []entry) {
	roots := make([]entry, 0, len(docs))
	for _, doc := range docs {
		roots = append(roots, entry{kind: wfslog.KindWorkflow, node: named(doc)})
		if in := doc.Integrity; !r.opts.AllowLost && in.Missing+in.Damaged > 0 {
			c.addf("of workflow %q, %d events are missing and %d damaged", doc.Workflow, in.Missing, in.Damaged)
		}
	}
	var open, bad, cut, secret []string
	for _, e := range append(roots, entries...) {
		if isOpen(e.node) && !isImplicit(e.node) && !e.node.Missing { // another process has to end it
			open = append(open, place(&e, ""))
		}
		own := *e.node
		own.Iterations, own.Workflows, own.Interactions, own.Actions, own.Logs = nil, nil, nil, nil, nil
		text, err := json.Marshal(&own)
		if err != nil {
			continue // a document's values are valid
		}
		walk("", decode(text), func(path, text string, key bool) {
			switch {
			case isBad(text, key):
				bad = append(bad, place(&e, path)+": "+text)
			case key && text == "!CUT", !key && strings.Contains(text, "…[!CUT "):
				cut = append(cut, place(&e, path))
			case strings.Contains(text, redact.Mark):
				secret = append(secret, place(&e, path))
			}
		})
	}
	c.secrets = len(secret)
	if !r.opts.AllowOpen {
		c.addPlaces("spans were not ended", open)
	}
	if !r.opts.AllowBadValues {
		c.addPlaces("values could not be recorded", bad)
	}
	if !r.opts.AllowCut {
		c.addPlaces("values were cut", cut)
	}
	if !r.opts.AllowSecrets && r.handler.Stats().Redacted > 0 {
		c.addPlaces("the program tried to record secrets", secret)
	}
}

// named returns the root of doc with the name of its workflow.
func named(doc *wfslog.Document) *wfslog.Node {
	root := doc.Node
	root.Name = doc.Workflow
	return &root
}

// isImplicit reports whether n groups the records of an agent whose turn was not
// started, and is open only because the span around it is.
func isImplicit(n *wfslog.Node) bool {
	return strings.HasPrefix(n.Span[strings.LastIndexByte(n.Span, '/')+1:], "@")
}

func isBad(text string, key bool) bool {
	if key {
		return text == "!ERROR" || text == "!BADKEY"
	}
	return strings.HasPrefix(text, "!PANIC: ") || strings.HasPrefix(text, "!ERROR: ")
}

// walk calls f for all strings in decoded JSON: for keys, with the path of the
// object, and for values.
func walk(path string, v any, f func(path, text string, key bool)) {
	switch v := v.(type) {
	case string:
		f(path, v, false)
	case []any:
		for i, element := range v {
			walk(fmt.Sprintf("%s[%d]", path, i), element, f)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			f(path, key, true)
			below := key
			if path != "" {
				below = path + "." + key
			}
			walk(below, v[key], f)
		}
	}
}

// stats checks what the handler counted.
func (c *checker) stats(r *Recorder) {
	s := r.handler.Stats()
	if s.Lost > 0 && !r.opts.AllowLost {
		c.addf("%d events were lost: %v", s.Lost, s.LastError)
	}
	if s.Redacted > 0 && c.secrets == 0 && !r.opts.AllowSecrets {
		c.addf("the program tried to log %d secrets, in what is not recorded", s.Redacted)
	}
	if r.opts.AllowNoContext {
		return
	}
	for _, id := range r.sink.Runs() {
		doc, err := r.sink.Document(id)
		if err != nil || !slices.Contains(doc.Flags, event.FlagDefault) {
			continue
		}
		renumber(doc, r.opts.KeepTimes)
		doc.Workflow = "without a workflow"
		c.addf("spans or agents' records came with a context that carries no span; use that of Recorder.Context:\n%s",
			draw([]*wfslog.Document{doc}))
	}
}

// markUnwritable returns replace for values that can be written as JSON. In place
// of others stands what is wrong with them.
func markUnwritable(replace func([]string, slog.Attr) slog.Attr) func([]string, slog.Attr) slog.Attr {
	return func(groups []string, a slog.Attr) slog.Attr {
		if replace != nil {
			a = replace(groups, a)
		}
		if a.Value.Kind() != slog.KindAny {
			return a
		}
		work := maxWork
		if typ := unwritable(reflect.ValueOf(a.Value.Any()), &work); typ != nil {
			a.Value = slog.StringValue(fmt.Sprintf("!ERROR: JSON has no form for %v", typ))
		}
		return a
	}
}

// maxWork is how many values [unwritable] looks at.
const maxWork = 10_000

// unwritable returns the type of a value in v that JSON has no form for, nil if none
// was found.
func unwritable(v reflect.Value, work *int) reflect.Type {
	if *work--; *work < 0 || !v.IsValid() || writesItself(v) {
		return nil
	}
	switch v.Kind() {
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		if !v.IsNil() {
			return v.Type()
		}
	case reflect.Complex64, reflect.Complex128:
		return v.Type()
	case reflect.Pointer, reflect.Interface:
		return unwritable(v.Elem(), work)
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if typ := unwritable(v.Index(i), work); typ != nil || *work < 0 {
				return typ
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next() && *work >= 0; {
			if typ := unwritable(it.Value(), work); typ != nil {
				return typ
			}
		}
	case reflect.Struct:
		for field, member := range v.Fields() {
			if !field.IsExported() && !field.Anonymous || field.Tag.Get("json") == "-" {
				continue
			}
			if typ := unwritable(member, work); typ != nil {
				return typ
			}
		}
	}
	return nil
}

// writesItself reports whether v has a method that says how it is written.
func writesItself(v reflect.Value) bool {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[error](),
		reflect.TypeFor[slog.LogValuer](),
	} {
		if v.Type().Implements(typ) || v.CanAddr() && reflect.PointerTo(v.Type()).Implements(typ) {
			return true
		}
	}
	return false
}
