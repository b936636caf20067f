package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
)

// journalKind is what a journal that is read back consists of.
type journalKind struct {
	name  string
	share int64 // of [config.journal]: 1/share
	log   func(ctx context.Context, r *recorder)
}

var journalKinds = []journalKind{
	{"mixed", 1, func(ctx context.Context, r *recorder) {
		for range 29 {
			logFive(ctx, r.agent)
		}
		logLarge(ctx, r.agent)
	}},
	{"small", 4, func(ctx context.Context, r *recorder) {
		for range 30 {
			logFive(ctx, r.agent)
		}
	}},
}

// turns is how many interactions an iteration has, each with one action.
const turns = 10

// written counts what a journal has been filled with.
type written struct{ bytes, events, spans uint64 }

// writeJournal fills the journal in dir with one run, through the handler. It stops
// at the given number of bytes.
func writeJournal(dir string, bytes int64, log func(ctx context.Context, r *recorder)) (w written, err error) {
	h := wfslog.NewHandler(&wfslog.Options{
		Dir: dir, Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever, Workflow: "bench",
		Journal: wfslog.JournalOptions{Sync: journal.SyncNever},
	})
	r := &recorder{h: h, agent: slog.New(h).WithGroup("workflow.agent1")}
	run := r.workflow()
	w.spans = 1
	for int64(h.Stats().Bytes) < bytes {
		it := wfslog.StartIteration(run)
		w.spans += 1 + 2*turns
		for range turns {
			turn := wfslog.StartInteraction(it, "agent1")
			act := wfslog.StartAction(turn, "step")
			log(act, r)
			wfslog.End(act)
			wfslog.End(turn)
		}
		wfslog.End(it)
	}
	wfslog.End(run)
	err = r.Close()
	w.bytes, w.events = h.Stats().Bytes, h.Stats().Written
	return w, err
}

// eachSegment calls f for each file of the journal in dir.
func eachSegment(dir string, f func(r io.Reader) error) error {
	segments, err := journal.Segments(dir)
	if err != nil {
		return err
	}
	for _, s := range segments {
		file, err := s.Open()
		if err != nil {
			return err
		}
		err = errors.Join(f(file), file.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

// dirBytes returns the size of all files of the journal in dir.
func dirBytes(dir string) (n int64, err error) {
	err = eachSegment(dir, func(r io.Reader) error {
		info, err := r.(*os.File).Stat()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	return n, err
}
