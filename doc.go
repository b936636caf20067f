// Package wfslog records what the agents of an LLM workflow did, from their
// ordinary [log/slog] calls.
//
// Its [Handler] writes the usual operational log, and besides it rebuilds what
// happened as a tree:
//
//	workflow (a run) ─ iteration ─ interaction (one agent's turn) ─ action ─ log records
//
// The tree is stored as an append-only journal and as JSON documents. Nothing
// has to be configured:
//
//	slog.SetDefault(slog.New(wfslog.NewHandler(nil)))
//
//	ctx := wfslog.StartIteration(context.Background())
//	defer wfslog.End(ctx)
//
//	log := slog.Default().WithGroup("workflow.agent1")
//	log.InfoContext(ctx, "asked the model", wfslog.Action("llm_call"),
//		wfslog.Input(prompt), wfslog.Output(answer), wfslog.Tokens(1200, 85))
//
// Package auto does the first line for programs that only import it. The operational
// log is [Options.Next]: package handlers/console writes it for people, which is the
// default, and handlers/jsonlog for machines, at the least cost.
//
// # Words
//
// A run is one execution of a workflow. A span is an interval in a run: the
// workflow itself, an iteration, an interaction, an action. Its path is its
// address: "1/2/3" is the third child of the second child of the first child of
// the root, whose path is "". An event is one line of the journal: a span's start
// or end, a log record, an annotation. A stream is all events of one handler in
// one process. A document is the JSON tree of one run, a pure function of the set
// of its events.
//
// # Spans
//
// [StartWorkflow], [StartIteration], [StartInteraction] and [StartAction] return
// a context that carries the new span; records that are logged with it, and spans
// that are started with it, belong to that span, in any goroutine. [End] ends it.
// Starts and ends are themselves slog records, at the levels Debug and Info (Error
// if the span failed), sent through the default logger or the one of
// [WithLogger], so any slog middleware may stand in between. What middleware must
// keep for that is the context or the marker attribute "wf": a handler that gets
// neither takes the record for an ordinary one. Middleware that hands records to
// another goroutine works, but what arrives after the end of its span is marked
// as late.
//
// [InteractionFunc], [ActionFunc] and [Do] record functions that do not know of
// wfslog: their input, output, error and panic.
//
// Without a workflow in the context, spans belong to the process's default run,
// and so do annotations, resources, and the records of named agents whose context
// carries no span. Other records without a span go to the operational log only.
//
// [Inject], [Marshal] and [Env] tell another process where it is to go on, and
// [Extract] and [Unmarshal] are how it does.
//
// # Names of loggers
//
// The groups "workflow" and "workflow.<name>" of [slog.Logger.WithGroup] name the
// logger instead of grouping its attributes: WithGroup("workflow.agent1") is the
// logger of agent1, and so is WithGroup("workflow").WithGroup("agent1"). A later
// name replaces an earlier one. Any other group, and any with an empty segment
// such as "workflow.", nests attributes as slog says. A program that already uses
// "workflow" as an ordinary group has to rename that group.
//
// # What is kept when
//
// When Handle returns nil, the kernel has the event: it survives kill -9,
// os.Exit and a panic. It survives a loss of power once it is synced, by default
// within a second. What could not be written is counted, and stated by a loss
// event as soon as one can be written.
package wfslog
