package sequencer_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// machine drives a sequencer through any sequence of appends and faults.
type machine struct {
	o     *output
	c     *clock
	timer timer
	s     *sequencer.Sequencer
	spans []*sequencer.Span
	ended map[*sequencer.Span]bool

	want []string // messages of the appends that reported success
	lost []string // and of those that reported that they are lost
	msg  int

	exposed bool // the shelter was lost, and what it had could not be written
}

func newMachine(shelterSize int) *machine {
	m := &machine{o: &output{shelterSize: shelterSize}, c: newClock(), ended: map[*sequencer.Span]bool{}}
	m.s = newTimedSequencer(m.o, m.c, &m.timer)
	m.spans = []*sequencer.Span{newSpan(m.s, nil, "")}
	return m
}

func (m *machine) span(t *rapid.T) *sequencer.Span {
	return rapid.SampledFrom(m.spans).Draw(t, "span")
}

func (m *machine) start(t *rapid.T) {
	parent := m.span(t)
	if event.PathDepth(parent.Ref.Span) < 5 {
		m.spans = append(m.spans, newSpan(m.s, parent, event.ChildPath(parent.Ref.Span, uint32(len(m.spans)))))
	}
}

func (m *machine) log(t *rapid.T) {
	m.msg++
	msg := fmt.Sprint(m.msg)
	m.note(msg, appendLog(m.s, m.span(t), msg))
}

// note notes the outcome of an append.
func (m *machine) note(msg string, err error) {
	switch {
	case err == nil:
		m.want = append(m.want, msg)
	case strings.Contains(err.Error(), "being lost"): // and not: "may not last"
		m.lost = append(m.lost, msg)
	}
}

func (m *machine) end(t *rapid.T) {
	sp := m.span(t)
	err := appendEnd(m.s, sp)
	if m.ended[sp] != errors.Is(err, sequencer.ErrEnded) {
		t.Fatalf("end of a span that has ended (%v): %v", m.ended[sp], err)
	}
	m.ended[sp] = true
}

// burst appends from several goroutines, all of which wait for one write.
func (m *machine) burst(t *rapid.T) {
	n := rapid.IntRange(1, 5).Draw(t, "goroutines")
	type result struct {
		msg string
		err error
	}
	results := make(chan result, n+1)
	blocked, release := make(chan struct{}), make(chan struct{})
	m.o.gate = func([]byte) {
		m.o.gate = nil
		close(blocked)
		<-release
	}
	add := func() {
		m.msg++
		msg, sp := fmt.Sprint(m.msg), m.span(t)
		go func() { results <- result{msg, appendLog(m.s, sp, msg)} }()
	}
	m.c.advance(2 * time.Second)
	prepare := m.o.prepare
	m.o.prepare = nil // so that there is a write
	before := m.s.Counts().Accepted
	add()
	waitForAccepted(m.s, before+1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_ = m.s.Drain() // of a line that is sheltered
	}()
	<-blocked
	m.o.prepare = prepare
	for range n {
		before := m.s.Counts().Accepted
		add()
		waitForAccepted(m.s, before+1)
	}
	close(release)
	for range n + 1 {
		r := <-results
		m.note(r.msg, r.err)
	}
	<-drained
}

func (m *machine) advance(t *rapid.T) {
	m.c.advance(time.Duration(rapid.IntRange(0, 1500).Draw(t, "ms")) * time.Millisecond)
}

func (m *machine) fault(t *rapid.T) {
	kind := rapid.SampledFrom([]string{"none", "prepare", "prepare panics", "partial", "short", "elsewhere", "panic", "unsafe"}).Draw(t, "fault")
	part := rapid.Float64Range(0, 1).Draw(t, "part")
	left := rapid.IntRange(1, 4).Draw(t, "times")
	m.o.prepare, m.o.write = nil, nil
	switch kind {
	case "prepare":
		m.o.prepare = func() error { return errFull }
	case "prepare panics":
		m.o.prepare = func() error { panic("prepare") }
	case "none":
	default:
		m.o.write = func(lines []byte) (int, error) {
			if left--; left == 0 {
				m.o.write = nil
			}
			n := int(part * float64(len(lines)-1)) // never all of it
			switch kind {
			case "partial":
				return n, errFull
			case "elsewhere":
				return n, fmt.Errorf("%w: %w", sequencer.ErrElsewhere, errFull)
			case "unsafe":
				return len(lines), errFull
			case "panic":
				panic("write")
			}
			return n, nil
		}
	}
}

func (m *machine) rotate(*rapid.T) { m.o.rotate = true }

func (m *machine) tick(*rapid.T) { m.timer.fire() }

func (m *machine) drain(t *rapid.T) {
	works := m.o.prepare == nil && m.o.write == nil
	err := m.s.Drain()
	if works && err != nil {
		t.Fatalf("drain although nothing fails: %v", err)
	}
	m.exposed = m.exposed && err != nil
}

func (m *machine) loseShelter(*rapid.T) {
	m.o.loseShelter()
	m.exposed = m.s.Drain() != nil
}

// checkKilled looks for what was appended without an error, as if the process had been
// killed now.
func (m *machine) checkKilled(t *rapid.T) {
	got := m.o.read(t)
	readable := map[string]bool{}
	for _, msg := range msgs(got) {
		readable[msg] = true
	}
	for _, msg := range m.want {
		if !readable[msg] && !m.exposed {
			t.Fatalf("message %s would be lost if the process were killed", msg)
		}
	}
	n := m.s.Counts()
	require.Equal(t, n.Accepted, n.Written+n.Lost, "%+v", n)
	if !m.exposed {
		require.Equal(t, n.Written, uint64(len(got.Seen)), "readable, of %+v", n)
	}
}

// check recovers the output and recounts.
func (m *machine) check(t *rapid.T) {
	m.o.prepare, m.o.write = nil, nil
	m.c.advance(2 * time.Second)
	m.msg++
	msg := fmt.Sprint(m.msg)
	require.NoError(t, appendLog(m.s, m.spans[0], msg))
	m.want = append(m.want, msg)
	require.NoError(t, m.s.Close("closed"))

	got := m.o.read(t)
	require.NoError(t, got.Check(m.s.Counts()), "%s", m.o.text())
	readable := map[string]bool{}
	for _, msg := range msgs(got) {
		readable[msg] = true
	}
	for _, msg := range m.want {
		require.True(t, readable[msg], "message %s was appended without an error\n%s", msg, m.o.text())
	}
	for _, msg := range m.lost {
		require.False(t, readable[msg], "message %s is said to be lost\n%s", msg, m.o.text())
	}
	require.Equal(t, msg, msgs(got)[len(msgs(got))-1], "the first record after recovery")
	m.checkEnds(t, got.Events)
}

// checkEnds compares what ends say with what can be read. It knows the right
// counts where nothing of the span is lost.
func (m *machine) checkEnds(t *rapid.T, events []event.Event) {
	upTo := map[string][]uint64{} // numbers of a span's events
	kids := map[string][]uint64{} // numbers of the starts below it
	lost := uint64(0)
	for _, ev := range events {
		lost += ev.N * uint64(len(ev.Cause)) // not 0 if there is any loss
		if !ev.Type.OfSpan() {
			continue
		}
		upTo[ev.Span] = append(upTo[ev.Span], ev.Seq)
		if ev.Type == event.TypeStart && ev.Span != "" {
			parent := event.ParentPath(ev.Span)
			kids[parent] = append(kids[parent], ev.Seq)
		}
	}
	count := func(seqs []uint64, max uint64) (n uint64) {
		for _, seq := range seqs {
			if seq <= max {
				n++
			}
		}
		return n
	}
	for _, ev := range events {
		if ev.Type != event.TypeEnd {
			continue
		}
		n, k := count(upTo[ev.Span], ev.Seq), count(kids[ev.Span], ev.Seq)
		require.GreaterOrEqual(t, ev.N, n, "%+v", ev)
		require.GreaterOrEqual(t, ev.Kids, k, "%+v", ev)
		if lost == 0 {
			require.Equal(t, []uint64{n, k}, []uint64{ev.N, ev.Kids}, "%+v", ev)
		}
	}
}

// Whatever happens to the output, every event is readable exactly once or covered
// by a stated loss, and what was appended survives the end of the process.
func TestEveryEventIsReadableOrStatedLost(t *testing.T) {
	for name, shelterSize := range map[string]int{"direct": 0, "small shelter": 1 << 10, "shelter": 1 << 16} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := newMachine(shelterSize)
				t.Repeat(map[string]func(*rapid.T){
					"start": m.start, "log": m.log, "end": m.end, "burst": m.burst,
					"advance": m.advance, "fault": m.fault, "rotate": m.rotate,
					"tick": m.tick, "drain": m.drain, "lose shelter": m.loseShelter, "": m.checkKilled,
				})
				m.check(t)
			})
		})
	}
}
