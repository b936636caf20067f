package ship_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
)

// step is something that happens to the processes of a program.
type step struct {
	kind string // log, fail, wait, flush, restart, crash
	n    int
}

var anyStep = rapid.Custom(func(t *rapid.T) step {
	s := step{kind: rapid.SampledFrom([]string{"log", "log", "log", "fail", "wait", "flush", "restart", "crash"}).Draw(t, "kind")}
	switch s.kind {
	case "log":
		s.n = rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1, 20), rapid.IntRange(500, 600)).Draw(t, "records")
	case "fail":
		s.n = rapid.IntRange(1, 10).Draw(t, "failures")
	case "wait":
		s.n = rapid.IntRange(1, 5000).Draw(t, "ms")
	}
	return s
})

// All events are delivered, in the order of their stream, whatever happens; only
// whole batches come again, and only after a crash.
func TestEverythingIsDeliveredInOrder(t *testing.T) {
	forModes(t, checkDelivery)
}

func checkDelivery(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(anyStep, 1, 15).Draw(rt, "steps")
		size := rapid.SampledFrom([]int64{10_000, 50_000, 0}).Draw(rt, "segment")
		var problems []string
		synctest.Test(t, func(t *testing.T) { problems = play(t, steps, size) })
		if len(problems) > 0 {
			rt.Fatalf("%s", strings.Join(problems, "\n"))
		}
	})
}

// play runs the steps and returns what is wrong in the end.
func play(t *testing.T, steps []step, size int64) (problems []string) {
	base := t.TempDir()
	dir := filepath.Join(base, "0")
	var failures, crashes atomic.Int64
	var all delivery
	begin := func() *process {
		generation := crashes.Load()
		return start(dir, &recorder{try: func(_ context.Context, n int) error {
			dead := generation != crashes.Load()
			if dead || failures.Add(-1) >= 0 {
				return errDown
			}
			return nil
		}}, &journal.Options{SegmentBytes: size})
	}
	p := begin()
	end := func() {
		all.add(p.recorder())
		_ = p.Close("closed")
		_ = p.shipper.Close(context.Background())
	}
	for _, s := range append(steps, step{kind: "last"}) {
		synctest.Wait()
		switch s.kind {
		case "log":
			for i := range s.n {
				require.NoError(t, p.log(strings.Repeat("x", i%100)))
			}
		case "fail":
			failures.Store(int64(s.n))
		case "wait":
			time.Sleep(time.Duration(s.n) * time.Millisecond)
		case "flush":
			p.flush(t)
		case "restart":
			_ = p.Close("closed")
			_ = p.shipper.Close(context.Background())
			all.add(p.recorder())
			p = begin()
		case "crash":
			old := dir
			dir = filepath.Join(base, fmt.Sprint(crashes.Add(1)))
			snapshot(t, old, dir)
			end()
			p = begin()
		case "last":
			failures.Store(0)
			require.NoError(t, p.log("last"))
			p.flush(t)
			p.close(t)
			all.add(p.recorder())
		}
	}
	problems = all.problems(written(t, dir), int(crashes.Load()))
	if left := positions(t, dir); len(left) > 0 {
		problems = append(problems, fmt.Sprintf("left: %s", left))
	}
	return problems
}

// snapshot copies a journal as it is, which is what a crash leaves.
func snapshot(t *testing.T, from, to string) {
	t.Helper()
	if _, err := os.Stat(from); os.IsNotExist(err) {
		return
	}
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
}

func (p *process) recorder() *recorder { return p.forwarder.(*recorder) }

// delivery is what processes have delivered, one after the other.
type delivery struct{ batches [][]event.Event }

func (d *delivery) add(r *recorder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.batches = append(d.batches, r.batches...)
	r.batches = nil
}

// problems compares what was delivered with what was written.
func (d *delivery) problems(written map[string][]uint64, crashes int) (problems []string) {
	fail := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	index := map[string]map[uint64]int{} // places in the stream
	for id, seqs := range written {
		index[id] = map[uint64]int{}
		for i, seq := range seqs {
			index[id][seq] = i
		}
	}
	next := map[string]int{} // how many of each stream are delivered
	repeats := 0
	for _, b := range d.batches {
		id := b[0].Stream
		at, ok := index[id][b[0].Seq]
		switch {
		case !ok:
			fail("event %d of %s was not written", b[0].Seq, id)
			continue
		case at > next[id]:
			fail("%s: event %d came before %d", id, b[0].Seq, written[id][next[id]])
		case at < next[id]:
			repeats++
		}
		for i := range b {
			if at+i >= len(written[id]) || b[i].Seq != written[id][at+i] || b[i].Stream != id {
				fail("%s: event %d is out of order in its batch", id, b[i].Seq)
				break
			}
		}
		next[id] = max(next[id], at+len(b))
	}
	for id, seqs := range written {
		if next[id] < len(seqs) {
			fail("%s: %d of %d events were not delivered", id, len(seqs)-next[id], len(seqs))
		}
	}
	if crashes == 0 && repeats > 0 {
		fail("%d repeats without a crash", repeats)
	}
	return problems
}

// The checks above see what is wrong.
func TestProblemsAreSeen(t *testing.T) {
	written := map[string][]uint64{"a": {1, 2, 3, 4}}
	batch := func(seqs ...uint64) (b []event.Event) {
		for _, seq := range seqs {
			b = append(b, event.Event{Stream: "a", Seq: seq})
		}
		return b
	}
	for want, batches := range map[string][][]event.Event{
		"not delivered":  {batch(1, 2, 3)},
		"out of order":   {batch(1, 3, 2, 4)},
		"came before 2":  {batch(1), batch(3, 4), batch(2)},
		"not written":    {batch(1, 2, 3, 4), batch(5)},
		"1 repeats with": {batch(1, 2), batch(1, 2, 3, 4)},
	} {
		d := delivery{batches}
		assert.Contains(t, strings.Join(d.problems(written, 0), "\n"), want)
	}
	d := delivery{[][]event.Event{batch(1, 2), batch(1, 2), batch(3, 4)}}
	assert.Empty(t, d.problems(written, 1))
}
