package wfslogtest_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/wfslogtest"
)

// agent is the code under test.
type agent struct{ log *slog.Logger }

func (a agent) answer(ctx context.Context, question string) string {
	ctx = wfslog.StartInteraction(ctx, "agent1", wfslog.Input(question))
	a.log.DebugContext(ctx, "thinking")
	a.log.InfoContext(ctx, "asked the model", wfslog.Action("llm_call"), wfslog.Output("42"), wfslog.Tokens(14, 2))
	wfslog.End(ctx, wfslog.Output("42"))
	return "42"
}

func Example() {
	t := &fakeTest{} // in a test it is the *testing.T
	rec := wfslogtest.New(t)
	agent{log: rec.Logger()}.answer(rec.Context(), "What is 6 times 7?")

	rec.AssertAction("agent1", "llm_call", wfslog.Output("42"))
	rec.AssertCount(1, wfslogtest.Query{Kind: wfslog.KindInteraction})
	rec.AssertErrors() // none
	fmt.Print(rec.Tree())

	fmt.Println("failures:", t.end())
	// Output:
	// ✓ TestFake  019b76daa800701b8009249b5104647b  ok  5ms  14→2 tok  1 agent  2026-01-01T00:00:00Z
	// └─ ✓ agent1 turn 1  3ms  14→2  1
	//    ├─ ✓ llm_call         14→2  :1  → 42
	//    └─ · DEBUG                  :2  thinking
	// failures: []
}
