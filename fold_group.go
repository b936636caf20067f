package wfslog

import (
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/wfslog/wfslog/internal/event"
)

// foldGroup is an implicit interaction: the records of one agent in a workflow
// or an iteration.
type foldGroup struct {
	agent   string
	records []*foldRecord
}

// place returns where the group stands among its siblings: at its first record.
func (g *foldGroup) place() uint32 { return g.records[0].after }

func (r *foldRecord) place() uint32 { return r.after }

// failed reports whether r belongs to the errors of the document.
func (r *foldRecord) failed() bool {
	return r.level >= slog.LevelError || (r.action && r.node.Status == event.StatusError)
}

// group splits the records of sp, which must be sorted, into those of implicit
// interactions, in the order of their first records, and its own.
func (sp *foldSpan) group(kind Kind) (groups []*foldGroup, actions, logs []*foldRecord) {
	grouping := kind == KindWorkflow || kind == KindIteration
	var byAgent map[string]*foldGroup
	for _, r := range sp.records {
		switch {
		case grouping && r.agent != "":
			g := byAgent[r.agent]
			if g == nil {
				if byAgent == nil {
					byAgent = map[string]*foldGroup{}
				}
				g = &foldGroup{agent: r.agent}
				byAgent[r.agent] = g
				groups = append(groups, g)
			}
			g.records = append(g.records, r)
		case r.action:
			actions = append(actions, r)
		default:
			logs = append(logs, r)
		}
	}
	return groups, actions, logs
}

// implicit makes the node of an implicit interaction in sp, whose node is parent.
func (f *fold) implicit(sp *foldSpan, parent *Node, g *foldGroup, scope foldScope, to *foldTotals) (*Node, usageSum) {
	n := &Node{Span: implicitPath(sp.path, g.agent), Agent: g.agent, Status: event.StatusOK}
	if parent.Status == event.StatusOpen || parent.Status == event.StatusInterrupted {
		n.Status = parent.Status
	}
	to.agent(g.agent).interactions++
	scope.agent = g.agent
	var sum usageSum
	for _, action := range []bool{true, false} { // actions come before logs
		for _, r := range g.records {
			if r.action != action {
				continue
			}
			if r.failed() {
				n.Status = event.StatusError
			}
			u := f.record(r, n.Span, scope, to)
			sum.add(&u)
			if action {
				n.Actions = append(n.Actions, &r.node)
			} else {
				n.Logs = append(n.Logs, &r.node)
			}
		}
	}
	n.Usage = sum.totals()
	return n, sum
}

// namedAgent returns the agent that a record's logger names, "" if none.
func namedAgent(logger string) string {
	agent, ok := strings.CutPrefix(logger, workflowName+".")
	if !ok {
		return ""
	}
	return agent
}

// implicitPath returns the path of an agent's implicit interaction. Characters
// that mean something in paths and control characters are escaped.
func implicitPath(parent, agent string) string {
	const hexDigits = "0123456789ABCDEF"
	var path strings.Builder
	if parent != "" {
		path.WriteString(parent)
		path.WriteByte('/')
	}
	path.WriteByte('@')
	for i := 0; i < len(agent); {
		r, size := utf8.DecodeRuneInString(agent[i:])
		if strings.ContainsRune("%/~@", r) || unicode.IsControl(r) {
			for _, c := range []byte(agent[i : i+size]) {
				path.WriteByte('%')
				path.WriteByte(hexDigits[c>>4])
				path.WriteByte(hexDigits[c&15])
			}
		} else {
			path.WriteString(agent[i : i+size])
		}
		i += size
	}
	return path.String()
}
