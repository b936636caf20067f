// Package output writes the operational log to where somebody reads it, or does not:
// a reader that has gone or has stopped reading neither ends the program nor holds
// it up.
package output

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// patience is how long a write may take before the program goes on without it: longer
// than a collector of logs pauses that is only busy. What is shown later than that is
// lost if the program ends meanwhile.
const patience = time.Second

// ErrStalled is returned for records that are not shown because the reader does not
// read.
var ErrStalled = errors.New("wfslog: record not shown: a write has not returned")

// Writer is a writer of records that does not wait for its reader for ever: while a
// write hangs, further records wait for it, and above a limit they are dropped and
// counted. It is safe for concurrent use.
//
// A stall begins when a write hangs and ends when it returns. In one stall, Write and
// Flush hold nobody up for longer than patience each.
type Writer struct {
	maxPending int
	note       func(dropped int) string

	mu     sync.Mutex // serialises Write; held no longer than patience
	w      io.Writer
	opened bool // w is the file to write to, not the one we were given
	direct bool // w does not block, or that is the caller's affair

	state   sync.Mutex // protects following fields; never held while something is written
	busy    bool       // drain runs, and owns buf
	buf     []byte
	pending []byte // what comes next
	dropped int    // records after pending that nobody was told of yet

	written        chan struct{} // closed when buf is written; nil if nobody waits for it
	pendingWritten chan struct{} // the same of pending
	giveUp         time.Time     // until when Flush waits in this stall; zero if it did not
}

// New returns a Writer to w. If that is a file other than a regular one, maxPending
// bytes of records wait while a write hangs, and note returns the line that tells of
// the number of records that were dropped then. To anything else it just writes.
func New(w io.Writer, maxPending int, note func(dropped int) string) *Writer {
	return &Writer{w: w, maxPending: maxPending, note: note}
}

// open makes the output ready for its first record: a handler that is never used
// takes no file descriptor.
func (o *Writer) open() {
	o.opened = true
	f, ok := o.w.(*os.File)
	if !ok {
		o.direct = true
		return
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		o.direct = true
		return
	}
	o.w = withoutSignal(f)
}

// Write writes one record. A write that takes longer than patience goes on in a
// goroutine, which ends with it.
func (o *Writer) Write(record []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.opened {
		o.open()
	}
	if o.direct {
		return o.w.Write(record)
	}
	if isNext, err := o.enqueue(record); !isNext {
		return len(record), err
	}
	done := make(chan error, 1)
	go o.drain(done)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return len(record), err
	case <-timer.C:
		return len(record), nil // it may still be shown
	}
}

// Flush returns when the records that were written before it have been shown, or were
// dropped, or after patience. In one stall all calls together wait no longer than that:
// a reader that does not come back is waited for once.
func (o *Writer) Flush() {
	written, left := o.awaited()
	if written == nil || left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}

// awaited returns a channel that is closed when all that was enqueued is written, and
// for how long it may be waited for. It is nil if there is nothing to wait for.
func (o *Writer) awaited() (written <-chan struct{}, left time.Duration) {
	o.state.Lock()
	defer o.state.Unlock()
	if !o.busy {
		return nil, 0
	}
	if o.giveUp.IsZero() {
		o.giveUp = time.Now().Add(patience)
	}
	ch := &o.written
	if len(o.pending) > 0 || o.dropped > 0 {
		ch = &o.pendingWritten
	}
	if *ch == nil {
		*ch = make(chan struct{})
	}
	return *ch, time.Until(o.giveUp)
}

// enqueue keeps a record, whose memory the caller may reuse. It reports whether
// nothing is being written, so that the caller has to see to it.
func (o *Writer) enqueue(record []byte) (isNext bool, err error) {
	o.state.Lock()
	defer o.state.Unlock()
	switch {
	case !o.busy:
		o.busy = true
		o.buf = append(o.buf[:0], record...)
		return true, nil
	case o.dropped > 0 || len(o.pending)+len(record) > o.maxPending:
		o.dropped++
		return false, ErrStalled
	}
	o.pending = append(o.pending, record...)
	return false, nil
}

// drain writes buf and what is pending then, until there is nothing left. The error
// of the first write goes to done, whose reader may have left.
func (o *Writer) drain(done chan<- error) {
	_, err := o.w.Write(o.buf)
	for o.next() {
		_, _ = o.w.Write(o.buf) // nobody waits for it, and the next record has the same error
	}
	done <- err
}

// next makes what is pending the buf to write, and reports whether there is any. If
// not, the output is not busy any more.
func (o *Writer) next() bool {
	o.state.Lock()
	defer o.state.Unlock()
	if o.written != nil {
		close(o.written)
	}
	o.written, o.pendingWritten = o.pendingWritten, nil
	o.giveUp = time.Time{}
	o.buf, o.pending = o.pending, o.buf[:0]
	if o.dropped > 0 {
		o.buf = append(o.buf, o.note(o.dropped)...)
		o.dropped = 0
	}
	o.busy = len(o.buf) > 0
	return o.busy
}
