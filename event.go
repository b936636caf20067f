package wfslog

import "github.com/wfslog/wfslog/internal/event"

// Event is one line of a journal.
type Event = event.Event

// RunID names one execution of a workflow; see [event.RunID].
type RunID = event.RunID

// SpanID is the short form of a span's address for W3C and OpenTelemetry: the
// first 8 bytes of SHA-256(run ‖ path).
type SpanID = event.SpanID

// Resource is something that a span used or made; see [AddResource].
type Resource = event.Resource

// Link names a span outside the run.
type Link = event.Link

// Kind is the kind of a span.
type Kind = event.Kind

// The kinds of spans, from the outside in. They may nest freely.
const (
	KindWorkflow    = event.KindWorkflow    // the root of a run
	KindIteration   = event.KindIteration   // one round of a workflow
	KindInteraction = event.KindInteraction // one agent's turn
	KindAction      = event.KindAction      // an LLM call, a tool call, …
)

// ParseError says where a line of a journal could not be read.
type ParseError = event.ParseError

// ParseLine reads one line of a journal without its newline; see [event.ParseLine].
func ParseLine(line []byte) (Event, error) { return event.ParseLine(line) }

// ParseRunID returns the RunID that text names with 32 lower-case hex digits.
func ParseRunID(text string) (RunID, error) { return event.ParseRunID(text) }
