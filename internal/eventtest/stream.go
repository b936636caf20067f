// Package eventtest writes event lines for tests, as a handler would.
package eventtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
)

// Stream makes the lines of one stream. Its numbers and counts are what a
// sequencer's would be.
type Stream struct {
	ID    string   // 16 hex digits
	Lines [][]byte // with their newlines

	seq   uint64
	spans map[spanKey]*counts
}

type spanKey struct {
	run  event.RunID
	path string
}

type counts struct{ n, kids uint64 }

// NewStream returns a stream without events.
func NewStream(id string) *Stream {
	return &Stream{ID: id, spans: map[spanKey]*counts{}}
}

var limits = encode.Limits{}.WithDefaults()

// Add appends ev to the stream and returns its line. Seq, Stream, and the counts
// of an end are filled in; N of an end or a loss may be given.
func (s *Stream) Add(ev event.Event) []byte {
	s.seq++
	ev.Seq, ev.Stream = s.seq, s.ID
	n := ev.N
	var kids uint64
	if ev.Type.OfSpan() {
		c := s.span(ev.Run, ev.Span)
		c.n++
		kids = c.kids
		if ev.Type == event.TypeEnd && n == 0 {
			n = c.n
		}
		if ev.Type == event.TypeStart && ev.Span != "" {
			s.span(ev.Run, event.ParentPath(ev.Span)).kids++
		}
	}
	line := Line(ev, n, kids)
	s.Lines = append(s.Lines, line)
	return line
}

// Skip passes over n events, as if they were lost.
func (s *Stream) Skip(n uint64) { s.seq += n }

// Drop forgets the last line: it was counted, and lost.
func (s *Stream) Drop() { s.Lines = s.Lines[:len(s.Lines)-1] }

func (s *Stream) span(run event.RunID, path string) *counts {
	key := spanKey{run, path}
	c := s.spans[key]
	if c == nil {
		c = &counts{}
		s.spans[key] = c
	}
	return c
}

// Line returns the line of ev with its newline. An event of a type that is not
// known is written like a log record if it has a run.
func Line(ev event.Event, n, kids uint64) []byte {
	e := encode.New(&limits)
	defer e.Free()
	if known(ev.Type) || ev.Run.IsZero() {
		ev.AppendBody(e)
	} else {
		typ := ev.Type
		ev.Type = event.TypeLog
		ev.AppendBody(e)
		e.Buf = bytes.Replace(e.Buf, []byte(`"event":"log"`), []byte(`"event":"`+typ+`"`), 1)
		ev.Type = typ
	}
	if len(ev.Attrs) > 0 {
		e.Buf = append(e.Buf, `,"attrs":`...)
		e.Buf = append(e.Buf, ev.Attrs...)
	}
	return event.AppendLine(nil, ev.Type, ev.Seq, n, kids, e.Buf, event.Checksum(e.Buf))
}

func known(t event.Type) bool {
	switch t {
	case event.TypeOpen, event.TypeLoss, event.TypeClose, event.TypeGone:
		return true
	}
	return t.OfSpan()
}

// Foreign returns the line, with its newline, that slog's JSONHandler would write
// of a record that belongs to ev. An event without Seq has no identity.
func Foreign(ev event.Event) []byte {
	wf := map[string]any{"run": ev.Run, "span": ev.Span, "event": ev.Type}
	if ev.Seq > 0 {
		wf["seq"], wf["stream"] = ev.Seq, ev.Stream
	}
	for key, text := range map[string]string{
		"kind": string(ev.Kind), "name": ev.Name, "agent": ev.Agent, "status": ev.Status, "error": ev.Error,
	} {
		if text != "" {
			wf[key] = text
		}
	}
	if ev.After > 0 {
		wf["after"] = ev.After
	}
	if ev.Type == event.TypeEnd {
		wf["dur"] = ev.Dur
	}
	object := map[string]any{"time": ev.Time.Format(time.RFC3339Nano), "level": ev.Level.String(), "msg": ev.Msg, "wf": wf}
	if ev.Logger != "" {
		object["logger"] = ev.Logger
	}
	if len(ev.Attrs) > 0 {
		var attrs map[string]json.RawMessage
		if err := json.Unmarshal(ev.Attrs, &attrs); err != nil {
			panic(fmt.Sprintf("eventtest: attrs %s: %v", ev.Attrs, err))
		}
		for key, value := range maps.All(attrs) {
			object[key] = value
		}
	}
	line, err := json.Marshal(object)
	if err != nil {
		panic(fmt.Sprintf("eventtest: foreign line: %v", err))
	}
	return append(line, '\n')
}
