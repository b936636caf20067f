package wfslog

import (
	"encoding/json"
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// Source is the line of code that logged a record.
type Source = event.Source

// documentFormat names the form of documents.
const documentFormat = "wfslog/1"

// maxErrors is how many errors a document lists; the others are only counted.
const maxErrors = 100

// Document is the tree of one run: a pure function of the set of its events.
// [TreeBuilder.Document] makes it, [Document.WriteTo] writes it, and
// [json.Unmarshal] reads what was written back into an equal Document.
//
// The embedded Node is the root span. A Document shares memory with the
// TreeBuilder that made it: its JSON values must not be changed in place.
type Document struct {
	Format   string `json:"format"`             // "wfslog/1"
	Workflow string `json:"workflow,omitempty"` // name of the workflow; "" if the root's start is missing
	Run      RunID  `json:"run"`

	Node

	// Agents are sums by the name of the agent.
	Agents map[string]*AgentTotals `json:"agents,omitempty"`
	// Errors are the first 100 errors in document order: a span before what is
	// inside it, and then its children as the document lists them.
	Errors []*DocumentError `json:"errors,omitempty"`
	// ErrorsTotal counts all errors.
	ErrorsTotal uint64 `json:"errors_total"`
	// Complete reports whether the run and all of its spans have ended and nothing
	// is known to be missing.
	Complete  bool      `json:"complete"`
	Integrity Integrity `json:"integrity"`
}

// Node is a span or a record of a [Document]. The array that a node stands in
// tells its kind: an iteration, a nested workflow, an interaction or an action
// that is a span has a Span; an action that is a record and a log do not. Fields
// that a node does not have are zero and are not written.
//
// The fields Input to FinishReason, and Status and Error of actions, come from
// the attributes of that name, if they have the expected type.
type Node struct {
	// Span is the path of a span. That of an implicit interaction, which groups
	// the records of one agent, ends with "@" and the agent.
	Span string `json:"span,omitempty"`
	// Seq is a record's number in its stream; 0 if its line did not tell.
	Seq uint64 `json:"seq,omitempty"`
	// Stream is the stream of a record if it is not the one that wrote the root's
	// start.
	Stream string `json:"stream,omitempty"`
	// Number counts the iterations of a parent, from 1.
	Number int `json:"number,omitempty"`
	// Name is that of an action or a nested workflow.
	Name  string `json:"name,omitempty"`
	Agent string `json:"agent,omitempty"`
	// Event is the type of an event that this version does not know.
	Event string `json:"event,omitempty"`
	// Missing is set for a span whose start was not among the events.
	Missing bool `json:"missing,omitempty"`
	// Late is set for a record that came after the end of its span.
	Late bool `json:"late,omitempty"`
	// Flags are those of the span's start or of the record: "partial", "depth",
	// "default", "utf8".
	Flags []string `json:"flags,omitempty"`

	Time   time.Time `json:"time,omitzero"` // of a record
	Level  string    `json:"level,omitempty"`
	Logger string    `json:"logger,omitempty"`
	Msg    string    `json:"msg,omitempty"`

	// Status of a span or an action is "ok", "error", "open", "interrupted", or
	// what [Status] said.
	Status    string    `json:"status,omitempty"`
	Error     string    `json:"error,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	EndedAt   time.Time `json:"ended_at,omitzero"`
	// DurationMS is measured by the monotonic clock, in milliseconds with all
	// digits; "" while the span is open. See [Node.Duration].
	DurationMS json.Number `json:"duration_ms,omitempty"`

	Model        string          `json:"model,omitempty"`
	Provider     string          `json:"provider,omitempty"`
	Tool         string          `json:"tool,omitempty"`
	FinishReason string          `json:"finish_reason,omitempty"`
	Input        json.RawMessage `json:"input,omitempty"`
	Output       json.RawMessage `json:"output,omitempty"`
	// Usage is what an action reported, and of any other span the sum over the
	// actions in it; of actions within actions only the outermost that reports
	// usage or cost counts.
	Usage *UsageTotals `json:"usage,omitempty"`
	// CostUSD is what an action reported; sums are in Usage.
	CostUSD json.Number `json:"cost_usd,omitempty"`

	// Metadata is a JSON object: the attributes of a span or an action that have no
	// field of their own.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Attrs is a JSON object: the attributes of a log record.
	Attrs     json.RawMessage `json:"attrs,omitempty"`
	Resources []*Resource     `json:"resources,omitempty"`
	Source    *Source         `json:"source,omitempty"`
	Link      *Link           `json:"link,omitempty"`

	Iterations   []*Node `json:"iterations,omitempty"`
	Workflows    []*Node `json:"workflows,omitempty"` // parts of the run in other processes
	Interactions []*Node `json:"interactions,omitempty"`
	Actions      []*Node `json:"actions,omitempty"`
	Logs         []*Node `json:"logs,omitempty"`
}

// Duration returns the time from the span's start to its end by the monotonic
// clock. It is 0 while the span is open.
func (n *Node) Duration() time.Duration {
	d, _ := parseMillis(n.DurationMS)
	return d
}

// UsageTotals are numbers of tokens and money. A nil bucket is unknown.
type UsageTotals struct {
	// Calls is the number of actions that were summed; 0 for what one action
	// reported.
	Calls            uint64  `json:"calls,omitempty"`
	InputTokens      *uint64 `json:"input_tokens,omitempty"`
	OutputTokens     *uint64 `json:"output_tokens,omitempty"`
	CacheReadTokens  *uint64 `json:"cache_read_tokens,omitempty"`
	CacheWriteTokens *uint64 `json:"cache_write_tokens,omitempty"`
	ReasoningTokens  *uint64 `json:"reasoning_tokens,omitempty"`
	// CostUSD is an exact sum in units of 1e-9 USD; "" if no cost is known.
	CostUSD json.Number `json:"cost_usd,omitempty"`
}

// AgentTotals are the sums of one agent. What belongs to an agent is what is in
// its interactions, unless an interaction of another agent lies in between.
type AgentTotals struct {
	Interactions uint64       `json:"interactions"`
	Actions      uint64       `json:"actions"`
	Errors       uint64       `json:"errors"`
	Usage        *UsageTotals `json:"usage,omitempty"`
}

// DocumentError is a span that failed, a failed action, or a record of level
// Error or above.
type DocumentError struct {
	Span   string    `json:"span"`             // path of the span, or of the one that the record belongs to
	Seq    uint64    `json:"seq,omitempty"`    // of a record
	Stream string    `json:"stream,omitempty"` // as in [Node]
	Time   time.Time `json:"time,omitzero"`
	Level  string    `json:"level,omitempty"`
	Msg    string    `json:"msg,omitempty"`
	Error  string    `json:"error,omitempty"`
}

// Integrity tells what is known about the events that a document was made from.
type Integrity struct {
	// Events is the number of distinct events of the run.
	Events uint64 `json:"events"`
	// Missing is the number of events and of spans' starts that ends count and
	// that were not among the events.
	Missing uint64 `json:"missing"`
	// Lost is the number of events that the run's streams state as lost while the
	// run went on. They need not have been the run's.
	Lost uint64 `json:"lost"`
	// Damaged is the number of distinct lines that name the run and could not be
	// read.
	Damaged uint64 `json:"damaged"`
	// Conflicts is the number of distinct lines that were set aside because another
	// had the same stream and seq.
	Conflicts uint64 `json:"conflicts"`
	// Late is the number of events that came after the end of their span.
	Late uint64 `json:"late"`
	// Streams are the ids of the streams with events of the run, sorted.
	Streams []string `json:"streams"`
}

// nodeList is one of the arrays of a node.
type nodeList struct {
	name  string // of the array
	kind  string // of its nodes
	nodes []*Node
}

// The names of the arrays.
const (
	listIterations   = "iterations"
	listWorkflows    = "workflows"
	listInteractions = "interactions"
	listActions      = "actions"
	listLogs         = "logs"
)

// lists returns the arrays of n in document order.
func (n *Node) lists() [5]nodeList {
	return [5]nodeList{
		{listIterations, "iteration", n.Iterations},
		{listWorkflows, "workflow", n.Workflows},
		{listInteractions, "interaction", n.Interactions},
		{listActions, "action", n.Actions},
		{listLogs, "log", n.Logs},
	}
}

// kindOfList returns the kind of the nodes in the array with the given name.
func kindOfList(name string) string {
	for _, l := range (&Node{}).lists() {
		if l.name == name {
			return l.kind
		}
	}
	return ""
}

// list returns the array with the given name.
func (n *Node) list(name string) *[]*Node {
	switch name {
	case listIterations:
		return &n.Iterations
	case listWorkflows:
		return &n.Workflows
	case listInteractions:
		return &n.Interactions
	case listActions:
		return &n.Actions
	}
	return &n.Logs
}

func (n *Node) isLeaf() bool {
	return len(n.Iterations)+len(n.Workflows)+len(n.Interactions)+len(n.Actions)+len(n.Logs) == 0
}
