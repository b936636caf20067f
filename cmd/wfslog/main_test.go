package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/wfslog/wfslog"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"wfslog": main,
		"record": record,
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // a second for each of many processes
			return nil
		},
	})
}

// record is a program for the scripts: it records a run of the workflow named by
// its argument in the directory logs. With the second argument "crash" it ends
// without closing anything, with "kill" it is killed in its second iteration.
func record() {
	handler := wfslog.NewHandler(&wfslog.Options{Next: slog.DiscardHandler})
	slog.SetDefault(slog.New(handler))
	ctx := wfslog.StartWorkflow(context.Background(), os.Args[1])
	iteration(ctx)
	switch {
	case len(os.Args) == 2:
	case os.Args[2] == "kill":
		second := wfslog.StartIteration(ctx)
		slog.Default().WithGroup("workflow.agent2").InfoContext(second, "last words", wfslog.Action("llm_call"))
		kill()
	default:
		return
	}
	wfslog.End(ctx)
	if err := handler.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// kill ends the process so that nothing of it runs any more.
func kill() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {}
}

func iteration(ctx context.Context) {
	ctx = wfslog.StartIteration(ctx)
	defer wfslog.End(ctx)
	log := slog.Default().WithGroup("workflow.agent1")
	for i := range 4 {
		log.InfoContext(ctx, "asked the model", wfslog.Action("llm_call"), wfslog.Tokens(100, 5),
			wfslog.Input("What is\n\t6 times 7?"), wfslog.Output(map[string]int{"answer": 42}), slog.Int("attempt", i+1))
	}
	log.InfoContext(ctx, "just a remark")
	log.ErrorContext(ctx, "no \x1b[2J tool", wfslog.Action("tool\x1b]0;title\a"), wfslog.Err(errors.New("no such tool\r\nforged")))
}
