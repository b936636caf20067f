package wfslogtest

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/wfslog/wfslog"
)

// Query chooses nodes of the documents that [Recorder.Documents] returns, the roots
// left out. Zero fields choose any.
type Query struct {
	// Kind is that of the nodes: a kind of span, [wfslog.KindAction] also for actions
	// that are records, or [KindLog]. "" means all of them but log records.
	Kind wfslog.Kind
	// Agent is who did it, with or without "workflow.".
	Agent string
	// Name is that of an action or a workflow, or the message of a log record.
	Name string
	// Path is that of the span, of one around it, or of one that a record is in.
	Path string
	// Attrs are attributes that nodes must have, such as wfslog.Model("m1") or
	// slog.Int("depth", 3). Groups, structs and maps in their values need not be
	// complete: the node may have further members.
	Attrs []slog.Attr
}

// String describes what the query chooses.
func (q Query) String() string {
	what := string(q.Kind)
	if what == "" {
		what = "node"
	}
	if q.Name != "" {
		what += fmt.Sprintf(" %q", q.Name)
	}
	if q.Agent != "" {
		what += " of " + q.Agent
	}
	if q.Path != "" {
		what += " in " + q.Path
	}
	for i, a := range q.Attrs {
		sep := ", "
		if i == 0 {
			sep = " with "
		}
		what += sep + a.Key + "=" + wanted(a)
	}
	return what
}

func (q *Query) matches(e *entry) bool {
	if q.Kind != e.kind && (q.Kind != "" || e.kind == KindLog) {
		return false
	}
	name := e.node.Name
	if e.kind == KindLog {
		name = e.node.Msg
	}
	const prefix = "workflow."
	return (q.Name == "" || q.Name == name) &&
		(q.Agent == "" || strings.TrimPrefix(q.Agent, prefix) == strings.TrimPrefix(e.agent, prefix)) &&
		(q.Path == "" || q.Path == e.path || strings.HasPrefix(e.path, q.Path+"/")) &&
		hasAttrs(e.node, q.Attrs)
}

// Find returns the nodes that q chooses, in the order in which they began: spans
// with their start.
func (r *Recorder) Find(q Query) []*wfslog.Node {
	_, entries := r.snapshot()
	var found []*wfslog.Node
	for _, e := range inOrder(entries) {
		if q.matches(&e) {
			found = append(found, e.node)
		}
	}
	return found
}

func inOrder(entries []entry) []entry {
	slices.SortStableFunc(entries, func(a, b entry) int {
		switch {
		case a.since < b.since:
			return -1
		case a.since > b.since:
			return 1
		}
		return 0
	})
	return entries
}

// AssertAction fails the test unless there is an action with this agent, name and
// attributes; see [Query]. It reports whether there is. On failure it shows the
// tree, as all Assert methods do.
func (r *Recorder) AssertAction(agent, name string, attrs ...slog.Attr) bool {
	r.t.Helper()
	return r.assertOne(Query{Kind: wfslog.KindAction, Agent: agent, Name: name, Attrs: attrs})
}

// AssertInteraction fails the test unless there is an interaction of this agent with
// these attributes, and reports whether there is.
func (r *Recorder) AssertInteraction(agent string, attrs ...slog.Attr) bool {
	r.t.Helper()
	return r.assertOne(Query{Kind: wfslog.KindInteraction, Agent: agent, Attrs: attrs})
}

func (r *Recorder) assertOne(q Query) bool {
	r.t.Helper()
	if len(r.Find(q)) > 0 {
		return true
	}
	like := q
	like.Attrs = nil
	var others []string
	if len(q.Attrs) > 0 {
		for _, n := range r.Find(like) {
			others = append(others, address(n)+" has "+attributesOf(n, q.Attrs))
		}
	}
	return r.fail(fmt.Sprintf("no %v", q), others)
}

// AssertCount fails the test unless q chooses n nodes, and reports whether it does.
func (r *Recorder) AssertCount(n int, q Query) bool {
	r.t.Helper()
	found := r.Find(q)
	if len(found) == n {
		return true
	}
	var addresses []string
	for _, node := range found {
		addresses = append(addresses, address(node))
	}
	return r.fail(fmt.Sprintf("%d of %v, want %d", len(found), q, n), addresses)
}

// AssertOrder fails the test unless there are different nodes that the queries
// choose, which began in the order of the queries. Others may have begun in between.
// It reports whether there are.
func (r *Recorder) AssertOrder(queries ...Query) bool {
	r.t.Helper()
	_, entries := r.snapshot()
	entries = inOrder(entries)
	for i, q := range queries {
		at := slices.IndexFunc(entries, func(e entry) bool { return q.matches(&e) })
		if at < 0 {
			text := fmt.Sprintf("no %v", q)
			if i > 0 {
				text += fmt.Sprintf(" after %v", queries[i-1])
			}
			return r.fail(text, nil)
		}
		entries = entries[at+1:]
	}
	return true
}

// AssertErrors fails the test unless the errors in the documents are as many as
// there are texts, and each has the text at its place in its error or its message;
// without texts, unless there are none. The errors stand in the order of documents.
// It reports whether they are.
func (r *Recorder) AssertErrors(texts ...string) bool {
	r.t.Helper()
	var got []string
	for _, doc := range r.Documents() {
		for _, e := range doc.Errors {
			text := e.Error
			if text == "" || e.Msg != "" {
				text = strings.TrimSuffix(e.Msg+": "+e.Error, ": ")
			}
			got = append(got, text)
		}
	}
	if slices.EqualFunc(got, texts, strings.Contains) {
		return true
	}
	problem := fmt.Sprintf("%d errors, want %d", len(got), len(texts))
	if len(texts) > 0 {
		problem += fmt.Sprintf(" with %q", texts)
	}
	return r.fail(problem, got)
}

// fail fails the test with a problem, what there is to say of it, and the tree.
func (r *Recorder) fail(problem string, details []string) bool {
	r.t.Helper()
	r.t.Errorf("wfslogtest: %s%s\n\n%s", problem, indented(details), r.Tree())
	return false
}

// maxPlaces is how many places or details a failure names.
const maxPlaces = 10

// indented returns the first lines, each on a new line.
func indented(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		if i == maxPlaces {
			fmt.Fprintf(&b, "\n  and %d more", len(lines)-i)
			break
		}
		b.WriteString("\n  " + line)
	}
	return b.String()
}

// address returns the address of a node as the tree shows it.
func address(n *wfslog.Node) string {
	if n.Span != "" {
		return n.Span
	}
	return fmt.Sprintf(":%d", n.Seq)
}
