package wfslog

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

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

// wholeName returns the name of the logger that name, with or without "workflow.",
// stands for. The empty name stays.
func wholeName(name string) string {
	if name == "" || name == workflowName || strings.HasPrefix(name, workflowName+".") {
		return name
	}
	return workflowName + "." + name
}

// ParseLoggerName returns the name of the logger that text stands for: an agent may
// be named with or without "workflow.", as for [StartInteraction]. The empty name,
// which in [Levels] stands for all loggers, stays. A name with an empty segment is an
// error, as no logger can have it, and so is one with white space or one of the
// characters , ; = which are most likely a slip.
func ParseLoggerName(text string) (string, error) {
	name, err := parseLoggerName(text)
	if err != nil {
		return "", fmt.Errorf("wfslog: logger name %q: %w", text, err)
	}
	return name, nil
}

func parseLoggerName(text string) (string, error) {
	switch {
	case text == "":
		return "", nil
	case !wholeSegments(text):
		return "", errors.New("a segment of the name is empty")
	case strings.ContainsAny(text, ",;=") || strings.ContainsFunc(text, unicode.IsSpace):
		return "", errors.New("names have no spaces and none of , ; =")
	}
	return wholeName(text), nil
}

// agentOf returns the agent that a logger name or the name of an agent stands
// for: the name without "workflow.". A bare "workflow" is no agent.
func agentOf(name string) string {
	if name == workflowName {
		return ""
	}
	return strings.TrimPrefix(name, workflowName+".")
}
