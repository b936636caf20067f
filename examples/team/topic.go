package main

import (
	"go/ast"
	"regexp"
	"slices"
	"strings"
)

// topic is what a question is about: what the searchers look for, and what the
// readers find out about it.
type topic interface {
	// search returns what it finds in f. It may only use what is in f.
	search(f *file) []finding
	// explain says what follows from a finding, with the places that show it. If
	// that left a question open, it is called once more to look deeper.
	explain(ix *index, f finding, deeper bool) explanation
	// conclude sums the findings up in a sentence or two.
	conclude(findings []finding) string
}

// finding is something at a place that the question asks for.
type finding struct {
	place
	What   string // one phrase
	Code   string // the line of code
	Weight int    // the higher, the further up in the answer; 0 is only counted

	callee string // topics' own: the function whose error is ignored
	reason string // what a comment beside the code says
}

// explanation is what a reader has to say of a finding.
type explanation struct {
	Consequence string
	Evidence    []place
	Open        string // a question that could be answered by looking deeper
}

// topicFor chooses the topic for a question. Whether the directory holds Go
// matters: without it, only text can be searched.
func topicFor(question string, isGo bool) topic {
	lower := strings.ToLower(question)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(lower, w) })
	}
	switch {
	case !isGo:
	case has("error") && has("ignor", "drop", "swallow", "discard", "unchecked", "unhandled"):
		return ignoredErrors{}
	case has("goroutine"):
		return goroutines{}
	default:
		if s := symbolIn(question); s.name != "" {
			return s
		}
	}
	return text{words: keywords(question)}
}

var (
	quoted     = regexp.MustCompile("[`'\"]([\\pL_][\\pL\\pN_.]*)[`'\"]")
	identifier = regexp.MustCompile(`[\pL_][\pL\pN_.]*[\pL\pN_]`)
	mixedCase  = regexp.MustCompile(`\p{Ll}\p{Lu}|_`)
)

// symbolIn returns the name in Go that a question asks for, an empty one if there
// seems to be none: a quoted name, or one in mixed case, or a capital in the
// middle of a sentence.
func symbolIn(question string) symbol {
	if m := quoted.FindStringSubmatch(question); m != nil {
		return parseSymbol(m[1])
	}
	words := identifier.FindAllString(question, -1)
	for _, w := range words {
		if s := parseSymbol(w); mixedCase.MatchString(s.name) {
			return s
		}
	}
	for _, w := range words[min(1, len(words)):] {
		if s := parseSymbol(w); ast.IsExported(s.name) {
			return s
		}
	}
	return symbol{}
}

// parseSymbol splits a name at its last dot.
func parseSymbol(name string) symbol {
	name = strings.Trim(name, ".")
	i := strings.LastIndexByte(name, '.')
	qualifier := name[:max(i, 0)]
	return symbol{qualifier: qualifier[strings.LastIndexByte(qualifier, '.')+1:], name: name[i+1:]}
}

// fillers are words that say nothing about what is asked.
var fillers = strings.Fields(`a about all an and any are as at be by can do does for from has have how if in into is it
	its me of on or show tell that the there they this to was we what when where which who why will with would you`)

// keywords returns the words of a question that carry its meaning.
func keywords(question string) []string {
	var words []string
	for _, w := range identifier.FindAllString(strings.ToLower(question), -1) {
		if !slices.Contains(fillers, w) && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	return words
}
