package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
)

// measureNull compares whole log calls whose output goes nowhere.
func measureNull(b *bench) (err error) {
	ctx := context.Background()
	ours := newRecorder(wfslog.Options{Sink: null{}})
	otel, shutdown := newOtelHandler()
	provider := trace.NewTracerProvider()
	traced, _ := provider.Tracer("bench").Start(ctx, "iteration")
	defer func() { err = errors.Join(err, ours.Close(), shutdown()) }()
	for _, r := range records {
		for _, m := range modes {
			g := b.group("null/"+r.name+"/"+m.name, "ns")
			if g == nil {
				continue
			}
			sides := []side{
				{name: nameWfslog, op: r.loop(ours.span, ours.agent)},
				{name: nameNoSpan, op: r.loop(ctx, ours.agent)},
			}
			for _, p := range peers {
				sides = append(sides, side{name: p.name, op: r.loop(ctx, slog.New(p.new(null{})))})
			}
			sides = append(sides,
				side{name: nameOtel, op: r.loop(ctx, slog.New(otel))},
				side{name: nameOtel + ", in a span", op: r.loop(traced, slog.New(otel))},
				side{name: nameFrontEnd, op: r.loop(ctx, slog.New(nothing{}))})
			b.compare(g, m, sides)
		}
	}
	return nil
}

// nameFrontEnd is the part of each log call that no handler can save.
const nameFrontEnd = "slog alone"

// nothing is a handler that does nothing.
type nothing struct{}

func (nothing) Enabled(context.Context, slog.Level) bool { return true }

func (nothing) Handle(context.Context, slog.Record) error { return nil }

func (h nothing) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h nothing) WithGroup(string) slog.Handler { return h }

// measureHandlers compares handlers that get a record that is ready.
func measureHandlers(b *bench) (err error) {
	ours := newRecorder(wfslog.Options{Sink: null{}})
	defer func() { err = errors.Join(err, ours.Close()) }()
	handle := func(ctx context.Context, h slog.Handler, r slog.Record) func(n int) {
		return func(n int) {
			for range n {
				_ = h.Handle(ctx, r) // null never fails
			}
		}
	}
	for _, r := range records {
		g := b.group("handler/"+r.name, "ns")
		if g == nil {
			continue
		}
		rec := ready(r.log)
		sides := []side{{name: nameWfslog, op: handle(ours.span, ours.agent.Handler(), rec)}}
		for _, p := range peers {
			sides = append(sides, side{name: p.name, op: handle(context.Background(), p.new(null{}), rec)})
		}
		b.compare(g, modes[0], sides)
	}
	return nil
}

// measureFiles compares whole log calls whose output goes to files: those that have
// handed each record to the kernel when the call returns, and those that buffer.
func measureFiles(b *bench) (err error) {
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
	for _, r := range records {
		for _, m := range modes {
			g := b.group("file/"+r.name+"/"+m.name, "ns")
			if g == nil {
				continue
			}
			sides := []side{
				{nameWfslog, r.loop(ours.plain.span, ours.plain.agent), ours.plain.settle},
				{nameNoSpan, r.loop(context.Background(), ours.plain.agent), ours.plain.settle},
				{nameSynced, r.loop(ours.synced.span, ours.synced.agent), ours.synced.settle},
				{nameWithLog, r.loop(ours.withLog.span, ours.withLog.agent), ours.withLog.settle},
			}
			for _, l := range loggers {
				sides = append(sides, side{name: l.name, op: r.loop(context.Background(), l.log)})
			}
			b.compare(g, m, sides)
		}
	}
	return nil
}

// closers are what has to be closed, the last one first.
type closers []io.Closer

func (c *closers) add(x io.Closer) { *c = append(*c, x) }

func (c closers) close() (err error) {
	for i := range c {
		err = errors.Join(err, c[len(c)-1-i].Close())
	}
	return err
}

// ours are wfslog's ways to log into a directory, all safe against kill -9. They keep
// the live tree, but save no documents: an iteration as long as a benchmark would
// not be one.
type ours struct {
	plain   *recorder // journal and live tree, left to the kernel as the peers' files are
	synced  *recorder // with the default: safe against power loss after a second, too
	withLog *recorder // plain, and an operational log, which is buffered
}

func (b *bench) openOurs(open *closers) (o ours, err error) {
	w, err := openBuffered(b.temp, "operational.jsonl")
	if err != nil {
		return o, err
	}
	open.add(w)
	add := func(name string, sync journal.SyncPolicy, next slog.Handler) *recorder {
		dir, mkErr := os.MkdirTemp(b.temp, name)
		err = errors.Join(err, mkErr)
		r := newRecorder(wfslog.Options{Dir: dir, SaveOn: wfslog.SaveNever, Next: next, Journal: wfslog.JournalOptions{
			SegmentBytes: maxFileBytes / 4, MaxBytes: maxFileBytes, Sync: sync,
		}})
		open.add(r)
		return r
	}
	o.plain = add("plain", journal.SyncNever, nil)
	o.synced = add("synced", journal.SyncSecond, nil)
	o.withLog = add("withlog", journal.SyncNever, newOperationalLog(w))
	return o, err
}

// namedLogger is a peer with a sink.
type namedLogger struct {
	name string
	log  *slog.Logger
}

// bufferedName is the name of a peer that writes to a [buffered].
func bufferedName(peer string) string { return peer + ", buffered" }

func (b *bench) openPeers(open *closers) (loggers []namedLogger, err error) {
	for i, p := range peers {
		f, err := openFile(b.temp, fmt.Sprintf("peer%d.log", i))
		if err != nil {
			return nil, err
		}
		open.add(f)
		loggers = append(loggers, namedLogger{p.name, slog.New(p.new(f))})
	}
	for i, p := range peers {
		w, err := openBuffered(b.temp, fmt.Sprintf("buffered%d.log", i))
		if err != nil {
			return nil, err
		}
		open.add(w)
		loggers = append(loggers, namedLogger{bufferedName(p.name), slog.New(p.new(w))})
	}
	return loggers, nil
}
