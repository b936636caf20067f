package wfslog_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os/exec"

	"github.com/wfslog/wfslog"
)

// A place in a run goes to another process in its environment, in the headers of a
// request or a message, or as text in whatever a queue takes.
func ExampleInject() {
	tree := wfslog.NewTreeBuilder(nil)
	logger := slog.New(wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler}))
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), logger), "indexing")
	request, err := http.NewRequest(http.MethodPost, "http://localhost/index", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	job := map[string]string{}

	cmd := exec.CommandContext(ctx, "worker")
	cmd.Env = wfslog.Env(ctx, nil)
	wfslog.Inject(ctx, wfslog.HeaderCarrier(request.Header)) // as for a NATS message
	job["trace"] = wfslog.Marshal(ctx)

	// In the other processes:
	there := wfslog.WithLogger(context.Background(), logger)
	served := wfslog.StartInteraction(wfslog.Extract(there, wfslog.HeaderCarrier(request.Header)), "server")
	done := wfslog.StartInteraction(wfslog.Unmarshal(there, job["trace"]), "consumer")
	wfslog.End(done)
	wfslog.End(served)

	wfslog.End(ctx)
	doc, err := tree.Document(tree.Runs()[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, turn := range doc.Interactions { // in the order of the places, not of time
		fmt.Println(turn.Agent, turn.Status)
	}
	fmt.Println("complete:", doc.Complete)
	// Output:
	// server ok
	// consumer ok
	// complete: true
}
