package journal

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/wfslog/wfslog/internal/sequencer"
)

// checkInterval is the time between two looks at the current segment. Writing to a
// deleted file works, so that this is what such a loss can grow to.
const checkInterval = time.Second

// The causes of losses that somebody else is to blame for.
const (
	causeDeleted   = "segment deleted"
	causeTruncated = "segment truncated"
)

// damagedSegment is a segment that was truncated.
type damagedSegment struct {
	number int
	content
}

// maxDamaged is how many segments may wait for being read back.
const maxDamaged = 16

// check looks at the current segment, at most once in a while.
func (w *Writer) check(now time.Time) {
	if since := now.Sub(w.checked); w.cur == nil || 0 <= since && since < checkInterval {
		return
	}
	w.checked = now
	w.checkRing()
	w.readDamaged()
	w.inspect(w.cur)
}

// inspect looks whether the current segment still is what was written to it, and
// notes what is lost. One that is not is not used any more.
func (w *Writer) inspect(cur *segment) {
	if cur.gone {
		return
	}
	size, linked, err := cur.file.size()
	switch {
	case err != nil: // says nothing about the content
	case !linked:
		w.lose(cur.loss(causeDeleted))
		cur.leave()
	case size < cur.size:
		if len(w.damaged) < maxDamaged {
			w.damaged = append(w.damaged, damagedSegment{cur.number, cur.content})
		} else {
			w.lose(cur.loss(causeTruncated)) // rather too much than too little
		}
		cur.leave()
		w.readDamaged()
	case !w.exists(cur.number):
		// Moved away, perhaps with others: nothing is lost as far as can be known.
		cur.leave()
		w.closed = slices.DeleteFunc(w.closed, func(c closedSegment) bool { return !w.exists(c.number) })
	case size > cur.size: // somebody else writes to it
		cur.used = true
	}
}

// leave gives up a segment whose content is accounted for.
func (s *segment) leave() {
	s.used, s.gone = true, true
	s.content = content{}
}

func (w *Writer) exists(number int) bool { return w.fs.exists(w.SegmentPath(number)) }

func (w *Writer) lose(l sequencer.Loss) {
	if l.N > 0 {
		w.lost = append(w.lost, l)
	}
}

// findDeleted notes which closed segments are gone.
func (w *Writer) findDeleted() {
	for i := 0; i < len(w.closed); {
		if w.exists(w.closed[i].number) {
			i++
			continue
		}
		w.forget(i, causeDeleted, false)
	}
}

// forget notes that the i-th closed segment is lost.
func (w *Writer) forget(i int, cause string, expected bool) {
	l := w.closed[i].all
	l.Cause, l.Expected = cause, expected
	w.lose(l)
	w.closed = slices.Delete(w.closed, i, i+1)
}

// readDamaged reads what is left of truncated segments, and notes which events are
// gone. What cannot be read now is tried again later: nobody knows what is lost.
func (w *Writer) readDamaged() {
	for i := 0; i < len(w.damaged); {
		d := w.damaged[i]
		left, err := w.readBack(d)
		if err != nil {
			i++
			continue
		}
		missing := d.without(&left)
		w.lose(missing.loss(causeTruncated))
		w.keep(d.number, &left)
		w.damaged = slices.Delete(w.damaged, i, i+1)
	}
}

func (w *Writer) readBack(d damagedSegment) (left content, err error) {
	r, err := w.fs.open(w.SegmentPath(d.number))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return content{}, nil
	case err != nil:
		return content{}, err
	}
	defer r.Close() // it was only read
	return d.readBack(r, w.name.stream)
}
