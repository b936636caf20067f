package treetext

import (
	"encoding/json"
	"log/slog"
	"strings"

	"github.com/wfslog/wfslog"
)

// Level says down to which kind of node a tree is shown.
type Level int

// The levels. The zero value shows spans and actions.
const (
	LevelAction Level = iota
	LevelLog
	LevelInteraction
	LevelIteration
)

// levelNames are the names of levels for flags.
var levelNames = map[string]Level{
	"iteration": LevelIteration, "interaction": LevelInteraction, "action": LevelAction, "log": LevelLog,
}

// ParseLevel returns the level with the given name: that of a kind of node.
func ParseLevel(name string) (l Level, ok bool) {
	l, ok = levelNames[name]
	return l, ok
}

// shows reports whether nodes of a kind are shown.
func (l Level) shows(kind string) bool {
	switch kind {
	case kindLog:
		return l == LevelLog
	case kindAction:
		return l == LevelLog || l == LevelAction
	case kindInteraction:
		return l != LevelIteration
	}
	return true
}

// Filter says which nodes of a tree are shown. The zero value shows spans and
// actions.
type Filter struct {
	// Level hides nodes of kinds below it, with all that is in them. Log records that
	// Errors or Match asks for are shown all the same.
	Level Level
	// Depth is the number of levels below the root that are shown; 0 means all.
	Depth int
	// Errors shows only what failed, and the way to it.
	Errors bool
	// Agent shows only what is in interactions of this agent, and the way to it.
	Agent string
	// Match shows only nodes with this text, in letters of any case, in one of their
	// names, texts or attributes, and the way to them.
	Match string
}

// selects reports whether f shows only nodes of some properties.
func (f *Filter) selects() bool { return f.Errors || f.Agent != "" || f.Match != "" }

// Kinds of nodes.
const (
	kindWorkflow    = "workflow"
	kindIteration   = "iteration"
	kindInteraction = "interaction"
	kindAction      = "action"
	kindLog         = "log"
)

// item is a node that is shown.
type item struct {
	kind string
	node *wfslog.Node
	turn int // of an interaction: which of the run it is, from 1
	kids []*item
	logs int // hidden log records directly in it
}

// hidden counts what a filter left out.
type hidden struct {
	logs   int
	others int
}

// selector chooses the nodes that are shown.
type selector struct {
	Filter
	match  string // in small letters
	turns  int
	hidden hidden
}

func newSelector(f Filter) *selector { return &selector{Filter: f, match: strings.ToLower(f.Match)} }

// tree returns the items of doc. The root is always shown.
func (s *selector) tree(doc *wfslog.Document) *item {
	it := &item{kind: kindWorkflow, node: &doc.Node}
	s.kids(it, 0, false)
	return it
}

// kids adds the children of it that are shown, which is at the given depth.
func (s *selector) kids(it *item, depth int, ofAgent bool) {
	n := it.node
	for _, list := range []struct {
		kind  string
		nodes []*wfslog.Node
	}{
		{kindIteration, n.Iterations},
		{kindWorkflow, n.Workflows},
		{kindInteraction, n.Interactions},
		{kindAction, n.Actions},
		{kindLog, n.Logs},
	} {
		for _, kid := range list.nodes {
			sub := &item{kind: list.kind, node: kid}
			if list.kind == kindInteraction {
				s.turns++
				sub.turn = s.turns
			}
			hiddenBefore := s.hidden
			inAgent := ofAgent
			if kid.Agent != "" {
				inAgent = sameAgent(kid.Agent, s.Agent)
			}
			s.kids(sub, depth+1, inAgent)
			if s.shows(sub, depth+1, inAgent) {
				it.kids = append(it.kids, sub)
				continue
			}
			all := hiddenBefore
			all.add(list.kind, kid)
			s.hidden = all
			if list.kind == kindLog {
				it.logs++
			}
		}
	}
}

// add counts a node and all that is in it.
func (h *hidden) add(kind string, n *wfslog.Node) {
	if kind == kindLog {
		h.logs++
	} else {
		h.others++
	}
	h.logs += len(n.Logs)
	for _, list := range [][]*wfslog.Node{n.Iterations, n.Workflows, n.Interactions, n.Actions} {
		for _, kid := range list {
			h.add("", kid)
		}
	}
}

// sameAgent compares names of agents, which may be those of their loggers.
func sameAgent(a, b string) bool {
	return strings.TrimPrefix(a, "workflow.") == strings.TrimPrefix(b, "workflow.")
}

// shows reports whether an item is shown, whose children were chosen.
func (s *selector) shows(it *item, depth int, ofAgent bool) bool {
	if s.Depth > 0 && depth > s.Depth {
		return false
	}
	wanted := (!s.Errors || failed(it.node, it.kind)) && (s.Agent == "" || ofAgent) && (s.match == "" || s.matches(it.node))
	if it.kind == kindLog && (s.Errors || s.match != "") {
		return wanted
	}
	return s.Level.shows(it.kind) && (wanted || len(it.kids) > 0)
}

// failed reports whether a node is a failure.
func failed(n *wfslog.Node, kind string) bool {
	if kind == kindLog {
		level, err := wfslog.ParseLevel(n.Level)
		return err == nil && level >= slog.LevelError
	}
	return n.Status == "error" || n.Error != ""
}

func (s *selector) matches(n *wfslog.Node) bool {
	for _, text := range []string{n.Name, n.Agent, n.Msg, n.Error, n.Status, n.Tool, n.Model, n.Provider, n.Level, n.Logger, n.FinishReason} {
		if strings.Contains(strings.ToLower(text), s.match) {
			return true
		}
	}
	for _, value := range []json.RawMessage{n.Input, n.Output, n.Metadata, n.Attrs} {
		if len(value) > 0 && strings.Contains(strings.ToLower(plain(value)), s.match) {
			return true
		}
	}
	return false
}

// plain returns the text of a JSON string, and other JSON as it is.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		text = string(value)
	}
	return text
}

// Prune returns doc with only the nodes that f shows.
func Prune(doc *wfslog.Document, f Filter) *wfslog.Document {
	pruned := *doc
	pruned.Node = *newSelector(f).tree(doc).pruned()
	return &pruned
}

// pruned returns the node of it with only the children that are shown.
func (it *item) pruned() *wfslog.Node {
	n := *it.node
	n.Iterations, n.Workflows, n.Interactions, n.Actions, n.Logs = nil, nil, nil, nil, nil
	lists := map[string]*[]*wfslog.Node{
		kindIteration: &n.Iterations, kindWorkflow: &n.Workflows, kindInteraction: &n.Interactions,
		kindAction: &n.Actions, kindLog: &n.Logs,
	}
	for _, kid := range it.kids {
		*lists[kid.kind] = append(*lists[kid.kind], kid.pruned())
	}
	return &n
}
