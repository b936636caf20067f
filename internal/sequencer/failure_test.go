package sequencer_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// losses returns the loss events.
func losses(events []event.Event) (losses []event.Event) {
	for _, ev := range events {
		if ev.Type == event.TypeLoss {
			losses = append(losses, ev)
		}
	}
	return losses
}

func TestLossIsStatedAfterTheTornLineWasEnded(t *testing.T) {
	c := newClock()
	o := &output{}
	var told []error
	s := sequencer.New(sequencer.Config{Output: o, Now: c.Now, OnError: func(err error) { told = append(told, err) }})
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "kept"))
	o.write = func([]byte) (int, error) { return 20, errFull }
	assert.ErrorIs(t, appendLog(s, sp, "torn"), errFull)
	assert.ErrorIs(t, appendLog(s, sp, "not tried"), errFull)
	o.write = nil
	assert.ErrorIs(t, appendLog(s, sp, "too early"), errFull)
	assert.Len(t, told, 1, "one failed write")
	c.advance(time.Second)
	must(t, appendLog(s, sp, "recovered"))
	must(t, s.Close(""))

	got := o.read(t)
	assert.Equal(t, []string{"kept", "recovered"}, msgs(got))
	assert.Equal(t, 1, got.Bad, "the torn line")
	assert.Contains(t, o.text(), tornLineEnd(t, o), "the fragment is ended before anything else")
	require.Len(t, losses(got.Events), 1)
	loss := losses(got.Events)[0]
	assert.Equal(t, []uint64{4, 6, 3}, []uint64{loss.From, loss.To, loss.N})
	assert.Equal(t, "no space left on device", loss.Cause, "without the path")
	assert.NoError(t, got.Check(s.Counts()))
}

// tornLineEnd returns the first 20 bytes of the second write and what ends them.
func tornLineEnd(t *testing.T, o *output) string {
	require.Greater(t, len(o.writes), 1)
	return "\n" + string(o.writes[1]) + "!\n"
}

// A line that lacks nothing but its newline was counted as lost. It must not
// become readable.
func TestLineWithoutItsNewlineStaysLost(t *testing.T) {
	c := newClock()
	o := &output{}
	s := newSequencer(o, c)
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "kept"))
	o.write = func(lines []byte) (int, error) { return len(lines) - 1, errFull }
	assert.Error(t, appendLog(s, sp, "torn"))
	c.advance(time.Second)
	o.write = func(lines []byte) (int, error) { return 1, errFull } // the end of the torn line is torn, too
	assert.Error(t, appendLog(s, sp, "lost"))
	o.write = nil
	c.advance(time.Second)
	must(t, appendLog(s, sp, "recovered"))
	must(t, s.Close(""))
	got := o.read(t)
	assert.Equal(t, []string{"kept", "recovered"}, msgs(got))
	assert.NoError(t, got.Check(s.Counts()))
}

func TestWholeLinesOfAPartialWriteAreKept(t *testing.T) {
	c := newClock()
	o := &output{}
	s := newSequencer(o, c)
	root := newSpan(s, nil, "")
	sp := newSpan(s, root, "1")
	o.write = func(lines []byte) (int, error) {
		// open, both starts and the record: the record is cut off.
		return strings.LastIndex(string(lines[:len(lines)-1]), "\n") + 1, errFull
	}
	assert.Error(t, appendLog(s, sp, "cut off"))
	o.write = nil
	c.advance(time.Second)
	must(t, appendLog(s, sp, "recovered"))
	must(t, s.Close(""))
	got := o.read(t)
	want := []event.Type{event.TypeOpen, event.TypeStart, event.TypeStart, event.TypeLoss, event.TypeLog, event.TypeClose}
	assert.Equal(t, want, types(got))
	assert.Equal(t, 0, got.Bad, "nothing was torn")
	assert.NoError(t, got.Check(s.Counts()))
}

// Of those who wait together, each learns what became of its own line.
func TestWrittenLinesOfAPartialWriteAreNoErrors(t *testing.T) {
	blocked, release := make(chan struct{}), make(chan struct{})
	o := &output{}
	s := newSequencer(o, newClock())
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "before"))
	o.gate = func([]byte) {
		o.gate = nil
		close(blocked)
		<-release
	}
	const waiting = 10
	var errs [waiting + 1]error
	var wg sync.WaitGroup
	wg.Go(func() { errs[0] = appendLog(s, sp, "0") })
	<-blocked
	for i := 1; i <= waiting; i++ {
		wg.Go(func() { errs[i] = appendLog(s, sp, fmt.Sprint(i)) })
		waitForAccepted(s, uint64(3+i+1))
	}
	first := true
	o.write = func(lines []byte) (int, error) {
		if first {
			first = false
			return len(lines), nil
		}
		return len(lines) / 2, errFull
	}
	close(release)
	wg.Wait()
	o.write = nil
	must(t, s.Close(""))
	got := o.read(t)
	assert.NoError(t, got.Check(s.Counts()))
	var want []string
	for i, err := range errs {
		if err == nil {
			want = append(want, fmt.Sprint(i))
		}
	}
	assert.Equal(t, want, msgs(got)[1:])
	assert.Len(t, want, 1+waiting/2, "the first, and half of the others")
}

func TestLostStartsAreNamedByAnOpenLine(t *testing.T) {
	c := newClock()
	o := &output{}
	s := newSequencer(o, c)
	root := newSpan(s, nil, "")
	must(t, appendLog(s, root, ""))
	o.write = func([]byte) (int, error) { return 0, errFull }
	sp := newSpan(s, root, "1")
	assert.Error(t, appendLog(s, sp, "lost"))
	o.write = nil
	c.advance(time.Second)
	must(t, appendLog(s, sp, "recovered"))
	must(t, s.Close(""))
	got := o.read(t)
	var named []string
	for _, ev := range got.Events[1:] {
		if ev.Type == event.TypeOpen {
			for _, ref := range ev.Open.Spans {
				named = append(named, ref.Span)
			}
		}
	}
	assert.Equal(t, []string{"", "1"}, named)
	assert.Zero(t, got.Bad, "nothing was torn")
	assert.NoError(t, got.Check(s.Counts()))
}

func TestTriesGetRarerWhileTheOutputFails(t *testing.T) {
	c := newClock()
	tries := 0
	o := &output{prepare: func() error { tries++; return errFull }}
	s := newSequencer(o, c)
	sp := newSpan(s, nil, "")
	for range 10_000 { // in ten seconds
		assert.Error(t, appendLog(s, sp, ""))
		c.advance(time.Millisecond)
	}
	assert.Greater(t, tries, 15)
	assert.Less(t, tries, 25, "1 ms, 2 ms, 4 ms … 1 s, 1 s")
	o.prepare = nil
	must(t, s.Close("")) // does not wait for the next try
	got := o.read(t)
	assert.NoError(t, got.Check(s.Counts()))
	assert.True(t, got.Closed)
}

func TestCausesAreStatedOnceEach(t *testing.T) {
	c := newClock()
	o := &output{}
	s := newSequencer(o, c)
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, ""))
	for i := range 100 {
		cause := fmt.Sprintf("cause %d %s", i%3, strings.Repeat("é", 200))
		o.prepare = func() error { return errors.New(cause) }
		assert.Error(t, appendLog(s, sp, ""))
		c.advance(time.Second)
	}
	o.prepare = nil
	must(t, s.Close(""))
	got := o.read(t)
	require.Len(t, losses(got.Events), 3)
	for i, loss := range losses(got.Events) {
		assert.True(t, strings.HasPrefix(loss.Cause, fmt.Sprintf("cause %d ", i)), "%q", loss.Cause)
		assert.LessOrEqual(t, len(loss.Cause), 256)
		assert.NotContains(t, loss.Cause, "\ufffd", "cut between runes")
		assert.InDelta(t, 33, loss.N, 1)
	}
	assert.NoError(t, got.Check(s.Counts()))
}

func TestManyCausesAreJoined(t *testing.T) {
	c := newClock()
	o := &output{}
	s := newSequencer(o, c)
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, ""))
	for i := range 100 {
		o.prepare = func() error { return fmt.Errorf("cause %d", i) }
		assert.Error(t, appendLog(s, sp, ""))
		c.advance(time.Second)
	}
	o.prepare = nil
	must(t, s.Close(""))
	got := o.read(t)
	assert.Len(t, losses(got.Events), 16)
	assert.NoError(t, got.Check(s.Counts()))
}

func TestRestOfAWriteGoesElsewhereWithoutLoss(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	root := newSpan(s, nil, "")
	must(t, appendLog(s, root, "a"))
	once := true
	o.write = func(lines []byte) (int, error) {
		if !once {
			return len(lines), nil
		}
		once = false
		return len(lines) - 10, fmt.Errorf("%w: too large", sequencer.ErrElsewhere)
	}
	sp := newSpan(s, root, "1")
	must(t, appendLog(s, sp, "b"))
	must(t, s.Close(""))
	got := o.read(t)
	assert.Equal(t, []string{"a", "b"}, msgs(got))
	assert.Equal(t, 1, got.Torn, "the end of the first segment")
	assert.Empty(t, losses(got.Events))
	assert.NoError(t, got.Check(s.Counts()))
}

func TestCloseGoesElsewhereWithTheLastNumber(t *testing.T) {
	o := &output{}
	s := newSequencer(o, newClock())
	root := newSpan(s, nil, "")
	must(t, appendLog(s, root, "a"))
	once := true
	o.write = func(lines []byte) (int, error) {
		if !once {
			return len(lines), nil
		}
		once = false
		return 0, fmt.Errorf("%w: too large", sequencer.ErrElsewhere)
	}
	must(t, s.Close("closed"))
	got := o.read(t)
	assert.Equal(t, 1, strings.Count(o.text(), `"event":"close"`))
	last := got.Events[len(got.Events)-1]
	assert.Equal(t, event.TypeClose, last.Type)
	assert.Equal(t, []uint64{got.Max, got.Max}, []uint64{last.Seq, last.N})
	assert.NoError(t, got.Check(s.Counts()))
}

func TestWrittenButUnsafeIsAnErrorAndNoLoss(t *testing.T) {
	c := newClock()
	o := &output{}
	s := newSequencer(o, c)
	sp := newSpan(s, nil, "")
	o.write = func(lines []byte) (int, error) { return len(lines), errors.New("sync: input/output error") }
	assert.ErrorContains(t, appendLog(s, sp, "a"), "events may not last: sync")
	o.write = nil
	must(t, appendLog(s, sp, "b")) // at once: the output takes lines
	must(t, s.Close(""))
	got := o.read(t)
	assert.Equal(t, []string{"a", "b"}, msgs(got))
	assert.Empty(t, losses(got.Events))
	assert.NoError(t, got.Check(s.Counts()))
}

func TestWhatTheOutputFindsLostIsStated(t *testing.T) {
	o := &output{}
	var told []string
	s := sequencer.New(sequencer.Config{Output: o, OnError: func(err error) { told = append(told, err.Error()) }})
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "a"))
	o.segments[0].Reset()
	o.rotate = true
	o.lost = []sequencer.Loss{
		{From: 1, To: 2, N: 2, Bytes: 10, Cause: "segment deleted"},
		{From: 3, To: 3, N: 1, Cause: "pruned", Expected: true},
		{From: 1, To: 3, Cause: "sync: input/output error"},
	}
	must(t, appendLog(s, sp, "b"))
	must(t, s.Close(""))
	got := o.read(t)
	assert.NoError(t, got.Check(s.Counts()))
	require.Len(t, losses(got.Events), 3)
	assert.Equal(t, uint64(10), losses(got.Events)[0].Bytes)
	assert.Len(t, told, 2, "%q", told)
}

// The first line of a segment says who writes it. It must not be missing for good
// because the disk was full at that moment.
func TestLostOpenLineIsWrittenAgain(t *testing.T) {
	for _, part := range []int{0, 1, 50} {
		c := newClock()
		o := &output{}
		s := newSequencer(o, c)
		sp := newSpan(s, nil, "")
		must(t, appendLog(s, sp, "in the first segment"))
		o.rotate = true
		o.write = func([]byte) (int, error) { return part, errFull }
		assert.Error(t, appendLog(s, sp, "lost"))
		o.write = nil
		c.advance(time.Second)
		must(t, appendLog(s, sp, "recovered"))
		must(t, s.Close(""))
		got := o.read(t)
		assert.NoError(t, got.Check(s.Counts()))
		var segments []int
		for _, ev := range got.Events {
			if ev.Type == event.TypeOpen {
				segments = append(segments, ev.Open.Segment)
			}
		}
		assert.Equal(t, []int{1, 2}, segments, "after a write of %d bytes", part)
	}
}

func TestOpenSpansAreNamedOnceAfterALoss(t *testing.T) {
	c := newClock()
	o := &output{}
	s := newSequencer(o, c)
	root := newSpan(s, nil, "")
	must(t, appendLog(s, root, ""))
	o.write = func([]byte) (int, error) { return 0, errFull }
	sp := newSpan(s, root, "1")
	assert.Error(t, appendLog(s, sp, "lost with the start"))
	for range 3 {
		c.advance(time.Second)
		o.write = func(lines []byte) (int, error) { return len(lines) - 1, errFull }
		assert.Error(t, appendLog(s, sp, "lost behind open and loss lines"))
	}
	o.write = nil
	c.advance(time.Second)
	must(t, appendLog(s, sp, "recovered"))
	must(t, s.Close(""))
	got := o.read(t)
	opens := 0
	for _, ev := range got.Events {
		if ev.Type == event.TypeOpen {
			opens++
		}
	}
	assert.Equal(t, 2, opens)
	assert.NoError(t, got.Check(s.Counts()))
}

func TestEndOfASpanWhoseStartIsLostIsNamed(t *testing.T) {
	c := newClock()
	o := &output{}
	s := newSequencer(o, c)
	root := newSpan(s, nil, "")
	must(t, appendLog(s, root, ""))
	o.write = func([]byte) (int, error) { return 0, errFull }
	sp := newSpan(s, root, "1")
	assert.Error(t, appendLog(s, sp, "lost"))
	o.write = nil
	c.advance(time.Second)
	must(t, appendEnd(s, sp)) // the first event that is written again
	must(t, s.Close(""))
	got := o.read(t)
	var named []string
	for _, ev := range got.Events[1:] {
		if ev.Type == event.TypeOpen {
			for _, ref := range ev.Open.Spans {
				named = append(named, ref.Span)
			}
		}
	}
	assert.Equal(t, []string{"", "1"}, named)
}
