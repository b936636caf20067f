package workflowlogger

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/wfslog/wfslog"
)

// keyOwn is the member of open objects for what the format has no place for.
const keyOwn = "wfslog"

// keyModelConfig is the attribute of a run that has a place of its own.
const keyModelConfig = "model_config"

// rest is what is left of a node.
type rest struct {
	Kind string `json:"kind,omitempty"` // of a span that has no object of its own for its rest
	In   string `json:"in,omitempty"`   // the span that it was in
	wfslog.Node
}

// runRest is what is left of a document.
type runRest struct {
	Format string       `json:"format"`
	Run    wfslog.RunID `json:"run"`
	rest
	Agents      map[string]*wfslog.AgentTotals `json:"agents,omitempty"`
	ErrorsTotal uint64                         `json:"errors_total"`
	Complete    bool                           `json:"complete"`
	Integrity   wfslog.Integrity               `json:"integrity"`
	Spans       []rest                         `json:"spans,omitempty"` // iterations and workflows
}

// errorRest is what is left of an error.
type errorRest struct {
	Span   string `json:"span"`
	Seq    uint64 `json:"seq,omitempty"`
	Stream string `json:"stream,omitempty"`
	Level  string `json:"level,omitempty"`
}

// record names a log record.
type record struct {
	stream string
	seq    uint64
}

type converter struct {
	out    *log
	root   *wfslog.Node
	zero   *iteration // for what is in no iteration; nil if there is nothing
	last   int        // largest number of an iteration
	spans  []rest
	logs   map[record]*wfslog.Node
	used   map[string]bool // resources
	counts counts
	err    error
}

// place is where the walk is.
type place struct {
	iteration   *iteration // nil: in none yet
	interaction *interaction
	owner       *wfslog.Node // the node of interaction, or of iteration if that is nil
}

func convert(doc *wfslog.Document) (*log, []string, error) {
	c := converter{root: &doc.Node, logs: map[record]*wfslog.Node{}, used: map[string]bool{}}
	c.out = &log{Iterations: []*iteration{}, ResourcesUsed: []string{}, ErrorLog: []object{}}
	c.visit(c.root)
	c.walk(c.root, place{owner: c.root})
	if c.zero != nil {
		c.out.Iterations = slices.Insert(c.out.Iterations, 0, c.zero)
	}
	c.run(doc)
	for _, e := range doc.Errors {
		if e != nil {
			c.out.ErrorLog = append(c.out.ErrorLog, c.errorEntry(e))
		}
	}
	c.counts.errors = max(doc.ErrorsTotal, uint64(len(c.out.ErrorLog))) - uint64(len(c.out.ErrorLog))
	c.counts.incomplete = doc.Integrity.Missing+doc.Integrity.Lost+doc.Integrity.Damaged > 0
	return c.out, c.counts.notes(), c.err
}

// run adds what belongs to the run itself.
func (c *converter) run(doc *wfslog.Document) {
	left := rest{Node: doc.Node}
	own := c.split(&left)
	own, configs := own.cut(keyModelConfig)
	var config json.RawMessage
	for _, m := range configs {
		if _, isObject := parseObject(m.value); isObject {
			config = m.value
		} else {
			own = append(own, m)
		}
	}
	start := doc.StartedAt
	if start.IsZero() {
		start = doc.Run.Time()
	}
	c.out.FinalStatus = statusOf(doc.Status)
	c.out.Metadata = metadata{
		WorkflowName: doc.Workflow, StartTime: isoTime(start), EndTime: isoTime(doc.EndedAt), ModelConfig: config,
		AdditionalMetadata: c.add(own, keyOwn, runRest{
			Format: doc.Format, Run: doc.Run, rest: left, Agents: doc.Agents, ErrorsTotal: doc.ErrorsTotal,
			Complete: doc.Complete, Integrity: doc.Integrity, Spans: c.spans,
		}),
	}
}

// walk adds all that is in n.
func (c *converter) walk(n *wfslog.Node, at place) {
	for _, kid := range c.visitAll(n.Iterations) {
		inner := at
		if at.iteration == nil {
			inner = place{iteration: c.newIteration(n, kid), owner: kid}
		} else {
			c.counts.nestedSpans++
		}
		c.addSpan("iteration", n, kid)
		c.walk(kid, inner)
	}
	for _, kid := range c.visitAll(n.Workflows) {
		c.counts.nestedSpans++
		c.addSpan("workflow", n, kid)
		c.walk(kid, at)
	}
	for _, kid := range c.visitAll(n.Interactions) {
		inner := c.inIteration(at)
		if at.iteration == nil {
			c.counts.outside++
		} else if n != at.owner || at.interaction != nil {
			c.counts.nestedInteractions++
		}
		inner.interaction = c.newInteraction(kid, inOf(n, at.interaction == nil && n == at.owner))
		inner.owner = kid
		inner.iteration.Interactions = append(inner.iteration.Interactions, inner.interaction)
		c.walk(kid, inner)
	}
	c.actions(n, at)
}

// actions adds the actions directly in n.
func (c *converter) actions(n *wfslog.Node, at place) {
	kids := c.visitAll(n.Actions)
	if len(kids) == 0 {
		return
	}
	if at.interaction == nil {
		if at.iteration == nil {
			c.counts.outside += len(kids)
		}
		c.counts.agentless += len(kids)
		at = c.inIteration(at)
		at.interaction, at.owner = c.agentless(n, kids), n
		at.iteration.Interactions = append(at.iteration.Interactions, at.interaction)
	}
	for _, kid := range kids {
		direct := n == at.owner
		if !direct {
			c.counts.nestedActions++
		}
		at.interaction.Actions = append(at.interaction.Actions, c.newAction(kid, inOf(n, direct)))
		c.walk(kid, at)
	}
}

// inIteration returns at with an iteration.
func (c *converter) inIteration(at place) place {
	if at.iteration == nil {
		if c.zero == nil {
			c.zero = &iteration{Status: statusOf(c.root.Status), Interactions: []*interaction{}}
		}
		at.iteration = c.zero
	}
	return at
}

// newIteration adds an iteration that is in no other.
func (c *converter) newIteration(parent, n *wfslog.Node) *iteration {
	number := c.last + 1
	if parent == c.root {
		number = max(number, n.Number)
	}
	c.last = number
	it := &iteration{IterationNumber: number, Status: statusOf(n.Status), Interactions: []*interaction{}}
	c.out.Iterations = append(c.out.Iterations, it)
	return it
}

// addSpan adds the rest of an iteration or a workflow.
func (c *converter) addSpan(kind string, parent, n *wfslog.Node) {
	left := rest{Kind: kind, In: inOf(parent, false), Node: *n}
	metadata := n.Metadata
	c.split(&left)
	left.Metadata = metadata // there is no other place for it
	c.spans = append(c.spans, left)
}

func (c *converter) newInteraction(n *wfslog.Node, in string) *interaction {
	start, end := n.StartedAt, n.EndedAt
	if isImplicit(n) {
		start, end = bounds(slices.Concat(n.Interactions, n.Actions, n.Logs))
		if isUnfinished(n) {
			end = time.Time{}
		}
	}
	left := rest{In: in, Node: *n}
	left.Agent, left.Input, left.Output = "", nil, nil
	own := c.split(&left)
	return &interaction{
		AgentName: n.Agent, InputResponse: n.Input, OutputResponse: n.Output, StartTime: isoTime(start), EndTime: isoTime(end),
		Actions: []*action{}, Metadata: c.addRest(own, left),
	}
}

// agentless returns an interaction for actions of no agent.
func (c *converter) agentless(parent *wfslog.Node, actions []*wfslog.Node) *interaction {
	start, end := bounds(actions)
	if slices.ContainsFunc(actions, isUnfinished) {
		end = time.Time{}
	}
	return &interaction{
		StartTime: isoTime(start), EndTime: isoTime(end),
		Actions: []*action{}, Metadata: c.addRest(nil, rest{In: inOf(parent, false)}),
	}
}

func (c *converter) newAction(n *wfslog.Node, in string) *action {
	at := n.Time
	for _, other := range []time.Time{n.EndedAt, n.StartedAt} {
		if at.IsZero() {
			at = other
		}
	}
	left := rest{In: in, Node: *n}
	left.Name, left.Input, left.Output = "", nil, nil
	own := c.split(&left)
	return &action{ActionType: n.Name, InputData: n.Input, OutputData: n.Output, Timestamp: isoTime(at), Metadata: c.addRest(own, left)}
}

func (c *converter) errorEntry(e *wfslog.DocumentError) object {
	entry := c.add(nil, "timestamp", isoTime(e.Time))
	entry = c.add(entry, "message", cmp.Or(e.Msg, e.Error))
	taken := map[string]bool{"timestamp": true, "message": true, keyOwn: true}
	of := record{e.Stream, e.Seq}
	if n := c.logs[of]; n != nil {
		delete(c.logs, of) // a document that was not written by wfslog may name it more than once
		attrs, _ := parseObject(n.Attrs)
		for _, m := range attrs { // all of them are in the log as well
			if !taken[m.key] {
				taken[m.key] = true
				entry = append(entry, m)
			}
		}
	}
	if e.Error != "" && e.Msg != "" && !taken["error"] {
		entry = c.add(entry, "error", e.Error)
	}
	return c.add(entry, keyOwn, errorRest{Span: e.Span, Seq: e.Seq, Stream: e.Stream, Level: e.Level})
}

// visitAll counts nodes and returns those that there are: a document that was not
// written by wfslog may have others.
func (c *converter) visitAll(nodes []*wfslog.Node) []*wfslog.Node {
	nodes = slices.DeleteFunc(slices.Clone(nodes), func(n *wfslog.Node) bool { return n == nil })
	for _, n := range nodes {
		c.visit(n)
	}
	return nodes
}

func (c *converter) visit(n *wfslog.Node) {
	if isUnfinished(n) {
		c.counts.unfinished++
	}
	for _, r := range n.Resources {
		if r != nil && !c.used[r.Name] {
			c.used[r.Name] = true
			c.out.ResourcesUsed = append(c.out.ResourcesUsed, r.Name)
		}
	}
	for _, l := range n.Logs {
		if l == nil {
			continue
		}
		c.counts.logs++
		if l.Seq > 0 {
			c.logs[record{l.Stream, l.Seq}] = l
		}
	}
}

// split takes from left what becomes part of the lists, and the metadata, which it
// returns; what stays of that in left cannot stand elsewhere.
func (c *converter) split(left *rest) object {
	left.Iterations, left.Workflows, left.Interactions, left.Actions = nil, nil, nil, nil
	own, ok := parseObject(left.Metadata)
	if !ok {
		return nil
	}
	own, clash := own.cut(keyOwn)
	left.Metadata = nil
	if clash != nil {
		raw, err := clash.MarshalJSON()
		c.err = errors.Join(c.err, err)
		left.Metadata = raw
	}
	return own
}

// addRest adds what is left of a node to its metadata, if anything is.
func (c *converter) addRest(own object, left rest) object {
	raw, err := marshal(left)
	c.err = errors.Join(c.err, err)
	if string(raw) == "{}" {
		return own
	}
	return append(own, member{keyOwn, raw})
}

func (c *converter) add(o object, key string, value any) object {
	o, err := o.with(key, value)
	c.err = errors.Join(c.err, err)
	return o
}

func marshal(value any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// maxPath is longer than any path that a handler writes.
const maxPath = 2 << 10

// inOf returns the path to tell for what is in n, nothing if it is directly in what
// it stands in.
func inOf(n *wfslog.Node, direct bool) string {
	if direct {
		return ""
	}
	return n.Span[:min(len(n.Span), maxPath)] // it may be told very often
}

// statusOf returns a status in that logger's words.
func statusOf(status string) string {
	switch status {
	case "ok":
		return "completed"
	case "open":
		return "in_progress"
	}
	return status
}

// isImplicit reports whether an interaction consists of records of an agent.
func isImplicit(n *wfslog.Node) bool {
	return strings.HasPrefix(n.Span[strings.LastIndexByte(n.Span, '/')+1:], "@")
}

func isUnfinished(n *wfslog.Node) bool {
	return n.EndedAt.IsZero() && (n.Status == "open" || n.Status == "interrupted")
}

// bounds returns the first and the last time of nodes.
func bounds(nodes []*wfslog.Node) (first, last time.Time) {
	for _, n := range nodes {
		if n == nil {
			continue
		}
		for _, t := range []time.Time{n.Time, n.StartedAt, n.EndedAt} {
			if t.IsZero() {
				continue
			}
			if first.IsZero() || t.Before(first) {
				first = t
			}
			if t.After(last) {
				last = t
			}
		}
	}
	return first, last
}
