// Package console writes the operational log for people: a coloured line for each
// record, safe to show on a terminal whatever the record holds.
//
// It is a [slog.Handler] of its own and needs nothing else of wfslog, but knows
// two attributes that wfslog's handler adds: logger, whose agent is shown in
// front of the message, and the group wf, of which the place in the run is shown
// at the end of the line.
//
//	15:04:05.000 INFO  [agent1] asked the model action=llm_call input="…" 1/2/3
package console

import (
	"cmp"
	"context"
	"io"
	"log/slog"

	"github.com/lmittmann/tint"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/termtext"
)

// Options configure a [Handler]. The zero value means the documented defaults.
type Options struct {
	// Level is the minimum level, read for every record; nil means
	// [slog.LevelInfo].
	Level slog.Leveler
	// TimeFormat is the layout of the time; "" means 15:04:05.000.
	TimeFormat string
	// AddSource shows the line of code that logged.
	AddSource bool
	// NoColor switches colours off where they would be on: if the writer is a
	// terminal, TERM is neither empty nor dumb, and NO_COLOR is empty.
	NoColor bool
}

// Handler is a [slog.Handler] that writes lines for people. It is safe for
// concurrent use.
type Handler struct {
	level slog.Leveler
	tint  slog.Handler // lays out time, level and source in front of our text
	color bool

	// What With calls have added, rendered. All of it is immutable.
	logger string
	attrs  string
	place  string
	prefix string // groups in front of keys, each with a dot behind it
}

var _ slog.Handler = (*Handler)(nil)

// New returns a handler that writes to w, one Write for each record. A nil opts
// means defaults.
//
// If w is an [os.File] other than a regular file, such as [os.Stderr], a reader
// that went away or does not read can neither end the program nor hold it up:
// when one write has not returned for 100 ms, Handle returns an error, further
// records are dropped until it has, and then a line says how many.
func New(w io.Writer, opts *Options) *Handler {
	var o Options
	if opts != nil {
		o = *opts
	}
	return newHandler(w, o, !o.NoColor && termtext.Colors(w))
}

func newHandler(w io.Writer, o Options, color bool) *Handler {
	h := &Handler{level: o.Level, color: color}
	if h.level == nil {
		h.level = slog.LevelInfo
	}
	h.tint = tint.NewTextHandler(newOutput(w), &tint.Options{
		Level:       event.LevelTrace - 1<<16, // Enabled has decided
		AddSource:   o.AddSource,
		TimeFormat:  cmp.Or(o.TimeFormat, "15:04:05.000"),
		NoColor:     !h.color,
		ReplaceAttr: nameLevel,
	})
	return h
}

// nameLevel gives tint our names of levels.
func nameLevel(_ []string, a slog.Attr) slog.Attr {
	level, ok := a.Value.Any().(slog.Level)
	if !ok || a.Key != slog.LevelKey {
		return a
	}
	const width = len("ERROR")
	name := event.LevelName(level)
	for len(name) < width {
		name += " "
	}
	a = slog.String(slog.LevelKey, name)
	switch {
	case level < slog.LevelDebug:
		return tint.Attr(8, a)
	case level < slog.LevelInfo:
		return a
	case level < slog.LevelWarn:
		return tint.Attr(10, a)
	case level < slog.LevelError:
		return tint.Attr(11, a)
	case level < event.LevelCritical:
		return tint.Attr(9, a)
	}
	return tint.Attr(13, a)
}

// Enabled reports whether level is at least the minimum.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle writes r as one line. It returns the error of the write.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	l := newLine(h)
	defer l.free()
	r.Attrs(func(a slog.Attr) bool {
		l.add(h.prefix, a, 0)
		return true
	})
	// tint gets no attributes: it brings escape sequences to life that were
	// escaped, and shares its groups between loggers.
	return h.tint.Handle(ctx, slog.NewRecord(r.Time, r.Level, l.text(r.Message), r.PC))
}

// WithAttrs returns a handler that shows attrs with every record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	l := newLine(h)
	defer l.free()
	for _, a := range attrs {
		l.add(h.prefix, a, 0)
	}
	h2 := *h
	h2.logger, h2.place, h2.attrs = l.logger, l.place, h.attrs+string(l.attrs)
	return &h2
}

// WithGroup returns a handler that shows name in front of the keys of attributes
// added later.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h
	h2.prefix += name + "."
	return &h2
}
