package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/wfslog/wfslog"
)

// nameSaving is wfslog while documents are being saved.
const nameSaving = "wfslog, documents being saved"

// percentiles are those of the time that one log call takes.
var percentiles = []struct {
	name string
	q    float64
}{{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}}

// measureLatency measures single calls of two goroutines that log and compute in
// turns.
func measureLatency(b *bench) (err error) {
	groups := make([]*group, len(percentiles))
	wanted := false
	for i, p := range percentiles {
		groups[i] = b.group("latency/"+p.name, "ns")
		wanted = wanted || groups[i] != nil
	}
	if !wanted {
		return nil
	}
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	ours, err := b.openOurs(&open)
	if err != nil {
		return err
	}
	loggers, err := b.openPeers(&open)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(b.temp, "saving")
	if err != nil {
		return err
	}
	saving := newRecorder(wfslog.Options{Dir: dir})
	defer func() {
		_ = saving.h.Close() // it says that the iteration of the two goroutines is too large for a document
	}()

	type caller struct {
		name string
		ctx  context.Context
		log  *slog.Logger
		with func(stop <-chan struct{}) // unless nil, what another goroutine does meanwhile
	}
	callers := []caller{
		{nameWfslog, ours.plain.span, ours.plain.agent, nil},
		{nameSaving, saving.span, saving.agent, saving.saveIterations},
	}
	for _, l := range loggers {
		callers = append(callers, caller{l.name, context.Background(), l.log, nil})
	}
	// The first group that is measured stands for all of them in the count of rounds.
	b.inRounds(groupOf(groups), func(round int) func() {
		histograms := make([]*histogram, len(callers))
		for k := range callers {
			i := (k + round) % len(callers)
			c := callers[i]
			histograms[i] = timeCalls(4*b.slice, func() { logFive(c.ctx, c.log) }, c.with)
			ours.plain.settle()
		}
		return func() {
			for i, h := range histograms {
				for k, p := range percentiles {
					if groups[k] != nil {
						groups[k].add(callers[i].name, h.quantile(p.q))
					}
				}
			}
		}
	})
	return nil
}

func groupOf(groups []*group) *group {
	for _, g := range groups {
		if g != nil {
			return g
		}
	}
	return nil
}

// timeCalls calls f from two goroutines, each every few microseconds, while with,
// unless it is nil, runs beside them.
func timeCalls(d time.Duration, f func(), with func(stop <-chan struct{})) *histogram {
	const goroutines = 2
	stop := make(chan struct{})
	var beside, all sync.WaitGroup
	if with != nil {
		beside.Go(func() { with(stop) })
	}
	var histograms [goroutines]histogram
	end := time.Now().Add(d)
	for i := range histograms {
		h := &histograms[i]
		all.Go(func() {
			for now := time.Now(); now.Before(end); now = time.Now() {
				f()
				h.add(int64(time.Since(now)))
				compute(3 * time.Microsecond)
			}
		})
	}
	all.Wait()
	close(stop)
	beside.Wait()
	histograms[0].merge(&histograms[1])
	return &histograms[0]
}

// compute keeps the processor busy.
func compute(d time.Duration) {
	for start := time.Now(); time.Since(start) < d; {
	}
}

// saveIterations ends an iteration with 20 records every few milliseconds, which
// saves its document each time.
func (r *recorder) saveIterations(stop <-chan struct{}) {
	run := r.workflow()
	defer wfslog.End(run)
	for {
		select {
		case <-stop:
			return
		case <-time.After(5 * time.Millisecond):
		}
		it := wfslog.StartIteration(run)
		for range 20 {
			logFive(it, r.agent)
		}
		wfslog.End(it)
	}
}
