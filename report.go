package wfslog

import (
	"sync"
	"sync/atomic"
	"time"
)

// Times between two reports of failures.
const (
	onErrorInterval = time.Second
	warnInterval    = 10 * time.Second
)

// reporter tells of failures to write without flooding or blocking anybody.
type reporter struct {
	first atomic.Pointer[firstReport] // nil: nothing has failed yet

	mu      sync.Mutex    // protects following fields
	err     error         // the last
	told    time.Time     // when OnError was last called
	warned  time.Time     // when the operational log was last told
	telling chan struct{} // closed when the goroutine that tells has done so; nil if none does
}

// firstReport tells of a handler's first failure.
type firstReport struct {
	told  <-chan struct{} // closed when it has been told
	until time.Time       // nobody waits longer
}

// maxFirstWait is how long the call that failed first may take longer for it, so that
// a program which ends at once has said why nothing is recorded.
const maxFirstWait = 100 * time.Millisecond

// awaitFirst returns when the first failure has been told of, or after a while. No
// lock may be held. What is told may log to this handler, and so may get here too: it
// waits for itself then, but together with all others no longer than maxFirstWait.
func (r *reporter) awaitFirst() {
	first := r.first.Load()
	if first == nil {
		return
	}
	select {
	case <-first.told:
		return
	default:
	}
	left := time.Until(first.until)
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-first.told:
	case <-timer.C:
	}
}

func (r *reporter) last() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// maxReportWait is how long Close waits for the user's code that is being told: that
// may be what calls Close.
const maxReportWait = time.Second

// wait returns when nobody is being told of anything, or after a while.
func (r *reporter) wait() {
	r.mu.Lock()
	telling := r.telling
	r.mu.Unlock()
	if telling == nil {
		return
	}
	timer := time.NewTimer(maxReportWait)
	defer timer.Stop()
	select {
	case <-telling:
	case <-timer.C:
	}
}

// report tells OnError and the operational log of err. It returns at once: both
// are the user's code and may block, panic, or log to this handler.
func (c *core) report(err error) {
	err = c.redactError(err)
	r := &c.reports
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	tell := c.onError != nil && now.Sub(r.told) >= onErrorInterval
	warn := now.Sub(r.warned) >= warnInterval
	if r.telling != nil || (!tell && !warn) {
		return
	}
	r.telling = make(chan struct{})
	r.first.CompareAndSwap(nil, &firstReport{told: r.telling, until: now.Add(maxFirstWait)})
	if tell {
		r.told = now
	}
	if warn {
		r.warned = now
	}
	go func() {
		defer func() {
			_ = recover() // a panic of the user's code must not end the program
			r.mu.Lock()
			close(r.telling)
			r.telling = nil
			r.mu.Unlock()
		}()
		if warn {
			c.warn(err)
		}
		if tell {
			c.onError(err)
		}
	}()
}
