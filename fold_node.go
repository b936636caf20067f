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
	number int    // of an iteration, from 1
}

// node makes the node of sp and of all below it, and adds what they sum up to.
// It returns the usage of the actions that count.
func (f *fold) node(sp *foldSpan, in foldScope, to *foldTotals) (*Node, usageSum) {
	n := f.memory.nodes.add()
	*n = Node{Span: sp.path, Number: in.number}
	kind, reported := f.describe(sp, n, in.kind)
	sp.addCounts(to)
	endless := sp.isEndless()
	if endless {
		to.open--
		f.watch(n)
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
	if f.parts != nil && f.parts.opening != nil {
		f.parts.opening(n) // only the span whose parts they are is made a node
	}
	below := f.contents(sp, n, scope, to)
	sum.add(&below)
	if endless {
		n.Status = f.worstStatus(n)
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
	return f.kindWithoutStart(sp.path, sp.kind, parent)
}

// kindWithoutStart returns the kind of the span at path without a start, of which
// another event may tell a kind.
func (f *fold) kindWithoutStart(path string, told, parent Kind) Kind {
	if r := f.refs[path]; r != nil && r.Kind.Valid() {
		return r.Kind
	}
	if told.Valid() {
		return told
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

// foldKid is a child of a span.
type foldKid struct {
	ordinal uint32
	part    uint32    // its position, if it is folded apart
	span    *foldSpan // nil if it is
}

// foldKids are the children of a span by the codes of their kinds, in their order.
type foldKids [codeOther + 1][]foldKid

// kids returns the children of sp, which is of the given kind.
func (f *fold) kids(sp *foldSpan, kind Kind) (kids foldKids) {
	if f.parts != nil && f.parts.of == sp {
		return f.parts.kids(f, kind)
	}
	for i, kid := range sp.kids {
		of := &kids[codeOf(f.kind(kid, kind))]
		if *of == nil {
			*of = make([]foldKid, 0, len(sp.kids)-i) // mostly they are of one kind
		}
		*of = append(*of, foldKid{ordinal: kid.element.Ordinal, span: kid})
	}
	return kids
}

// contents makes the nodes of all that is below sp, in the order of the document.
func (f *fold) contents(sp *foldSpan, n *Node, scope foldScope, to *foldTotals) (sum usageSum) {
	sp.sortKids()
	kids := f.kids(sp, scope.kind)
	span := func(list string) func([]foldKid) {
		return func(kids []foldKid) {
			u := f.kid(n, list, kids, scope, to)
			sum.add(&u)
		}
	}
	groups, actions, logs := sp.group(scope.kind)
	for i, of := 0, kids[codeIteration]; i < len(of); i++ {
		f.iteration(sp, n, of[i:], i, scope, to, &sum)
	}
	workflows := span(listWorkflows)
	for i, of := 0, kids[codeWorkflow]; i < len(of); i++ {
		workflows(of[i:])
	}
	mergeSiblings(kids[codeInteraction], groups, (*foldGroup).place, span(listInteractions), func(g *foldGroup) {
		node, u := f.implicit(sp, n, g, scope, to)
		f.put(n, listInteractions, node)
		sum.add(&u)
	})
	mergeSiblings(kids[codeAction], actions, (*foldRecord).place, span(listActions), func(r *foldRecord) {
		u := f.record(r, n.Span, scope, to)
		f.put(n, listActions, &r.node)
		sum.add(&u)
	})
	for _, r := range logs {
		f.record(r, n.Span, scope, to)
		f.put(n, listLogs, &r.node)
	}
	return sum
}

// mergeSiblings calls span and other for spans and others in the order of
// siblings: a span comes before a record with the same number. span also gets the
// spans behind the one that it is called for.
func mergeSiblings[T any](spans []foldKid, others []T, place func(T) uint32, span func([]foldKid), other func(T)) {
	for _, o := range others {
		for len(spans) > 0 && spans[0].ordinal <= place(o) {
			span(spans)
			spans = spans[1:]
		}
		other(o)
	}
	for ; len(spans) > 0; spans = spans[1:] {
		span(spans)
	}
}

// kid makes the node of the first of kids, which belongs to a list of n.
func (f *fold) kid(n *Node, list string, kids []foldKid, scope foldScope, to *foldTotals) usageSum {
	if kids[0].span == nil {
		return f.parts.kid(f, n, list, kids, scope, to)
	}
	node, u := f.node(kids[0].span, scope, to)
	f.put(n, list, node)
	return u
}

// put adds a node to a list of n, or passes it on.
func (f *fold) put(n *Node, list string, kid *Node) {
	f.noteStatus(n, kid)
	if f.sink != nil {
		f.sink.node(list, kid)
		return
	}
	to := n.list(list)
	*to = append(*to, kid)
}

// iteration makes the node of the first of kids, the iteration of n with the given
// index. Those of the root are kept apart, because they can be sealed one by one.
func (f *fold) iteration(parent *foldSpan, n *Node, kids []foldKid, index int, scope foldScope, to *foldTotals, sum *usageSum) {
	scope.number = index + 1
	if parent != f.root {
		usage := f.kid(n, listIterations, kids, scope, to)
		sum.add(&usage)
		return
	}
	scope.number += f.carried.iterations
	if f.parts != nil {
		usage := f.kid(n, listIterations, kids, scope, &f.ofIterations)
		sum.add(&usage)
		return
	}
	var totals foldTotals
	usage := f.kid(n, listIterations, kids, scope, &totals)
	sum.add(&usage)
	f.iterations = append(f.iterations, foldIteration{span: kids[0].span, totals: totals, usage: usage})
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

// statusOrder has the statuses of children that matter to a default run, the worst
// last.
var statusOrder = []string{event.StatusOK, event.StatusError, event.StatusOpen, event.StatusInterrupted}

// watch begins to look for the worst status of the children of n, a default run that
// nobody has ended.
func (f *fold) watch(n *Node) {
	if f.worst == nil {
		f.worst = map[*Node]string{}
	}
	n.Status, f.worst[n] = "", event.StatusOK
}

// noteStatus notes the status of a child of n.
func (f *fold) noteStatus(n, kid *Node) {
	worst, watched := f.worst[n]
	if watched && kid.Span != "" && slices.Index(statusOrder, kid.Status) > slices.Index(statusOrder, worst) {
		f.worst[n] = kid.Status
	}
}

// worstStatus returns the worst status of the children of n, of which all are noted.
func (f *fold) worstStatus(n *Node) string {
	worst := f.worst[n]
	delete(f.worst, n)
	return worst
}
