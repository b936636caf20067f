// Mixed uses wfslog in all four ways at once: the default logger that an import
// makes, named loggers whose levels change while the program runs, per-agent loggers
// into aggregators beside the files, in memory and behind a forwarder, and decorated
// functions and methods. Its agents sort numbers in several rounds, in parallel.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/auto" // the first way: the default logger records
	"github.com/wfslog/wfslog/wfshttp"
)

func main() {
	if err := run(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(stdout io.Writer) error {
	// The third way: what the default logger gets also goes to an aggregator in
	// memory, with levels of its own, and to a forwarder, which reads a journal of its
	// own.
	levels, err := wfslog.ParseLevels("debug,workflow.sorter2=warn")
	if err != nil {
		return err
	}
	tree := wfslog.NewTreeBuilder(nil)
	memory := wfslog.NewHandler(&wfslog.Options{
		Sink: tree, JournalLevel: levels, Next: slog.DiscardHandler, Workflow: "mixed",
	})
	defer memory.Close() // closes tree, which cannot fail
	sent := &outbox{}
	forward := wfslog.NewHandler(&wfslog.Options{
		Dir:    filepath.Join(cmp.Or(os.Getenv("WFSLOG_DIR"), "logs"), "sent"),
		SaveOn: wfslog.SaveNever, Next: slog.DiscardHandler, Forward: []wfslog.Forwarder{sent},
	})
	slog.SetDefault(slog.New(slog.NewMultiHandler(slog.Default().Handler(), memory, forward)))

	ctx := wfslog.StartWorkflow(context.Background(), "mixed")
	numbers := []int{5, 3, 8, 1, 9, 2}
	for round := range 2 {
		if numbers, err = sortRound(ctx, numbers); err != nil {
			return err
		}
		if round == 0 { // the second way, by code, and over HTTP as an operator would do it
			levels.Set("workflow.sorter2", slog.LevelDebug)
			if err := setLevel(ctx, auto.Levels(), "sorter2", "debug"); err != nil {
				return err
			}
		}
	}
	log.Print("sorted ", numbers) // package log flows through the default logger
	wfslog.End(ctx, wfslog.Output(numbers))
	if err := errors.Join(forward.Flush(ctx), forward.Close()); err != nil {
		return err
	}
	if span, ok := wfslog.SpanFromContext(ctx); ok {
		log.Print("sent events: ", sent.ofRun(span.Run))
	}
	return show(stdout, tree)
}

// sortRound lets two agents sort one half of the numbers each, and merges them.
func sortRound(ctx context.Context, numbers []int) (sorted []int, err error) {
	ctx = wfslog.StartIteration(ctx)
	defer wfslog.EndErr(ctx, &err)
	halves := [][]int{slices.Clone(numbers[:len(numbers)/2]), slices.Clone(numbers[len(numbers)/2:])}
	errs := make([]error, len(halves))
	var wg sync.WaitGroup
	for i, half := range halves {
		agent := fmt.Sprint("sorter", i+1)
		var s Sorter = sorter{slog.Default().WithGroup("workflow." + agent)}
		// The fourth way: a method is decorated by hand, or all by generated code.
		turn := wfslog.InteractionFunc(agent, s.Sort)
		if i > 0 {
			turn = NewRecordedSorter(s, agent).Sort
		}
		wg.Go(func() { halves[i], errs[i] = turn(ctx, half) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	merge := wfslog.ActionFunc("merge", func(_ context.Context, halves [][]int) ([]int, error) {
		all := slices.Concat(halves...)
		slices.Sort(all)
		return all, nil
	})
	return merge(ctx, halves)
}

// setLevel asks the endpoint for levels, which is served for as long, for another
// level.
func setLevel(ctx context.Context, levels *wfslog.Levels, logger, level string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: wfshttp.Levels(levels), ReadHeaderTimeout: time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	err = put(ctx, "http://"+listener.Addr().String(), fmt.Sprintf(`{"logger":%q,"level":%q}`, logger, level))
	err = errors.Join(err, server.Close())
	if failed := <-served; !errors.Is(failed, http.ErrServerClosed) {
		err = errors.Join(err, failed)
	}
	return err
}

func put(ctx context.Context, url, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close() // it was only read
	if answer.StatusCode != http.StatusOK {
		reason, _ := io.ReadAll(answer.Body) // what there is of it
		return fmt.Errorf("set level: %s: %s", answer.Status, reason)
	}
	return nil
}

// show prints what the aggregator knows of the run.
func show(stdout io.Writer, tree *wfslog.TreeBuilder) error {
	for _, id := range tree.Runs() {
		d, err := tree.Document(id)
		if err != nil {
			return err
		}
		if _, err := d.WriteTo(stdout); err != nil {
			return err
		}
	}
	return nil
}
