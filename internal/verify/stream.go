package verify

import (
	"slices"

	"github.com/wfslog/wfslog/internal/event"
)

// stream is what is kept of a stream.
type stream struct {
	Stream
	index   int
	numbers numbers
	losses  []loss
	blind   bool // some of its events were not looked at
}

// loss is what loss events state together.
type loss struct {
	Range
	n     uint64
	bytes uint64
	cause string
}

// maxLossEvents is how many loss events of a stream are kept apart; above it, those
// of one cause are joined, and above that all.
const maxLossEvents = 4096

const causePruned = "pruned"

func (s *stream) open(ev *event.Event, c *Checker) {
	o := ev.Open
	if o == nil {
		return
	}
	if o.Format != event.Format {
		s.UnknownFormats++
	}
	if o.Segment > 0 {
		s.Segments++
	}
	if s.Program == "" || ev.Time.Before(s.Started) {
		s.Program, s.Host, s.PID, s.Started = o.Program, o.Host, o.PID, ev.Time
	}
	for i := range o.Spans {
		c.ref(s, &o.Spans[i])
	}
}

func (s *stream) loss(ev *event.Event) {
	l := loss{Range: Range{ev.From, ev.To}, n: ev.N, bytes: ev.Bytes, cause: ev.Cause}
	if l.From == 0 || l.To < l.From { // it states nothing that could be missing
		l.Range, l.n = Range{}, 0
	} else if l.To-l.From < 1<<64-1 {
		l.n = min(l.n, l.To-l.From+1)
	}
	if len(s.losses) < maxLossEvents {
		s.losses = append(s.losses, l)
		return
	}
	i := slices.IndexFunc(s.losses, func(known loss) bool { return known.cause == l.cause })
	known := &s.losses[max(i, 0)]
	if l.n > 0 && known.n > 0 {
		known.From, known.To = min(known.From, l.From), max(known.To, l.To)
	} else if l.n > 0 {
		known.Range = l.Range
	}
	known.n, known.bytes = add(known.n, l.n), add(known.bytes, l.bytes)
}

// account compares what is not there with what is stated.
func (s *stream) account(listed int) {
	present := s.numbers.ranges()
	if n := len(present); n > 0 {
		s.Last = present[n-1].To
	}
	missing := gaps(present)
	s.Gaps = size(missing)
	var stated []Range
	var n uint64
	for _, l := range s.losses {
		if l.n > 0 {
			stated = append(stated, l.Range)
			n = add(n, l.n)
		}
		if l.cause == causePruned {
			s.Pruned = add(s.Pruned, l.n)
		} else {
			s.Lost = add(s.Lost, l.n)
		}
		s.cause(l)
	}
	explained := common(missing, union(stated))
	s.Unaccounted = s.Gaps - min(explained, n)
	if s.blind {
		s.Unaccounted = 0 // nothing is known of what was not looked at
	}
	s.GapRanges = missing[:min(len(missing), listed)]
}

// maxCauses bounds how many causes of a stream are told apart.
const maxCauses = 100

func (s *stream) cause(l loss) {
	i := slices.IndexFunc(s.Causes, func(c Cause) bool { return c.Cause == l.cause })
	if i < 0 && len(s.Causes) < maxCauses {
		s.Causes = append(s.Causes, Cause{Cause: l.cause})
	}
	if i < 0 {
		i = len(s.Causes) - 1
	}
	s.Causes[i].Events = add(s.Causes[i].Events, l.n)
	s.Causes[i].Bytes = add(s.Causes[i].Bytes, l.bytes)
}
