package wfslogtest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notes is a test that notes its failures.
type notes struct {
	cleanup  func()
	failures []string
}

func (*notes) Name() string       { return "TestNotes" }
func (*notes) Helper()            {}
func (n *notes) Cleanup(f func()) { n.cleanup = f }
func (n *notes) Errorf(format string, args ...any) {
	n.failures = append(n.failures, fmt.Sprintf(format, args...))
}

func TestLostEventsFailATest(t *testing.T) {
	for _, allow := range []bool{false, true} {
		var test notes
		rec := Options{AllowLost: allow}.New(&test)
		require.NoError(t, rec.sink.Close())
		rec.Logger().InfoContext(rec.Context(), "hello")
		test.cleanup()
		if allow {
			assert.Empty(t, test.failures)
			continue
		}
		require.Len(t, test.failures, 1)
		assert.Contains(t, test.failures[0], " events were lost: ")
		assert.Contains(t, test.failures[0], "closed pipe")
	}
}

func TestDiffOfAny(t *testing.T) {
	tests := []struct{ name, a, b, want string }{
		{"empty", "", "x\n", "+ x\n"},
		{"emptied", "x\n", "", "- x\n"},
		{"no last newline", "x\ny", "x\ny\n", "  x\n- y\n+ y\n"},
		{"moved", "a\nb\nc\n", "b\nc\na\n", "- a\n  b\n  c\n+ a\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, diff(tt.a, tt.b)) })
	}
	a, b := strings.Repeat("a\n", 3000), strings.Repeat("b\n", 3000)
	assert.Equal(t, strings.Repeat("- a\n", 3000)+strings.Repeat("+ b\n", 3000), diff(a, b), "too much to compare")
}

// loop contains itself.
type loop struct{ Next *loop }

// writer says itself how it is written.
type writer struct{ Done chan int }

func (writer) MarshalText() ([]byte, error) { return []byte("writer"), nil }

// embedded is not exported, but its fields are.
type embedded struct{ F func() }

func TestUnwritable(t *testing.T) {
	cycle := &loop{}
	cycle.Next = cycle
	done, f := make(chan int), func() {}
	tests := []struct {
		value any
		want  any // a value of the type that cannot be written
	}{
		{done, done},
		{f, f},
		{complex64(1), complex64(1)},
		{[]any{1, &f}, f},
		{map[string][1]complex128{"a": {1}}, complex128(1)},
		{struct{ embedded }{embedded{f}}, f},
		{struct{ E error }{errors.New("an error")}, nil},
		{struct {
			Done   chan int
			F      func() `json:"-"`
			hidden chan int
		}{nil, f, done}, nil},
		{&writer{done}, nil},
		{[]writer{{done}}, nil},
		{cycle, nil},
		{time.Now(), nil},
		{nil, nil},
	}
	for _, tt := range tests {
		work := maxWork
		got := unwritable(reflect.ValueOf(tt.value), &work)
		if tt.want == nil {
			assert.Nil(t, got, "%T", tt.value)
			continue
		}
		assert.Equal(t, reflect.TypeOf(tt.want), got, "%T", tt.value)
	}
}
