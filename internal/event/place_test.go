package event_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
)

func TestPlace(t *testing.T) {
	root := event.NewPlace(event.RunID{1, 0xab}, "")
	assert.Equal(t, event.Place(`,"run":"01ab0000000000000000000000000000","span":""`), root)
	assert.Empty(t, root.Path())
	child := root.Child(4294967295).Child(1).Child(20)
	assert.Equal(t, event.NewPlace(event.RunID{1, 0xab}, "4294967295/1/20"), child)
	assert.Equal(t, "4294967295/1/20", child.Path())
}

func TestBodiesAtAPlace(t *testing.T) {
	ev := event.Event{Stream: "0123456789abcdef", Run: event.RunID{1}, Span: "1/2", Type: event.TypeLog, Msg: "m"}
	limits := encode.Limits{}.WithDefaults()
	with, without := encode.New(&limits), encode.New(&limits)
	ev.AppendBodyAt(with, event.NewPlace(ev.Run, ev.Span), &event.Parts{})
	ev.AppendBody(without)
	assert.Equal(t, string(without.Buf), string(with.Buf))
}
