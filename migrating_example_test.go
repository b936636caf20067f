package wfslog_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/handlers/jsonlog"
)

// The lines that docs/migrating.md shows are those of these examples.

// The calls of the WorkflowLogger for Python.
func Example_migratingFromWorkflowLogger() {
	tree := wfslog.NewTreeBuilder(nil) // to look at; without a Sink there are files
	handler := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler})
	defer handler.Close()
	ctx := wfslog.WithLogger(context.Background(), slog.New(handler)) // instead of slog.SetDefault
	log := slog.New(handler).WithGroup("workflow.agent1")
	modelConfig := map[string]any{"model": "m1"}
	question, prompt, answer := "What is 6 times 7?", "Calculate: 6 times 7", "42"

	ctx = wfslog.StartWorkflow(ctx, "research", slog.Any("model_config", modelConfig))
	iteration := wfslog.StartIteration(ctx)
	turn := wfslog.StartInteraction(iteration, "agent1", wfslog.Input(question))
	log.InfoContext(turn, "asked the model", wfslog.Action("llm_call"), wfslog.Input(prompt), wfslog.Output(answer), slog.Int("attempt", 1))
	wfslog.AddResource(turn, "corpus", "file:///data/corpus")
	log.ErrorContext(turn, "no such tool", "tool", "grep")
	wfslog.Annotate(ctx, slog.String("reviewer", "agent2"))
	wfslog.End(turn, wfslog.Output(answer))
	wfslog.End(iteration, wfslog.Status("solved"))
	wfslog.End(ctx, wfslog.Status("completed"))
	err := handler.Save(ctx)
	fmt.Println("saved:", err)

	doc, err := tree.Document(tree.Runs()[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("workflow %s %s %s\n", doc.Workflow, doc.Status, doc.Metadata)
	for _, iteration := range doc.Iterations {
		fmt.Println("iteration", iteration.Number, iteration.Status)
		for _, turn := range iteration.Interactions {
			fmt.Printf("  %s %s → %s used %s\n", turn.Agent, turn.Input, turn.Output, turn.Resources[0].Name)
			for _, action := range turn.Actions {
				fmt.Printf("    %s %s → %s %s\n", action.Name, action.Input, action.Output, action.Metadata)
			}
		}
	}
	for _, e := range doc.Errors {
		fmt.Println("error in", e.Span+":", e.Msg)
	}
	// Output:
	// saved: <nil>
	// workflow research completed {"model_config":{"model":"m1"},"reviewer":"agent2"}
	// iteration 1 solved
	//   agent1 "What is 6 times 7?" → "42" used corpus
	//     llm_call "Calculate: 6 times 7" → "42" {"attempt":1}
	// error in 1/1: no such tool
}

// Loggers of Python's logging.
func Example_migratingFromPythonLoggers() {
	defer slog.SetDefault(slog.Default())
	tree := wfslog.NewTreeBuilder(nil) // to look at
	levels, err := wfslog.ParseLevels("info,workflow.agent2=debug")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := wfslog.NewHandler(&wfslog.Options{Level: levels, Sink: tree, Next: slog.DiscardHandler})
	slog.SetDefault(slog.New(handler))
	task, files := "t1", 3
	err = errors.New("no network")

	ctx := wfslog.StartIteration(context.Background())
	log := slog.Default().WithGroup("workflow.agent1")
	tools := slog.Default().WithGroup("workflow.agent1.tools")
	levels.Set("workflow.agent1", slog.LevelDebug)
	log = log.With("task", task)
	log.InfoContext(ctx, "read files", "n", files)
	if log.Enabled(ctx, slog.LevelDebug) {
		log.DebugContext(ctx, "read files", "names", []string{"a", "b", "c"})
	}
	tools.WarnContext(ctx, "slow tool", "tool", "grep")
	log.ErrorContext(ctx, "call failed", wfslog.Err(err))
	log.ErrorContext(ctx, "call failed", wfslog.Err(err), slog.String("stack", string(debug.Stack())))
	log.Log(ctx, wfslog.LevelCritical, "disk full")
	slog.InfoContext(wfslog.Suppress(ctx), "nobody sees this")
	wfslog.End(ctx)
	err = handler.Close()
	fmt.Println("closed:", err)

	doc, err := tree.Document(tree.Runs()[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, turn := range doc.Iterations[0].Interactions {
		fmt.Println(turn.Agent)
		for _, log := range turn.Logs {
			fmt.Println(" ", log.Level, log.Msg)
		}
	}
	// Output:
	// closed: <nil>
	// agent1
	//   INFO read files
	//   DEBUG read files
	//   ERROR call failed
	//   ERROR call failed
	//   CRITICAL disk full
	// agent1.tools
	//   WARN slow tool
}

// toCollector is a Forwarder.
type toCollector struct{}

func (toCollector) Forward(context.Context, []wfslog.Event) error { return nil }

func (toCollector) Close() error { return nil }

// Handlers, filters and queues of Python's logging.
func Example_migratingFromPythonHandlers() {
	defer slog.SetDefault(slog.Default())
	mask := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "customer" {
			a.Value = slog.StringValue("***")
		}
		return a
	}
	var opts wfslog.Options
	opts.Next = jsonlog.New(os.Stderr, nil)
	opts.Next = slog.NewMultiHandler(console.New(os.Stderr, nil), jsonlog.New(os.Stdout, nil))
	opts.Level, opts.JournalLevel = slog.LevelWarn, slog.LevelInfo
	opts.Journal = journal.Options{SegmentBytes: 16 << 20, MaxBytes: 1 << 30}
	opts.Dir = "logs"
	opts.ReplaceAttr = mask
	opts.AddSource = true
	opts.Forward = []wfslog.Forwarder{toCollector{}}
	handler := wfslog.NewHandler(&opts)
	slog.SetDefault(slog.New(handler))
	slog.SetDefault(slog.New(wfslog.NewHandler(nil)))
	fmt.Println(handler.Close()) // nothing was logged, so there are no files
	// Output:
	// <nil>
}
