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
// Then nothing but the document is written to disk.
//
// Both ways this process writes one document of all. The environment tells the worker in
// which span it was started, and what it records stands there: it does nothing for that
// itself.
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
	worker bool
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("aggregator", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.dir, "dir", "", "`directory` of the documents, and of the journals (default $WFSLOG_DIR, else logs)")
	flags.BoolVar(&o.memory, "memory", false, "keep events in memory instead of journals")
	flags.BoolVar(&o.worker, "worker", false, "be the second process")
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
	if o.worker {
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
	doc, err := all.document(run)
	if err != nil {
		return err
	}
	path, err := all.export(doc)
	if err != nil {
		return err
	}
	look := treetext.Options{Color: termtext.Colors(stdout), Fold: 3, Width: 100, Short: true}
	if err := treetext.Write(stdout, doc, look); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "\nThe document of this run is %s\n", termtext.String(path))
	return err
}

// work is the second process. It logs into the directory of the first, or writes the
// lines of its events to stdout, which is a pipe to the first.
func work(ctx context.Context, o options, _ io.Writer) error {
	opts := &wfslog.Options{Dir: o.dir, Workflow: "primes-worker"}
	if o.memory {
		opts.Sink = os.Stdout // the handler closes it
	}
	handler := wfslog.NewHandler(opts)
	slog.SetDefault(slog.New(handler))
	_, err := tester.turn(ctx)
	return errors.Join(err, handler.Close())
}
