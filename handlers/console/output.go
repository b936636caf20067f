package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wfslog/wfslog/internal/termtext"
)

// patience is how long a write may take before the program goes on without it:
// longer than a busy terminal needs, shorter than a person notices.
const patience = 100 * time.Millisecond

// errStalled is returned by Handle for lines that cannot be shown because the
// reader does not read.
var errStalled = errors.New("console: line not shown: a write has not returned")

// output is a writer that does not wait for its reader for ever.
type output struct {
	mu      sync.Mutex // serialises Write; held no longer than patience
	w       io.Writer
	opened  bool // w is the file to write to, not the one we were given
	direct  bool // w does not block, or that is the caller's affair
	writing chan struct{}
	buf     []byte       // belongs to whoever has put an element into writing
	dropped atomic.Int64 // lines that nobody was told of yet
}

func newOutput(w io.Writer) *output {
	return &output{w: w, writing: make(chan struct{}, 1)}
}

// open makes the output ready for its first line: a handler that is never used
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

// Write writes one line. A write that takes longer than patience goes on in a
// goroutine, which ends with it.
func (o *output) Write(line []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.opened {
		o.open()
	}
	if o.direct {
		return o.w.Write(line)
	}
	select {
	case o.writing <- struct{}{}:
	default:
		o.dropped.Add(1)
		return 0, errStalled
	}
	o.buf = append(o.buf[:0], o.notShown()...)
	o.buf = append(o.buf, line...) // the caller may reuse line if we do not wait
	done := make(chan error, 1)
	go func() {
		_, err := o.w.Write(o.buf)
		// There may be no next line to tell of those that came meanwhile.
		if note := o.notShown(); note != "" && err == nil {
			_, err = io.WriteString(o.w, note)
		}
		<-o.writing
		done <- err
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return len(line), err
	case <-timer.C:
		return 0, errStalled
	}
}

// notShown returns a line that tells of dropped lines, if there are any.
func (o *output) notShown() string {
	n := o.dropped.Swap(0)
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%c %d lines not shown\n", termtext.Ellipsis, n)
}
