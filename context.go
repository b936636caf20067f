package wfslog

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/hook"
)

// stateKey is the key under which a context carries a *state.
type stateKey struct{}

// state is all that wfslog keeps in a context. It is never changed.
type state struct {
	span       *span
	trace      *trace     // of another tracer, to which the next run is linked
	op         *operation // what the record that comes with this context tells
	logger     *slog.Logger
	level      slog.Level // lowers the minimum levels, if lowered
	lowered    bool
	suppressed bool
}

// stateContext is a context with a state: one allocation, one step for Value.
type stateContext struct {
	context.Context
	state state
}

func (c *stateContext) Value(key any) any {
	if _, ok := key.(stateKey); ok {
		return &c.state
	}
	return c.Context.Value(key)
}

// stateFrom returns what ctx carries, never nil. ctx may be nil.
func stateFrom(ctx context.Context) *state {
	switch c := ctx.(type) {
	case nil:
		return &noState
	case *stateContext: // the usual case, without a call
		return &c.state
	}
	if s, ok := ctx.Value(stateKey{}).(*state); ok {
		return s
	}
	return &noState
}

var noState state

// with returns a child of ctx that carries s.
func (s state) with(ctx context.Context) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	return &stateContext{Context: ctx, state: s}
}

// Span tells which span a context carries.
type Span struct {
	Run   RunID
	Path  string // "" is the root of the run
	Kind  Kind   // "" if the span is another process's: see [Extract]
	Name  string // unknown then, too
	Agent string // of an interaction, and of what is inside it

	link *Link
}

// TraceID returns the trace id of the span's run for W3C and OpenTelemetry, as 32
// hex digits: the run itself, or the foreign trace that the run is linked to.
func (s Span) TraceID() string {
	if s.link != nil {
		return s.link.Trace
	}
	return s.Run.String()
}

// SpanID returns the first 8 bytes of SHA-256(run ‖ path).
func (s Span) SpanID() SpanID { return event.SpanIDOf(s.Run, s.Path) }

// SpanFromContext returns the span that ctx carries. It is not ok if there is
// none; the default run, which needs no context, does not count.
func SpanFromContext(ctx context.Context) (s Span, ok bool) {
	sp := stateFrom(ctx).span
	if sp == nil {
		return Span{}, false
	}
	return Span{
		Run: sp.run.id, Path: sp.path, Kind: sp.kind, Name: sp.name, Agent: sp.agent, link: sp.run.foreign,
	}, true
}

// StartWorkflow starts a new run and returns a context that carries its root. If
// ctx carries a span of another run, or comes from another tracer's, the new one is
// linked to it. An empty name becomes "workflow".
func StartWorkflow(ctx context.Context, name string, attrs ...slog.Attr) context.Context {
	if name == "" {
		name = workflowName
	}
	return start(ctx, spanStart{kind: KindWorkflow, name: name}, attrs)
}

// StartIteration starts the next iteration of the workflow and returns a context
// that carries it. If ctx carries no span, the iteration belongs to the
// process's default run.
func StartIteration(ctx context.Context, attrs ...slog.Attr) context.Context {
	return start(ctx, spanStart{kind: KindIteration}, attrs)
}

// StartInteraction starts one turn of an agent, which may be named with or
// without "workflow.", and returns a context that carries it. If ctx carries no
// span, the interaction belongs to the process's default run.
func StartInteraction(ctx context.Context, agent string, attrs ...slog.Attr) context.Context {
	return start(ctx, spanStart{kind: KindInteraction, agent: agentOf(agent)}, attrs)
}

// StartAction starts an action, such as an LLM call or a tool call, and returns a
// context that carries it. If ctx carries no span, the action belongs to the
// process's default run. An action without duration is one record: see [Action].
func StartAction(ctx context.Context, name string, attrs ...slog.Attr) context.Context {
	return start(ctx, spanStart{kind: KindAction, name: name}, attrs)
}

// End ends the span that ctx carries; only the first call for a span does
// anything, and without a span, or with one of another process, there is nothing to
// do: the default run ends when its handlers are closed. Called by defer during a
// panic, it records the panic as the span's error and panics on with the same value.
//
// The end of an iteration or a workflow returns when the run's document is
// saved, or after one second.
func End(ctx context.Context, attrs ...slog.Attr) {
	p := recover()
	end(ctx, 0, nil, p, attrs)
	if p != nil {
		panic(p)
	}
}

// EndErr is [End] for functions that return an error:
//
//	defer wfslog.EndErr(ctx, &err)
//
// If *err is not nil, the span has failed with it. err may be nil.
func EndErr(ctx context.Context, err *error, attrs ...slog.Attr) {
	p := recover()
	var failed error
	if err != nil {
		failed = *err
	}
	end(ctx, 0, failed, p, attrs)
	if p != nil {
		panic(p)
	}
}

// Annotate adds attributes to the span that ctx carries, at any time. If it carries
// none, they go to the root of the process's default run.
func Annotate(ctx context.Context, attrs ...slog.Attr) {
	set(ctx, nil, "annotated", attrs)
}

// AddResource notes that the span which ctx carries used or made something: a
// file, a corpus, a table. attrs go to the resource's span. If ctx carries none, that
// is the root of the process's default run.
func AddResource(ctx context.Context, name, uri string, attrs ...slog.Attr) {
	set(ctx, &Resource{Name: name, URI: uri}, "resource "+name, attrs)
}

// WithLogger returns a context with which Start, End, [Annotate] and
// [AddResource] log through l instead of [slog.Default]. A nil l means the
// default.
func WithLogger(ctx context.Context, l *slog.Logger) context.Context {
	s := *stateFrom(ctx)
	s.logger = l
	return s.with(ctx)
}

// WithLevel returns a context whose records are admitted from level l on, where
// the handler's own minimum is higher: for the operational log, as far as the
// next handler admits it, and for the journal. Of several around each other the
// innermost decides, also if it lowers the minimum less than the others.
func WithLevel(ctx context.Context, l slog.Level) context.Context {
	s := *stateFrom(ctx)
	s.level, s.lowered = l, true
	return s.with(ctx)
}

// Suppress returns a context with which nothing is recorded, neither records nor
// spans. The operational log goes on.
func Suppress(ctx context.Context) context.Context {
	s := *stateFrom(ctx)
	s.span, s.suppressed = nil, true
	return s.with(ctx)
}

// spanStart says what kind of span to start.
type spanStart struct {
	kind  Kind
	name  string
	agent string
	pc    uintptr // see operation
}

// spanContext is a span and the context that carries it: one allocation.
type spanContext struct {
	stateContext
	span span
}

// start starts a span below the one in ctx.
func start(ctx context.Context, what spanStart, attrs []slog.Attr) context.Context {
	s := stateFrom(ctx)
	if s.suppressed {
		return ctx
	}
	if ctx == nil {
		ctx = context.Background()
	}
	parent := s.span
	if parent == nil && what.kind != KindWorkflow {
		parent = defaultRoot()
	}
	now := time.Now() // after the start of the parent
	made := &spanContext{stateContext: stateContext{Context: ctx, state: *s}}
	made.state.span = &made.span
	made.state.op, made.state.trace = nil, nil // op is that of middleware that starts spans of its own
	if what.kind == KindWorkflow {
		made.span.beginRoot(hook.NewRunID(ctx, now), what.name, now)
		made.span.run.linkTo(parent, s.trace)
	} else {
		made.span.begin(parent, what, now)
	}
	op := operation{typ: event.TypeStart, span: &made.span, time: now, level: slog.LevelDebug, pc: what.pc}
	made.state.send(ctx, &op, "started", attrs)
	return &made.stateContext
}

func end(ctx context.Context, pc uintptr, err error, panicked any, attrs []slog.Attr) {
	s := stateFrom(ctx)
	if s.span == nil || s.span.remote != nil || !s.span.ended.CompareAndSwap(false, true) {
		return
	}
	now := time.Now()
	op := operation{
		typ: event.TypeEnd, span: s.span, time: now, level: slog.LevelInfo, pc: pc,
		dur: now.Sub(s.span.start), status: event.StatusOK,
	}
	if panicked != nil {
		err = fmt.Errorf("panic: %s", describe(panicked))
	}
	if err != nil {
		op.level, op.status, op.err = slog.LevelError, event.StatusError, errorText(err)
	}
	s.send(ctx, &op, "ended", attrs)
	s.span.complete(&op, attrs)
}

func set(ctx context.Context, resource *Resource, verb string, attrs []slog.Attr) {
	s := *stateFrom(ctx)
	if s.suppressed || (resource == nil && len(attrs) == 0) {
		return
	}
	if s.span == nil {
		s.span = defaultRoot()
	}
	op := operation{typ: event.TypeSet, span: s.span, time: time.Now(), level: slog.LevelDebug, resource: resource}
	s.send(ctx, &op, verb, attrs)
}

// operationContext is the context of an operation's record, and the operation: one
// allocation.
type operationContext struct {
	stateContext
	op operation
}

// send logs an operation through the context's logger. Its callers are start, end,
// set and inject, theirs the exported functions, so the program counter of the user's
// code is four frames up, unless the operation knows it.
func (s *state) send(ctx context.Context, op *operation, verb string, attrs []slog.Attr) {
	logger := s.logger
	if logger == nil {
		logger = slog.Default()
	}
	if ctx == nil {
		ctx = context.Background()
	}
	handler := logger.Handler()
	if h, ok := handler.(*Handler); ok && h.recordsAlone(ctx, s, op, attrs) {
		return
	}
	oc := &operationContext{stateContext: stateContext{Context: ctx, state: *s}, op: *op}
	oc.state.op = &oc.op
	if !handler.Enabled(oc, op.level) {
		return
	}
	pcs := [1]uintptr{op.pc}
	if op.pc == 0 {
		runtime.Callers(4, pcs[:]) // Callers, send, its caller, the exported function
	}
	r := slog.NewRecord(op.time, op.level, op.span.message(verb), pcs[0])
	r.AddAttrs(slog.Any(keyWF, &oc.op))
	r.AddAttrs(attrs...)
	_ = handler.Handle(oc, r) // like slog.Logger: what is lost is counted by the handler
}

// describe returns the text of a panic's value. It does not use fmt on values of
// the user's types, whose methods may panic again or which may contain
// themselves.
func describe(p any) string {
	switch p := p.(type) {
	case error:
		return errorText(p)
	case string:
		return p
	}
	e := encode.New(&panicLimits)
	defer e.Free()
	e.Redact = true // half of what is cut could not be told any more from other text
	e.Any(p)
	return fmt.Sprintf("%T %s", p, e.Buf)
}

// panicLimits keep the text of a panic's value short.
var panicLimits = Limits{StringBytes: 1 << 10, LineBytes: 1 << 10}.WithDefaults()

// errorText returns the text of err, also if its Error method panics.
func errorText(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprintf("!PANIC: Error method of %T", err)
		}
	}()
	return err.Error()
}
