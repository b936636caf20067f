package wfslog

import (
	"slices"

	"github.com/wfslog/wfslog/internal/event"
)

// foldScope is what a node inherits from those around it.
type foldScope struct {
	kind   Kind   // of the parent, "" for the root
	agent  string // of the innermost interaction
	hidden bool   // an action around it reports usage
}

// node makes the node of sp and of all below it, and adds what they sum up to.
// It returns the usage of the actions that count.
func (f *fold) node(sp *foldSpan, in foldScope, to *foldTotals) (*Node, usageSum) {
	n := &Node{Span: sp.path}
	kind, reported := f.describe(sp, n, in.kind)
	sp.addCounts(to)
	endless := sp.isEndless()
	if endless {
		n.Status = ""
		to.open--
	}

	var sum usageSum
	scope := foldScope{kind: kind, agent: in.agent, hidden: in.hidden || reported.calls > 0}
	switch kind {
	case KindInteraction:
		scope.agent = n.Agent
		to.agent(n.Agent).interactions++
	case KindAction:
		if n.Agent == in.agent {
			n.Agent = "" // goes without saying
		}
		to.agent(in.agent).actions++
		if !in.hidden {
			sum = reported
			to.agent(in.agent).usage.add(&reported)
		}
	}
	if n.Status == event.StatusError {
		to.addError(scope.agent, sp.failure(n))
	}
	below := f.contents(sp, n, scope, to)
	sum.add(&below)
	if endless {
		n.Status = worstStatus(n, event.StatusOK)
	}
	if kind != KindAction {
		n.Usage = sum.totals()
	}
	return n, sum
}

// describe sets what the events of sp itself say, and returns its kind and, of an
// action, what it reports of usage.
func (f *fold) describe(sp *foldSpan, n *Node, parent Kind) (kind Kind, reported usageSum) {
	n.Missing = sp.start == nil
	if b := sp.start; b != nil {
		n.Name, n.Agent, n.StartedAt, n.Flags, n.Link = b.name, b.agent, b.time, b.flags, b.link
	} else if r := f.refs[sp.path]; r != nil {
		n.Name, n.Agent, n.StartedAt = r.Name, r.Agent, documentTime(r.Time)
	}
	f.setEnd(sp, n)
	var fields nodeFields
	sp.collect(&fields, n)
	kind = f.kind(sp, parent)
	if kind == KindAction {
		reported = fields.liftAction(n)
	} else {
		fields.lift(n)
	}
	if sp.end != nil && !fields.saidStatus && (n.Status == "" || n.Status == event.StatusOK) {
		n.Status = event.StatusOK
		if n.Error != "" {
			n.Status = event.StatusError
		}
	}
	return kind, reported
}

// kind returns the kind of sp: what its start says, or what is known without it.
func (f *fold) kind(sp *foldSpan, parent Kind) Kind {
	if sp.start != nil && sp.start.kind.Valid() {
		return sp.start.kind
	}
	if r := f.refs[sp.path]; r != nil && r.Kind.Valid() {
		return r.Kind
	}
	if sp.kind.Valid() {
		return sp.kind
	}
	switch parent { // nothing is known but the place, so the usual hierarchy is assumed
	case "":
		return KindWorkflow
	case KindWorkflow:
		return KindIteration
	case KindIteration:
		return KindInteraction
	}
	return KindAction
}

// setEnd sets what the end of sp says, or what its absence does.
func (f *fold) setEnd(sp *foldSpan, n *Node) {
	b := sp.end
	if b == nil {
		n.Status = event.StatusOpen
		if f.writerGone(sp) {
			n.Status = event.StatusInterrupted
		}
		return
	}
	n.Error, n.EndedAt = b.err, b.time
	if b.status != event.StatusOpen && b.status != event.StatusInterrupted {
		n.Status = b.status
	}
	if b.known {
		n.DurationMS = formatMillis(b.dur)
	}
}

// writerGone reports whether the stream that wrote the start of sp has ended.
func (f *fold) writerGone(sp *foldSpan) bool {
	if sp.start != nil {
		return f.streams[sp.start.stream].gone
	}
	r := f.refs[sp.path]
	return r != nil && f.in.streams[r.stream].gone
}

// collect collects the attributes and resources of sp: of the start, then of the
// set events, then of the end.
func (sp *foldSpan) collect(fields *nodeFields, n *Node) {
	if sp.start != nil {
		fields.add(sp.start.attrs, false)
	}
	seen := map[Resource]bool{}
	for _, s := range sp.sets {
		fields.add(s.attrs, false)
		if r := s.resource; r != nil && !seen[*r] { // a second stream says it again
			seen[*r] = true
			n.Resources = append(n.Resources, r)
		}
	}
	if sp.end != nil {
		fields.add(sp.end.attrs, false)
	}
}

// failure returns the entry of sp, which failed, in the list of errors.
func (sp *foldSpan) failure(n *Node) *DocumentError {
	return &DocumentError{Span: n.Span, Time: n.EndedAt, Level: event.LevelName(sp.end.level), Error: n.Error}
}

// addCounts adds what is known of the events of sp itself.
func (sp *foldSpan) addCounts(to *foldTotals) {
	to.events += sp.events
	to.late += sp.late
	to.conflicts += sp.conflicts
	for i := range sp.counts {
		c := &sp.counts[i]
		to.missing = saturatingAdd(to.missing, c.missing)
		if c.started && !c.ended {
			to.waiting++
		}
	}
	if sp.end == nil {
		to.open++
	}
}

// contents makes the nodes of all that is below sp, in the order of the document.
func (f *fold) contents(sp *foldSpan, n *Node, scope foldScope, to *foldTotals) (sum usageSum) {
	sp.sortKids()
	var kids map[Kind][]*foldSpan
	if len(sp.kids) > 0 {
		kids = make(map[Kind][]*foldSpan, 1)
	}
	for _, kid := range sp.kids {
		k := f.kind(kid, scope.kind)
		kids[k] = append(kids[k], kid)
	}
	span := func(list *[]*Node) func(*foldSpan) {
		return func(kid *foldSpan) {
			node, u := f.node(kid, scope, to)
			*list = append(*list, node)
			sum.add(&u)
		}
	}
	groups, actions, logs := sp.group(scope.kind)
	for _, kid := range kids[KindIteration] {
		f.iteration(sp, kid, n, scope, to, &sum)
	}
	for _, kid := range kids[KindWorkflow] {
		span(&n.Workflows)(kid)
	}
	mergeSiblings(kids[KindInteraction], groups, (*foldGroup).place, span(&n.Interactions), func(g *foldGroup) {
		node, u := f.implicit(sp, n, g, scope, to)
		n.Interactions = append(n.Interactions, node)
		sum.add(&u)
	})
	mergeSiblings(kids[KindAction], actions, (*foldRecord).place, span(&n.Actions), func(r *foldRecord) {
		u := f.record(r, n.Span, scope, to)
		n.Actions = append(n.Actions, &r.node)
		sum.add(&u)
	})
	for _, r := range logs {
		f.record(r, n.Span, scope, to)
		n.Logs = append(n.Logs, &r.node)
	}
	return sum
}

// mergeSiblings calls span and other for spans and others in the order of
// siblings: a span comes before a record with the same number.
func mergeSiblings[T any](spans []*foldSpan, others []T, place func(T) uint32, span func(*foldSpan), other func(T)) {
	for _, o := range others {
		for len(spans) > 0 && spans[0].element.Ordinal <= place(o) {
			span(spans[0])
			spans = spans[1:]
		}
		other(o)
	}
	for _, sp := range spans {
		span(sp)
	}
}

// iteration makes the node of an iteration. Those of the root are kept apart,
// because they can be sealed one by one.
func (f *fold) iteration(parent, sp *foldSpan, n *Node, scope foldScope, to *foldTotals, sum *usageSum) {
	number := len(n.Iterations) + 1
	var totals foldTotals
	if parent == f.root {
		number += f.carried.iterations
		to = &totals
	}
	node, usage := f.node(sp, scope, to)
	node.Number = number
	n.Iterations = append(n.Iterations, node)
	sum.add(&usage)
	if parent == f.root {
		f.iterations = append(f.iterations, foldIteration{span: sp, totals: totals, usage: usage})
	}
}

// record completes the node of r, which is in the span at path, and adds what it
// counts for. It returns the usage that counts.
func (f *fold) record(r *foldRecord, path string, scope foldScope, to *foldTotals) (counts usageSum) {
	n := &r.node
	if r.stream != f.origin {
		n.Stream = f.streams[r.stream].id
	}
	if r.action {
		agent := to.agent(scope.agent)
		agent.actions++
		if !scope.hidden {
			counts = r.usage
			agent.usage.add(&counts)
		}
	}
	if r.failed() {
		to.addError(scope.agent, &DocumentError{
			Span: path, Seq: n.Seq, Stream: n.Stream, Time: n.Time, Level: n.Level, Msg: n.Msg, Error: r.err,
		})
	}
	return counts
}

// isEndless reports whether sp is a default run that nobody has ended, which may be
// all that there will be of it.
func (sp *foldSpan) isEndless() bool {
	return sp.end == nil && sp.start != nil && slices.Contains(sp.start.flags, event.FlagDefault)
}

// worstStatus returns the status of a default run that nobody has ended: the worst
// of worst and those of the children of n.
func worstStatus(n *Node, worst string) string {
	order := []string{event.StatusOK, event.StatusError, event.StatusOpen, event.StatusInterrupted}
	for _, list := range [][]*Node{n.Iterations, n.Workflows, n.Interactions, n.Actions} {
		for _, kid := range list {
			if kid.Span != "" && slices.Index(order, kid.Status) > slices.Index(order, worst) {
				worst = kid.Status
			}
		}
	}
	return worst
}
