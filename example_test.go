package wfslog_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"sync"

	"github.com/wfslog/wfslog"
)

// A TreeBuilder as Sink keeps what is recorded in memory. Without a Sink there are
// journals and documents in the directory logs.
func ExampleNewHandler() {
	tree := wfslog.NewTreeBuilder(nil)
	handler := wfslog.NewHandler(&wfslog.Options{
		Sink: tree,
		Next: slog.DiscardHandler, // no operational log
	})
	log := slog.New(handler)
	ctx := wfslog.WithLogger(context.Background(), log) // instead of slog.SetDefault(log)

	ctx = wfslog.StartWorkflow(ctx, "research")
	turn := wfslog.StartInteraction(ctx, "agent1", wfslog.Input("What is 6 times 7?"))
	log.InfoContext(turn, "asked the model", wfslog.Action("llm_call"), wfslog.Tokens(14, 2))
	wfslog.End(turn, wfslog.Output("42"))
	wfslog.End(ctx)
	if err := handler.Close(); err != nil {
		fmt.Println(err)
	}

	for _, run := range tree.Runs() {
		doc, err := tree.Document(run)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println("workflow", doc.Workflow, doc.Status)
		for _, turn := range doc.Interactions {
			fmt.Printf("  interaction %s: %s → %s\n", turn.Agent, turn.Input, turn.Output)
			for _, action := range turn.Actions {
				fmt.Println("    action", action.Name, *action.Usage.InputTokens, "tokens in,", *action.Usage.OutputTokens, "out")
			}
		}
	}
	// Output:
	// workflow research ok
	//   interaction agent1: "What is 6 times 7?" → "42"
	//     action llm_call 14 tokens in, 2 out
}

// The context of a span may go to any number of goroutines. What they log, and
// the spans that they start, belong to it.
func ExampleStartIteration() {
	tree := wfslog.NewTreeBuilder(nil)
	handler := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler})
	defer handler.Close()
	root := slog.New(handler)
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), root), "research")

	iteration := wfslog.StartIteration(ctx)
	var wg sync.WaitGroup
	for _, agent := range []string{"agent1", "agent2"} {
		turn := wfslog.StartInteraction(iteration, agent) // here, so that agent1 comes first
		wg.Go(func() {
			defer wfslog.End(turn)
			log := root.WithGroup("workflow." + agent)
			log.InfoContext(turn, "searched", wfslog.Action("search"), wfslog.Output(3))
		})
	}
	wg.Wait()
	wfslog.End(iteration)
	wfslog.End(ctx)

	doc, err := tree.Document(tree.Runs()[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, iteration := range doc.Iterations {
		fmt.Println("iteration", iteration.Number)
		for _, turn := range iteration.Interactions {
			fmt.Println("  interaction", turn.Span, turn.Agent, "with", len(turn.Actions), "action")
		}
	}
	// Output:
	// iteration 1
	//   interaction 1/1 agent1 with 1 action
	//   interaction 1/2 agent2 with 1 action
}

// EndErr records how a function ends, whatever it returns.
func ExampleEndErr() {
	tree := wfslog.NewTreeBuilder(nil)
	handler := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler})
	defer handler.Close()
	ctx := wfslog.WithLogger(context.Background(), slog.New(handler))
	ctx = wfslog.StartWorkflow(ctx, "research")

	search := func(ctx context.Context, query string) (found int, err error) {
		ctx = wfslog.StartAction(ctx, "search", wfslog.Input(query))
		defer wfslog.EndErr(ctx, &err)
		return 0, errors.New("no network")
	}
	_, err := search(ctx, "errors")
	fmt.Println(err)
	wfslog.End(ctx)

	doc, err := tree.Document(tree.Runs()[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, action := range doc.Actions {
		fmt.Println("action", action.Name, action.Status, action.Error)
	}
	// Output:
	// no network
	// action search error no network
}

// Functions with an argument, a result and an error are decorated as they are: they
// do not know of wfslog.
func ExampleInteractionFunc() {
	tree := wfslog.NewTreeBuilder(nil)
	handler := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler})
	defer handler.Close()
	ctx := wfslog.WithLogger(context.Background(), slog.New(handler))
	ctx = wfslog.StartWorkflow(ctx, "research")

	search := wfslog.ActionFunc("search", func(_ context.Context, query string) ([]string, error) {
		return []string{query + ".go"}, nil
	})
	answer := wfslog.InteractionFunc("agent1", func(ctx context.Context, question string) (string, error) {
		found, err := search(ctx, "main")
		return fmt.Sprint("look at ", found), err
	})
	text, err := answer(ctx, "Where does it begin?")
	fmt.Println(text, err)
	wfslog.End(ctx)

	doc, err := tree.Document(tree.Runs()[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, turn := range doc.Interactions {
		fmt.Printf("interaction %s %s: %s → %s\n", turn.Agent, turn.Status, turn.Input, turn.Output)
		for _, action := range turn.Actions {
			fmt.Printf("  action %s %s: %s → %s\n", action.Name, action.Status, action.Input, action.Output)
		}
	}
	// Output:
	// look at [main.go] <nil>
	// interaction agent1 ok: "Where does it begin?" → "look at [main.go]"
	//   action search ok: "main" → ["main.go"]
}

// Do records a piece of a function.
func ExampleDo() {
	tree := wfslog.NewTreeBuilder(nil)
	handler := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler})
	defer handler.Close()
	ctx := wfslog.WithLogger(context.Background(), slog.New(handler))
	ctx = wfslog.StartWorkflow(ctx, "research")

	lines, err := wfslog.Do(ctx, wfslog.KindAction, "count_lines", func(context.Context) (int, error) {
		return 2, errors.New("file changed while it was read")
	}, wfslog.Tool("wc"), wfslog.Input("main.go"))
	fmt.Println(lines, err)
	wfslog.End(ctx)

	doc, err := tree.Document(tree.Runs()[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, action := range doc.Actions {
		fmt.Printf("action %s with %s: %s → %s, %s\n", action.Name, action.Tool, action.Input, action.Output, action.Error)
	}
	// Output:
	// 2 file changed while it was read
	// action count_lines with wc: "main.go" → 2, file changed while it was read
}

// Groups that begin with "workflow" name the logger; all others are groups as
// always.
func ExampleHandler_WithGroup() {
	short := func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || slices.Contains(groups, "wf") { // wf tells the record's place in a run
			return slog.Attr{}
		}
		return a
	}
	handler := wfslog.NewHandler(&wfslog.Options{
		Sink: wfslog.NewTreeBuilder(nil),
		Next: slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: short}),
	})
	defer handler.Close()
	log := slog.New(handler)
	log.Info("hello", "a", 1)
	log.WithGroup("workflow.agent1").Info("hello", "a", 1)
	log.WithGroup("workflow").WithGroup("agent1").Info("hello", "a", 1)
	log.WithGroup("workflow.agent1").WithGroup("request").Info("hello", "a", 1)
	log.WithGroup("request").Info("hello", "a", 1)
	// Output:
	// {"level":"INFO","msg":"hello","a":1}
	// {"level":"INFO","msg":"hello","logger":"workflow.agent1","a":1}
	// {"level":"INFO","msg":"hello","logger":"workflow.agent1","a":1}
	// {"level":"INFO","msg":"hello","logger":"workflow.agent1","request":{"a":1}}
	// {"level":"INFO","msg":"hello","request":{"a":1}}
}

// Levels decide by the logger's name, and can be changed while loggers use them.
func ExampleLevels() {
	levels, err := wfslog.ParseLevels("info,workflow.agent2=debug")
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := wfslog.NewHandler(&wfslog.Options{
		Level:        levels,
		JournalLevel: wfslog.LevelCritical, // otherwise everything of an agent is recorded
		Sink:         wfslog.NewTreeBuilder(nil),
		Next:         slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: wfslog.LevelTrace}), // it decides as well
	})
	defer handler.Close()
	agent1 := slog.New(handler).WithGroup("workflow.agent1")
	agent2 := slog.New(handler).WithGroup("workflow.agent2")
	ctx := context.Background()
	fmt.Println(agent1.Enabled(ctx, slog.LevelDebug), agent2.Enabled(ctx, slog.LevelDebug))

	levels.Set("workflow.agent1", slog.LevelDebug)
	levels.Unset("workflow.agent2")
	fmt.Println(agent1.Enabled(ctx, slog.LevelDebug), agent2.Enabled(ctx, slog.LevelDebug))
	fmt.Println(wfslog.LevelName(levels.Effective("workflow.agent1.tools")))
	// Output:
	// false true
	// true false
	// DEBUG
}

func ExampleParseLevels() {
	defer slog.SetDefault(slog.Default()) // what it was

	levels, err := wfslog.ParseLevels("info,workflow.agent2=debug")
	if err != nil {
		log.Fatal(err)
	}
	slog.SetDefault(slog.New(wfslog.NewHandler(&wfslog.Options{Level: levels})))

	levels.Set("workflow.agent1", slog.LevelDebug)
	fmt.Println(levels.Effective("workflow.agent1.tools"), levels.Effective("workflow.agent10"))
	// Output: DEBUG INFO
}
