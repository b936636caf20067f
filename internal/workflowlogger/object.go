package workflowlogger

import (
	"encoding/json"

	"github.com/wfslog/wfslog/internal/jsonscan"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	key   string
	value json.RawMessage
}

// parseObject returns the members of raw, nothing if it is empty; ok is false if it
// is no object.
func parseObject(raw json.RawMessage) (o object, ok bool) {
	if len(raw) == 0 {
		return nil, true
	}
	if jsonscan.Object(raw) != nil {
		return nil, false
	}
	for quoted, value := range jsonscan.Members(raw) {
		key, _ := jsonscan.String(quoted) // a key is a string
		o = append(o, member{key, json.RawMessage(value)})
	}
	return o, true
}

// cut returns the members without those with the given key, and these.
func (o object) cut(key string) (others, of object) {
	for _, m := range o {
		if m.key == key {
			of = append(of, m)
		} else {
			others = append(others, m)
		}
	}
	return others, of
}

// with returns the members and another one, whose value must be one that
// [json.Marshal] can write.
func (o object) with(key string, value any) (object, error) {
	raw, err := marshal(value)
	if err != nil {
		return o, err
	}
	return append(o[:len(o):len(o)], member{key, raw}), nil
}

// MarshalJSON writes the members in their order; an object without any is empty, not
// null.
func (o object) MarshalJSON() ([]byte, error) {
	text := []byte("{")
	for i, m := range o {
		if i > 0 {
			text = append(text, ',')
		}
		key, err := marshal(m.key)
		if err != nil {
			return nil, err
		}
		text = append(append(append(text, key...), ':'), m.value...)
	}
	return append(text, '}'), nil
}
