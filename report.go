package wfslog

import (
	"sync"
	"time"
)

// Times between two reports of failures.
const (
	onErrorInterval = time.Second
	warnInterval    = 10 * time.Second
)

// reporter tells of failures to write without flooding or blocking anybody.
type reporter struct {
	mu      sync.Mutex    // protects following fields
	err     error         // the last
	told    time.Time     // when OnError was last called
	warned  time.Time     // when the operational log was last told
	telling chan struct{} // closed when the goroutine that tells has done so; nil if none does
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
