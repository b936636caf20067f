package cli

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wfslog/wfslog"
)

// found is a node with what its place says of it.
type found struct {
	node   *wfslog.Node
	kind   string
	parent *wfslog.Node // nil for the root
}

// findNode returns the node of a document that ref names: the path of a span, or a
// record's number behind a colon, and before that its stream, if it is not the one
// of the root.
func findNode(doc *wfslog.Document, ref string) (found, error) {
	root := found{node: &doc.Node, kind: "workflow"}
	if ref == "" {
		return root, nil
	}
	if f, ok := walk(root, func(n *wfslog.Node) bool { return n.Span == ref }); ok {
		return f, nil
	}
	stream, number, isRecord := cutLast(ref, ":")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !isRecord || err != nil {
		return found{}, fmt.Errorf("no span %q in run %s; wfslog tree shows the paths that there are", ref, doc.Run)
	}
	f, ok := walk(root, func(n *wfslog.Node) bool { return n.Span == "" && n.Seq == seq && n.Stream == stream })
	if !ok {
		return found{}, fmt.Errorf("no record %q in run %s: wfslog tree --logs shows those that there are; starts and ends of spans are none", ref, doc.Run)
	}
	return f, nil
}

func cutLast(text, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(sep):], true
}

// walk returns the first node in f for which is reports true, but for f itself.
func walk(f found, is func(*wfslog.Node) bool) (found, bool) {
	n := f.node
	for _, list := range []struct {
		kind  string
		nodes []*wfslog.Node
	}{
		{"iteration", n.Iterations},
		{"workflow", n.Workflows},
		{"interaction", n.Interactions},
		{"action", n.Actions},
		{"log", n.Logs},
	} {
		for _, kid := range list.nodes {
			sub := found{kid, list.kind, n}
			if is(kid) {
				return sub, true
			}
			if deeper, ok := walk(sub, is); ok {
				return deeper, true
			}
		}
	}
	return found{}, false
}
