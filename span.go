package wfslog

import (
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// run is one execution of a workflow, as the spans of this process know it.
type run struct {
	id      RunID
	text    string   // id in hex digits
	link    *Link    // the span that the run was started from, if that was here
	foreign *Link    // that of another tracer to whose trace the run belongs
	vendors []string // what tracers have added to that trace
}

// span is an interval in a run. Contexts hold it; nothing else does for longer
// than a bounded number of newer spans, so a span that never ends is freed with
// its contexts.
type span struct {
	run       *run
	parent    *span   // nil for the root, and for a stand-in
	remote    *remote // set in a stand-in for a span that was started elsewhere
	path      string
	place     event.Place // run and path as events have them; path is part of it
	depth     int
	kind      Kind // "" in a stand-in
	name      string
	agent     string
	isDefault bool      // of the process's default run, the root
	moved     bool      // moved up to keep within event.MaxDepth
	start     time.Time // with the monotonic clock; zero in a stand-in
	kids      atomic.Uint32
	ended     atomic.Bool
	published bool // protected by injected.mu

	// streams are the streams that know the span, a list that only grows.
	streams atomic.Pointer[streamSpan]
	mu      sync.Mutex // serialises additions to streams
}

// streamSpan is what one handler's stream knows of a span.
type streamSpan struct {
	core  *core
	seq   sequencer.Span
	tally atomic.Pointer[tally] // nil if there is nothing to add up
	next  *streamSpan
}

func newRun(id RunID) *run {
	return &run{id: id, text: id.String()}
}

// beginRoot makes s the root of a new run.
func (s *span) beginRoot(id RunID, name string, now time.Time) {
	s.run, s.place, s.kind, s.name, s.start = newRun(id), event.NewPlace(id, ""), KindWorkflow, name, now
}

// linkTo links r to what it was started from: another tracer's trace, or else a
// span, or nothing.
func (r *run) linkTo(from *span, t *trace) {
	switch {
	case t != nil:
		r.link, r.foreign, r.vendors = &t.Link, &t.Link, t.vendors
	case from != nil:
		r.link = &Link{Trace: from.run.text, Span: event.SpanIDOf(from.run.id, from.path).String()}
	}
}

// holder returns s, or its deepest ancestor that may have children.
func (s *span) holder() *span {
	for s.depth >= event.MaxDepth {
		s = s.parent // a stand-in may have some
	}
	return s
}

// begin makes s a new child of parent, or of its deepest ancestor that may have one.
func (s *span) begin(parent *span, what spanStart, now time.Time) {
	p := parent.holder()
	s.run, s.parent, s.depth, s.moved = p.run, p, p.depth+1, p != parent
	s.kind, s.name, s.agent, s.start = what.kind, what.name, what.agent, now
	s.place = p.childPlace(p.kids.Add(1))
	s.path = s.place.Path()
	if s.kind == KindAction && s.agent == "" {
		s.agent = p.agent
	}
}

// childPlace returns the place of the k-th child of s.
func (s *span) childPlace(k uint32) event.Place {
	if r := s.remote; r != nil {
		path := event.RemoteChildPath(s.path, event.Element{Ordinal: r.ordinal, Token: r.token, Counter: k})
		return event.NewPlace(s.run.id, path)
	}
	return s.place.Child(k)
}

// given returns how many child ordinals s has given out, as far as is known here.
func (s *span) given() uint32 {
	if s.remote != nil {
		return s.remote.ordinal
	}
	return s.kids.Load()
}

// message is what the operational log says of the span.
func (s *span) message(verb string) string {
	kind := string(s.kind)
	switch {
	case s.remote != nil:
		return "span " + verb
	case s.name != "":
		return kind + " " + s.name + " " + verb
	case s.agent != "":
		return kind + " " + s.agent + " " + verb
	case s.kind == KindIteration:
		return kind + " " + strconv.FormatUint(uint64(event.LastElement(s.path).Ordinal), 10) + " " + verb
	}
	return kind + " " + verb
}

// in returns what the stream of c knows of s, nil if nothing.
func (s *span) in(c *core) *streamSpan {
	for ss := s.streams.Load(); ss != nil; ss = ss.next {
		if ss.core == c {
			return ss
		}
	}
	return nil
}

// addLocked publishes made, and returns it, or what another goroutine has
// published before. s.mu must be held.
func (s *span) addLocked(made *streamSpan) *streamSpan {
	if ss := s.in(made.core); ss != nil {
		return ss
	}
	made.next = s.streams.Load()
	s.streams.Store(made)
	return made
}

// complete writes the end of the span to every stream that has its start and did
// not get the end, because some middleware kept the record back. Then it waits
// for documents, if that is due.
func (s *span) complete(op *operation, attrs []slog.Attr) {
	for ss := s.streams.Load(); ss != nil; ss = ss.next {
		if ss.core.lacksEnd(ss) {
			o := *op
			ss.core.endDirectly(&o, slices.Clone(attrs), ss)
		}
	}
	s.awaitSaved()
	for ss := s.streams.Load(); ss != nil; ss = ss.next {
		ss.core.reports.awaitFirst() // of the end, or of a document that could not be saved
	}
}

// maxSaveWait is how long the end of an iteration or a workflow waits for the
// document.
const maxSaveWait = time.Second

func (s *span) awaitSaved() {
	var timeout <-chan time.Time
	for ss := s.streams.Load(); ss != nil; ss = ss.next {
		saved := ss.core.saveAfterEnd(s)
		if saved == nil {
			continue
		}
		if timeout == nil {
			timer := time.NewTimer(maxSaveWait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-saved:
		case <-timeout:
			return
		}
	}
}

// operation is what a record tells of a span. It is the value of the record's
// marker attribute, by which a handler knows it.
type operation struct {
	typ      event.Type // start, set, inject or end
	span     *span
	time     time.Time
	level    slog.Level
	dur      time.Duration // end
	status   string        // end
	err      string        // end
	resource *Resource     // set
	ordinal  uint32        // inject
	pc       uintptr       // of the user's code; 0 if the stack tells
}

// keyWF is the key of the group that carries what wfslog knows of a record, in
// the operational log and as marker of operations.
const keyWF = "wf"

var _ slog.LogValuer = (*operation)(nil)

// LogValue returns the operation as a group, for handlers that are not wfslog's.
func (o *operation) LogValue() slog.Value {
	return slog.GroupValue(o.members()...)
}

func (o *operation) members() []slog.Attr {
	s := o.span
	attrs := make([]slog.Attr, 0, 10)
	attrs = append(attrs,
		slog.String("run", s.run.text), slog.String("span", s.path), slog.String("event", string(o.typ)))
	if s.kind != "" {
		attrs = append(attrs, slog.String("kind", string(s.kind)))
	}
	if s.name != "" {
		attrs = append(attrs, slog.String("name", s.name))
	}
	if s.agent != "" {
		attrs = append(attrs, slog.String("agent", s.agent))
	}
	if s.remote == nil {
		attrs = append(attrs, slog.Time("start", s.start.Round(0)))
	}
	switch {
	case o.typ == event.TypeEnd:
		attrs = append(attrs, slog.Duration("dur", o.dur), slog.String("status", o.status))
		if o.err != "" {
			attrs = append(attrs, slog.String("error", o.err))
		}
	case o.typ == event.TypeInject:
		attrs = append(attrs, slog.Uint64("ordinal", uint64(o.ordinal)))
	case o.resource != nil:
		attrs = append(attrs, slog.Group("resource", "name", o.resource.Name, "uri", o.resource.URI))
	}
	return attrs
}

// markedOperation returns the operation that a marks as the marker attribute, nil
// if it is none.
func markedOperation(a slog.Attr) *operation {
	if a.Key != keyWF || a.Value.Kind() != slog.KindLogValuer {
		return nil
	}
	op, _ := a.Value.LogValuer().(*operation)
	return op
}

func isMarker(a slog.Attr) bool { return markedOperation(a) != nil }

// isResolvedMarker reports whether a is what middleware, by resolving it, has made
// of the marker for the context's operation.
func (s *state) isResolvedMarker(a slog.Attr) bool {
	return s.op != nil && a.Key == keyWF && a.Value.Kind() == slog.KindGroup && a.Value.Equal(s.op.LogValue())
}
