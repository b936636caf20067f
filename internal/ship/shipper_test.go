package ship_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
	"github.com/wfslog/wfslog/internal/sequencer"
	"github.com/wfslog/wfslog/internal/ship"
)

func TestNothingIsCreatedBeforeTheFirstEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := &recorder{}
		p := start(dir, r, nil)
		p.flush(t)
		p.close(t)
		p.close(t)
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.Empty(t, entries)
		_, batches, closed := r.count()
		assert.Zero(t, batches)
		assert.Equal(t, 1, closed)
	})
}

func TestDeliversAllInOrderOverSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := &recorder{}
		p := start(dir, r, &journal.Options{SegmentBytes: 200_000})
		for i := range 2000 {
			require.NoError(t, p.log(fmt.Sprint(i)))
		}
		p.flush(t)
		assertSame(t, written(t, dir), r.delivered())
		for _, b := range r.batches {
			assert.LessOrEqual(t, len(b), 512)
			for _, ev := range b {
				if ev.Type == event.TypeLog {
					assert.Equal(t, fmt.Sprintf(`{"msg":%q}`, ev.Msg), string(ev.Attrs))
				}
			}
		}
		p.logN(t, 10)
		p.close(t)
		assertSame(t, written(t, dir), r.delivered())
		last := r.batches[len(r.batches)-1]
		assert.Equal(t, event.TypeClose, last[len(last)-1].Type)
		assert.Equal(t, 1, r.closed)
		assert.Empty(t, positions(t, dir))
		assert.Empty(t, p.errors())
		assert.Equal(t, ship.Stats{Delivered: p.Counts().Written}, p.shipper.Stats())
	})
}

func TestBatchesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		r := &recorder{try: func(context.Context, int) error { <-hold; return nil }}
		p := start(t.TempDir(), r, nil)
		p.logN(t, 1)
		synctest.Wait()
		for _, size := range []int{200_000, 200_000, 200_000, 1_500_000, 10} {
			require.NoError(t, p.log(strings.Repeat("x", size)))
		}
		p.logN(t, 600)
		close(hold)
		p.flush(t)
		var sizes []int
		for _, b := range r.batches[1:] {
			sizes = append(sizes, len(b))
		}
		assert.Equal(t, []int{2, 1, 1, 512, 89}, sizes, "1 MiB or 512 events, or a single event")
		p.close(t)
	})
}

func TestWaitsALittleForMoreEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		p := start(t.TempDir(), r, nil)
		p.flush(t)
		synctest.Wait()
		for range 10 {
			p.logN(t, 1)
			synctest.Wait()
		}
		_, before, _ := r.count()
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		_, after, _ := r.count()
		assert.Equal(t, 1, after-before, "all together")
		p.logN(t, 512)
		synctest.Wait()
		_, full, _ := r.count()
		assert.Equal(t, 1, full-after, "at once")
		p.close(t)
	})
}

func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var up bool
		r := down()
		r.try = func(context.Context, int) error {
			if up {
				return nil
			}
			return errDown
		}
		p := start(t.TempDir(), r, &journal.Options{SegmentBytes: 5000})
		p.logN(t, 700)
		synctest.Wait()
		stats := p.shipper.Stats()
		assert.Equal(t, p.Counts().Written, stats.LagEvents)
		assert.Equal(t, int64(p.Counts().Bytes), stats.LagBytes)
		up = true
		p.flush(t)
		assert.Equal(t, ship.Stats{Delivered: p.Counts().Written}, p.shipper.Stats())
		p.close(t)
	})
}

func TestFailedBatchComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const failures = 12
		r := &recorder{try: func(_ context.Context, n int) error {
			switch {
			case n > failures:
				return nil
			case n%2 == 0:
				panic("broken forwarder")
			}
			return errDown
		}}
		p := start(t.TempDir(), r, nil)
		p.logN(t, 1) // with the open event, one batch
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, r.tries, failures+1)
		delay := 200 * time.Millisecond
		var delays []time.Duration
		for i := range failures {
			assert.Equal(t, r.tries[0].batch, r.tries[i+1].batch, "try %d", i+1)
			waited := r.tries[i+1].at.Sub(r.tries[i].at)
			assert.LessOrEqual(t, delay/2, waited, "after try %d", i)
			assert.LessOrEqual(t, waited, delay, "after try %d", i)
			delays = append(delays, waited*time.Second/delay)
			delay = min(2*delay, 30*time.Second)
		}
		assert.NotEqual(t, delays[0], delays[1], "there is jitter")
		errs := p.errors()
		require.Len(t, errs, failures)
		assert.ErrorIs(t, errs[0], errDown)
		assert.EqualError(t, errs[0], "wfslog: forward 2 events to 0-ship_test-recorder: destination is down")
		assert.ErrorContains(t, errs[1], "broken forwarder")
		p.close(t)
	})
}

func TestForwarderThatEndsItsGoroutineHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := &recorder{try: func(context.Context, int) error { runtime.Goexit(); return nil }}
		p := start(dir, r, nil)
		p.logN(t, 1)
		assert.ErrorContains(t, p.shipper.Flush(t.Context()), "closed")
		require.Len(t, p.errors(), 1)
		p.logN(t, 1)
		p.close(t)
		assert.Len(t, positions(t, dir), 1)
		assert.Equal(t, 1, r.closed)
	})
}

func TestFlushEndsWithItsContextAndCutsWaitsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := down()
		p := start(t.TempDir(), r, nil)
		p.logN(t, 1)
		time.Sleep(10 * time.Minute) // the waits are long now
		synctest.Wait()
		before, _, _ := r.count()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, p.shipper.Flush(ctx), context.DeadlineExceeded)
		after, _, _ := r.count()
		assert.Equal(t, before+1, after, "one try, at once")
		p.close(t)
		assert.ErrorContains(t, p.shipper.Flush(t.Context()), "closed")
	})
}

func TestFlushWaitsOnlyForWhatWasWrittenBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, third := make(chan struct{}), make(chan struct{})
		r := &recorder{try: func(_ context.Context, n int) error {
			switch n {
			case 1:
				<-first
			case 3:
				<-third
			}
			return nil
		}}
		p := start(t.TempDir(), r, nil)
		p.logN(t, 500)
		flushed := make(chan error, 1)
		go func() { flushed <- p.shipper.Flush(context.Background()) }()
		synctest.Wait()
		assert.Empty(t, flushed)
		p.logN(t, 600)
		close(first)
		assert.NoError(t, <-flushed)
		assert.NotZero(t, p.shipper.Stats().LagEvents)
		close(third)
		p.close(t)
	})
}

func TestCloseLeavesWhatCannotBeDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		r := down()
		p := start(dir, r, nil)
		p.logN(t, 5)
		time.Sleep(10 * time.Minute) // the waits are long now
		before, _, _ := r.count()
		began := time.Now()
		p.close(t)
		assert.Equal(t, began, time.Now(), "at once")
		after, _, closed := r.count()
		assert.Equal(t, before+1, after, "tried once more")
		assert.Equal(t, 1, closed)
		require.Len(t, positions(t, dir), 1)

		next := &recorder{}
		p2 := start(dir, next, nil)
		p2.logN(t, 1)
		p2.flush(t)
		assertSame(t, written(t, dir), next.delivered())
		p2.close(t)
		assert.Empty(t, positions(t, dir))
	})
}

func TestCloseDeliversOneMoreBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		hold := make(chan struct{})
		r := &recorder{try: func(_ context.Context, n int) error {
			if n == 1 {
				<-hold
			}
			return nil
		}}
		p := start(dir, r, nil)
		p.logN(t, 2000)
		synctest.Wait()
		require.NoError(t, p.Close("closed"))
		closed := make(chan error, 1)
		go func() { closed <- p.shipper.Close(context.Background()) }()
		synctest.Wait()
		close(hold)
		require.NoError(t, <-closed)
		assert.Len(t, r.batches, 2)
		stats := p.shipper.Stats()
		assert.Equal(t, uint64(len(r.batches[0])+512), stats.Delivered)
		assert.Equal(t, p.Counts().Written-stats.Delivered, stats.LagEvents)
		assert.Contains(t, read(t, positions(t, dir)[0]), `{"segment":1,"offset":`)
	})
}

func TestCloseIsBounded(t *testing.T) {
	for name, obedient := range map[string]bool{"obedient": true, "stubborn": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				stop := make(chan struct{})
				r := &recorder{try: func(ctx context.Context, _ int) error {
					if !obedient {
						<-stop
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				}}
				p := start(dir, r, nil)
				p.logN(t, 5)
				time.Sleep(time.Second)
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				require.NoError(t, p.Close("closed"))
				err := p.shipper.Close(ctx)
				if obedient {
					require.NoError(t, err)
					assert.Equal(t, 5*time.Second, time.Since(began))
				} else {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Equal(t, 6*time.Second, time.Since(began))
					assert.Zero(t, r.closed, "not while Forward runs")
				}
				close(stop)
				require.NoError(t, p.shipper.Close(t.Context()), "again")
				assert.Equal(t, 1, r.closed)
			})
		})
	}
}

func TestPanicAndErrorOfForwardersCloseAreReturned(t *testing.T) {
	p := start(t.TempDir(), badClose{}, nil)
	p.logN(t, 1)
	err := p.shipper.Close(t.Context())
	assert.ErrorContains(t, err, "no close")
	assert.Equal(t, err, p.shipper.Close(t.Context()))
	assert.ErrorContains(t, start(t.TempDir(), badClose{}, nil).shipper.Close(t.Context()), "no close", "without an event")
}

type badClose struct{ ship.Forwarder }

func (badClose) Forward(context.Context, []event.Event) error { return nil }

func (badClose) Close() error { panic("no close") }

func TestPositionIsSavedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		p := start(dir, &recorder{}, nil)
		p.logN(t, 1)
		require.Len(t, positions(t, dir), 1, "before anybody is told that the event is written")
		path := positions(t, dir)[0]
		assert.True(t, strings.HasSuffix(path, "."+p.Stream()+".0-ship_test-recorder.position"), path)
		saves := map[string]bool{}
		for range 5 * 20 { // busy
			p.logN(t, 1)
			p.flush(t)
			saves[read(t, path)] = true
			time.Sleep(50 * time.Millisecond)
		}
		assert.LessOrEqual(t, len(saves), 6)
		assert.GreaterOrEqual(t, len(saves), 4)
		time.Sleep(time.Second) // idle
		synctest.Wait()
		assert.Equal(t, fmt.Sprintf(`{"segment":1,"offset":%d}`+"\n", p.Counts().Bytes), read(t, path))
		p.close(t)
	})
}

func TestPositionIsSavedWhileThereIsNoPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		saves := map[string]bool{}
		r := &recorder{try: func(context.Context, int) error {
			time.Sleep(400 * time.Millisecond)
			saves[read(t, positions(t, dir)[0])] = true
			return nil
		}}
		p := start(dir, r, nil)
		p.logN(t, 5000) // about 10 batches, 4 s
		p.flush(t)
		assert.InDelta(t, 4, len(saves), 1)
		p.close(t)
	})
}

// A position that cannot be saved is no error of the stream, and saved later.
func TestPositionThatCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		p := start(dir, &recorder{}, nil)
		p.logN(t, 1)
		synctest.Wait()
		path := positions(t, dir)[0]
		block := path + ".new/full"
		require.NoError(t, os.MkdirAll(block, 0o700))
		time.Sleep(10 * time.Second)
		synctest.Wait()
		assert.Zero(t, p.shipper.Stats().LagEvents)
		assert.Equal(t, `{"segment":0,"offset":0}`+"\n", read(t, path))
		assert.InDelta(t, 10, len(p.errors()), 1, "once a second")
		require.NoError(t, os.RemoveAll(path+".new"))
		time.Sleep(time.Second)
		synctest.Wait()
		assert.Contains(t, read(t, path), `{"segment":1,`)
		p.close(t)
		assert.Empty(t, positions(t, dir))
	})
}

func TestWrittenDoesNotAllocate(t *testing.T) {
	if eventtest.Race {
		return // the race detector allocates
	}
	s := ship.New(ship.Config{Path: journal.NewWriter(t.TempDir(), "p", [16]byte{}, nil).SegmentPath, Forwarder: down()})
	lines := make([]sequencer.Written, 1)
	offset := int64(0)
	write := func() {
		lines[0] = sequencer.Written{Offset: offset, Len: 100}
		offset += 100
		s.Written(1, lines)
	}
	write()
	assert.Zero(t, testing.AllocsPerRun(1000, write))
	require.NoError(t, s.Close(t.Context()))
}

func TestShipperConcurrentSafe(t *testing.T) {
	r := &recorder{try: func(_ context.Context, n int) error {
		if n%3 == 0 {
			return errDown
		}
		return nil
	}}
	dir := t.TempDir()
	p := start(dir, r, &journal.Options{SegmentBytes: 10_000})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 300 {
				assert.NoError(t, p.log("x"))
				if i%100 == 0 {
					assert.NoError(t, p.shipper.Flush(context.Background()))
				}
				_ = p.shipper.Stats()
			}
		})
	}
	wg.Wait()
	p.flush(t)
	require.NoError(t, p.Close("closed"))
	for range 2 {
		wg.Go(func() { assert.NoError(t, p.shipper.Close(context.Background())) })
	}
	wg.Wait()
	assert.Equal(t, p.Counts().Written, p.shipper.Stats().Delivered+p.shipper.Stats().LagEvents)
	all, seqs := written(t, dir)[p.Stream()], r.delivered()[p.Stream()]
	assertSame(t, map[string][]uint64{"": all[:len(seqs)]}, map[string][]uint64{"": seqs})
}
