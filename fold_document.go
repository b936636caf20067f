package wfslog

import (
	"maps"
	"slices"

	"github.com/wfslog/wfslog/internal/event"
)

// foldIteration is an iteration of the root with what it adds to the sums.
type foldIteration struct {
	span   *foldSpan
	totals foldTotals
	usage  usageSum
}

// foldCarry is what a fold has to know of iterations at the beginning of the run
// whose events it does not get. The zero value stands for none.
type foldCarry struct {
	iterations int
	failed     bool // one of them failed
	totals     foldTotals
	usage      usageSum
	ranges     map[string]seqRange // of the run in each stream
	kids       map[string]uint64   // starts of these iterations in each stream
}

type seqRange struct{ min, max uint64 }

// document makes the document. Its iterations are those that f has events of.
func (f *fold) document() *Document {
	root := f.root
	d := &Document{Format: documentFormat, Run: f.in.run}
	n := &d.Node
	var totals, rest foldTotals
	f.describe(root, n, "")
	d.Workflow, n.Name = n.Name, ""
	root.addCounts(&totals)
	endless := root.isEndless()
	if endless {
		totals.open--
		f.watch(n)
		if f.carried.failed {
			f.worst[n] = event.StatusError
		}
	}
	if n.Status == event.StatusError {
		totals.addError("", root.failure(n))
	}
	if f.parts != nil && f.parts.beginning != nil {
		f.parts.beginning(d)
	}
	usage := f.contents(root, n, foldScope{kind: f.kind(root, "")}, &rest)
	if endless {
		n.Status = f.worstStatus(n)
	}

	totals.add(&f.carried.totals)
	usage.add(&f.carried.usage)
	for i := range f.iterations {
		totals.add(&f.iterations[i].totals)
	}
	totals.add(&f.ofIterations)
	totals.add(&rest)

	n.Usage = usage.totals()
	d.Errors, d.ErrorsTotal = totals.errors, totals.errorsTotal
	for _, name := range slices.Sorted(maps.Keys(totals.agents)) {
		if d.Agents == nil {
			d.Agents = map[string]*AgentTotals{}
		}
		a := totals.agents[name]
		d.Agents[name] = &AgentTotals{
			Interactions: a.interactions, Actions: a.actions, Errors: a.errors, Usage: a.usage.totals(),
		}
	}
	d.Integrity = Integrity{
		Events: totals.events, Missing: totals.missing, Lost: f.lost(), Damaged: f.in.damaged,
		Conflicts: totals.conflicts, Late: totals.late, Streams: f.streamIDs(),
	}
	i := &d.Integrity
	f.unended = totals.open + totals.waiting
	d.Complete = totals.open == 0 && i.Missing == 0 && i.Lost == 0 && i.Damaged == 0
	return d
}

// ranges returns the first and last seq of the run in each stream, as far as
// they are known.
func (f *fold) ranges() map[string]seqRange {
	ranges := maps.Clone(f.carried.ranges)
	if ranges == nil {
		ranges = make(map[string]seqRange, len(f.streams))
	}
	for _, s := range f.streams {
		if s.id == "" {
			continue
		}
		r, ok := ranges[s.id]
		if !ok {
			r = seqRange{s.min, s.max}
		}
		ranges[s.id] = seqRange{min(r.min, s.min), max(r.max, s.max)}
	}
	return ranges
}

func (f *fold) streamIDs() []string {
	ids := slices.Sorted(maps.Keys(f.ranges()))
	if ids == nil {
		ids = []string{}
	}
	return ids
}

// lost counts the events that were lost while the run went on: without a start or an
// end, nobody knows since when or until when that was.
func (f *fold) lost() (n uint64) {
	for id, r := range f.ranges() {
		for _, l := range f.in.streams[id].losses {
			if (l.to >= r.min || f.root.start == nil) && (l.from <= r.max || f.root.end == nil) {
				n = saturatingAdd(n, l.n)
			}
		}
	}
	return n
}
