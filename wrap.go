package wfslog

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"runtime"
)

// Do calls f with the context of a new span, and returns what f returns. The span
// is of the given kind, with name as its name, or as the agent of a
// [KindInteraction]; an iteration has no name. Any kind but the four of this
// package counts as [KindAction]. The span starts with attrs, such as [Input], and
// ends with the first result of f as [Output]; struct{} stands for no result.
//
// The span fails if f returns an error, panics or calls [runtime.Goexit]. A panic
// goes on with the same value, and the stack of a crash shows where it began. With
// an error, a zero output is left out. If it is the error of f's context, and
// [context.Cause] says more, that becomes the attribute "cause".
//
// The output is rendered before Do returns: the caller may change it then. With a
// context of [Suppress], Do only calls f. It panics if f is nil.
func Do[Out any](
	ctx context.Context, kind Kind, name string, f func(context.Context) (Out, error), attrs ...slog.Attr,
) (Out, error) {
	if f == nil {
		panic("wfslog: Do of a nil function")
	}
	what := spanStart{kind: kind, name: name}
	switch kind {
	case KindWorkflow:
		if name == "" {
			what.name = workflowName
		}
	case KindIteration:
		what.name = ""
	case KindInteraction:
		what = spanStart{kind: kind, agent: agentOf(name)}
	default:
		what.kind = KindAction
	}
	return do(ctx, what, f, attrs)
}

// InteractionFunc returns a function that calls f and records each call as one
// turn of the agent, which may be named with or without "workflow.": the argument
// as [Input], unless it is a struct{}, and the rest as [Do] does. It panics if f is
// nil. The function is as safe for concurrent use as f is.
func InteractionFunc[In, Out any](
	agent string, f func(context.Context, In) (Out, error),
) func(context.Context, In) (Out, error) {
	if f == nil {
		panic("wfslog: InteractionFunc of a nil function")
	}
	what := spanStart{kind: KindInteraction, agent: agentOf(agent)}
	return func(ctx context.Context, in In) (Out, error) {
		return do(ctx, what, func(ctx context.Context) (Out, error) { return f(ctx, in) }, []slog.Attr{input(in)})
	}
}

// ActionFunc returns a function that calls f and records each call as an action
// with the given name, in the way of [InteractionFunc].
func ActionFunc[In, Out any](
	name string, f func(context.Context, In) (Out, error),
) func(context.Context, In) (Out, error) {
	if f == nil {
		panic("wfslog: ActionFunc of a nil function")
	}
	what := spanStart{kind: KindAction, name: name}
	return func(ctx context.Context, in In) (Out, error) {
		return do(ctx, what, func(ctx context.Context) (Out, error) { return f(ctx, in) }, []slog.Attr{input(in)})
	}
}

// errGoexit is the error of a span whose function did not return.
var errGoexit = errors.New("runtime.Goexit called")

// do is [Do]. Its callers are the functions that the user's code calls.
func do[Out any](
	ctx context.Context, what spanStart, f func(context.Context) (Out, error), attrs []slog.Attr,
) (out Out, err error) {
	if stateFrom(ctx).suppressed {
		return f(ctx)
	}
	var pcs [1]uintptr
	runtime.Callers(3, pcs[:]) // Callers, do, its caller
	what.pc = pcs[0]
	ctx = start(ctx, what, attrs)
	returned := false
	defer func() {
		p := recover()
		switch {
		case returned:
			var attrs [2]slog.Attr
			end(ctx, what.pc, err, nil, appendOutcome(ctx, attrs[:0], out, err))
		case p == nil:
			end(ctx, what.pc, errGoexit, nil, nil)
		default:
			end(ctx, what.pc, nil, p, nil)
			panic(p) // on top of its stack, which a crash shows whole
		}
	}()
	out, err = f(ctx)
	returned = true
	return out, err
}

// input returns the argument of a function as an attribute, none if it is nothing.
func input(v any) slog.Attr {
	if _, none := v.(struct{}); none {
		return slog.Attr{}
	}
	return Input(v)
}

// appendOutcome appends what a function returned as attributes.
func appendOutcome[Out any](ctx context.Context, attrs []slog.Attr, out Out, err error) []slog.Attr {
	v := any(out)
	_, none := v.(struct{})
	if err == nil {
		if none {
			return attrs
		}
		return append(attrs, Output(v))
	}
	if !none && v != nil && !reflect.ValueOf(v).IsZero() {
		attrs = append(attrs, Output(v))
	}
	if cause := causeBeyond(ctx, err); cause != nil {
		attrs = append(attrs, slog.String(keyCause, errorText(cause)))
	}
	return attrs
}

// keyCause is the key of why a context was cancelled.
const keyCause = "cause"

// causeBeyond returns why ctx was cancelled if err is its error and does not say
// that, else nil.
func causeBeyond(ctx context.Context, err error) (cause error) {
	defer func() {
		if recover() != nil { // a method Is or Unwrap of the user's error
			cause = nil
		}
	}()
	cancelled := ctx.Err()
	if cancelled == nil || !errors.Is(err, cancelled) {
		return nil
	}
	if cause = context.Cause(ctx); errors.Is(err, cause) {
		return nil
	}
	return cause
}
