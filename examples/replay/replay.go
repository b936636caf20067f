package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/wfslog/wfslog"
)

// replay logs the transcript as a run, and returns the run.
func (t *transcript) replay(ctx context.Context) (run wfslog.RunID, err error) {
	ctx = wfslog.StartWorkflow(ctx, t.name, t.attrs()...)
	defer wfslog.EndErr(ctx, &err)
	wfslog.AddResource(ctx, "transcript", t.path)
	if span, ok := wfslog.SpanFromContext(ctx); ok {
		run = span.Run
	}
	for _, r := range t.rounds {
		if err := r.replay(ctx); err != nil {
			return run, err
		}
	}
	return run, nil
}

// attrs are the attributes of the run: what was asked, and what is known about it
// now.
func (t *transcript) attrs() []slog.Attr {
	var attrs []slog.Attr
	if t.question != "" {
		attrs = append(attrs, wfslog.Input(t.question))
	}
	if t.groundTruth != "" {
		attrs = append(attrs, slog.String("ground_truth", t.groundTruth))
	}
	if m := t.mistake; m != (mistake{}) {
		attrs = append(attrs, slog.Group("mistake", "agent", m.agent, "step", m.step, "reason", m.reason))
	}
	return attrs
}

func (r *round) replay(ctx context.Context) (err error) {
	ctx = wfslog.StartIteration(ctx)
	defer wfslog.EndErr(ctx, &err)
	for _, t := range r.turns {
		if err := t.replay(ctx); err != nil {
			return err
		}
	}
	return nil
}

// replay logs a turn. An instruction is the turn's input; all other messages are
// actions in it, also those that somebody else says meanwhile.
func (t *turn) replay(ctx context.Context) (err error) {
	var attrs []slog.Attr
	if t.instruction != nil {
		attrs = append(attrs, wfslog.Input(t.instruction.text))
	}
	ctx = wfslog.StartInteraction(ctx, t.agent, attrs...)
	defer wfslog.EndErr(ctx, &err, t.outcome())
	if t.instruction != nil {
		t.instruction.log(ctx)
	}
	for _, m := range t.messages {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		m.log(ctx)
	}
	return nil
}

// outcome is the status of a turn whose instruction was not answered, and otherwise
// no attribute.
func (t *turn) outcome() slog.Attr {
	if t.waits() {
		return wfslog.Status("unanswered")
	}
	return slog.Attr{}
}

// log logs the message by the logger of its agent.
func (m *message) log(ctx context.Context) {
	attrs := []slog.Attr{slog.Int("index", m.index)}
	switch m.kind {
	case kindInstruction: // the turn has the text
	case kindTask:
		attrs = append(attrs, wfslog.Action(m.kind), wfslog.Input(m.text))
	case kindCode:
		attrs = append(attrs, wfslog.Action(m.kind), wfslog.Tool(m.agent), wfslog.Output(m.text), wfslog.Err(exitError(m.text)))
	default:
		attrs = append(attrs, wfslog.Action(m.kind), wfslog.Output(m.text))
	}
	level := slog.LevelInfo
	if m.mistake {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Bool("mistake", true))
	}
	slog.Default().WithGroup("workflow."+m.agent).LogAttrs(ctx, level, m.kind, attrs...)
}

// exitError returns the error that code ended with, or nil. Terminals of group
// chats say first how it went:
//
//	exitcode: 1 (execution failed)
func exitError(output string) error {
	status, _, _ := strings.Cut(output, "\n")
	if !strings.HasPrefix(status, "exitcode: ") || strings.HasPrefix(status, "exitcode: 0 ") {
		return nil
	}
	return errors.New(status)
}
