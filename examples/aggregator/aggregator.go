package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
)

// aggregator has the events of all agents: in memory, or in the journals of a
// directory.
type aggregator struct {
	handler *wfslog.Handler     // of the agents in this process
	tree    *wfslog.TreeBuilder // nil if the events are in journals
}

func newAggregator(o options) *aggregator {
	all := &aggregator{}
	// What the handler saved would have only what this process records; see export.
	opts := wfslog.Options{Dir: o.dir, SaveOn: wfslog.SaveNever}
	if o.memory {
		all.tree = wfslog.NewTreeBuilder(nil)
		opts.Sink = all.tree
	}
	all.handler = wfslog.NewHandler(&opts)
	return all
}

// document returns the document of run as it is now: agents may go on logging
// meanwhile.
func (all *aggregator) document(run wfslog.RunID) (*wfslog.Document, error) {
	tree := all.tree
	if tree == nil {
		var err error
		if tree, err = readJournals(all.handler.Dir()); err != nil {
			return nil, err
		}
	}
	return tree.Document(run)
}

// readJournals reads what all processes have written to dir. What they have logged in
// the last milliseconds may be in their crash rings alone: those are read first, so that
// nothing is missed that is written meanwhile.
func readJournals(dir string) (*wfslog.TreeBuilder, error) {
	tree := wfslog.NewTreeBuilder(nil)
	rings, err := journal.Rings(dir)
	if err != nil {
		return nil, err
	}
	for _, ring := range rings {
		lines, err := ring.Lines()
		if err != nil {
			return nil, err
		}
		if _, err := tree.Write(lines); err != nil {
			return nil, err
		}
	}
	segments, err := journal.Segments(dir)
	if err != nil {
		return nil, err
	}
	for _, segment := range segments {
		f, err := segment.Open()
		if err != nil {
			return nil, err
		}
		_, err = tree.ReadFrom(f)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// export writes a document to the directory and returns its path.
func (all *aggregator) export(doc *wfslog.Document) (path string, err error) {
	path = filepath.Join(all.handler.Dir(), doc.FileName())
	if err := os.MkdirAll(all.handler.Dir(), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	_, err = doc.WriteTo(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	return path, nil
}
