// Decorated records agents that do not know of it: there is no line of logging in
// writer.go and librarian.go. Functions are decorated by wfslog.InteractionFunc and
// wfslog.ActionFunc, pieces of the program by wfslog.Do, and the interface Librarian
// by code that gowrap generates from docs/gowrap.tmpl.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/treetext"
)

func main() {
	tree := wfslog.NewTreeBuilder(nil) // instead of files
	handler := wfslog.NewHandler(&wfslog.Options{Sink: tree})
	slog.SetDefault(slog.New(handler))
	err := work(context.Background())
	if err = errors.Join(err, handler.Close(), showTree(os.Stdout, tree)); err != nil {
		fmt.Fprintln(os.Stderr, "decorated:", termtext.String(err.Error()))
		os.Exit(1)
	}
}

// work has a question in each of its iterations.
func work(ctx context.Context) error {
	_, err := wfslog.Do(ctx, wfslog.KindWorkflow, "questions", func(ctx context.Context) (_ struct{}, err error) {
		library := NewRecordedLibrarian(ctx, &shelf{}, "librarian")
		defer func() { err = errors.Join(err, library.Close()) }()
		library.Learn("agents.txt", "Agents take turns.", "Each turn has actions, such as calls of a model.")
		library.Learn("errors.txt", "Errors are values, so they can be kept.")

		w := writer{library: library, shorten: wfslog.ActionFunc("shorten", firstClause)}
		answer := wfslog.InteractionFunc("writer", w.answer)
		for _, question := range []string{"Who has actions?", "Where are errors?", "And the budget?"} {
			_, _ = wfslog.Do(ctx, wfslog.KindIteration, "", func(ctx context.Context) (string, error) {
				return answer(ctx, question)
			}) // recorded, and the next question is another one
		}
		return struct{}{}, nil
	})
	return err
}

func showTree(w io.Writer, tree *wfslog.TreeBuilder) error {
	for _, run := range tree.Runs() {
		doc, err := tree.Document(run)
		if err != nil {
			return err
		}
		if err := treetext.Write(w, doc, treetext.Options{Color: termtext.Colors(w), Width: 100, Short: true}); err != nil {
			return err
		}
	}
	return nil
}
