package wfslog

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
)

// Handler is a [slog.Handler] that hands records on to an operational log and
// records those that belong to a workflow. Its methods, and those of the handlers
// derived from it, are safe for concurrent use.
type Handler struct {
	core *core

	name  string // of the logger; "" if it has none
	bare  bool   // the last call was WithGroup("workflow")
	agent string // "" if the logger is no agent's

	level   *minimum // of the operational log
	journal *minimum

	scope *encode.Scope // attributes and groups of With calls, for the journal
	next  slog.Handler  // has the attributes that came before the first group
	tail  *nextScope    // the rest of them, for next
	attrs int           // number of attributes of With calls

	reserved bool // one of them, or a group, has a name that package jsonlog has a use for
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a handler with the given options; nil means the defaults.
// It never fails: what is wrong with the options or the environment is replaced
// by the default and said once in the operational log. It creates no file,
// directory or goroutine before the first event is recorded.
//
// If $WFSLOG is off, nothing is recorded, and the operational log goes on; so it is,
// with a complaint, if $WFSLOG is anything else but on or empty.
func NewHandler(opts *Options) *Handler {
	var o Options
	if opts != nil {
		o = *opts // copy: the caller may reuse or share opts
	}
	c, complaints := newCore(&o)
	h := &Handler{core: c, next: c.next}
	h.setLevels()
	for _, complaint := range complaints {
		c.warn(complaint)
	}
	return h
}

// setLevels makes the minimum levels those of the logger's name.
func (h *Handler) setLevels() {
	h.level = newMinimum(h.core.level, h.name)
	h.journal = newMinimum(h.core.journalLevel, h.name)
}

// Dir returns the absolute path of the directory of journals and documents.
func (h *Handler) Dir() string {
	if h == nil || h.core == nil {
		return ""
	}
	return h.core.dir
}

// Levels returns the levels of the operational log, to show or change them while the
// program runs: [Options.Level] if that is a [*Levels], without it those of
// $WFSLOG_LEVEL, and nil if it is another [slog.Leveler].
func (h *Handler) Levels() *Levels {
	if h == nil || h.core == nil {
		return nil
	}
	levels, _ := h.core.level.(*Levels)
	return levels
}

// Enabled reports whether a record of the given level would go to the
// operational log or be recorded.
func (h *Handler) Enabled(ctx context.Context, level slog.Level) bool {
	if h == nil || h.core == nil {
		return false
	}
	if ctx == nil {
		ctx = context.Background()
	}
	s := stateFrom(ctx)
	if h.shows(s, level) && h.next.Enabled(ctx, level) {
		return true
	}
	switch {
	case !h.core.recording || s.suppressed || (s.span == nil && h.agent == ""):
		return false
	case s.op != nil && h.core.wants(s.op):
		return true
	}
	return h.admits(s, level)
}

// shows reports whether level is at or above the minimum of the operational log.
func (h *Handler) shows(s *state, level slog.Level) bool {
	return level >= h.level.Level() || (s.lowered && level >= s.level)
}

// admits reports whether level is at or above the minimum of the journal.
func (h *Handler) admits(s *state, level slog.Level) bool {
	return level >= h.journal.Level() || (s.lowered && level >= s.level)
}

// Handle records r, if it belongs to a workflow, and hands it on to the
// operational log. When it returns nil, the kernel has what was to be recorded,
// and the operational log has taken the record. With the first error it returns when
// that has been told, or after 100 ms.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	if h == nil || h.core == nil {
		return errors.New("wfslog: Handle of a Handler that NewHandler has not made")
	}
	if ctx == nil {
		ctx = context.Background()
	}
	s := stateFrom(ctx)
	rec := record{h: h, state: s, slog: r}
	rec.prepare()
	err := rec.record()
	if h.shows(s, r.Level) && h.next.Enabled(ctx, r.Level) {
		err = errors.Join(err, rec.forward(ctx))
	}
	if rec.line != nil {
		rec.line.Free()
	}
	if err != nil {
		h.core.reports.awaitFirst()
	}
	return h.core.redactError(err)
}

// WithAttrs returns a handler whose records also have attrs.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if h == nil || h.core == nil || len(attrs) == 0 {
		return h
	}
	attrs = h.core.evaluate(h.scope.Groups(), attrs)
	h2 := *h // safe: all mutable state is behind h.core
	h2.bare = false
	e := h.core.newEncoder()
	h2.scope = h.scope.WithAttrs(e, attrs)
	h.core.countRedacted(e.Redacted)
	e.Free()
	if room := h.core.limits.Attrs - h.attrs; len(attrs) > room {
		attrs = attrs[:room] // the journal says so
	}
	if len(attrs) == 0 {
		return &h2
	}
	h2.attrs += len(attrs)
	if h2.scope.Hostile() {
		attrs, _ = h.core.harmless(h.scope.Groups(), attrs)
	}
	if h.tail == nil {
		h2.reserved = h.reserved || slices.ContainsFunc(attrs, isReserved)
		h2.next = h.next.WithAttrs(topLevel(attrs))
	} else {
		h2.tail = &nextScope{parent: h.tail, attrs: slices.Clip(attrs)}
	}
	return &h2
}

// WithGroup returns a handler whose logger has the name that name stands for, or
// else one whose further attributes are in the group name: see the package
// documentation.
func (h *Handler) WithGroup(name string) slog.Handler {
	if h == nil || h.core == nil || name == "" {
		return h
	}
	name, n := h.core.redactText(name)
	h.core.countRedacted(n)
	h2 := *h // safe: all mutable state is behind h.core
	logger, named := loggerName(name, h.bare)
	h2.bare = named && logger == workflowName
	if named {
		h2.name, h2.agent = logger, agentOf(logger)
		h2.setLevels()
		return &h2
	}
	if len(h.scope.Groups()) >= h.core.limits.Depth {
		return &h2 // deeper groups are not kept apart
	}
	h2.reserved = h.reserved || h.tail == nil && event.ReservedKey(name) != ""
	h2.scope = h.scope.WithGroup(name)
	h2.tail = &nextScope{parent: h.tail, group: name}
	return &h2
}

// Save writes the documents of all runs that have changed, whatever
// [Options.SaveOn] says, or returns ctx's error when ctx is done first.
func (h *Handler) Save(ctx context.Context) error {
	if h == nil || h.core == nil {
		return nil
	}
	return h.core.redactError(h.core.save(ctx))
}

// Flush returns when what was recorded before is safe against power loss, the
// documents are saved and the forwarders have delivered it, or ctx's error when ctx
// is done first.
func (h *Handler) Flush(ctx context.Context) error {
	if h == nil || h.core == nil {
		return nil
	}
	return h.core.redactError(h.core.flush(ctx))
}

// Close ends the handler's stream, and in it the default run if it was recorded,
// and saves the documents. Only the first call does anything. Later records
// still reach the operational log; for the journal they are counted. Forwarders
// get 5 s to finish their batch, and are closed; the rest is for the next process.
// Close is not needed to keep what was recorded.
func (h *Handler) Close() error {
	if h == nil || h.core == nil {
		return nil
	}
	return h.core.redactError(h.core.close())
}

// Stats tells what a handler and those derived from it have done so far.
type Stats struct {
	Accepted       uint64 // events that were given a number
	Written        uint64 // events that the journal or the sink has
	Lost           uint64 // events that it has not
	Bytes          uint64 // bytes written
	Redacted       uint64 // secrets that were replaced
	WithoutContext uint64 // records of the default run, whose context carried no span
	AfterClose     uint64 // records that came after Close
	NotInjected    uint64 // calls of [Inject] and its like with a span whose path is too long for it
	Lag            uint64 // events that the slowest of the forwarders has not delivered
	LastError      error  // as OnError is told of them; nil if there was none
}

// Stats returns what the handler and those derived from it have done so far.
func (h *Handler) Stats() Stats {
	if h == nil || h.core == nil {
		return Stats{}
	}
	return h.core.stats()
}
