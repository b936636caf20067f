package ship

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
)

// stream is one whose events are delivered. Its goroutine alone uses it, but for
// the parts.
type stream struct {
	id   string // 16 hex digits
	path func(segment int) string
	at   position // next to be delivered

	file  positionFile
	saved position  // in file
	tried time.Time // when it was last saved, or that failed

	parts []part // written and not yet delivered, ascending; Shipper.mu protects it
}

// part is what is known to be written of a segment.
type part struct {
	segment int
	end     int64
	events  uint64 // not yet delivered; 0 if that is not known
}

// newStream returns the stream that the handler writes.
func newStream(path func(int) string, forwarder string) *stream {
	first := path(1)
	name := strings.Split(filepath.Base(first), ".") // program, start, pid, stream, segment, "jsonl"
	name = append(name[:4:4], forwarder, positionExt)
	return &stream{
		id: name[3], path: path, saved: position{Segment: -1},
		file: positionFile{path: filepath.Join(filepath.Dir(first), strings.Join(name, "."))},
	}
}

// extend notes that a segment is written up to end, with the given number of new
// events, and returns by how many bytes that is more. Shipper.mu must be held.
func (st *stream) extend(segment int, end int64, events uint64) (more int64) {
	if n := len(st.parts); n > 0 && st.parts[n-1].segment == segment {
		p := &st.parts[n-1]
		more = end - p.end
		p.end = end
		p.events += events
		return more
	}
	st.parts = append(st.parts, part{segment, end, events})
	return end
}

// front returns the part with the next events to be delivered, if there are any.
// Shipper.mu must be held.
func (st *stream) front() (p part, ok bool) {
	for {
		if len(st.parts) == 0 {
			return part{}, false
		}
		p = st.parts[0]
		if p.segment != st.at.Segment {
			st.at = position{Segment: p.segment}
		}
		if st.at.Offset < p.end {
			return p, true
		}
		if len(st.parts) == 1 {
			return part{}, false // more of it may be written
		}
		st.parts = st.parts[1:]
	}
}

// batch is some of a part.
type batch struct {
	events  []event.Event
	end     int64  // offset behind it
	damaged uint64 // lines that were skipped
	missing uint64 // 1 if the segment is gone
}

// read reads the next batch from p.
func (st *stream) read(p part) (b batch, err error) {
	b.end = p.end
	f, err := journal.Segment{Path: st.path(p.segment)}.Open()
	if errors.Is(err, fs.ErrNotExist) {
		b.missing = 1 // deleted by the retention
		return b, nil
	}
	if err != nil {
		return b, err
	}
	defer f.Close() // it was only read
	lines := event.NewScanner(io.NewSectionReader(f, st.at.Offset, p.end-st.at.Offset))
	var size int64
	for lines.Scan() {
		if n := len(b.events); n == maxEvents || n > 0 && size+lines.Size() > maxBytes {
			b.end = st.at.Offset + lines.Offset()
			return b, nil
		}
		ev, err := event.ParseLine(lines.Line())
		if err != nil || !lines.Whole() || ev.Stream != st.id {
			b.damaged++
			continue
		}
		ev.Attrs = bytes.Clone(ev.Attrs) // the line is gone with the next
		b.events = append(b.events, ev)
		size += lines.Size()
	}
	return b, lines.Err()
}

// advance notes that b is delivered, and returns how many bytes and events less
// there are to be delivered. Shipper.mu must be held.
func (st *stream) advance(b *batch) (size int64, events uint64) {
	p := &st.parts[0]
	size, events = b.end-st.at.Offset, min(uint64(len(b.events)), p.events)
	if b.end == p.end {
		events = p.events // what was skipped is none of them any more
	}
	p.events -= events
	st.at.Offset = b.end
	return size, events
}

// save saves the position.
func (st *stream) save() error {
	st.tried = time.Now()
	if st.saved == st.at {
		return nil
	}
	err := st.file.save(st.at)
	if err == nil {
		st.saved = st.at
	}
	return err
}

func (st *stream) saveDue() bool {
	return st.saved != st.at && time.Since(st.tried) >= saveInterval
}

// saveTimer fires when the position should be saved, if it should.
func (st *stream) saveTimer() <-chan time.Time {
	if st.saved == st.at {
		return nil
	}
	return time.After(time.Until(st.tried.Add(saveInterval)))
}
