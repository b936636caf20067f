package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"sync"

	"github.com/wfslog/wfslog"
)

// The primes below limit are counted, a block at a time.
const (
	limit = 6000
	block = 2000
)

// agent counts the primes from one number up to another in its own way.
type agent struct {
	name  string
	count func(from, to int) int
}

var (
	divider = agent{"divider", func(from, to int) (n int) {
	next:
		for i := max(from, 2); i < to; i++ {
			for d := 2; d*d <= i; d++ {
				if i%d == 0 {
					continue next
				}
			}
			n++
		}
		return n
	}}
	siever = agent{"siever", func(from, to int) (n int) {
		composite := make([]bool, to)
		for i := 2; i < to; i++ {
			if !composite[i] && i >= from {
				n++
			}
			for multiple := i * i; !composite[i] && multiple < to; multiple += i {
				composite[multiple] = true
			}
		}
		return n
	}}
	tester = agent{"tester", func(from, to int) (n int) {
		for i := from; i < to; i++ {
			if big.NewInt(int64(i)).ProbablyPrime(0) { // which is sure below 2⁶⁴
				n++
			}
		}
		return n
	}}
)

// turn has the agent count, and log what it does with its own logger.
func (a agent) turn(ctx context.Context) (n int, err error) {
	ctx = wfslog.StartInteraction(ctx, a.name, wfslog.Input(fmt.Sprintf("How many primes are below %d?", limit)))
	defer wfslog.EndErr(ctx, &err)
	log := slog.Default().WithGroup("workflow." + a.name)
	for from := 0; from < limit; from += block {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		to := min(from+block, limit)
		found := a.count(from, to)
		log.InfoContext(ctx, "counted", wfslog.Action("count"),
			wfslog.Input(fmt.Sprintf("%d to %d", from, to-1)), wfslog.Output(found))
		n += found
	}
	wfslog.Annotate(ctx, wfslog.Output(n))
	return n, nil
}

// countPrimes has all agents count at the same time, and the judge compare what they
// found. It returns the run that this is.
func (all *aggregator) countPrimes(ctx context.Context) (run wfslog.RunID, err error) {
	ctx = wfslog.StartWorkflow(ctx, "primes")
	defer wfslog.EndErr(ctx, &err)
	span, _ := wfslog.SpanFromContext(ctx)

	counting := wfslog.StartIteration(ctx)
	tasks := []func() error{
		func() error { _, err := divider.turn(counting); return err },
		func() error { _, err := siever.turn(counting); return err },
		func() error { return all.startWorker(counting) },
	}
	errs := make([]error, len(tasks))
	var wg sync.WaitGroup
	for i, task := range tasks {
		wg.Go(func() { errs[i] = task() })
	}
	wg.Wait()
	err = errors.Join(errs...)
	wfslog.EndErr(counting, &err)
	if err != nil {
		return span.Run, err
	}

	judging := wfslog.StartIteration(ctx)
	err = all.judge(judging, span.Run)
	wfslog.EndErr(judging, &err)
	return span.Run, err
}

// startWorker runs this program once more, as the worker, and returns when it has
// ended. What the worker records is in the action that this is.
func (all *aggregator) startWorker(ctx context.Context) (err error) {
	ctx = wfslog.StartAction(ctx, "start_worker")
	defer wfslog.EndErr(ctx, &err)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = []string{os.Args[0], "-worker", "-dir", all.handler.Dir()}
	cmd.Env = wfslog.Env(ctx, nil)
	cmd.Stderr = os.Stderr // its operational log
	if all.tree == nil {
		return cmd.Run()
	}
	cmd.Args = append(cmd.Args, "-memory")
	lines, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	_, err = all.tree.ReadFrom(lines) // what the agents here log is added meanwhile
	return errors.Join(err, cmd.Wait())
}

// judge compares the answers that the aggregator has of this run, which has not ended.
func (all *aggregator) judge(ctx context.Context, run wfslog.RunID) (err error) {
	ctx = wfslog.StartInteraction(ctx, "judge", wfslog.Input("Do all agents say the same?"))
	defer wfslog.EndErr(ctx, &err)
	doc, err := all.document(run)
	if err != nil {
		return err
	}
	said := outputs(&doc.Node)
	log := slog.Default().WithGroup("workflow.judge")
	log.InfoContext(ctx, "asked the aggregator", wfslog.Action("compare"), wfslog.Output(said))
	answer := said[divider.name]
	for _, a := range []agent{divider, siever, tester} {
		if said[a.name] == "" || said[a.name] != answer {
			return fmt.Errorf("%s says %q and %s %q", divider.name, answer, a.name, said[a.name])
		}
	}
	wfslog.Annotate(ctx, wfslog.Output("All say "+answer+"."))
	return nil
}

// outputs returns the outputs of the interactions in n, by agent.
func outputs(n *wfslog.Node) map[string]string {
	found := map[string]string{}
	for _, list := range [][]*wfslog.Node{n.Iterations, n.Workflows, n.Actions} {
		for _, kid := range list {
			maps.Copy(found, outputs(kid))
		}
	}
	for _, turn := range n.Interactions {
		if turn.Output != nil {
			found[turn.Agent] = string(turn.Output)
		}
	}
	return found
}
