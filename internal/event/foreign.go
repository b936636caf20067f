package event

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/wfslog/wfslog/internal/jsonscan"
)

// A foreign line is one that another handler wrote of a record that wfslog had
// passed on to it: a JSON object with a group "wf", perhaps inside other groups,
// perhaps behind the prefix or inside the wrapper of a container runtime.

// maxForeignGroups is how many groups around "wf" are looked into.
const maxForeignGroups = 8

// foreignKeys are the keys that slog's handlers and common JSON loggers use for
// what an event has a field for.
var foreignKeys = map[string]string{
	"time": "time", "ts": "time", "timestamp": "time",
	"level": "level", "severity": "level",
	"msg": "msg", "message": "msg",
	"logger": "logger", "source": "source",
}

func parseForeign(line []byte) (Event, error) {
	object := line
	if inner, ok := unwrap(line); ok {
		object = inner
	}
	if err := jsonscan.Object(object); err != nil {
		return Event{}, &ParseError{Err: ErrNotJSON}
	}
	ev := foreignEvent{Event: Event{Foreign: true}}
	var attrs []byte
	found := ev.take(object, &attrs, 0)
	if !found {
		return Event{}, &ParseError{Err: ErrNotEvent}
	}
	if ev.Type == "" {
		ev.Type = TypeLog
	}
	if ev.Run.IsZero() || !ev.Type.OfSpan() || (ev.Type == TypeStart && !ev.Kind.Valid()) {
		return Event{}, &ParseError{Field: "wf", Err: ErrField}
	}
	if (ev.Stream == "") != (ev.Seq == 0) {
		ev.Stream, ev.Seq = "", 0 // half an identity is none
	}
	if len(attrs) > 0 {
		ev.Attrs = append(attrs, '}')
	}
	return ev.Event, nil
}

// unwrap returns the JSON object inside a line of a container runtime: Docker's
// json-file wrapper, or any prefix such as that of CRI or of docker compose.
func unwrap(line []byte) ([]byte, bool) {
	if jsonscan.Object(line) == nil {
		if holdsWF(line, 0) {
			return nil, false // its log and stream are the user's
		}
		var wrapper struct {
			Log    *string `json:"log"`
			Stream *string `json:"stream"`
		}
		if json.Unmarshal(line, &wrapper) != nil || wrapper.Log == nil || wrapper.Stream == nil {
			return nil, false
		}
		return bytes.TrimSpace([]byte(*wrapper.Log)), true
	}
	// A prefix may itself hold a brace, so each is tried, but not for ever.
	for range 4 {
		i := bytes.IndexByte(line, '{')
		if i < 0 {
			return nil, false
		}
		line = line[i:]
		if trimmed := bytes.TrimSpace(line); jsonscan.Object(trimmed) == nil {
			return trimmed, true
		}
		line = line[1:]
	}
	return nil, false
}

// foreignEvent is the event of a foreign line that is being read.
type foreignEvent struct {
	Event
	leveled bool // Level is set; 0 is a level too
}

// take sets the fields of ev from object, appends its other members to attrs, an
// object without its closing brace, and reports whether it found wf.
func (ev *foreignEvent) take(object []byte, attrs *[]byte, depth int) (found bool) {
	// The group that holds wf also holds what slog calls built-in fields, or the
	// outermost object does: both are looked at, the outermost first.
	for rawKey, value := range jsonscan.Members(object) {
		key, _ := jsonscan.String(rawKey)
		switch {
		case key == "wf" && value[0] == '{' && !found:
			found = true
			ev.takeWF(value)
			continue
		case foreignKeys[key] != "" && ev.takeBuiltin(foreignKeys[key], value):
			continue
		case value[0] == '{' && depth < maxForeignGroups && !found:
			var inner []byte
			if holdsWF(value, depth+1) && ev.take(value, &inner, depth+1) {
				found = true
				if len(inner) > 0 {
					appendMember(attrs, rawKey, append(inner, '}'))
				}
				continue
			}
		}
		appendMember(attrs, rawKey, value)
	}
	return found
}

// holdsWF reports whether object or a group within it is or holds wf.
func holdsWF(object []byte, depth int) bool {
	for rawKey, value := range jsonscan.Members(object) {
		if value[0] == '{' && (string(rawKey) == `"wf"` || depth < maxForeignGroups && holdsWF(value, depth+1)) {
			return true
		}
	}
	return false
}

func appendMember(to *[]byte, key, value []byte) {
	sep := byte(',')
	if len(*to) == 0 {
		sep = '{'
	}
	*to = append(*to, sep)
	*to = append(*to, key...)
	*to = append(*to, ':')
	*to = append(*to, value...)
}

// takeBuiltin sets a field that is not set yet, and reports whether value was
// of its type.
func (ev *foreignEvent) takeBuiltin(field string, value []byte) bool {
	switch field {
	case "time":
		var t time.Time
		if !ev.Time.IsZero() || !setTime(&t, value) || t.IsZero() {
			return false
		}
		ev.Time = t
		return true
	case "level":
		if ev.leveled {
			return false
		}
		ev.leveled = setLevel(&ev.Level, value)
		return ev.leveled
	case "msg":
		return ev.Msg == "" && setString(&ev.Msg, value)
	case "source":
		var src Source
		if ev.Source != nil || !isSource(value) || !setJSON(&src, value) {
			return false
		}
		ev.Source = &src
		return true
	}
	return ev.Logger == "" && setString(&ev.Logger, value)
}

// isSource reports whether value is what slog's handlers write of a line of code, and
// nothing else is in it.
func isSource(value []byte) bool {
	if value[0] != '{' {
		return false
	}
	n := 0
	for rawKey := range jsonscan.Members(value) {
		switch string(rawKey) {
		case `"function"`, `"file"`, `"line"`:
			n++
		default:
			return false
		}
	}
	return n > 0
}

// foreignFields are the members of wf that name a field of an event.
var foreignFields = []string{
	"run", "span", "event", "stream", "seq", "after", "kind", "name", "agent",
	"ordinal", "dur", "status", "error", "flags", "link", "resource",
}

func (ev *Event) takeWF(wf []byte) {
	for rawKey, value := range jsonscan.Members(wf) {
		key, _ := jsonscan.String(rawKey)
		if !slices.Contains(foreignFields, key) {
			continue
		}
		if before := *ev; !ev.setField(key, value) {
			*ev = before // one malformed member does not spoil the others
		}
	}
}
