// Package wfslogtest is for tests of programs that log through [wfslog]: a
// [Recorder] keeps in memory what the test records, answers questions about it,
// and fails the test if something is wrong with it.
//
//	func TestAgent(t *testing.T) {
//		rec := wfslogtest.New(t)
//		NewAgent(rec.Logger()).Answer(rec.Context(), "What is 6 times 7?")
//
//		rec.AssertAction("agent1", "llm_call", wfslog.Output("42"))
//		rec.AssertErrors() // none
//		rec.Golden("testdata/agent.golden")
//	}
//
// # What is recorded
//
// [Recorder.Context] carries a workflow with the name of the test, and the logger
// of the recorder. What the code under test starts and logs with that context is
// recorded: spans through the context's logger, and records that are logged to
// [Recorder.Logger] or one that is derived from it. Code that logs to
// [slog.Default] needs slog.SetDefault(rec.Logger()), and then cannot be tested in
// parallel. Middleware can be put around rec.Logger().Handler(), for records, and
// with [wfslog.WithLogger] into the context, for spans.
//
// Any number of recorders can be used at once, also in parallel tests, and each by
// any number of goroutines. They start none, so that they work in the bubbles of
// [testing/synctest].
//
// # The same each time
//
// The ids of runs and of the stream depend only on the test's name. Times and the
// numbers of records are not those that were, but are given in the order of the
// document, a millisecond for each start, record and end, as if no two agents had
// worked at once: otherwise they would depend on how goroutines are scheduled. So a
// document is the same, byte for byte, as long as the tree is. For that, turns that
// run at once must be started in the same order: before their goroutines are.
// [Options.KeepTimes] keeps the times.
//
// # What fails a test
//
// At the end of the test the recorder closes, and the test fails if a span was not
// ended, an event was lost, a value could not be recorded or was cut, the program
// tried to record a secret, or something was recorded with a context that carries
// no span. [Options] can allow each of these.
package wfslogtest
