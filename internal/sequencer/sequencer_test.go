package sequencer_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

func TestHeldStartsAreWrittenBeforeTheFirstEventBelowThem(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	root := newSpan(s, nil, "")
	child := newSpan(s, root, "1")
	unused := newSpan(s, root, "2")
	must(t, appendLog(s, child, "hello"))
	must(t, appendEnd(s, child))
	must(t, appendEnd(s, root))
	must(t, s.Close("closed"))

	got := o.read(t)
	want := []event.Type{
		event.TypeOpen, event.TypeStart, event.TypeStart, event.TypeLog, event.TypeEnd, event.TypeEnd, event.TypeClose,
	}
	assert.Equal(t, want, types(got))
	assert.Equal(t, []string{"", "1"}, []string{got.Events[1].Span, got.Events[2].Span}, "the root first")
	for i, ev := range got.Events {
		assert.Equal(t, uint64(i+1), ev.Seq, "%+v", ev)
	}
	end, rootEnd, closing := got.Events[4], got.Events[5], got.Events[6]
	assert.Equal(t, []uint64{3, 0}, []uint64{end.N, end.Kids}, "the child has a start, a record and its end")
	assert.Equal(t, []uint64{2, 1}, []uint64{rootEnd.N, rootEnd.Kids}, "the root has a start and its end, and one written child")
	assert.Equal(t, uint64(7), closing.N)
	assert.Equal(t, "closed", closing.Reason)
	started, ended := s.State(unused)
	assert.False(t, started || ended)
	assert.NoError(t, got.Check(s.Counts()))
}

// The start of a span that was started elsewhere is never written, nor is it among the
// open spans, whatever is written below it.
func TestRemoteSpansHaveNoStart(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	remote := newSpan(s, nil, "1")
	remote.Remote = true
	child := newSpan(s, remote, "1/2~k3x9q7aa")
	must(t, appendLog(s, remote, "hello"))
	must(t, appendLog(s, child, "hello"))
	o.rotate = true
	must(t, appendLog(s, remote, "in the new segment"))
	started, ended := s.State(remote)
	assert.False(t, started || ended)
	must(t, s.Close(""))
	got := o.read(t)
	must(t, got.Check(s.Counts()))
	assert.Equal(t, []event.Type{
		event.TypeOpen, event.TypeLog, event.TypeStart, event.TypeLog, event.TypeOpen, event.TypeLog, event.TypeClose,
	}, types(got))
	require.Len(t, got.Events[4].Open.Spans, 1)
	assert.Equal(t, child.Ref, got.Events[4].Open.Spans[0])
}

func TestHeldBodyIsNotRetained(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	sp := &sequencer.Span{}
	body := spanBody(event.TypeStart, "", "")
	s.Hold(sp, body)
	clear(body)
	must(t, appendLog(s, sp, ""))
	must(t, s.Close(""))
	assert.NoError(t, o.read(t).Check(s.Counts()))
}

func TestStartAndEndAreWrittenOnce(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	sp := newSpan(s, nil, "")
	_, err := s.Append(sp, event.TypeStart, spanBody(event.TypeStart, "", ""))
	must(t, err)
	_, err = s.Append(sp, event.TypeStart, spanBody(event.TypeStart, "", ""))
	assert.ErrorIs(t, err, sequencer.ErrStarted)
	assert.False(t, s.Hold(sp, nil), "the start is already written")
	must(t, appendEnd(s, sp))
	assert.ErrorIs(t, appendEnd(s, sp), sequencer.ErrEnded)
	must(t, appendLog(s, sp, "late"))
	must(t, s.Close(""))
	got := o.read(t)
	assert.Equal(t, []event.Type{event.TypeOpen, event.TypeStart, event.TypeEnd, event.TypeLog, event.TypeClose}, types(got))
	assert.NoError(t, got.Check(s.Counts()))
}

// A goroutine that appends must be among those that wait when its event is
// accepted, so that counting is enough to know who waits.
func waitForAccepted(s *sequencer.Sequencer, n uint64) {
	for s.Counts().Accepted < n {
		runtime.Gosched()
	}
}

func TestThoseWhoWaitAreWrittenTogether(t *testing.T) {
	blocked, release := make(chan struct{}), make(chan struct{})
	o := &output{}
	first := true
	o.gate = func([]byte) {
		if first {
			first = false
			close(blocked)
			<-release
		}
	}
	s := newSequencer(o, newClock())
	sp := newSpan(s, nil, "")
	const waiting = 50
	errs := make(chan error, waiting+1)
	go func() { errs <- appendLog(s, sp, "first") }()
	<-blocked
	for i := range waiting {
		go func() { errs <- appendLog(s, sp, fmt.Sprint(i)) }()
	}
	waitForAccepted(s, 3+waiting) // with open and start
	close(release)
	for range waiting + 1 {
		must(t, <-errs)
	}
	require.Len(t, o.writes, 2, "one write for the first, and one for all others")
	assert.Equal(t, 3, strings.Count(string(o.writes[0]), "\n"))
	assert.Equal(t, waiting, strings.Count(string(o.writes[1]), "\n"))
	must(t, s.Close(""))
	assert.NoError(t, o.read(t).Check(s.Counts()))
}

func TestTurnIsHandedOnAfterAFailedWrite(t *testing.T) {
	blocked, release := make(chan struct{}), make(chan struct{})
	c := newClock()
	o := &output{}
	writes := 0
	o.gate = func([]byte) {
		if writes++; writes == 1 {
			close(blocked)
			<-release
			panic("a broken output")
		}
	}
	s := newSequencer(o, c)
	sp := newSpan(s, nil, "")
	errs := make(chan error)
	go func() { errs <- appendLog(s, sp, "lost") }()
	<-blocked
	go func() { errs <- appendLog(s, sp, "dropped") }()
	waitForAccepted(s, 4)
	close(release)
	assert.ErrorContains(t, <-errs, "a broken output")
	assert.ErrorContains(t, <-errs, "a broken output", "it is too early for another try")
	c.advance(time.Second)
	must(t, appendLog(s, sp, "recovered"))
	must(t, s.Close(""))
	got := o.read(t)
	assert.Equal(t, []string{"recovered"}, msgs(got))
	assert.NoError(t, got.Check(s.Counts()))
}

func TestOutputThatEndsTheGoroutineHoldsNobodyUp(t *testing.T) {
	c := newClock()
	o := &output{}
	exit := true
	o.gate = func([]byte) {
		if exit {
			exit = false
			runtime.Goexit()
		}
	}
	s := newSequencer(o, c)
	sp := newSpan(s, nil, "")
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = appendLog(s, sp, "lost")
	}()
	<-done
	c.advance(time.Second)
	must(t, appendLog(s, sp, "recovered"))
	must(t, s.Close(""))
	got := o.read(t)
	assert.Equal(t, []string{"recovered"}, msgs(got))
	assert.NoError(t, got.Check(s.Counts()))
}

func TestPanicsOfCallbacksStopNobody(t *testing.T) {
	o := &output{}
	var told []string
	s := sequencer.New(sequencer.Config{
		Output: o, OnWritten: func(int, []sequencer.Written) { panic("in OnWritten") },
		OnError: func(err error) { told = append(told, err.Error()); panic("in OnError") },
	})
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "a"))
	must(t, appendLog(s, sp, "b"))
	assert.Len(t, told, 2)
	must(t, s.Close(""))
}

func TestAppendConcurrentSafe(t *testing.T) {
	const goroutines, records = 1000, 10
	o := &output{}
	var total uint64
	s := sequencer.New(sequencer.Config{
		ID: [16]byte{1, 2, 3, 4, 5, 6, 7, 8}, Output: o,
		OnWritten: func(_ int, lines []sequencer.Written) { total += uint64(len(lines)) },
	})
	root := newSpan(s, nil, "")
	errs := make([]error, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			sp := newSpan(s, root, fmt.Sprint(g+1))
			for i := range records {
				errs[g] = errors.Join(errs[g], appendLog(s, sp, fmt.Sprint(i)))
			}
			errs[g] = errors.Join(errs[g], appendEnd(s, sp), s.Sync())
		})
	}
	wg.Wait()
	must(t, errors.Join(errs...))
	must(t, appendEnd(s, root))
	must(t, s.Close(""))
	got := o.read(t)
	require.NoError(t, got.Check(s.Counts()))
	// open, close; root's start and end; of each span a start, an end, and records.
	assert.Equal(t, uint64(4+goroutines*(records+2)), got.Max)
	assert.Equal(t, got.Max, total)
	ends := 0
	for _, ev := range got.Events {
		switch {
		case ev.Type != event.TypeEnd:
		case ev.Span == "":
			assert.Equal(t, []uint64{2, goroutines}, []uint64{ev.N, ev.Kids})
		default:
			ends++
			assert.Equal(t, []uint64{records + 2, 0}, []uint64{ev.N, ev.Kids})
		}
	}
	assert.Equal(t, goroutines, ends)
}

func TestCloseAndSyncConcurrentSafe(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	root := newSpan(s, nil, "")
	must(t, appendLog(s, root, "first"))
	const writers = 100
	written := make([]int, writers)
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for errs[i] == nil {
				if errs[i] = appendLog(s, root, ""); errs[i] == nil {
					written[i]++
				}
			}
		})
	}
	for range 10 {
		wg.Go(func() { assert.NoError(t, s.Sync()) })
	}
	for range 3 {
		wg.Go(func() {
			waitForAccepted(s, 1000)
			assert.NoError(t, s.Close("closed"))
			assert.Equal(t, 1, o.closes, "Close returns when the output is closed")
		})
	}
	wg.Wait()
	want := 1
	for i := range writers {
		assert.ErrorIs(t, errs[i], sequencer.ErrClosed)
		want += written[i]
	}
	got := o.read(t)
	assert.Len(t, msgs(got), want)
	assert.Equal(t, event.TypeClose, got.Events[len(got.Events)-1].Type)
	assert.Equal(t, got.Max, got.Events[len(got.Events)-1].N)
	assert.NoError(t, got.Check(s.Counts()))
	assert.ErrorIs(t, appendLog(s, root, "after"), sequencer.ErrClosed)
	assert.NoError(t, s.Close("again"))
	assert.NoError(t, s.Sync())
}

func TestSyncDoesNotWaitForOthers(t *testing.T) {
	blocked, release := make(chan struct{}), make(chan struct{})
	o := &output{}
	s := newSequencer(o, newClock())
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "first"))
	o.gate = func([]byte) { close(blocked); <-release }
	done := make(chan error)
	go func() { done <- appendLog(s, sp, "second") }()
	<-blocked
	must(t, s.Sync())
	assert.Equal(t, 1, o.syncs)
	close(release)
	must(t, <-done)
}

func TestAppendDoesNotWaitForASync(t *testing.T) {
	syncing, release := make(chan struct{}), make(chan struct{})
	o := &output{syncGate: func() { close(syncing); <-release }}
	s := newSequencer(o, newClock())
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "first"))
	done := make(chan error)
	go func() { done <- s.Sync() }()
	<-syncing
	must(t, appendLog(s, sp, "second"))
	close(release)
	must(t, <-done)
}

// What is pooled must not tie a program's test in a bubble to those outside.
func TestBubblesAreLeft(t *testing.T) {
	contend := func(t *testing.T) {
		blocked, release := make(chan struct{}), make(chan struct{})
		o := &output{}
		s := newSequencer(o, newClock())
		sp := newSpan(s, nil, "")
		must(t, appendLog(s, sp, "first"))
		o.gate = func([]byte) { o.gate = nil; close(blocked); <-release }
		var wg sync.WaitGroup
		wg.Go(func() { assert.NoError(t, appendLog(s, sp, "second")) })
		<-blocked
		wg.Go(func() { assert.NoError(t, appendLog(s, sp, "third")) })
		waitForAccepted(s, 5)
		close(release)
		wg.Wait()
		must(t, s.Close(""))
	}
	for range 300 {
		synctest.Test(t, contend)
		contend(t)
	}
}

func TestCloseWaitsForThoseWhoWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &output{}
		s := newSequencer(o, newClock())
		sp := newSpan(s, nil, "")
		must(t, appendLog(s, sp, "first"))
		release := make(chan struct{})
		o.gate = func([]byte) { o.gate = nil; <-release } // the first write takes long
		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() { assert.NoError(t, appendLog(s, sp, fmt.Sprint(i))) })
			synctest.Wait() // one writes, the others wait for the next write
		}
		wg.Go(func() { assert.NoError(t, s.Close("closed")) })
		synctest.Wait()
		assert.Zero(t, o.closes)
		assert.ErrorIs(t, appendLog(s, sp, "too late"), sequencer.ErrClosed)
		close(release)
		wg.Wait()
		assert.Len(t, o.writes, 4, "the first, one, the two that waited, and the close event")
		assert.NoError(t, o.read(t).Check(s.Counts()))
	})
}

func TestStreamWithoutEventsLeavesNothing(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	newSpan(s, nil, "")
	must(t, s.Sync())
	must(t, s.Close(""))
	assert.Empty(t, o.segments)
	assert.Equal(t, 0, o.syncs)
	assert.Equal(t, 1, o.closes)
	assert.Equal(t, sequencer.Counts{}, s.Counts())
}

func TestNewSegmentNamesTheOpenSpans(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	root := newSpan(s, nil, "")
	var open []*sequencer.Span
	for i := range 2500 {
		sp := newSpan(s, root, fmt.Sprint(i+1))
		must(t, appendLog(s, sp, ""))
		if i%2 == 0 {
			must(t, appendEnd(s, sp))
		} else {
			open = append(open, sp)
		}
	}
	o.rotate = true
	must(t, appendLog(s, root, "in the new segment"))
	must(t, s.Close(""))
	got := o.read(t)
	must(t, got.Check(s.Counts()))

	var second []event.Event
	for _, ev := range got.Events[1:] {
		if ev.Type == event.TypeOpen {
			second = append(second, ev)
		}
	}
	require.Len(t, second, 2, "1251 spans are named by two lines")
	var paths []string
	for i, ev := range second {
		assert.Equal(t, 2, ev.Open.Segment)
		assert.LessOrEqual(t, len(ev.Open.Spans), 1000, "line %d", i)
		for _, ref := range ev.Open.Spans {
			paths = append(paths, ref.Span)
		}
	}
	want := []string{""}
	for _, sp := range open {
		want = append(want, sp.Ref.Span)
	}
	assert.Equal(t, want, paths)
}

func TestOpenSpansAreForgottenAboveALimit(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	const spans = sequencer.MaxOpenSpans + 500
	all := make([]*sequencer.Span, spans)
	for i := range all {
		all[i] = newSpan(s, nil, fmt.Sprint(i+1))
		must(t, appendLog(s, all[i], ""))
	}
	must(t, appendEnd(s, all[0]))       // forgotten long ago
	must(t, appendEnd(s, all[spans-1])) // the newest
	o.rotate = true
	must(t, appendLog(s, all[1], "in the new segment"))
	must(t, s.Close(""))
	got := o.read(t)
	must(t, got.Check(s.Counts()))
	var paths []string
	for _, ev := range got.Events {
		if ev.Type == event.TypeOpen && ev.Open.Segment == 2 {
			for _, ref := range ev.Open.Spans {
				paths = append(paths, ref.Span)
			}
		}
	}
	require.Len(t, paths, sequencer.MaxOpenSpans-1)
	assert.Equal(t, fmt.Sprint(501), paths[0])
	assert.Equal(t, fmt.Sprint(spans-1), paths[len(paths)-1])
}

func TestOnWrittenSaysWhereLinesAre(t *testing.T) {
	o := &output{}
	type place struct {
		segment int
		offset  int64
		length  int
	}
	places := map[uint64]place{}
	var order []uint64
	s := sequencer.New(sequencer.Config{Output: o, OnWritten: func(segment int, lines []sequencer.Written) {
		for _, l := range lines {
			places[l.Seq] = place{segment, l.Offset, l.Len}
			order = append(order, l.Seq)
		}
	}})
	sp := newSpan(s, nil, "")
	for i := range 20 {
		o.rotate = i%7 == 3
		if i == 10 {
			o.write = func(lines []byte) (int, error) { return len(lines) - 5, fmt.Errorf("%w", sequencer.ErrElsewhere) }
		}
		err := appendLog(s, sp, fmt.Sprint(i))
		if i == 10 {
			assert.ErrorIs(t, err, sequencer.ErrElsewhere, "the second try fails as well")
		}
		o.write = nil
	}
	must(t, s.Close(""))
	assert.Len(t, slices.Compact(slices.Sorted(slices.Values(order))), len(order), "each line once")
	for seq, p := range places {
		text := o.segments[p.segment-1].Bytes()[p.offset:][:p.length]
		ev, err := event.ParseLine(text[:p.length-1])
		must(t, err)
		assert.Equal(t, seq, ev.Seq)
	}
	assert.Len(t, o.read(t).Events, len(order))
}
