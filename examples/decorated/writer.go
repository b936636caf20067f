package main

import (
	"context"
	"fmt"
	"strings"
)

// writer answers questions. What it does not do itself, it has others do.
type writer struct {
	library Librarian
	shorten func(ctx context.Context, text string) (string, error)
}

func (w *writer) answer(ctx context.Context, question string) (string, error) {
	words, err := w.library.Suggest(ctx, question)
	if err != nil {
		return "", err
	}
	file, line, text, err := w.library.Find(ctx, words...)
	if err != nil {
		return "", err
	}
	if rank, _ := w.library.Rank(question, text); rank > 1 {
		if text, err = w.shorten(ctx, text); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s (%s:%d)", text, file, line), nil
}

// firstClause returns what stands before the first comma.
func firstClause(_ context.Context, text string) (string, error) {
	clause, _, _ := strings.Cut(text, ",")
	return clause, nil
}
