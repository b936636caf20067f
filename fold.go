package wfslog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
)

// The fold makes a document of the set of a run's events. It sees them in the
// order of (stream, seq, bytes), whatever order they were read in, and uses
// neither a clock nor the order of a map.

// foldInput is all that the document of a run depends on.
type foldInput struct {
	run     RunID
	lines   []foldLine             // the run's events, each once
	streams map[string]streamFacts // of the streams that wrote lines
	refs    []foldRef              // the run's spans in open events of these streams
	best    map[string]*foldRef    // of refs, the one that counts for each path; nil if that is not known
	damaged uint64
}

// foldLine is one event of a run.
type foldLine struct {
	line      []byte
	stream    string // "" for a foreign line without identity
	seq       uint64
	conflicts uint32
	plain     bool // it was scanned before, and its attributes are plain
}

// streamFacts is what a stream's own events say that matters to its runs.
type streamFacts struct {
	gone   bool // closed, or its writer is dead
	losses []streamLoss
}

type streamLoss struct{ from, to, n uint64 }

// add adds what an event of the stream itself says.
func (facts *streamFacts) add(own *ownEvent) {
	facts.gone = facts.gone || own.closes
	if own.loss != nil {
		facts.losses = append(facts.losses, *own.loss)
	}
}

// foldRef is a span that an open event names.
type foldRef struct {
	stream string
	seq    uint64
	index  int // in the event
	event.SpanRef
}

// fold is the state of one fold.
type fold struct {
	in      *foldInput
	memory  *foldMemory
	carried *foldCarry   // of iterations that in has no events of
	streams []foldStream // in the order of their ids
	spans   map[string]*foldSpan
	root    *foldSpan
	refs    map[string]*foldRef // by path
	// iterations are those of the root, once the document is made.
	iterations []foldIteration
	// unended counts the spans that lack an end, in all streams that have their
	// start, once the document is made.
	unended uint64
	// origin is the stream that wrote the root's start, -1 if that is missing.
	origin int
	// parts are the children of a span that are folded apart from it; nil if all that is
	// below the root is here.
	parts *foldParts
	sink  nodeSink // gets the nodes below that span; nil: they become its contents
	// ofIterations is what the iterations of a root in parts sum up to.
	ofIterations foldTotals
	// worst has, of default runs that nobody has ended and whose nodes are being made,
	// the worst status of a child.
	worst map[*Node]string
	// changed is set if a line is not the event any more that it was.
	changed bool
}

type foldStream struct {
	id       string
	min, max uint64 // of the run's seqs
	gone     bool
}

// foldSpan is what the events tell of a span.
type foldSpan struct {
	path       string
	parent     *foldSpan // nil for the root
	element    event.Element
	start, end *foldBound
	sets       []foldSet
	records    []*foldRecord
	kids       []*foldSpan
	counts     []spanCount  // one for each stream with events of the span, in order
	ofFirst    [1]spanCount // room for counts: most spans have events in one stream
	events     uint64
	late       uint64
	conflicts  uint64
	kind       Kind // from an event other than the start; "" if none tells
}

// foldBound is the start or the end of a span.
type foldBound struct {
	stream int
	rank   int // see rankOf
	time   time.Time
	level  slog.Level
	attrs  foldAttrs

	kind        Kind // of a start, as the next fields
	name, agent string
	link        *Link
	flags       []string

	dur         time.Duration // of an end, as the next fields
	known       bool          // dur is known
	status, err string
}

// foldAttrs are the attributes of an event: a JSON object, or nil.
type foldAttrs struct {
	json  json.RawMessage
	clean bool // they are as documents have them
}

// attrsOf returns the attributes of the event that is being added.
func (f *fold) attrsOf(ev *Event) foldAttrs { return foldAttrs{ev.Attrs, f.memory.envelope.Plain} }

// foldSet is what a set event adds.
type foldSet struct {
	attrs    foldAttrs
	resource *Resource
}

// foldRecord is a record as a node, and what its place depends on.
type foldRecord struct {
	node   Node
	stream int
	after  uint32
	level  slog.Level
	agent  string // the named agent that logged it, "" if none
	err    string // the attribute "error", if it is text
	action bool
	usage  usageSum // what an action reported
}

// spanCount compares what a stream says of a span with what was read of it.
type spanCount struct {
	stream  int
	started bool
	late    bool // started after the parent had ended
	ended   bool
	n, kids uint64 // read so far
	// Less than the end counts.
	missing uint64
}

// foldRun reads the events of in. The tree is complete then: every span has its
// parents.
func foldRun(in *foldInput, carried *foldCarry) *fold {
	return foldWith(in, carried, &foldMemory{})
}

// foldWith is foldRun with memory that may have been used before.
func foldWith(in *foldInput, carried *foldCarry, memory *foldMemory) *fold {
	slices.SortFunc(in.lines, func(a, b foldLine) int {
		return cmp.Or(cmp.Compare(a.stream, b.stream), cmp.Compare(a.seq, b.seq), bytes.Compare(a.line, b.line))
	})
	f := newFold(in, carried, memory)
	for i := range in.lines {
		f.add(&in.lines[i])
	}
	f.finish()
	return f
}

func newFold(in *foldInput, carried *foldCarry, memory *foldMemory) *fold {
	f := &fold{in: in, carried: carried, memory: memory, spans: map[string]*foldSpan{}, origin: -1}
	f.root = f.span("")
	return f
}

// finish notes what is known once all events have been added.
func (f *fold) finish() {
	if f.refs = f.in.best; f.refs == nil {
		f.refs = bestRefs(f.in.refs)
	}
	if b := f.root.start; b != nil {
		f.origin = b.stream
	}
}

// stream returns the index of the stream of a line, which is the last one: lines come
// in the order of their streams.
func (f *fold) stream(id string, seq uint64) int {
	last := len(f.streams) - 1
	if last < 0 || f.streams[last].id != id {
		f.streams = append(f.streams, foldStream{id: id, min: seq, gone: f.in.streams[id].gone})
		last++
	}
	f.streams[last].max = seq
	return last
}

// span returns the span at path, with its ancestors.
func (f *fold) span(path string) *foldSpan {
	if sp := f.spans[path]; sp != nil {
		return sp
	}
	sp := f.memory.spans.add()
	*sp = foldSpan{path: path}
	sp.counts = sp.ofFirst[:0]
	f.spans[path] = sp
	if path != "" {
		sp.element = event.LastElement(path)
		sp.parent = f.span(event.ParentPath(path)) // at most event.MaxDepth deep
		sp.parent.kids = append(sp.parent.kids, sp)
	}
	return sp
}

func (f *fold) add(l *foldLine) {
	ev := &f.memory.event
	sp := f.parse(l, ev)
	if sp == nil || ev.Seq != l.seq || ev.Run != f.in.run {
		f.changed = true // it was parsed before
		return
	}
	stream := f.stream(l.stream, l.seq)
	sp.events++
	sp.conflicts += uint64(l.conflicts)
	count := f.count(sp, stream)
	count.n++
	late := count.ended && l.stream != "" // lines without a stream have no order
	if late {
		sp.late++
	}
	if ev.Kind != "" && sp.kind == "" {
		sp.kind = ev.Kind
	}
	switch ev.Type {
	case event.TypeStart:
		if !count.started {
			count.started = true
			if sp.parent != nil {
				parent := f.count(sp.parent, stream)
				parent.kids++
				count.late = parent.ended
			}
		}
		sp.start = f.better(sp.start, ev, stream)
	case event.TypeEnd:
		if !late {
			count.end(ev)
		}
		sp.end = f.better(sp.end, ev, stream)
	case event.TypeSet:
		sp.sets = append(sp.sets, foldSet{attrs: f.attrsOf(ev), resource: ev.Resource})
	case event.TypeInject:
		// It only explains why a child's ordinal is not used.
	default:
		sp.records = append(sp.records, f.newRecord(ev, stream, late))
	}
}

// parse reads the event on a line, and returns its span, nil if there is no event of
// the line's stream.
func (f *fold) parse(l *foldLine, ev *Event) *foldSpan {
	m := f.memory
	e := &m.envelope
	if l.plain && e.ScanAgain(l.line) || !l.plain && e.Scan(l.line) {
		if string(e.Stream) != l.stream {
			return nil
		}
		e.Fill(ev, &m.words)
		if m.last == nil || m.last.path != string(e.Span) { // mostly the end follows the start
			m.last = f.spans[string(e.Span)]
		}
		if m.last == nil {
			m.last = f.span(string(e.Span))
		}
		ev.Stream, ev.Span = l.stream, m.last.path
		return m.last
	}
	e.Plain = false
	var err error
	if *ev, err = event.ParseLine(l.line); err != nil || ev.Stream != l.stream {
		return nil
	}
	return f.span(ev.Span)
}

// count returns what is counted of sp in a stream, of which no later one has
// been seen.
func (f *fold) count(sp *foldSpan, stream int) *spanCount {
	last := len(sp.counts) - 1
	if last < 0 || sp.counts[last].stream != stream {
		c := spanCount{stream: stream}
		if sp == f.root {
			c.kids = f.carried.kids[f.streams[stream].id]
		}
		sp.counts = append(sp.counts, c)
		last++
	}
	return &sp.counts[last]
}

// end notes the first end of the span in the stream.
func (c *spanCount) end(ev *Event) {
	c.ended = true
	if ev.N > c.n {
		c.missing = ev.N - c.n
	}
	if ev.Kids > c.kids {
		c.missing = saturatingAdd(c.missing, ev.Kids-c.kids)
	}
}

// better returns the start or end that describes a span: of the two, a journal's
// own line before a foreign one, a whole start before one that was made up from
// the context, and else the first.
func (f *fold) better(old *foldBound, ev *Event, stream int) *foldBound {
	rank := rankOf(ev)
	if old != nil && old.rank <= rank {
		return old
	}
	b := f.memory.bounds.add()
	*b = foldBound{
		stream: stream, rank: rank, time: documentTime(ev.Time), level: ev.Level, attrs: f.attrsOf(ev),
		kind: ev.Kind, name: ev.Name, agent: ev.Agent, link: ev.Link, flags: documentFlags(ev.Flags),
		dur: ev.Dur, known: ev.Dur > 0 || !ev.Foreign, status: ev.Status, err: ev.Error,
	}
	return b
}

func rankOf(ev *Event) int {
	r := 0
	if ev.Foreign {
		r += 2
	}
	if slices.Contains(ev.Flags, event.FlagPartial) {
		r++
	}
	return r
}

// bestRefs returns the refs that describe spans whose start is missing: of each the
// first.
func bestRefs(refs []foldRef) map[string]*foldRef {
	best := map[string]*foldRef{}
	for i := range refs {
		r := &refs[i]
		old := best[r.Span]
		if old == nil || cmp.Or(
			cmp.Compare(r.stream, old.stream), cmp.Compare(r.seq, old.seq), cmp.Compare(r.index, old.index)) < 0 {
			best[r.Span] = r
		}
	}
	return best
}

// sortKids brings the children and the records of sp into their order.
func (sp *foldSpan) sortKids() {
	slices.SortFunc(sp.kids, func(a, b *foldSpan) int {
		x, y := &a.element, &b.element
		return cmp.Or(cmp.Compare(x.Ordinal, y.Ordinal), cmp.Compare(x.Token, y.Token), cmp.Compare(x.Counter, y.Counter))
	})
	// Stable: records are in the order of (stream, seq) already.
	slices.SortStableFunc(sp.records, func(a, b *foldRecord) int { return cmp.Compare(a.after, b.after) })
}

// newRecord makes a node of an event that is neither a start nor an end.
func (f *fold) newRecord(ev *Event, stream int, late bool) *foldRecord {
	r := f.memory.records.add()
	*r = foldRecord{stream: stream, after: ev.After, level: ev.Level, agent: namedAgent(ev.Logger)}
	n := &r.node
	n.Seq, n.Late, n.Flags = ev.Seq, late, documentFlags(ev.Flags)
	n.Time, n.Level, n.Logger, n.Msg = documentTime(ev.Time), event.LevelName(ev.Level), ev.Logger, ev.Msg
	if n.Source = ev.Source; n.Source != nil {
		n.Source.Line = max(n.Source.Line, 0)
	}
	if ev.Type != event.TypeLog {
		n.Event = string(ev.Type)
		r.agent = ""
	} else if name, ok := stringMember(ev.Attrs, KeyAction); ok {
		r.action = true
		n.Name = name
		var fields nodeFields
		fields.add(f.attrsOf(ev), true)
		r.usage = fields.liftAction(n)
		if n.Status == "" {
			n.Status = event.StatusOK
			if n.Error != "" || ev.Level >= slog.LevelError {
				n.Status = event.StatusError
			}
		}
		r.err = n.Error
		return r
	}
	r.err = errorAttr(ev)
	n.Attrs = cleanValue(ev.Attrs, f.memory.envelope.Plain)
	return r
}

// cleanValue returns a JSON value as documents have it; perhaps it is so. Nothing can be appended to
// it in place: it is a part of a line.
func cleanValue(value json.RawMessage, isClean bool) json.RawMessage {
	if !isClean {
		value = encode.Clean(value)
	}
	return slices.Clip(value)
}

// documentTime returns t as documents have it. A time that RFC 3339 cannot hold
// in UTC is left out.
func documentTime(t time.Time) time.Time {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		return time.Time{}
	}
	return t
}

// documentFlags returns flags as documents have them: nil if there are none.
func documentFlags(flags []string) []string {
	if len(flags) == 0 {
		return nil
	}
	return flags
}

// errorAttr returns the attribute "error" of a record that is an error, if it is
// text.
func errorAttr(ev *Event) (text string) {
	if ev.Level < slog.LevelError {
		return ""
	}
	text, _ = stringMember(ev.Attrs, KeyError)
	return text
}
