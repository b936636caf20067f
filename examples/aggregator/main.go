// Aggregator has several agents, each with a logger of its own, log into one
// aggregator, from two processes. The agents count the primes below a number in ways
// of their own, two of them in this process and one in a second process, for which the
// program starts itself again; a judge then asks the aggregator for their answers.
//
// Usage:
//
//	aggregator [-dir logs] [-memory]
//
// By default the aggregator is the directory: both processes write their journals
// there, and whoever reads them all has everything. With -memory it is a TreeBuilder:
// the agents of this process log into it, and the worker's lines come through a pipe.
// Then nothing but the documents is written to disk, by this process.
//
// Each process has a run of its own, and so there are two documents: nothing tells the
// worker in which span it was started. That they belong together says an attribute of
// the worker's run that the program itself has put there.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/treetext"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are what the command line says.
type options struct {
	dir    string // "" means the default
	memory bool
	worker string // the run that the worker is started by; "" if this is no worker
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("aggregator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.dir, "dir", "", "`directory` of the documents, and of the journals (default $WFSLOG_DIR, else logs)")
	flags.BoolVar(&o.memory, "memory", false, "keep events in memory instead of journals")
	flags.StringVar(&o.worker, "worker", "", "be the second process, started by this `run`")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintln(stderr, "aggregator: no arguments are expected")
		return exitUsage
	}
	do := lead
	if o.worker != "" {
		do = work
	}
	if err := do(ctx, o, stdout); err != nil {
		fmt.Fprintln(stderr, "aggregator:", termtext.String(err.Error()))
		return exitFailed
	}
	return exitOK
}

// lead is the first process: it has the work done and shows what was recorded.
func lead(ctx context.Context, o options, stdout io.Writer) error {
	all := newAggregator(o)
	slog.SetDefault(slog.New(all.handler))
	run, err := all.countPrimes(ctx)
	if err = errors.Join(err, all.handler.Close()); err != nil {
		return err
	}
	docs, err := all.documents(run)
	if err != nil {
		return err
	}
	for _, doc := range docs {
		path, err := all.export(doc)
		if err != nil {
			return err
		}
		look := treetext.Options{Color: termtext.Colors(stdout), Fold: 3, Width: 100, Short: true}
		if err := treetext.Write(stdout, doc, look); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(stdout, "\nThe document of this run is %s\n\n", termtext.String(path)); err != nil {
			return err
		}
	}
	return nil
}

// work is the second process. It logs into the directory of the first, or writes the
// lines of its events to stdout, which is a pipe to the first.
func work(ctx context.Context, o options, _ io.Writer) (err error) {
	opts := &wfslog.Options{Dir: o.dir}
	if o.memory {
		opts.Sink = os.Stdout // the handler closes it
	}
	handler := wfslog.NewHandler(opts)
	slog.SetDefault(slog.New(handler))
	ctx = wfslog.StartWorkflow(ctx, "primes-worker", slog.String(keyStartedBy, o.worker))
	_, err = tester.turn(ctx)
	wfslog.EndErr(ctx, &err)
	return errors.Join(err, handler.Close())
}
