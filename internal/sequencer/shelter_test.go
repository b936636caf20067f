package sequencer_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

func TestShelteredLinesAreWrittenTogetherWhenTheTimerFires(t *testing.T) {
	o := &output{shelterSize: 1 << 16}
	var clock timer
	s := newTimedSequencer(o, newClock(), &clock)
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "first"))
	assert.Zero(t, clock.fire(), "nothing waits")
	for i := range 10 {
		must(t, appendLog(s, sp, fmt.Sprint(i)))
	}
	assert.Len(t, o.writes, 1)
	assert.Equal(t, uint64(13), s.Counts().Written, "what is sheltered counts as written")
	assert.Equal(t, 1, clock.fire(), "one timer")
	require.Len(t, o.writes, 2)
	assert.Equal(t, 10, strings.Count(string(o.writes[1]), "\n"))
	assert.Zero(t, clock.fire())
	assert.True(t, o.shelter.Empty())
	must(t, s.Close(""))
	assert.NoError(t, o.read(t).Check(s.Counts()))
}

func TestManyShelteredLinesAreWrittenAtOnce(t *testing.T) {
	written := make(chan struct{})
	o := &output{shelterSize: 1 << 20}
	s := newSequencer(o, newClock())
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "first"))
	o.gate = func([]byte) { close(written) }
	for range 200 {
		must(t, appendLog(s, sp, strings.Repeat("x", 1000)))
	}
	<-written
	o.mu.Lock()
	o.gate = nil
	o.mu.Unlock()
	must(t, s.Close(""))
	assert.NoError(t, o.read(t).Check(s.Counts()))
}

// Who logs more than the shelter has room for waits for the output.
func TestLineWithoutRoomInTheShelterWaits(t *testing.T) {
	o := &output{shelterSize: 1 << 10}
	s := newSequencer(o, newClock())
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "first"))
	must(t, appendLog(s, sp, "sheltered"))
	assert.Len(t, o.writes, 1)
	must(t, appendLog(s, sp, strings.Repeat("x", 2000)))
	require.Len(t, o.writes, 2, "with what was sheltered")
	assert.Equal(t, []string{"first", "sheltered"}, msgs(o.read(t))[:2])
	must(t, s.Close(""))
	assert.NoError(t, o.read(t).Check(s.Counts()))
}

func TestDrainWritesWhatIsSheltered(t *testing.T) {
	c := newClock()
	o := &output{shelterSize: 1 << 16}
	s := newSequencer(o, c)
	sp := newSpan(s, nil, "")
	must(t, s.Drain())
	assert.Empty(t, o.segments)
	must(t, appendLog(s, sp, "first"))
	must(t, s.Drain())
	assert.Len(t, o.writes, 1)
	must(t, appendLog(s, sp, "second"))
	o.prepare = func() error { return errFull }
	assert.ErrorIs(t, s.Drain(), errFull)
	assert.ErrorIs(t, s.Sync(), errFull, "although it is too early for another try")
	o.prepare = nil
	must(t, s.Sync())
	assert.Len(t, o.writes, 2)
	must(t, s.Close(""))
	must(t, s.Drain())
	assert.NoError(t, o.read(t).Check(s.Counts()))
}

// A drain waits for lines that another goroutine is writing.
func TestDrainWaitsForTheWriter(t *testing.T) {
	blocked, release := make(chan struct{}), make(chan struct{})
	o := &output{shelterSize: 1 << 16}
	var clock timer
	s := newTimedSequencer(o, newClock(), &clock)
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "first"))
	must(t, appendLog(s, sp, "second"))
	o.gate = func([]byte) { close(blocked); <-release }
	go clock.fire()
	<-blocked
	o.gate = nil
	drained := make(chan error)
	go func() { drained <- s.Drain() }()
	must(t, appendLog(s, sp, "third")) // waits for nobody
	runtime.Gosched()
	assert.Empty(t, drained)
	close(release)
	must(t, <-drained)
	assert.Contains(t, msgs(o.read(t)), "second")
	must(t, s.Close(""))
	assert.NoError(t, o.read(t).Check(s.Counts()))
}

// As long as the shelter has room, nothing is lost, whatever the output does, and a kill
// would leave no gap.
func TestShelterWithRoomLosesNothing(t *testing.T) {
	c := newClock()
	o := &output{shelterSize: 1 << 16}
	s := newSequencer(o, c)
	root := newSpan(s, nil, "")
	must(t, appendLog(s, root, "first"))
	for i := range 100 {
		o.rotate = i%3 == 0
		switch i % 4 {
		case 0:
			o.write = func(lines []byte) (int, error) { return len(lines) / 2, errFull }
		case 1:
			o.write = func(lines []byte) (int, error) {
				return len(lines) / 3, fmt.Errorf("%w: too large", sequencer.ErrElsewhere)
			}
		case 2:
			o.prepare = func() error { return errFull }
		case 3:
			o.write = func([]byte) (int, error) { panic("a broken output") }
		}
		sp := newSpan(s, root, fmt.Sprint(i+1))
		must(t, appendLog(s, sp, fmt.Sprint(i)))
		must(t, appendEnd(s, sp))
		assert.Error(t, s.Drain())
		o.write, o.prepare = nil, nil
		got := o.read(t)
		require.Equal(t, got.Max, uint64(len(got.Seen)), "without a gap, after %d failures", i+1)
		c.advance(time.Second)
		if i%10 == 9 {
			must(t, s.Drain())
		}
	}
	must(t, s.Close(""))
	got := o.read(t)
	assert.Len(t, msgs(got), 101)
	assert.Zero(t, s.Counts().Lost)
	assert.Empty(t, losses(got.Events))
	assert.NoError(t, got.Check(s.Counts()))
	for i, segment := range o.segments {
		assert.Contains(t, strings.SplitN(segment.String(), "\n", 2)[0], `"event":"open"`, "segment %d", i+1)
	}
}

func TestStreamThatCannotBeWrittenEndsInTheShelter(t *testing.T) {
	for _, lose := range []bool{false, true} {
		o := &output{shelterSize: 1 << 16}
		s := newSequencer(o, newClock())
		sp := newSpan(s, nil, "")
		must(t, appendLog(s, sp, "first"))
		o.prepare = func() error { return errFull }
		must(t, appendLog(s, sp, "sheltered"))
		if lose {
			o.loseShelter()
		}
		assert.ErrorIs(t, s.Close(""), errFull)
		n := s.Counts()
		assert.Equal(t, n.Accepted, n.Written+n.Lost)
		assert.Equal(t, lose, n.Lost == 1, "%+v", n)
		assert.Equal(t, n.Written, uint64(len(o.read(t).Seen)))
	}
}

// While the first write to a segment fails, what begins it is kept once.
func TestBeginningOfASegmentIsKeptOnce(t *testing.T) {
	o := &output{shelterSize: 1 << 16}
	s := newSequencer(o, newClock())
	sp := newSpan(s, nil, "")
	must(t, appendLog(s, sp, "first"))
	must(t, appendLog(s, sp, "second"))
	o.rotate = true
	o.write = func([]byte) (int, error) { return 0, errFull }
	for range 10 {
		must(t, appendLog(s, sp, "kept"))
		assert.ErrorIs(t, s.Drain(), errFull)
	}
	o.write = nil
	must(t, s.Close(""))
	opens := 0
	for _, ev := range o.read(t).Events {
		if ev.Type == event.TypeOpen {
			opens++
		}
	}
	assert.Equal(t, 2, opens)
	assert.Contains(t, strings.SplitN(o.segments[1].String(), "\n", 2)[0], `"event":"open"`)
	assert.NoError(t, o.read(t).Check(s.Counts()))
}
