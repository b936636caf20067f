package wfslog

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// defaults is the process's default run: the parent of spans and of agents'
// records whose context carries none. It lives until the last handler that
// recorded it closes; the next use makes a new one. In a process that was started
// within a run, it is a workflow in that run: see [Env].
var defaults struct {
	root atomic.Pointer[span] // set under mu

	mu        sync.Mutex // protects following fields
	recorders map[*core]struct{}
	joined    uint32 // default runs so far in the run that the environment names
}

// defaultRoot returns the root of the default run.
func defaultRoot() *span {
	if root := defaults.root.Load(); root != nil {
		return root
	}
	defaults.mu.Lock()
	defer defaults.mu.Unlock()
	root := defaults.root.Load()
	if root == nil {
		now := time.Now()
		root = &span{}
		if o := environment(); o != nil {
			parent := newRemote(o.from, o.at, o.token)
			parent.kids.Store(defaults.joined)
			defaults.joined++
			root.begin(parent, spanStart{kind: KindWorkflow}, now)
		} else {
			root.beginRoot(event.NewRunID(now), "", now)
		}
		root.isDefault = true
		defaults.root.Store(root)
		defaults.recorders = map[*core]struct{}{}
	}
	return root
}

// recordsDefault notes that c records the default run with the given root, unless
// that run is retired or c is closed.
func recordsDefault(c *core, root *span) {
	defaults.mu.Lock()
	defer defaults.mu.Unlock()
	if defaults.root.Load() == root && !c.leftDefault {
		defaults.recorders[c] = struct{}{}
	}
}

// leaveDefault returns the root of the default run if c records it, and retires
// the run if no other handler does. It is called once for c, which from then on
// records no default run.
func leaveDefault(c *core) *span {
	defaults.mu.Lock()
	defer defaults.mu.Unlock()
	c.leftDefault = true
	if _, ok := defaults.recorders[c]; !ok {
		return nil
	}
	root := defaults.root.Load()
	delete(defaults.recorders, c)
	if len(defaults.recorders) == 0 {
		defaults.root.Store(nil)
	}
	return root
}
