package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
)

// keyStartedBy is the attribute of the worker's run that holds the run by which it was
// started.
const keyStartedBy = "started_by"

// aggregator has the events of all agents: in memory, or in the journals of a
// directory.
type aggregator struct {
	handler *wfslog.Handler     // of the agents in this process
	tree    *wfslog.TreeBuilder // nil if the events are in journals
}

func newAggregator(o options) *aggregator {
	if !o.memory {
		return &aggregator{handler: wfslog.NewHandler(&wfslog.Options{Dir: o.dir})}
	}
	tree := wfslog.NewTreeBuilder(nil)
	return &aggregator{handler: wfslog.NewHandler(&wfslog.Options{Dir: o.dir, Sink: tree}), tree: tree}
}

// documents returns the document of run and those of the runs that it has started, as
// they are now: agents may go on logging meanwhile.
func (all *aggregator) documents(run wfslog.RunID) (docs []*wfslog.Document, err error) {
	tree := all.tree
	if tree == nil {
		if tree, err = readJournals(all.handler.Dir()); err != nil {
			return nil, err
		}
	}
	for _, id := range tree.Runs() {
		doc, err := tree.Document(id)
		if err != nil {
			return nil, err
		}
		if id == run || startedBy(doc) == run.String() {
			docs = append(docs, doc)
		}
	}
	return docs, nil
}

func startedBy(doc *wfslog.Document) string {
	var metadata map[string]any
	_ = json.Unmarshal(doc.Metadata, &metadata) // without metadata there is no such run
	run, _ := metadata[keyStartedBy].(string)
	return run
}

// readJournals reads what all processes have written to dir.
func readJournals(dir string) (*wfslog.TreeBuilder, error) {
	segments, err := journal.Segments(dir)
	if err != nil {
		return nil, err
	}
	tree := wfslog.NewTreeBuilder(nil)
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

// export returns the path of a document. Those of handlers with journals are there;
// one that is in memory is written.
func (all *aggregator) export(doc *wfslog.Document) (path string, err error) {
	path = filepath.Join(all.handler.Dir(), doc.FileName())
	if all.tree == nil {
		_, err := os.Stat(path)
		return path, err
	}
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
