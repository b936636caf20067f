package encode_test

import (
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// Types whose methods are given by the tests.
type (
	logValuer   func() slog.Value
	marshaler   func() ([]byte, error)
	textual     func() ([]byte, error)
	errorMethod func() string
	stringer    struct{ N int }
	selfValuer  struct{}
	selfGroup   struct{}
	nilError    struct{ text string }
	wrapsItself struct{}
	ring        struct {
		Name string
		Next *ring
	}
	keyText  struct{ S string }
	panicKey struct{}
)

func (f logValuer) LogValue() slog.Value         { return f() }
func (f marshaler) MarshalJSON() ([]byte, error) { return f() }
func (f textual) MarshalText() ([]byte, error)   { return f() }
func (f errorMethod) Error() string              { return f() }
func (stringer) String() string                  { panic("in String") }
func (v selfValuer) LogValue() slog.Value        { return slog.AnyValue(v) }
func (v selfGroup) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("again", v), slog.Any("", v))
}
func (e *nilError) Error() string                  { return e.text }
func (e wrapsItself) Error() string                { return "wraps itself" }
func (e wrapsItself) Unwrap() error                { return e }
func (panicZero) IsZero() bool                     { panic("in IsZero") }
func (jsonError) Error() string                    { return "not asked" }
func (jsonError) MarshalJSON() ([]byte, error)     { return []byte(`{"code":5}`), nil }
func (bothMethods) MarshalJSON() ([]byte, error)   { panic("not promoted") }
func (bothMethods) MarshalText() ([]byte, error)   { panic("not promoted") }
func (k keyText) MarshalText() ([]byte, error)     { return []byte("<" + k.S + ">"), nil }
func (panicKey) MarshalText() ([]byte, error)      { panic("in a key") }
func (*nilLogValuer) LogValue() slog.Value         { panic("nil receiver") }
func (*nilMarshaler) MarshalJSON() ([]byte, error) { panic("nil receiver") }

type (
	nilLogValuer struct{}
	nilMarshaler struct{}
)

func marshals(text string) marshaler { return func() ([]byte, error) { return []byte(text), nil } }

func panicking(with any) marshaler { return func() ([]byte, error) { panic(with) } }

// embedsBase and the like are the cases of encoding/json's rules for fields.
type (
	base struct {
		A      int `json:"a"`
		Hidden int `json:"hidden"`
		secret int
	}
	embedsBase struct {
		base
		*http.Cookie `json:"-"`
		B            string  `json:"b,omitempty"`
		Hidden       bool    `json:"hidden"`
		Quoted       int64   `json:",string"`
		Zero         keyText `json:"zero,omitzero"`
		unexported   int
	}
	otherTime   = time.Time
	renamesTime struct {
		otherTime   `json:"t"`
		bothMethods `json:"-"` // so that those of the time are not promoted
	}
	bothMethods    struct{}
	renamesMethods struct {
		bothMethods `json:"m"`
		otherTime   `json:"-"`
	}
	zeros struct {
		P *zeroByPointer             `json:",omitzero"`
		V zeroByPointer              `json:",omitzero"`
		I interface{ IsZero() bool } `json:",omitzero"`
		J interface{ IsZero() bool } `json:",omitzero"`
		K zeroByValue                `json:",omitzero"`
	}
	panicZero struct{}
	jsonError struct{}
	Twice1    struct{ Once }
	Twice2    struct{ Once }
	Once      struct{ A int }
)

var (
	_ json.Marshaler         = bothMethods{}
	_ encoding.TextMarshaler = bothMethods{}
)

// nestedIn returns v inside depth slices.
func nestedIn(depth int, v any) any {
	for range depth {
		v = []any{v}
	}
	return v
}

func selfMap() map[string]any {
	m := map[string]any{}
	m["self"] = m
	return m
}

func selfSlice() []any {
	s := []any{1, nil}
	s[1] = s
	return s
}

func newRing() *ring {
	r := &ring{Name: "r"}
	r.Next = r
	return r
}

type selfPointer *selfPointer

func newSelfPointer() selfPointer {
	var p selfPointer
	p = &p
	return p
}

// around returns value inside n copies of the brackets.
func around(n int, open, value, end string) string {
	return strings.Repeat(open, n) + value + strings.Repeat(end, n)
}

func cutText(s string, head string) string {
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf(`{"!CUT":{"bytes":%d,"sha256":"%s"},"head":"%s"}`, len(s), hex.EncodeToString(sum[:]), head)
}

const depthCut = `{"!CUT":{"depth":32}}`

// k encodes v as the value of an attribute k.
func k(v any) func(*encode.Encoder) { return attrs(slog.Any("k", v)) }

func attrs(attrs ...slog.Attr) func(*encode.Encoder) {
	return func(e *encode.Encoder) { e.Attrs(nil, attrs) }
}

// inside encodes attrs inside the scope.
func inside(s *encode.Scope, attrs ...slog.Attr) func(*encode.Encoder) {
	return func(e *encode.Encoder) { e.Attrs(s, attrs) }
}

// encoded returns what f appends. It runs f in a goroutine that f may end.
func encoded(t require.TestingT, l *encode.Limits, f func(*encode.Encoder)) (text string, hostile bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		e := encode.New(l)
		f(e)
		text, hostile = string(e.Buf), e.Hostile
		e.Free()
	}()
	<-done
	return text, hostile
}

func TestHostileValues(t *testing.T) {
	const ok, bad = false, true // what Hostile is
	big := strings.Repeat("x", 20<<20)
	head := big[:1<<20]
	slice := make([]int, 1_000_000)
	changing := map[string]int{"n": 1}
	var typedNil *ring
	goexit := logValuer(func() slog.Value { runtime.Goexit(); return slog.Value{} })
	reentrant := logValuer(func() slog.Value {
		e := encode.New(&limits)
		defer e.Free()
		e.Attrs(nil, []slog.Attr{slog.Int("inner", 1)})
		return slog.StringValue(string(e.Buf))
	})
	waits := logValuer(func() slog.Value { // until another one is done
		text, _ := encoded(t, &limits, k("fast"))
		return slog.StringValue(text)
	})
	var chained, deep *encode.Scope
	calls := 100_000
	if eventtest.Race { // which copies more slowly
		calls = 3_000
	}
	for range calls {
		chained = chained.WithAttrs(encode.New(&limits), []slog.Attr{slog.Int("k", 1)})
	}
	for range 10_000 {
		deep = deep.WithGroup("g")
	}
	lonely := []any{1, "lonely"}
	many := make([]slog.Attr, 100_000)
	var first1024 strings.Builder
	for i := range many {
		many[i] = slog.Int(fmt.Sprint(i), i)
		if i < 1024 {
			fmt.Fprintf(&first1024, `"%d":%[1]d,`, i)
		}
	}

	tests := []struct {
		row     int // of the list of bad inputs in the research on reliability
		name    string
		encode  func(*encode.Encoder)
		want    string
		hostile bool
	}{
		{1, "LogValue panics", k(logValuer(func() slog.Value { panic("boom") })), `{"k":"!PANIC: LogValue of encode_test.logValuer: boom"}`, bad},
		{1, "LogValue panics with an error", k(logValuer(func() slog.Value { panic(errors.New("boom")) })), `{"k":"!PANIC: LogValue of encode_test.logValuer: boom"}`, bad},
		{1, "LogValue panics with an error that panics", k(logValuer(func() slog.Value { panic(errorMethod(func() string { panic(1) })) })), `{"k":"!PANIC: LogValue of encode_test.logValuer: encode_test.errorMethod"}`, bad},
		{1, "LogValue panics with anything", k(logValuer(func() slog.Value { panic(selfMap()) })), `{"k":"!PANIC: LogValue of encode_test.logValuer: map[string]interface {}"}`, bad},
		{1, "LogValue panics with a number", k(logValuer(func() slog.Value { panic(uint8(7)) })), `{"k":"!PANIC: LogValue of encode_test.logValuer: 7"}`, bad},
		{1, "LogValue panics with other numbers", k([]any{panicking(int8(-7)), panicking(2.5), panicking(false), panicking(struct{ A int }{})}), `{"k":["!PANIC: MarshalJSON of encode_test.marshaler: -7","!PANIC: MarshalJSON of encode_test.marshaler: 2.5","!PANIC: MarshalJSON of encode_test.marshaler: false","!PANIC: MarshalJSON of encode_test.marshaler: struct { A int }"]}`, bad},
		{1, "LogValue panics with nothing", k(logValuer(func() slog.Value { panic(nil) })), `{"k":"!PANIC: LogValue of encode_test.logValuer: panic called with nil argument"}`, bad}, //nolint:govet // that is the test
		{1, "LogValue panics with what is not UTF-8", k(logValuer(func() slog.Value { panic("\xff\x1b") })), `{"k":"!PANIC: LogValue of encode_test.logValuer: ` + "\uFFFD" + `\u001b"}`, bad},
		{1, "LogValue of nil", k((*nilLogValuer)(nil)), `{"k":null}`, ok},
		{1, "LogValue inside groups panics", attrs(slog.Group("g", slog.Group("h", "k", logValuer(func() slog.Value { panic(true) }), "l", 1))), `{"g":{"h":{"k":"!PANIC: LogValue of encode_test.logValuer: true","l":1}}}`, bad},
		{2, "LogValue calls itself", k(selfValuer{}), `{"k":"!ERROR: LogValue called too many times on encode_test.selfValuer"}`, bad},
		{3, "LogValue returns a group with itself", k(selfGroup{}), "", bad},
		{4, "LogValue ends the goroutine", k(goexit), "", ok},
		{5, "LogValue encodes", k(reentrant), `{"k":"{\"inner\":1}"}`, ok},
		{6, "LogValue waits for others", k(waits), `{"k":"{\"k\":\"fast\"}"}`, ok},
		{7, "MarshalJSON panics", k([]any{marshaler(func() ([]byte, error) { panic("boom") }), 1}), `{"k":["!PANIC: MarshalJSON of encode_test.marshaler: boom",1]}`, bad},
		{7, "MarshalText panics", k(textual(func() ([]byte, error) { panic("boom") })), `{"k":"!PANIC: MarshalText of encode_test.textual: boom"}`, bad},
		{7, "MarshalJSON of nil", k((*nilMarshaler)(nil)), `{"k":null}`, ok},
		{7, "MarshalJSON fails", k(marshaler(func() ([]byte, error) { return nil, errors.New("no") })), `{"k":"!ERROR: MarshalJSON of encode_test.marshaler: no"}`, bad},
		{7, "MarshalText fails", k(textual(func() ([]byte, error) { return nil, errors.New("no") })), `{"k":"!ERROR: MarshalText of encode_test.textual: no"}`, bad},
		{7, "MarshalText of a key panics", k(map[any]int{panicKey{}: 1}), `{"k":{"!!PANIC: MarshalText of encode_test.panicKey: in a key":1}}`, bad},
		{8, "MarshalJSON returns what is no JSON", k(marshals("{\n")), `{"k":{"!ERROR":"invalid JSON from MarshalJSON of encode_test.marshaler","raw":"{\n"}}`, bad},
		{8, "MarshalJSON returns nothing", k(marshals("")), `{"k":{"!ERROR":"invalid JSON from MarshalJSON of encode_test.marshaler","raw":""}}`, bad},
		{8, "MarshalJSON returns what is no JSON, where nothing deeper fits", k(nestedIn(32, marshals("?"))), `{"k":` + around(32, "[", `"!ERROR: invalid JSON from MarshalJSON of encode_test.marshaler"`, "]") + `}`, bad},
		{9, "MarshalJSON returns lines", k(marshals("{\n\"a\" :\r\n[ 1,\t2 ] }\n")), `{"k":{"a":[1,2]}}`, ok},
		{10, "MarshalJSON returns too much", k(marshals(big)), `{"k":` + cutText(big, head) + `}`, bad},
		{11, "MarshalJSON returns what is very deep", k(marshals(around(100_000, "[", "", "]"))), `{"k":` + around(32, "[", depthCut, "]") + `}`, bad},
		{12, "error that is nil", k((*nilError)(nil)), `{"k":"<nil>"}`, ok},
		{12, "error that writes itself", k(jsonError{}), `{"k":{"code":5}}`, ok},
		{13, "Error panics", k(errorMethod(func() string { panic("boom") })), `{"k":"!PANIC: Error of encode_test.errorMethod: boom"}`, bad},
		{14, "joined errors", k(errors.Join(errors.New("a"), errors.New("b\r"))), `{"k":"a\nb\r"}`, ok},
		{15, "error that wraps itself", k(wrapsItself{}), `{"k":"wraps itself"}`, ok},
		{16, "String panics", k(stringer{1}), `{"k":{"N":1}}`, ok},
		{17, "floats that are no numbers", k([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1)}), `{"k":["NaN","+Inf","-Inf",-0]}`, ok},
		{17, "float attribute that is no number", attrs(slog.Float64("k", math.NaN())), `{"k":"NaN"}`, ok},
		{18, "largest integers", attrs(slog.Int64("a", math.MaxInt64), slog.Int64("b", math.MinInt64), slog.Uint64("c", math.MaxUint64), slog.Any("d", []uint64{math.MaxUint64})), `{"a":9223372036854775807,"b":-9223372036854775808,"c":18446744073709551615,"d":[18446744073709551615]}`, ok},
		{19, "values without JSON", k([]any{1i, make(chan int), func() {}, unsafe.Pointer(nil)}), `{"k":["complex128","chan int","func()","unsafe.Pointer"]}`, ok},
		{20, "plain kinds", k([]any{uintptr(7), true, nil, typedNil, []int(nil), map[string]int(nil), [0]int{}}), `{"k":[7,true,null,null,null,null,[]]}`, ok},
		{20, "nil", attrs(slog.Any("a", nil), slog.Any("b", typedNil), slog.Any("c", slog.Value{})), `{"a":null,"b":null,"c":null}`, ok},
		{21, "keys that are no strings", k(map[any]int{2.5: 1, "x": 2, struct{ A int }{1}: 3, true: 4, nil: 5, [2]int{1, 2}: 6, keyText{"t"}: 7, 7i: 9}), `{"k":{"2.5":1,"<t>":7,"[1,2]":6,"complex128":9,"null":5,"true":4,"x":2,"{\"A\":1}":3}}`, ok},
		{21, "key that is a nil pointer", k(map[any]int{(*textByPointer)(nil): 1}), `{"k":{"":1}}`, ok},
		{21, "keys with the same text", k(map[any]int{1: 7, "1": 7}), `{"k":{"1":7,"!DUP":{"1":[7]}}}`, ok},
		{22, "map with itself", k(selfMap()), `{"k":` + around(32, `{"self":`, depthCut, "}") + `}`, bad},
		{22, "slice with itself", k(selfSlice()), `{"k":` + around(32, `[1,`, depthCut, "]") + `}`, bad},
		{23, "pointers in a ring", k(newRing()), `{"k":` + around(32, `{"Name":"r","Next":`, depthCut, "}") + `}`, bad},
		{23, "pointer to itself", k(newSelfPointer()), `{"k":` + depthCut + `}`, bad},
		{24, "very deep slices", k(nestedIn(1_000_000, nil)), `{"k":` + around(32, "[", depthCut, "]") + `}`, bad},
		{25, "long slice", k(slice), `{"k":[` + strings.Repeat("0,", 9_999) + `{"!CUT":{"items":990001}}]}`, bad},
		{26, "long string", k(big), `{"k":` + cutText(big, head) + `}`, bad},
		{28, "not UTF-8", attrs(slog.String("a", "\xff"), slog.String("b", "\xed\xa0\x80"), slog.String("c", "\xc0\xaf"), slog.String("\xc0", "d")), `{"a":{"!B64":"/w=="},"b":{"!B64":"7aCA"},"c":{"!B64":"wK8="},"` + "\uFFFD" + `":"d"}`, ok},
		{29, "control characters", attrs(slog.String("k\x1b", "\x00\x1b\x7f\u0080\u009b\n")), `{"k\u001b":"\u0000\u001b\u007f\u0080\u009b\n"}`, ok},
		{30, "characters without a shape", k("\u2028\u202e\u2066\u200b\U000e0041\ufeff"), `{"k":"\u2028\u202e\u2066\u200b\udb40\udc41\ufeff"}`, ok},
		{31, "markup", k(`</script><!--]]>&`), `{"k":"</script><!--]]>&"}`, ok},
		{32, "years that JSON does not know", attrs(slog.Time("a", time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)), slog.Time("b", time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC))), `{"a":"10000-01-01T00:00:00Z","b":"-0001-01-01T00:00:00Z"}`, bad},
		{32, "times that slog refuses inside values", k([]time.Time{{}, time.Date(2026, 1, 2, 3, 4, 5, 600, time.FixedZone("", 3601)), time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", -30*3600))}), `{"k":["0001-01-01T00:00:00Z","2026-01-02T02:04:04.0000006Z","2026-01-03T09:04:05Z"]}`, ok},
		{32, "time in a field of an alias", k(renamesTime{time.Unix(0, 0), bothMethods{}}), `{"k":{"t":{}}}`, ok},
		{33, "longest durations", attrs(slog.Duration("a", math.MinInt64), slog.Duration("b", math.MaxInt64)), `{"a":-9223372036854775808,"b":9223372036854775807}`, ok},
		{34, "bytes and raw JSON", k([]any{[]byte("\x00\xff"), json.RawMessage(`{"a": 1}`), json.RawMessage(`{`), json.RawMessage(nil), json.Number("1e5"), json.Number("x"), json.Number("")}), `{"k":["AP8=",{"a":1},"{",null,1e5,"x",0]}`, ok},
		{34, "number with very many digits", k([]any{json.Number(head[:65]), json.RawMessage(strings.Repeat("9", 65))}), `{"k":["` + head[:65] + `","` + strings.Repeat("9", 65) + `"]}`, ok},
		{35, "fields", k(embedsBase{base: base{A: 1, secret: 2}, Quoted: 4, unexported: 5}), `{"k":{"a":1,"hidden":false,"Quoted":"4"}}`, ok},
		{35, "embedded types with methods", k(renamesMethods{bothMethods{}, time.Time{}}), `{"k":{"m":{}}}`, ok},
		{35, "IsZero", k(zeros{P: &zeroByPointer{N: 1}, V: zeroByPointer{N: 1}, I: panicZero{}, J: (*zeroByPointer)(nil), K: zeroByValue{N: 1}}), `{"k":{"I":{}}}`, ok},
		{35, "IsZero of a pointer", k(&zeros{V: zeroByPointer{N: 1}, K: zeroByValue{}}), `{"k":{"K":{"N":0}}}`, ok},
		{35, "fields of pointers that are found twice", k(struct {
			Twice1
			Twice2
		}{}), `{"k":{}}`, ok},
		{39, "value that changes afterwards", func(e *encode.Encoder) { k(changing)(e); changing["n"] = 2 }, `{"k":{"n":1}}`, ok},
		{40, "many attributes", attrs(many...), `{` + first1024.String() + `"!CUT":{"attrs":98976}}`, bad},
		{41, "empty keys", attrs(slog.Int("", 1), slog.Group("", slog.Int("a", 2)), slog.Group("g"), slog.Attr{}), `{"":1,"a":2}`, ok},
		{42, "long and hostile keys", attrs(slog.Int("\x1b\n\""+big[:1<<20], 1), slog.Int(strings.Repeat("é", 1000)[:1999], 2), slog.Int("a"+strings.Repeat("é", 1000), 3)), `{"\u001b\n\"` + head[:253] + `":1,"` + strings.Repeat("é", 128) + `":2,"a` + strings.Repeat("é", 127) + `":3}`, ok},
		{43, "keys that readers may confuse", attrs(slog.Int("seq", 1), slog.Int("KIND", 2), slog.Int("kind", 3), slog.Int("ſpan", 4), slog.Int("time", 5)), `{"seq":1,"KIND":2,"kind":3,"ſpan":4,"time":5}`, ok},
		{44, "duplicate keys", attrs(slog.Int("k", 1), slog.Int("a", 0), slog.String("k", "x"), slog.Group("g", "b", 1, "b", 2), slog.Any("k", []int{3})), `{"a":0,"g":{"b":2,"!DUP":{"b":[1]}},"k":[3],"!DUP":{"k":[1,"x"]}}`, ok},
		{45, "keys of JavaScript", attrs(slog.Int("__proto__", 1), slog.Int("constructor", 2), slog.Int("toString", 3)), `{"__proto__":1,"constructor":2,"toString":3}`, ok},
		{46, "arguments without keys", attrs(slog.Group("g", lonely...)), `{"g":{"!BADKEY":"lonely","!DUP":{"!BADKEY":[1]}}}`, ok},
		{47, "groups 10,000 deep", inside(deep, slog.Int("k", 1)), `` + around(32, `{"g":`, `{"k":1}`, "}"), ok},
		{48, "very many With calls", inside(chained), `{"k":1,"!DUP":{"k":[` + strings.Repeat("1,", 1022) + `1]},"!CUT":{"attrs":` + fmt.Sprint(calls-1024) + `}}`, bad},
		{49, "long message", func(e *encode.Encoder) { e.Text(big) }, `"` + head + `…[!CUT 20971520 bytes]"`, ok},
		{49, "empty message", func(e *encode.Encoder) { e.Text("") }, `""`, ok},
		{49, "hostile message", func(e *encode.Encoder) { e.Text("\x1b[2J\r\n\xff") }, `"\u001b[2J\r\n` + "\uFFFD" + `"`, ok},
		{50, "levels", attrs(slog.Any("a", slog.Level(-1000)), slog.Any("b", slog.Level(1_000_000_000))), `{"a":"DEBUG-996","b":"ERROR+999999992"}`, ok},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d %s", tt.row, tt.name), func(t *testing.T) {
			got, hostile := encoded(t, &limits, tt.encode)
			require.True(t, tt.want == "" || got == tt.want, "want %.1000s\ngot  %.1000s", tt.want, got)
			assert.Equal(t, tt.hostile, hostile, "Hostile")
			afterwards, _ := encoded(t, &limits, k("alive"))
			assert.Equal(t, `{"k":"alive"}`, afterwards)
		})
	}
}
