package wfslog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// lineOf returns the line of the journal that ev was read from.
func lineOf(ev wfslog.Event) []byte { return eventtest.Line(ev, ev.N, ev.Kids) }

// receiver is the other end of a forwarder: it folds what it gets.
type receiver struct {
	// answer decides what the program is told about the n-th batch, counted from 1,
	// after the receiver has got it; nil means that all is well.
	answer func(ctx context.Context, n int) error

	tree *wfslog.TreeBuilder

	mu      sync.Mutex // protects following fields
	batches int
	events  int // repeated ones included
}

func newReceiver(answer func(ctx context.Context, n int) error) *receiver {
	return &receiver{answer: answer, tree: wfslog.NewTreeBuilder(nil)}
}

func (r *receiver) Forward(ctx context.Context, batch []wfslog.Event) error {
	for _, ev := range batch {
		if _, err := r.tree.Write(lineOf(ev)); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.batches++
	n := r.batches
	r.events += len(batch)
	r.mu.Unlock()
	if r.answer == nil {
		return nil
	}
	return r.answer(ctx, n)
}

func (r *receiver) Close() error { return nil }

// documents returns what the receiver's events make, by file name.
func (r *receiver) documents(t *testing.T) map[string]string {
	t.Helper()
	assert.Empty(t, r.tree.Problems())
	assert.Zero(t, r.tree.Stats().Conflicts)
	return documentsOf(t, r.tree)
}

func documentsOf(t require.TestingT, b *wfslog.TreeBuilder) map[string]string {
	documents := map[string]string{}
	for _, run := range b.Runs() {
		doc, err := b.Document(run)
		require.NoError(t, err)
		var text bytes.Buffer
		_, err = doc.WriteTo(&text)
		require.NoError(t, err)
		documents[doc.FileName()] = text.String()
	}
	return documents
}

// noSync leaves out what only a power failure would need.
var noSync = wfslog.JournalOptions{Sync: journal.SyncNever}

// work has several agents take n turns each in the run of ctx, at the same time: 4
// events a turn. It is done when all of their calls have returned.
func (r recorder) work(t *testing.T, ctx context.Context, agents, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for i := range agents {
		name := fmt.Sprintf("agent%d", i)
		log := r.log.WithGroup("workflow." + name)
		wg.Go(func() {
			for range n {
				turn := wfslog.StartInteraction(ctx, name)
				rec := slog.NewRecord(time.Now(), slog.LevelInfo, "asked the model", 0)
				rec.AddAttrs(wfslog.Action("llm_call"), wfslog.Input("a \"question\"\n"), wfslog.Tokens(10, 1))
				assert.NoError(t, log.Handler().Handle(turn, rec))
				log.DebugContext(turn, "thought about it")
				wfslog.End(turn)
			}
		})
	}
	wg.Wait()
}

// A forwarder that has stopped holds up neither records nor other forwarders nor
// documents, and Close only for so long.
func TestForwarderThatStallsForEverHoldsUpNobody(t *testing.T) {
	for name, obedient := range map[string]bool{"until it is told": true, "whatever it is told": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir := t.TempDir()
				released := make(chan struct{})
				stalled := newReceiver(func(ctx context.Context, _ int) error {
					if !obedient {
						<-released
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				})
				working := newReceiver(nil)
				r := newRecorder(t, dir, wfslog.Options{Journal: noSync, Forward: []wfslog.Forwarder{stalled, working}})
				run := r.workflow("stalled")
				began := time.Now()
				r.work(t, run, 4, 300)
				wfslog.End(run)
				assert.Equal(t, began, time.Now(), "nobody has waited for anything but the disk")

				stats := r.Stats()
				assert.Equal(t, stats.Accepted, stats.Written)
				assert.Equal(t, stats.Written, stats.Lag, "of the one that stalls")
				time.Sleep(time.Second)
				synctest.Wait()
				assert.Equal(t, int(stats.Written), working.events)
				assert.Equal(t, 1, stalled.batches)
				want := folded(t, dir)
				assert.Equal(t, want, working.documents(t))
				assert.Equal(t, want, saved(t, dir))

				began = time.Now()
				err := r.Close()
				if obedient {
					require.NoError(t, err)
					assert.Equal(t, 5*time.Second, time.Since(began))
				} else {
					require.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Equal(t, 6*time.Second, time.Since(began))
				}
				close(released)
				synctest.Wait()

				again := &receiver{tree: stalled.tree} // the other end has what it had got
				next := newRecorder(t, dir, wfslog.Options{Journal: noSync, Forward: []wfslog.Forwarder{again}})
				wfslog.End(next.workflow("next"))
				require.NoError(t, next.Flush(t.Context()))
				require.NoError(t, next.Close())
				assert.Equal(t, folded(t, dir), again.documents(t), "nothing is lost")
			})
		})
	}
}

// While agents go on logging, nothing gets through for an hour, and then all of it.
func TestForwarderThatFailsForAWhileLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		began := time.Now()
		good := &collector{}
		good.work(false)
		var told []error
		r := newRecorder(t, dir, wfslog.Options{
			Journal: noSync, Forward: []wfslog.Forwarder{good},
			OnError: func(err error) { told = append(told, err) }, // one at a time
		})
		run := r.workflow("down for a while")
		for range 60 {
			r.work(t, run, 4, 10)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		assert.Equal(t, time.Hour, time.Since(began), "nobody has waited")
		assert.Empty(t, good.events)
		assert.Equal(t, r.Stats().Written, r.Stats().Lag)
		assert.NotEmpty(t, told)

		good.work(true)
		time.Sleep(30 * time.Second) // the longest wait between two tries
		synctest.Wait()
		assert.Zero(t, r.Stats().Lag)
		wfslog.End(run)
		require.NoError(t, r.Close())

		tree := wfslog.NewTreeBuilder(nil)
		for i, ev := range good.events {
			require.EqualValues(t, i+1, ev.Seq, "each event once and in order")
			_, err := tree.Write(lineOf(ev))
			require.NoError(t, err)
		}
		assert.EqualValues(t, r.Stats().Written, len(good.events))
		assert.Equal(t, folded(t, dir), documentsOf(t, tree))
	})
}

// The receiver gets each batch, but now and then the program does not learn of it
// and sends it again.
func TestBatchesThatComeTwiceMakeTheSameDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		twice := newReceiver(func(_ context.Context, n int) error {
			if n%2 == 1 {
				return errors.New("the answer is lost")
			}
			return nil
		})
		r := newRecorder(t, dir, wfslog.Options{Journal: noSync, Forward: []wfslog.Forwarder{twice}})
		for i := range 3 {
			run := r.workflow(fmt.Sprint("run", i))
			r.work(t, run, 4, 100)
			wfslog.End(run)
		}
		require.NoError(t, r.Flush(t.Context()))
		stats := r.Stats()
		assert.Greater(t, twice.batches, 8)
		assert.EqualValues(t, 2*stats.Written, twice.events)
		assert.EqualValues(t, stats.Written, twice.tree.Stats().Duplicates)
		want := folded(t, dir)
		assert.Len(t, want, 3)
		assert.Equal(t, want, twice.documents(t))
		require.NoError(t, r.Close())
	})
}

// The latency of a record does not depend on the forwarder: while Forward is held,
// any number of records come back.
func TestRecordsGoOnWhileForwardIsHeld(t *testing.T) {
	dir := t.TempDir()
	holds, released := make(chan struct{}), make(chan struct{})
	held := newReceiver(func(_ context.Context, n int) error {
		if n == 1 {
			close(holds)
			<-released
		}
		return nil
	})
	r := newRecorder(t, dir, wfslog.Options{
		Journal: journal.Options{Sync: journal.SyncNever, SegmentBytes: 100_000}, Forward: []wfslog.Forwarder{held},
	})
	run := r.workflow("held")
	<-holds
	r.work(t, run, 8, 200)
	wfslog.End(run)
	require.NoError(t, r.Save(t.Context()))
	stats := r.Stats()
	assert.GreaterOrEqual(t, stats.Written, uint64(2+4*8*200), "the run and all that the agents did")
	assert.Equal(t, stats.Written, stats.Lag)
	want := saved(t, dir)
	assert.Equal(t, want, folded(t, dir))

	close(released)
	require.NoError(t, r.Flush(t.Context()))
	assert.Zero(t, r.Stats().Lag)
	assert.Equal(t, want, held.documents(t))
	assert.Zero(t, held.tree.Stats().Duplicates)
	require.NoError(t, r.Close())
}
