package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
)

// Limits of what is kept in memory.
const (
	maxHeld = 4 << 30   // bytes of events of one run, or of standard input
	maxRuns = 1_000_000 // that are told apart
)

// load returns the document of the run that t names. What is damaged is told, and
// does no harm to the rest; the error tells of what could not be read, also beside
// a document.
//
// The inputs are read twice, so that only the events of that run have to be kept;
// standard input cannot be.
func (a *app) load(ctx context.Context, t *target) (*wfslog.Document, error) {
	docs := newDocuments()
	if slices.ContainsFunc(t.inputs, isStream) {
		return a.loadOnce(ctx, t, docs)
	}
	runs := map[wfslog.RunID]struct{}{}
	failed := a.scan(ctx, t, docs, func(l *line) error { return addRun(runs, l) })
	run, err := chooseRun(sortedRuns(runs, docs), t.ref)
	if err != nil {
		return nil, noRun(failed, err)
	}
	if _, ok := runs[run]; !ok {
		doc, err := docs.open(run)
		return doc, errors.Join(failed, err)
	}
	b := a.newBuilder(func(id wfslog.RunID) bool { return id == run })
	// What fails, did so before.
	err = a.scan(ctx, t, newDocuments(), b.add)
	b.damage.end()
	if _, limited := errors.AsType[limitError](err); limited || ctx.Err() != nil {
		return nil, err
	}
	doc, err := b.tree.Document(run)
	return doc, errors.Join(failed, err)
}

// isStream reports whether an input can be read only once.
func isStream(path string) bool {
	info, err := os.Stat(path)
	return path == "-" || err == nil && !info.IsDir() && !info.Mode().IsRegular()
}

// noRun returns what failed, and that there is no run unless that is why.
func noRun(failed, err error) error {
	if failed != nil && errors.Is(err, errNoRun) {
		return failed
	}
	return errors.Join(failed, err)
}

// loadOnce reads all runs of the inputs at once.
func (a *app) loadOnce(ctx context.Context, t *target, docs *documents) (*wfslog.Document, error) {
	b := a.newBuilder(func(wfslog.RunID) bool { return true })
	failed := a.scan(ctx, t, docs, b.add)
	b.damage.end()
	runs := map[wfslog.RunID]struct{}{}
	for _, run := range b.tree.Runs() {
		runs[run] = struct{}{}
	}
	run, err := chooseRun(sortedRuns(runs, docs), t.ref)
	if err != nil {
		return nil, noRun(failed, err)
	}
	var doc *wfslog.Document
	if _, ok := runs[run]; ok {
		doc, err = b.tree.Document(run)
	} else {
		doc, err = docs.open(run)
	}
	return doc, errors.Join(failed, err)
}

// addRun adds the run of an event.
func addRun(runs map[wfslog.RunID]struct{}, l *line) error {
	if !ofRun(l.ev) {
		return nil
	}
	if _, known := runs[l.ev.Run]; !known && len(runs) == maxRuns {
		return limitError{fmt.Sprintf("more than %d runs: name the files of some", maxRuns)}
	}
	runs[l.ev.Run] = struct{}{}
	return nil
}

// ofRun reports whether an event belongs to a run.
func ofRun(ev *event.Event) bool {
	if ev == nil {
		return false
	}
	switch ev.Type {
	case event.TypeOpen, event.TypeLoss, event.TypeClose, event.TypeGone:
		return false
	}
	return !ev.Run.IsZero()
}

// sortedRuns returns the runs of events and of documents, the oldest first.
func sortedRuns(runs map[wfslog.RunID]struct{}, docs *documents) []wfslog.RunID {
	var all []wfslog.RunID
	for run := range runs {
		all = append(all, run)
	}
	for run := range docs.paths {
		if _, ok := runs[run]; !ok {
			all = append(all, run)
		}
	}
	slices.SortFunc(all, func(a, b wfslog.RunID) int { return bytes.Compare(a[:], b[:]) })
	return all
}

// treeBuilder makes documents of some runs.
type treeBuilder struct {
	tree   *wfslog.TreeBuilder
	wanted func(wfslog.RunID) bool
	damage damage
	held   int
	slim   *slimmer // nil: lines are kept whole
}

func (a *app) newBuilder(wanted func(wfslog.RunID) bool) *treeBuilder {
	return &treeBuilder{tree: wfslog.NewTreeBuilder(nil), wanted: wanted, damage: damage{app: a}}
}

// add adds a line of a journal.
func (b *treeBuilder) add(l *line) error {
	text := l.text
	switch {
	case l.ev == nil:
		b.damage.add(l.err)
	case ofRun(l.ev) && !b.wanted(l.ev.Run):
		return nil
	case b.slim != nil:
		text = b.slim.line(l)
	}
	if len(text) == 0 {
		return nil // zero bytes, or a line that is too long
	}
	if l.ev != nil {
		if b.held += len(text); b.held > maxHeld {
			return limitError{fmt.Sprintf("more than %d bytes of events: name the files of one run", maxHeld)}
		}
	}
	_, err := b.tree.Write(append(text[:len(text):len(text)], '\n'))
	return err
}
