package cli

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/wfslog/wfslog"
)

// load returns the document of the run that t names. What is damaged is told, and
// does no harm to the rest; the error tells of what could not be read, also beside
// a document.
func (a *app) load(ctx context.Context, t *target) (*wfslog.Document, error) {
	docs := newDocuments()
	b, failed := a.readAll(ctx, t, docs)
	if ctx.Err() != nil {
		return nil, failed
	}
	of := b.Runs()
	run, err := chooseRun(docs.allRuns(of), t.ref)
	if err != nil {
		return nil, noRun(failed, err)
	}
	var doc *wfslog.Document
	if slices.Contains(of, run) {
		doc, err = b.Document(run)
	} else {
		doc, err = docs.open(run)
	}
	return doc, errors.Join(failed, err)
}

// noRun returns what failed, and that there is no run unless that is why.
func noRun(failed, err error) error {
	if failed != nil && errors.Is(err, errNoRun) {
		return failed
	}
	return errors.Join(failed, err)
}

// allRuns returns the given runs, of which there are events, and those of documents,
// the oldest first.
func (d *documents) allRuns(of []wfslog.RunID) []wfslog.RunID {
	all := slices.Clone(of)
	for run := range d.paths {
		all = append(all, run)
	}
	slices.SortFunc(all, func(a, b wfslog.RunID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(all)
}
