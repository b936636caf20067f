package event

// Kind is the kind of a span.
type Kind string

// The kinds of spans, from the outside in. They may nest freely.
const (
	KindWorkflow    Kind = "workflow"    // the root of a run
	KindIteration   Kind = "iteration"   // one round of a workflow
	KindInteraction Kind = "interaction" // one agent's turn
	KindAction      Kind = "action"      // an LLM call, a tool call, …
)

// Valid reports whether k is one of the four kinds.
func (k Kind) Valid() bool {
	switch k {
	case KindWorkflow, KindIteration, KindInteraction, KindAction:
		return true
	}
	return false
}
