package wfslog

import "strings"

// workflowName is the group that begins the name of a logger.
const workflowName = "workflow"

// loggerName returns the name that a logger has after WithGroup(group), and
// false if group is an ordinary group. bare says that the logger's name is
// "workflow" and was set by the call before.
func loggerName(group string, bare bool) (string, bool) {
	if group == workflowName {
		return group, true
	}
	if rest, ok := strings.CutPrefix(group, workflowName+"."); ok {
		return group, wholeSegments(rest)
	}
	if bare && wholeSegments(group) {
		return workflowName + "." + group, true
	}
	return "", false
}

// wholeSegments reports whether no segment of name is empty.
func wholeSegments(name string) bool {
	for segment := range strings.SplitSeq(name, ".") {
		if segment == "" {
			return false
		}
	}
	return true
}

// agentOf returns the agent that a logger name or the name of an agent stands
// for: the name without "workflow.". A bare "workflow" is no agent.
func agentOf(name string) string {
	if name == workflowName {
		return ""
	}
	return strings.TrimPrefix(name, workflowName+".")
}
