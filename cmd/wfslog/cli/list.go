package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
)

// maxListed is how many events a run may have that is listed, and maxBatch how many
// the runs have together that are looked at at once, if it is more than one.
const (
	maxListed = 1_000_000
	maxBatch  = 100_000
)

// goneProgram is who writes, in streams of its own, that writers are dead.
const goneProgram = "wfslog"

// list is what ls knows of runs before it looks at them.
type list struct {
	*lsCommand
	target *target
	docs   *documents
	runs   map[wfslog.RunID]*counted
	all    []wfslog.RunID // of the time that was asked for, the oldest first
	events int
	batch  *treeBuilder // of all runs, if the input can be read only once
}

// counted is a run with what it takes to look at it.
type counted struct {
	events  int
	streams []string
}

// count counts the events of the runs that started since a time, and tells what is
// damaged.
func (l *lsCommand) count(ctx context.Context, t *target, since time.Time) (*list, error) {
	all := &list{lsCommand: l, target: t, docs: newDocuments(), runs: map[wfslog.RunID]*counted{}}
	wanted := func(run wfslog.RunID) bool { return !run.Time().Before(since) }
	told := damage{app: l.app}
	if slices.ContainsFunc(t.inputs, isStream) {
		all.batch = l.newBuilder(wanted)
		all.batch.damage.app, all.batch.slim = nil, newSlimmer()
	}
	err := l.scan(ctx, t, all.docs, func(line *line) error {
		switch {
		case line.ev == nil:
			told.add(line.err)
		case ofRun(line.ev) && wanted(line.ev.Run):
			if err := all.add(line); err != nil {
				return err
			}
		}
		if all.batch != nil {
			return all.batch.add(line)
		}
		return nil
	})
	told.end()
	runs := map[wfslog.RunID]struct{}{}
	for run := range all.runs {
		runs[run] = struct{}{}
	}
	all.all = slices.DeleteFunc(sortedRuns(runs, all.docs), func(run wfslog.RunID) bool { return !wanted(run) })
	return all, err
}

// add counts an event.
func (l *list) add(line *line) error {
	run := l.runs[line.ev.Run]
	if run == nil {
		if len(l.runs) == maxRuns {
			return limitError{fmt.Sprintf("more than %d runs: use --since, or name the newest files", maxRuns)}
		}
		run = &counted{}
		l.runs[line.ev.Run] = run
	}
	run.events++
	if n := len(run.streams); (n == 0 || run.streams[n-1] != line.ev.Stream) && !slices.Contains(run.streams, line.ev.Stream) {
		run.streams = append(run.streams, line.ev.Stream)
	}
	if l.events++; l.batch != nil && l.events > maxListed {
		return limitError{fmt.Sprintf("more than %d events in what can be read only once: what follows is left out", maxListed)}
	}
	return nil
}

func tooLarge(run wfslog.RunID) error {
	return limitError{fmt.Sprintf("run %s has more than %d events and is left out; wfslog tree shows it", run, maxListed)}
}

// rows looks at the runs, the newest first, until there are n that are wanted, and
// reports whether there are more; n = 0 means all.
func (l *list) rows(ctx context.Context, n int) (rows []*listedRun, more bool, failed error) {
	for rest := l.all; len(rest) > 0; {
		batch := l.next(rest)
		rest = rest[:len(rest)-len(batch)]
		tree, err := l.read(ctx, batch)
		failed = errors.Join(failed, err)
		if ctx.Err() != nil {
			return nil, false, failed
		}
		for _, run := range slices.Backward(batch) {
			doc, err := l.document(tree, run)
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			if !l.wants(doc) {
				continue
			}
			if n > 0 && len(rows) == n {
				return rows, true, failed
			}
			rows = append(rows, newListedRun(doc))
		}
	}
	return rows, false, failed
}

// next returns the last of runs that can be looked at at once.
func (l *list) next(runs []wfslog.RunID) []wfslog.RunID {
	if l.batch != nil {
		return runs
	}
	events := 0
	for i, run := range slices.Backward(runs) {
		if c := l.runs[run]; c != nil {
			events += c.events
		}
		if events > maxBatch && i < len(runs)-1 {
			return runs[i+1:]
		}
	}
	return runs
}

// read returns a builder with the events of the given runs.
func (l *list) read(ctx context.Context, batch []wfslog.RunID) (*wfslog.TreeBuilder, error) {
	if l.batch != nil {
		return l.batch.tree, nil
	}
	wanted := map[wfslog.RunID]bool{}
	streams := map[string]bool{}
	for _, run := range batch {
		c := l.runs[run]
		if c == nil || c.events > maxListed {
			continue
		}
		wanted[run] = true
		for _, stream := range c.streams {
			streams[stream] = true
		}
	}
	b := l.newBuilder(func(run wfslog.RunID) bool { return wanted[run] })
	b.damage.app, b.slim = nil, newSlimmer()
	if len(wanted) == 0 {
		return b.tree, nil
	}
	t := *l.target
	t.skip = func(s journal.Segment) bool { return !streams[s.Stream] && s.Program != goneProgram }
	err := l.scan(ctx, &t, newDocuments(), b.add)
	if _, limited := errors.AsType[limitError](err); !limited && ctx.Err() == nil {
		err = nil // it was told when the runs were counted
	}
	return b.tree, err
}

// document returns the document of a run.
func (l *list) document(tree *wfslog.TreeBuilder, run wfslog.RunID) (*wfslog.Document, error) {
	switch c := l.runs[run]; {
	case c == nil:
		return l.docs.open(run)
	case c.events > maxListed:
		return nil, tooLarge(run)
	}
	return tree.Document(run)
}
