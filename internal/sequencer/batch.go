package sequencer

import (
	"sync"
	"sync/atomic"

	"github.com/wfslog/wfslog/internal/event"
)

// batch collects the lines that go out in one write.
type batch struct {
	buf   []byte
	lines []line

	last    []byte // body of a close event, to be added behind everything else; or nil
	urgent  bool   // to be tried also if that was in vain just now
	written int    // how many of lines were written
	unsafe  bool   // all were written, but err says that they may not last
	err     error  // why the others were not

	// wake is for goroutines that wait for another to write their lines; the first
	// of them makes it. Who gets a token from it is to write the batch; it is closed
	// when the batch is written. It is never pooled: a channel must not leave a
	// bubble of testing/synctest.
	wake chan struct{}
	refs atomic.Int32 // goroutines that still look at the batch
}

// line is one event of a batch.
type line struct {
	span       *Span // nil for an event of the stream itself
	typ        event.Type
	seq        uint64
	begin, end int // in the batch's buffer; end is behind the newline
	segment    int // that an open line begins

	sheltered bool   // nobody waits for it, and it is kept until it is written
	at        uint64 // its place in the shelter; 0 if that is gone
}

// maxPooledBatch keeps a burst of large records from pinning its buffer. What a busy
// shelter holds is less.
const maxPooledBatch = 1 << 20

var batches = sync.Pool{New: func() any { return &batch{} }}

// maxSpares is how many batches a busy stream has beside the one that takes lines: one
// is written, and the one before it may not be left yet.
const maxSpares = 2

// newBatch returns an empty batch. Those of the stream's last writes are the first
// choice: the pool loses its batches to the garbage collector, and what a busy stream
// allocated for new ones was a quarter of all that spans allocate.
func (s *Sequencer) newBatch() *batch {
	for i := range s.spares {
		if spare := &s.spares[i]; spare.Load() != nil {
			if b := spare.Swap(nil); b != nil {
				return b
			}
		}
	}
	return batches.Get().(*batch)
}

func (b *batch) add(sp *Span, typ event.Type, seq, n, kids uint64, body []byte, sum uint32) {
	begin := len(b.buf)
	b.buf = event.AppendLine(b.buf, typ, seq, n, kids, body, sum)
	b.lines = append(b.lines, line{span: sp, typ: typ, seq: seq, begin: begin, end: len(b.buf)})
}

// isSheltered reports whether all lines from the first on are.
func (b *batch) isSheltered(first int) bool {
	for i := first; i < len(b.lines); i++ {
		if !b.lines[i].sheltered {
			return false
		}
	}
	return true
}

// keep adds a line of another batch.
func (b *batch) keep(from *batch, l line) {
	text := from.buf[l.begin:l.end]
	l.begin = len(b.buf)
	b.buf = append(b.buf, text...)
	l.end = len(b.buf)
	b.lines = append(b.lines, l)
}

// keepRest adds the sheltered lines of another batch that are not written.
func (b *batch) keepRest(from *batch) {
	for _, l := range from.unwritten() {
		if l.sheltered {
			b.keep(from, l)
		}
	}
}

// reset makes b one without lines.
func (b *batch) reset() {
	clear(b.lines) // drop the spans
	b.buf, b.lines, b.written, b.unsafe = b.buf[:0], b.lines[:0], 0, false
}

// unwritten returns the lines that are not written yet.
func (b *batch) unwritten() []line { return b.lines[b.written:] }

// rest returns their text.
func (b *batch) rest() []byte { return b.buf[b.restBegin():] }

func (b *batch) restBegin() int {
	if b.written == 0 {
		return 0
	}
	return b.lines[b.written-1].end
}

// join counts the caller among those that wait. The sequencer's mutex must be
// held.
func (b *batch) join() {
	b.refs.Add(1)
	if b.wake == nil {
		b.wake = make(chan struct{}, 1)
	}
}

// await returns true when the batch has been written, false if the caller has
// been chosen to write it.
func (b *batch) await() (written bool) {
	_, lead := <-b.wake
	if lead {
		b.refs.Add(-1) // the writer counts itself
	}
	return !lead
}

// finish wakes those that wait for the batch.
func (b *batch) finish() {
	if b.wake != nil {
		close(b.wake)
	}
}

// allLines stands for the index of a line.
const allLines = -1

// result returns the error of the line with the given index.
func (b *batch) result(index int) error {
	if index != allLines && !b.unsafe && (index < b.written || b.lines[index].sheltered) {
		return nil
	}
	return b.err
}

// leave says that the caller does not look at b any more; the last one gives it back.
func (s *Sequencer) leave(b *batch) {
	if b.refs.Add(-1) > 0 || cap(b.buf) > maxPooledBatch {
		return
	}
	clear(b.lines) // drop the spans
	*b = batch{buf: b.buf[:0], lines: b.lines[:0]}
	for i := range s.spares {
		if s.spares[i].CompareAndSwap(nil, b) {
			return
		}
	}
	batches.Put(b)
}
