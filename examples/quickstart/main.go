// Quickstart is the smallest program that records a run: its console shows what
// happens, and logs holds the journal and the document.
package main

import (
	"context"
	"log/slog"

	"github.com/wfslog/wfslog"
)

func main() {
	slog.SetDefault(slog.New(wfslog.NewHandler(nil)))

	ctx := wfslog.StartIteration(context.Background())
	defer wfslog.End(ctx)

	log := slog.Default().WithGroup("workflow.agent1")
	log.InfoContext(ctx, "asked the model", wfslog.Action("llm_call"),
		wfslog.Input("What is 6 times 7?"), wfslog.Output("42"), wfslog.Tokens(14, 2))
}
