package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/wfslog/wfslog"
)

// agent is what all members of the team have: a name, and a logger of that name.
// Records that it logs with the context of its turn are part of that turn.
type agent struct {
	name string
	log  *slog.Logger
}

func newAgent(name string) agent {
	return agent{name: name, log: slog.Default().WithGroup("workflow." + name)}
}

// team answers a question about a directory. Its members share the draft; who
// works at the same time as others works on a part of its own.
type team struct {
	root     string
	question string

	planner   planner
	searchers []searcher
	readers   []reader
	critic    critic

	draft draft
}

// maxRounds bounds how often the critic can send the draft back.
const maxRounds = 6

func newTeam(root, question string) *team {
	t := &team{root: root, question: question}
	t.planner = planner{agent: newAgent("planner")}
	for _, name := range []string{"searcher1", "searcher2", "searcher3"} {
		t.searchers = append(t.searchers, searcher{agent: newAgent(name), root: root})
	}
	for _, name := range []string{"reader1", "reader2"} {
		t.readers = append(t.readers, reader{agent: newAgent(name)})
	}
	t.critic = critic{agent: newAgent("critic"), root: root}
	return t
}

// answer has the team work in rounds until the critic has no more objections. It
// returns the run that it recorded.
func (t *team) answer(ctx context.Context) (run wfslog.RunID, err error) {
	ctx = wfslog.StartWorkflow(ctx, "team", wfslog.Input(t.question))
	defer wfslog.EndErr(ctx, &err)
	wfslog.AddResource(ctx, "directory", t.root)
	if span, ok := wfslog.SpanFromContext(ctx); ok {
		run = span.Run
	}
	t.draft = draft{question: t.question, index: newIndex(), tries: map[string]int{}}
	var objections []objection
	for round := 1; ; round++ {
		objections, err = t.round(ctx, objections)
		if err != nil {
			return run, err
		}
		if len(objections) == 0 || round == maxRounds {
			break
		}
	}
	t.draft.objections = objections
	wfslog.Annotate(ctx, wfslog.Output(t.draft.summary()))
	return run, nil
}

// round is one iteration: the planner turns objections into tasks, searchers and
// readers work on them in parallel, and the critic looks at what came out.
func (t *team) round(ctx context.Context, objections []objection) (next []objection, err error) {
	ctx = wfslog.StartIteration(ctx)
	defer wfslog.EndErr(ctx, &err)

	tasks, err := t.planner.plan(ctx, t.root, &t.draft, objections)
	if err != nil {
		return nil, err
	}
	// Turns stand in the tree in the order in which they start: here, so that it is
	// the same every time, and not in the goroutines.
	results := make([]searchResult, len(t.searchers))
	var wg sync.WaitGroup
	for i, units := range split(tasks.search, len(t.searchers)) {
		if len(units) > 0 {
			turn := wfslog.StartInteraction(ctx, t.searchers[i].name, wfslog.Input(dirsOf(units)))
			wg.Go(func() { results[i] = t.searchers[i].search(turn, t.draft.topic, units) })
		}
	}
	wg.Wait()
	t.draft.add(results)

	for i := range t.readers {
		claims := tasks.explain.share(i, len(t.readers))
		if len(claims) > 0 {
			turn := wfslog.StartInteraction(ctx, t.readers[i].name, wfslog.Input(fmt.Sprintf("%d claims", len(claims))))
			wg.Go(func() { t.readers[i].read(turn, &t.draft, claims) })
		}
	}
	wg.Wait()
	return t.critic.review(ctx, &t.draft), nil
}
