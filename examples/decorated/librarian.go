package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Librarian knows what is in files. Its methods have all shapes: with and without a
// context, an error, several arguments and results.
//
//go:generate ../../bin/gowrap gen -g -p . -i Librarian -t ../../docs/gowrap.tmpl -o librarian_recorded.go -v turns=Suggest
type Librarian interface {
	// Suggest returns words to look for in order to answer a question.
	Suggest(ctx context.Context, question string) ([]string, error)
	// Find returns the first line with all of the words.
	Find(ctx context.Context, words ...string) (file string, line int, text string, err error)
	// Rank returns how much of an answer a text is, and why.
	Rank(question, text string) (rank int, why string)
	// Learn adds a file.
	Learn(file string, lines ...string)
	// Close forgets everything.
	Close() error
}

// shelf is a Librarian.
type shelf struct {
	names []string
	files map[string][]string
}

var errNothing = errors.New("no such line")

func (*shelf) Suggest(_ context.Context, question string) ([]string, error) {
	var words []string
	for word := range strings.FieldsSeq(strings.ToLower(strings.Trim(question, "?"))) {
		if len(word) > 5 {
			words = append(words, word)
		}
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("%q has no word to look for", question)
	}
	return words, nil
}

func (s *shelf) Find(ctx context.Context, words ...string) (file string, line int, text string, err error) {
	for _, file := range s.names {
		for i, text := range s.files[file] {
			if err := ctx.Err(); err != nil {
				return "", 0, "", err
			}
			lower := strings.ToLower(text)
			if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(lower, word) }) {
				return file, i + 1, text, nil
			}
		}
	}
	return "", 0, "", errNothing
}

func (*shelf) Rank(question, text string) (rank int, why string) {
	if len(text) < len(question) {
		return 1, "short"
	}
	return 2, "a whole sentence"
}

func (s *shelf) Learn(file string, lines ...string) {
	if s.files == nil {
		s.files = make(map[string][]string)
	}
	s.names = append(s.names, file)
	s.files[file] = lines
}

func (s *shelf) Close() error {
	s.names, s.files = nil, nil
	return nil
}
