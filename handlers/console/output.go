package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/wfslog/wfslog/internal/termtext"
)

// patience is how long a write may take before the program goes on without it:
// longer than a busy terminal needs, shorter than a person notices.
const patience = 100 * time.Millisecond

// maxPending is how many bytes wait while a write hangs: several screens full, which
// is what a person misses who stops a terminal to read.
const maxPending = 64 << 10

// errStalled is returned by Handle for records that are not shown because the reader
// does not read.
var errStalled = errors.New("console: record not shown: a write has not returned")

// output is a writer that does not wait for its reader for ever.
type output struct {
	mu     sync.Mutex // serialises Write; held no longer than patience
	w      io.Writer
	opened bool // w is the file to write to, not the one we were given
	direct bool // w does not block, or that is the caller's affair

	state   sync.Mutex // protects following fields; never held while something is written
	busy    bool       // drain runs, and owns buf
	buf     []byte
	pending []byte // what comes next
	dropped int    // records after pending that nobody was told of yet
}

func newOutput(w io.Writer) *output { return &output{w: w} }

// open makes the output ready for its first record: a handler that is never used
// takes no file descriptor.
func (o *output) open() {
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
func (o *output) Write(record []byte) (int, error) {
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

// enqueue keeps a record, whose memory the caller may reuse. It reports whether
// nothing is being written, so that the caller has to see to it.
func (o *output) enqueue(record []byte) (isNext bool, err error) {
	o.state.Lock()
	defer o.state.Unlock()
	switch {
	case !o.busy:
		o.busy = true
		o.buf = append(o.buf[:0], record...)
		return true, nil
	case o.dropped > 0 || len(o.pending)+len(record) > maxPending:
		o.dropped++
		return false, errStalled
	}
	o.pending = append(o.pending, record...)
	return false, nil
}

// drain writes buf and what is pending then, until there is nothing left. The error
// of the first write goes to done, whose reader may have left.
func (o *output) drain(done chan<- error) {
	_, err := o.w.Write(o.buf)
	for o.next() {
		_, _ = o.w.Write(o.buf) // nobody waits for it, and the next record has the same error
	}
	done <- err
}

// next makes what is pending the buf to write, and reports whether there is any. If
// not, the output is not busy any more.
func (o *output) next() bool {
	o.state.Lock()
	defer o.state.Unlock()
	o.buf, o.pending = o.pending, o.buf[:0]
	if o.dropped > 0 {
		o.buf = fmt.Appendf(o.buf, "%c %d records not shown\n", termtext.Ellipsis, o.dropped)
		o.dropped = 0
	}
	o.busy = len(o.buf) > 0
	return o.busy
}
