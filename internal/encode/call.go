package encode

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/wfslog/wfslog/internal/redact"
)

// maxProblem is how long the text of a panic or an error may be.
const maxProblem = 1 << 10

// call calls f, which calls a method of v, or another function of the user's if v is
// nil. If it panics, call returns what to show in place of the result, otherwise "".
func call(v any, name string, f func()) (problem string) {
	defer func() {
		if p := recover(); p != nil {
			problem = problemText("!PANIC: ", v, name, panicValue(p))
		}
	}()
	f()
	return ""
}

// errorText returns what to show in place of the result of a method of v that
// returned err.
func errorText(v any, method string, err error) string {
	return problemText("!ERROR: ", v, method, panicValue(err))
}

func problemText(prefix string, v any, name, text string) string {
	if len(text) > maxProblem/2 {
		// Half a secret could not be told any more from what it is not.
		text, _ = redact.Text(text)
	}
	if v != nil {
		name += " of " + typeName(v)
	}
	name = runePrefix(name, maxProblem/2)
	if text != "" {
		name += ": " + runePrefix(text, maxProblem/2)
	}
	return prefix + strings.ToValidUTF8(name, "\uFFFD")
}

// panicValue returns the text of a value that was given to panic. Of values other
// than errors and basic ones it is the type: they may be anything.
func panicValue(p any) (text string) {
	if err, ok := p.(error); ok {
		defer func() {
			if recover() != nil {
				text = typeName(p)
			}
		}()
		return err.Error()
	}
	switch v := reflect.ValueOf(p); v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	}
	return typeName(p)
}

// typeName returns the name of v's type.
func typeName(v any) string { return reflect.TypeOf(v).String() }
