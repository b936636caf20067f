package encode

import (
	"encoding"
	"encoding/json"
	"fmt"
)

// Rendered is a value as an [Encoder] has written it, in JSON, for handlers that could
// not render the original without harm. Another Encoder writes it as it is, if there
// is room.
type Rendered string

var (
	_ json.Marshaler         = Rendered("")
	_ encoding.TextMarshaler = Rendered("")
	_ fmt.Stringer           = Rendered("")
)

// MarshalJSON returns the value.
func (r Rendered) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// MarshalText returns the text of a string, and the JSON of anything else.
func (r Rendered) MarshalText() ([]byte, error) {
	var text string
	if json.Unmarshal([]byte(r), &text) == nil {
		return []byte(text), nil
	}
	return []byte(r), nil
}

// String returns what MarshalText does.
func (r Rendered) String() string {
	text, _ := r.MarshalText() // never fails
	return string(text)
}

func (e *Encoder) rendered(r Rendered) {
	if len(r) > e.end-len(e.Buf) {
		e.cutString(string(r))
		return
	}
	e.Buf = append(e.Buf, r...)
}
