package main

import (
	"fmt"
	"slices"
)

// draft is the answer as far as it is written.
type draft struct {
	question string
	topic    topic
	index    *index
	claims   []*claim
	units    []unit
	tries    map[string]int // how often a file could not be read
	unread   []unread       // files that cannot be read
	leftOut  int            // test files, which the topic does not ask for

	objections []objection // those that are left at the end
}

// claim is a finding that becomes part of the answer.
type claim struct {
	finding
	explanation
	explained int // how often a reader has looked at it
	checked   bool
}

// unread is a file that cannot be read, and why.
type unread struct {
	path string
	err  error
}

// unit is what a searcher looks at as a whole: the files of a directory.
type unit struct {
	dir    string
	pkg    string            // import path, if known
	export map[string]string // import path → file with the types of what it imports
	files  []string
	size   int64
}

// add takes over what the searchers found. What was found before in the same
// files is replaced.
func (d *draft) add(results []searchResult) {
	again := make(map[string]bool)
	for _, r := range results {
		for _, path := range r.read {
			again[path] = true
		}
	}
	d.claims = slices.DeleteFunc(d.claims, func(c *claim) bool { return again[c.File] })
	d.unread = slices.DeleteFunc(d.unread, func(u unread) bool { return again[u.path] })
	for _, r := range results {
		if r.index != nil {
			d.index.add(r.index)
		}
		for _, f := range r.findings {
			d.claims = append(d.claims, &claim{finding: f})
		}
		for _, u := range r.unread {
			d.tries[u.path]++
			d.unread = slices.DeleteFunc(d.unread, func(old unread) bool { return old.path == u.path })
			d.unread = append(d.unread, u)
		}
	}
	slices.SortStableFunc(d.claims, func(a, b *claim) int {
		if a.Weight != b.Weight {
			return b.Weight - a.Weight
		}
		return a.compare(b.place)
	})
	slices.SortFunc(d.unread, func(a, b unread) int { return place{File: a.path}.compare(place{File: b.path}) })
}

// forget starts over with another topic.
func (d *draft) forget(other topic) {
	d.topic, d.claims, d.index = other, nil, newIndex()
}

func (d *draft) findings() []finding {
	found := make([]finding, len(d.claims))
	for i, c := range d.claims {
		found[i] = c.finding
	}
	return found
}

func (d *draft) summary() string {
	return fmt.Sprintf("%s Looked at %s.", d.topic.conclude(d.findings()), count(len(d.index.files), "file", "files"))
}
