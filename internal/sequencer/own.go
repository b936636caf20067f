package sequencer

import (
	"bytes"
	"encoding/hex"
	"time"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
)

// openChunk is how many spans one open line names.
const openChunk = 1000

// openBodies returns the bodies of the lines that begin a segment: one, and more
// if there are many open spans.
func (s *Sequencer) openBodies(refs []event.SpanRef, segment int, now time.Time) (bodies [][]byte) {
	for len(bodies) == 0 || len(refs) > 0 {
		open := s.cfg.Open
		open.Format, open.ID, open.Segment = event.Format, hex.EncodeToString(s.cfg.ID[:]), segment
		k := min(len(refs), openChunk)
		open.Spans, refs = refs[:k], refs[k:]
		bodies = append(bodies, streamBody(&event.Event{
			Stream: s.stream, Time: now.UTC(), Type: event.TypeOpen, Open: &open,
		}))
	}
	return bodies
}

// ownLimits are wide enough for an open line with [openChunk] spans.
var ownLimits = encode.Limits{Nodes: 20 * openChunk}.WithDefaults()

// streamBody returns the body of an event of the stream itself.
func streamBody(ev *event.Event) []byte {
	e := encode.New(&ownLimits)
	defer e.Free()
	ev.AppendBody(e)
	return bytes.Clone(e.Buf)
}

// AppendGone appends an event that says that the writer of another stream is dead.
func (s *Sequencer) AppendGone(stream string) error {
	body := streamBody(&event.Event{Stream: s.stream, Time: s.cfg.Now().UTC(), Type: event.TypeGone, Gone: stream})
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrClosed
	}
	first := len(s.cur.lines)
	s.openLocked()
	s.addOwnLocked(s.cur, event.TypeGone, 0, 0, body)
	return s.commit(first)
}
