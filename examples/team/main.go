// Team answers a question about a directory with a small team of agents: a
// planner decides what to look at, searchers read files and readers find out
// what follows, all at the same time, and a critic sends the planner back to
// work until nothing is left to object to. No model is asked: the agents use the
// go command, the parser and the type checker. What they do is recorded with
// wfslog as that of agents with a model would be.
//
// Usage:
//
//	team [directory [question]]
//
// Some questions: "where are errors ignored, and what would break?", "where are
// goroutines started, and who stops them?", "where is NewHandler used?".
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/treetext"
)

const defaultQuestion = "where are errors ignored, and what would break?"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	handler := wfslog.NewHandler(nil) // console on stderr, journal and documents in ./logs
	slog.SetDefault(slog.New(handler))
	err := run(ctx, handler, os.Args[1:], os.Stdout)
	if err = errors.Join(err, handler.Close()); err != nil {
		fmt.Fprintln(os.Stderr, "team:", termtext.String(err.Error()))
		os.Exit(1)
	}
}

func run(ctx context.Context, handler *wfslog.Handler, args []string, stdout io.Writer) error {
	args = append(args, "", "")
	t := newTeam(cmp.Or(args[0], "."), cmp.Or(args[1], defaultQuestion))
	run, err := t.answer(ctx)
	if err != nil {
		return err
	}
	path, err := documentOf(handler.Dir(), run)
	if err != nil {
		return err
	}
	if err := showTree(stdout, path); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(stdout, "\nThe document of this run is %s\n\n", path); err != nil {
		return err
	}
	return t.draft.writeAnswer(stdout)
}

// documentOf returns the path of the run's document, whose name ends with the
// last 12 digits of the run.
func documentOf(dir string, run wfslog.RunID) (string, error) {
	id := run.String()
	found, err := fs.Glob(os.DirFS(dir), "*-"+id[len(id)-12:]+".json")
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d documents of run %s in %s", len(found), id, dir)
	}
	return filepath.Join(dir, found[0]), nil
}

// showTree writes the tree that is in a document.
func showTree(w io.Writer, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var doc wfslog.Document
	if err := json.Unmarshal(text, &doc); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return treetext.Write(w, &doc, treetext.Options{Color: termtext.Colors(w), Fold: 3, Width: 100, Short: true})
}
