package workflowlogger

import "fmt"

// counts are the numbers of what stands elsewhere than in a document of wfslog.
type counts struct {
	logs               int
	outside            int // interactions and actions in no iteration
	agentless          int // actions in no interaction
	nestedActions      int // within actions, or in iterations and workflows within interactions
	nestedInteractions int
	nestedSpans        int // iterations and workflows
	unfinished         int
	errors             uint64 // that the document only counts
	incomplete         bool
}

func (c *counts) notes() []string {
	var notes []string
	note := func(n int, one, many, text string) {
		switch {
		case n == 1:
			notes = append(notes, one+text)
		case n > 1:
			notes = append(notes, fmt.Sprintf("%d %s%s", n, many, text))
		}
	}
	note(c.logs, "1 log record is", "log records are", " not among the actions, but in wfslog.logs in the metadata")
	note(c.outside, "1 interaction or action outside of all iterations is", "interactions and actions outside of all iterations are", " in iteration 0")
	note(c.agentless, "1 action of no agent is", "actions of no agent are", " in an interaction with an empty agent_name")
	note(c.nestedActions, "1 action within another is", "actions within others are", " in the list of the outermost; wfslog.in in the metadata tells where")
	note(c.nestedInteractions, "1 interaction within another node of an iteration is", "interactions within other nodes of an iteration are", " in the list of the iteration; wfslog.in in the metadata tells where")
	note(c.nestedSpans, "1 iteration or workflow within another span is", "iterations and workflows within other spans are", " only in wfslog.spans in additional_metadata")
	note(c.unfinished, "1 node has", "nodes have", " not ended")
	note(int(min(c.errors, 1<<31-1)), "1 error is", "errors are", " left out of error_log: the document only counts them")
	if c.incomplete {
		notes = append(notes, "parts of the run are missing: wfslog.integrity in additional_metadata tells how many")
	}
	return notes
}
