package wfslogtest

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/hook"
)

// KindLog is the kind of log records that are no actions, for [Query].
const KindLog wfslog.Kind = "log"

// entry is a node and what it has from its place.
type entry struct {
	kind  wfslog.Kind
	node  *wfslog.Node
	agent string // whose it is
	path  string // of the span, or of the one that a record belongs to
	since uint64 // number of the event that it began with
}

// snapshot returns the documents that [Recorder.Documents] does, and their nodes but
// for the roots, each before what is in it.
func (r *Recorder) snapshot() (docs []*wfslog.Document, entries []entry) {
	for _, id := range r.sink.Runs() {
		doc, err := r.sink.Document(id)
		if err != nil || slices.Contains(doc.Flags, event.FlagDefault) {
			continue // of the default run
		}
		docs = append(docs, doc)
	}
	if len(docs) == 0 { // the levels of Options.Handler leave nothing
		doc := &wfslog.Document{Format: "wfslog/1", Workflow: r.t.Name(), Run: r.run}
		return append(docs, doc), nil
	}
	if len(docs) > 1 && docs[0].Run == r.run && isEmpty(&docs[0].Node) {
		docs = docs[1:]
	}
	for _, doc := range docs {
		c := collector{sink: r.sink, run: doc.Run}
		c.inside(&doc.Node, "", "")
		entries = append(entries, c.entries...)
		if doc.Run == r.run {
			endRoot(doc, c.entries)
		}
		renumber(doc, r.opts.KeepTimes)
	}
	return docs, entries
}

func isEmpty(n *wfslog.Node) bool {
	return len(n.Iterations)+len(n.Workflows)+len(n.Interactions)+len(n.Actions)+len(n.Logs)+len(n.Resources)+len(n.Metadata) == 0
}

// kids returns what is directly in n, in the order of documents.
func kids(n *wfslog.Node) []list {
	return []list{
		{wfslog.KindIteration, n.Iterations},
		{wfslog.KindWorkflow, n.Workflows},
		{wfslog.KindInteraction, n.Interactions},
		{wfslog.KindAction, n.Actions},
		{KindLog, n.Logs},
	}
}

type list struct {
	kind  wfslog.Kind
	nodes []*wfslog.Node
}

// collector collects the nodes of a document.
type collector struct {
	sink    *sink
	run     wfslog.RunID
	entries []entry
}

// inside adds what is in n, which is at path and has the given agent. It returns the
// number of the first event of that.
func (c *collector) inside(n *wfslog.Node, path, agent string) (first uint64) {
	for _, l := range kids(n) {
		for _, kid := range l.nodes {
			e := entry{kind: l.kind, node: kid, agent: agent, path: path, since: kid.Seq}
			if kid.Agent != "" {
				e.agent = kid.Agent
			}
			if kid.Span != "" {
				e.path, e.since = kid.Span, c.sink.startOf(c.run, kid.Span)
			}
			at := len(c.entries)
			c.entries = append(c.entries, e)
			below := c.inside(kid, e.path, e.agent)
			if e.since == 0 { // an implicit interaction begins with its first record
				c.entries[at].since = below
			}
			if since := c.entries[at].since; since > 0 && (first == 0 || since < first) {
				first = since
			}
		}
	}
	return first
}

// endRoot makes doc what it will be when its root has ended, unless it has already.
func endRoot(doc *wfslog.Document, entries []entry) {
	if doc.Status != event.StatusOpen {
		return
	}
	doc.Status = event.StatusOK
	doc.EndedAt = doc.StartedAt
	doc.DurationMS = "0"
	in := &doc.Integrity
	doc.Complete = in.Missing == 0 && in.Lost == 0 && in.Damaged == 0
	for _, e := range entries {
		if strings.HasPrefix(e.node.Span, "@") && isOpen(e.node) { // an implicit interaction in the root
			e.node.Status = event.StatusOK
		}
		doc.Complete = doc.Complete && !isOpen(e.node)
		for _, t := range []time.Time{e.node.Time, e.node.EndedAt} {
			if t.After(doc.EndedAt) {
				doc.EndedAt = t
				doc.DurationMS = millis(t.Sub(doc.StartedAt))
			}
		}
	}
}

// isOpen reports whether n is a span that has not ended.
func isOpen(n *wfslog.Node) bool {
	return n.Status == event.StatusOpen || n.Status == event.StatusInterrupted
}

func millis(d time.Duration) json.Number {
	return json.Number(strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64))
}

// renumberer gives records their numbers and everything its time in the order of a
// document.
type renumberer struct {
	now       time.Time
	seq       uint64
	keepTimes bool

	records map[uint64]*wfslog.Node // by their former numbers
	spans   map[string]*wfslog.Node
}

func renumber(doc *wfslog.Document, keepTimes bool) {
	r := renumberer{
		now: hook.Epoch, keepTimes: keepTimes,
		records: map[uint64]*wfslog.Node{}, spans: map[string]*wfslog.Node{},
	}
	r.node(&doc.Node)
	for _, e := range doc.Errors {
		n := r.spans[e.Span]
		if e.Seq != 0 {
			n = r.records[e.Seq]
		}
		switch {
		case n == nil:
		case e.Seq != 0:
			e.Seq, e.Time = n.Seq, n.Time
		default:
			e.Time = n.EndedAt
		}
	}
}

func (r *renumberer) node(n *wfslog.Node) {
	if n.Seq == 0 {
		r.spans[n.Span] = n
	} else {
		r.seq++
		r.records[n.Seq] = n
		n.Seq = r.seq
	}
	r.tick(&n.Time)
	r.tick(&n.StartedAt)
	for _, l := range kids(n) {
		for _, kid := range l.nodes {
			r.node(kid)
		}
	}
	r.tick(&n.EndedAt)
	if !r.keepTimes && n.DurationMS != "" {
		n.DurationMS = millis(n.EndedAt.Sub(n.StartedAt))
	}
}

// tick replaces a time, if there is one, by the next one.
func (r *renumberer) tick(t *time.Time) {
	if r.keepTimes || t.IsZero() {
		return
	}
	*t = r.now
	r.now = r.now.Add(time.Millisecond)
}
