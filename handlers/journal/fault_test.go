package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
)

// faults are what may happen to a call.
var faults = map[string]fault{
	"ENOSPC":         {err: syscall.ENOSPC},
	"ENOSPC partial": {err: syscall.ENOSPC, part: 0.5},
	"ENOSPC 1 byte":  {err: syscall.ENOSPC, bytes: 1},
	"ENOSPC almost":  {err: syscall.ENOSPC, part: 1},
	"EDQUOT":         {err: syscall.EDQUOT},
	"EROFS":          {err: syscall.EROFS},
	"EIO":            {err: syscall.EIO},
	"EIO partial":    {err: syscall.EIO, part: 0.5},
	"EFBIG":          {err: syscall.EFBIG},
	"EFBIG partial":  {err: syscall.EFBIG, part: 0.5},
	"EAGAIN":         {err: syscall.EAGAIN},
	"EAGAIN partial": {err: syscall.EAGAIN, part: 0.5},
	"EINTR":          {err: syscall.EINTR},
	"EMFILE":         {err: syscall.EMFILE},
	"short":          {part: 0.5},
	"short 1 byte":   {bytes: 1},
	"nothing":        {},
	"panic":          {panic: true},
}

// scenario is the life of a stream with rotation, retention, syncs, damage by
// others, and, from the call-th call on, a fault.
type scenario struct {
	mode   mode
	policy SyncPolicy
	call   int // 0: no fault
	fault  fault
	always bool // not only once
}

func (sc scenario) run() (calls int, err error) {
	c := newClock()
	m := newMemory(c.Now)
	m.fault = func(call int, _ string) *fault {
		if call == sc.call || sc.always && sc.call > 0 && call > sc.call {
			return &sc.fault
		}
		return nil
	}
	f := sc.mode.newFixture(m, c.Now, "dir", testID, Options{SegmentBytes: 1200, MaxBytes: 4000, Sync: sc.policy})
	sent := map[string]outcome{}
	truncated := ""
	for i := range 30 {
		switch i {
		case 12: // somebody deletes the newest file
			m.mu.Lock()
			if paths := m.paths(); len(paths) > 0 {
				m.unlinkLocked(paths[len(paths)-1])
			}
			m.mu.Unlock()
		case 20: // somebody truncates the file that is being written
			m.mu.Lock()
			truncated = f.w.SegmentPath(f.w.number)
			if file := m.files[truncated]; file != nil {
				file.data = file.data[:len(file.data)/2]
			}
			m.mu.Unlock()
		}
		msg := fmt.Sprint("message ", i)
		seq, err := f.Append(&f.root, event.TypeLog, f.body(msg))
		sent[msg] = outcome{seq, err}
		if i%8 == 7 {
			_ = f.Sync() // fails where the fault is
		}
		c.advance(400 * time.Millisecond)
		if i%3 == 2 {
			f.tick()
		}
	}
	calls = m.calls
	var killed []string // what could be read if the process were killed now
	if sc.mode == ringed {
		left, err := m.read()
		if err != nil {
			return calls, err
		}
		killed = msgs(left)
	}
	m.mu.Lock()
	m.fault = nil
	m.mu.Unlock()
	c.advance(2 * time.Second)
	if err := f.log("recovered"); err != nil {
		return calls, fmt.Errorf("after recovery: %w", err)
	}
	if err := f.Close("closed"); err != nil {
		return calls, err
	}
	got, err := m.read()
	if err != nil {
		return calls, err
	}
	if err := got.Check(f.Counts()); err != nil {
		return calls, fmt.Errorf("%w\n%s", err, m.text())
	}
	all := msgs(got)
	if len(all) == 0 || all[len(all)-1] != "recovered" || !got.Closed {
		return calls, errors.New("the record after recovery is not readable\n" + m.text())
	}
	for msg, o := range sent {
		if sc.mode == ringed && o.err == nil && slices.Contains(all, msg) && !slices.Contains(killed, msg) {
			return calls, fmt.Errorf("a kill would have lost %s\n%s", msg, m.text())
		}
		// With SyncEach, an error may also say that a line is not safe.
		if err := o.check(got, slices.Contains(all, msg), sc.policy == SyncEach); err != nil {
			return calls, fmt.Errorf("%s: %w\n%s", msg, err, m.text())
		}
	}
	return calls, m.checkOpens(truncated)
}

// outcome is what an Append has returned.
type outcome struct {
	seq uint64
	err error
}

// check compares an outcome with what can be read.
func (o outcome) check(got *seqtest.Stream, readable, unsafe bool) error {
	switch {
	case readable && o.err != nil && !unsafe:
		return fmt.Errorf("readable, although there was an error: %w", o.err)
	case readable || o.err != nil:
		return nil
	}
	for _, ev := range got.Events {
		byOthers := ev.Cause == causeDeleted || ev.Cause == causeTruncated || ev.Cause == causePruned
		if byOthers && ev.From <= o.seq && o.seq <= ev.To {
			return nil
		}
	}
	return errors.New("acknowledged, but neither readable nor deleted by somebody")
}

// checkOpens returns an error if a segment with events, other than the one at
// except, does not say whose it is.
func (m *memory) checkOpens(except string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, path := range m.paths() {
		s, err := seqtest.Read(bytes.NewReader(m.files[path].data))
		if err != nil {
			return err
		}
		isOpen := func(ev event.Event) bool { return ev.Type == event.TypeOpen }
		if path != except && len(s.Events) > 0 && !slices.ContainsFunc(s.Events, isOpen) {
			return fmt.Errorf("no open line in %s\n%s", path, m.files[path].data)
		}
	}
	return nil
}

// Each call of the file system fails in each way, once and for ever, and nothing
// remains unaccounted for.
func TestAnyCallMayFail(t *testing.T) {
	t.Parallel()
	runs := 0
	for _, base := range []scenario{
		{mode: direct, policy: SyncSecond}, {mode: direct, policy: SyncEach}, {mode: ringed, policy: SyncSecond},
	} {
		calls, err := base.run()
		require.NoError(t, err)
		for name, fault := range faults {
			for call := 1; call <= calls; call++ {
				for _, always := range []bool{false, true} {
					sc := base
					sc.call, sc.fault, sc.always = call, fault, always
					_, err := sc.run()
					require.NoError(t, err, "%s at call %d of %d, always: %v, %+v", name, call, calls, always, base)
					runs++
				}
			}
		}
	}
	t.Logf("%d runs", runs)
}

func TestMain(m *testing.M) {
	if child := os.Getenv(childEnv); child != "" {
		ring.After, _ = strconv.Atoi(os.Getenv(childRingEnv))
		os.Exit(children[child]())
	}
	os.Exit(m.Run())
}

// childEnv says which part of a test a child process plays.
const childEnv = "WFSLOG_JOURNAL_TEST_CHILD"

var children = map[string]func() int{}
