package main

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/wfslog/wfslog"
)

// Names of what is measured.
const (
	nameFirst   = "the first tenth of the iterations"
	nameLast    = "the last tenth of the iterations"
	namePause   = "while documents are saved"
	nameNoPause = "while none is"
)

// measureSaving ends many iterations of one run, each of which saves the document,
// while another goroutine logs.
func measureSaving(b *bench) error {
	bytes := b.group("saving/bytes", "B per iteration")
	pauses := b.group("saving/pause", "ms")
	if bytes == nil && pauses == nil {
		return nil
	}
	rounds := 3
	if b.quick {
		rounds = 1
	}
	for range rounds {
		saved, took, err := b.saveAll(wfslog.SaveIterations, 0)
		if err != nil {
			return err
		}
		control, _, err := b.saveAll(wfslog.SaveNever, took)
		if err != nil {
			return err
		}
		if bytes != nil {
			bytes.add(nameFirst, saved.first)
			bytes.add(nameLast, saved.last)
		}
		if pauses != nil {
			pauses.add(namePause, saved.pause)
			pauses.add(nameNoPause, control.pause)
		}
	}
	return nil
}

type savingResult struct {
	first, last float64 // bytes for each iteration
	pause       float64 // the longest call of the other goroutine, in milliseconds
}

// saveAll ends iterations: as many as are to be saved, or for the time d.
func (b *bench) saveAll(on wfslog.SavePolicy, d time.Duration) (r savingResult, took time.Duration, err error) {
	dir, err := os.MkdirTemp(b.temp, "saving")
	if err != nil {
		return r, 0, err
	}
	rec := newRecorder(wfslog.Options{Dir: dir, SaveOn: on, Journal: wfslog.JournalOptions{SegmentBytes: 64 << 20}})
	defer func() { err = errors.Join(err, rec.Close(), os.RemoveAll(dir)) }()
	stop := make(chan struct{})
	var beside sync.WaitGroup
	var pauses histogram
	beside.Go(func() { rec.logBeside(stop, &pauses) })

	run := rec.workflow()
	start := time.Now()
	written := func() float64 { return bytesWritten() - float64(rec.h.Stats().Bytes) }
	tenth := max(1, b.saves/10)
	at := written()
	for i := 0; i < b.saves && d == 0 || time.Since(start) < d; i++ {
		rec.iterate(run)
		if i+1 == tenth {
			r.first = (written() - at) / float64(tenth)
		}
		if i+1 == b.saves-tenth {
			at = written()
		}
	}
	took = time.Since(start)
	r.last = (written() - at) / float64(tenth)
	close(stop)
	beside.Wait()
	r.pause = float64(pauses.max) / 1e6
	wfslog.End(run)
	return r, took, err
}

// iterate records an iteration with one turn.
func (r *recorder) iterate(run context.Context) {
	it := wfslog.StartIteration(run)
	defer wfslog.End(it)
	turn := wfslog.StartInteraction(it, "agent1", wfslog.Input("what next?"))
	defer wfslog.End(turn, wfslog.Output("nothing"))
	for range 3 {
		logFive(turn, r.agent)
	}
}

// logBeside logs in a run of its own, every 100 microseconds, and measures that.
func (r *recorder) logBeside(stop <-chan struct{}, calls *histogram) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		start := time.Now()
		logFive(r.span, r.agent)
		calls.add(int64(time.Since(start)))
		compute(100 * time.Microsecond)
	}
}
