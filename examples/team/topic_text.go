package main

import (
	"fmt"
	"slices"
	"strings"
)

// text is any other question: lines that hold its keywords are looked for.
type text struct{ words []string }

func (t text) search(f *file) []finding {
	var found []finding
	for i, line := range f.lines {
		lower := strings.ToLower(line)
		var hits []string
		for _, w := range t.words {
			if strings.Contains(lower, w) {
				hits = append(hits, w)
			}
		}
		if len(hits) > 0 && len(hits) >= len(t.words)/2 {
			at := place{File: f.path, Line: i + 1}
			found = append(found, finding{place: at, What: strings.Join(hits, ", "), Code: f.code(at), Weight: len(hits)})
		}
	}
	return found
}

func (t text) explain(ix *index, fd finding, _ bool) explanation {
	f := ix.files[fd.File]
	if f.syntax != nil {
		if fn := ix.functionAt(f, fd.place); fn != nil {
			return explanation{Consequence: "in " + fn.name(), Evidence: []place{fn.place()}}
		}
		return explanation{Consequence: "in package " + f.syntax.Name.Name}
	}
	for i, line := range slices.Backward(f.lines[:fd.Line]) {
		if strings.HasPrefix(line, "#") {
			return explanation{
				Consequence: "under " + strings.TrimSpace(strings.TrimLeft(line, "#")),
				Evidence:    []place{{File: f.path, Line: i + 1}},
			}
		}
	}
	return explanation{Consequence: "in " + f.path}
}

func (t text) conclude(findings []finding) string {
	return fmt.Sprintf("Found %s with the words asked for: %s.", count(len(findings), "line", "lines"), strings.Join(t.words, ", "))
}
