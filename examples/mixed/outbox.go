package main

import (
	"context"
	"sync"

	"github.com/wfslog/wfslog"
)

// outbox is a forwarder that keeps what it is to send.
type outbox struct {
	mu     sync.Mutex // protects following fields
	events []wfslog.Event
}

// Forward implements wfslog.Forwarder.
func (o *outbox) Forward(_ context.Context, batch []wfslog.Event) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, batch...)
	return nil
}

// Close implements wfslog.Forwarder.
func (o *outbox) Close() error { return nil }

// ofRun returns how many events of a run there are.
func (o *outbox) ofRun(run wfslog.RunID) (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, event := range o.events {
		if event.Run == run {
			n++
		}
	}
	return n
}
