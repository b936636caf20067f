// Package console writes the operational log for people: coloured lines in columns,
// safe to show on a terminal whatever a record holds.
//
// It is a [slog.Handler] of its own and needs nothing else of wfslog, but knows
// what wfslog's handler adds to records: the attribute logger, whose agent has a
// column of its own, and the group wf, which tells the place in the run and what a
// span took:
//
//	15:04:05.000 INFO  planner    asked the model 1.2k→85 tok action=llm_call  1/1
//	                   input    │ You are a careful reviewer of Go code.
//	                            │ Answer with a list.
//	                            │ … 34 more lines
//	15:04:06.100 INFO  planner  ✓ interaction planner 1.1s  1/1
//	15:04:06.200 ERROR critic   ✗ action check 812ms error="no such file"  1/2/1
//
// The columns are time, level, agent, a mark, the message with what it took, the
// attributes, and the path of the span: / is the run itself, 1/2/3 the third child
// of the second child of its first. The marks are ▸ for a span that starts, ✓ for
// one that ended, and ✗ for one that failed. An agent has the same colour
// everywhere, always. Token counts are in→out. The column of the agents becomes
// wider, up to 20 columns, when longer names come.
//
// # Terminals and other outputs
//
// On a terminal, lines are broken where it ends, and a value that is long or has
// several lines stands below its record, at most [Options.ValueLines] lines of it,
// each behind a mark in the middle of the line. Nothing in a record can therefore
// begin a line, or look like a record of its own.
//
// In a file, in a pipe, and on a terminal that says it is dumb, a record is one line
// for tools such as grep: line ends inside are escaped, and words stand for the marks
// ("iteration 1 ended ok 448.9µs"). Words also stand for the marks if LC_ALL,
// LC_CTYPE or LANG name a locale without UTF-8.
//
// Wherever it goes, text is shown up to a length. The journal has all of it.
//
// # Colours
//
// Colours are for terminals. If NO_COLOR is not empty there are none anywhere;
// else, if FORCE_COLOR or CLICOLOR_FORCE is neither empty nor 0, they are also
// written to files and pipes.
package console

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/lmittmann/tint"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/output"
	"github.com/wfslog/wfslog/internal/termtext"
)

// Options configure a [Handler]. The zero value means the documented defaults.
type Options struct {
	// Level is the minimum level, read for every record; nil means
	// [slog.LevelInfo].
	Level slog.Leveler
	// TimeFormat is the layout of the time; "" means 15:04:05.000.
	TimeFormat string
	// AddSource shows the line of code that logged, in front of the path.
	AddSource bool
	// NoColor switches colours off where they would be on.
	NoColor bool
	// ValueLines is the number of lines that a terminal shows of a value; 0 means 6.
	ValueLines int
}

// Handler is a [slog.Handler] that writes lines for people. It is safe for
// concurrent use.
type Handler struct {
	level slog.Leveler
	tint  slog.Handler // lays out time and level in front of our text
	out   *output.Writer
	look  *look

	// What With calls have added: immutable.
	told   told
	fields []field
	prefix string // groups in front of keys, each with a dot behind it
}

var _ slog.Handler = (*Handler)(nil)

// look is how lines look. It is shared by all handlers of one output.
type look struct {
	color      bool
	block      bool       // long values stand below their record
	ascii      bool       // the locale has no UTF-8
	columns    func() int // where lines are broken
	source     bool
	timeFormat string
	timeWidth  int // with the space behind it
	valueLines int
	agents     column
}

// marks reports whether spans are marked, not told of in words.
func (l *look) marks() bool { return l.block && !l.ascii }

// New returns a handler that writes to w, one Write for each record. A nil opts
// means defaults.
//
// If w is an [os.File] other than a regular file, such as [os.Stderr], a reader
// that went away or does not read can neither end the program nor hold it up:
// when one write has not returned for a second, records wait in a buffer of 64 KiB.
// When that is full, Handle returns an error, further records are dropped until the
// write has returned, and then a line says how many. A record of level Error or above
// waits another second, once while the write hangs, until it is shown: what waits is
// lost if the program ends.
func New(w io.Writer, opts *Options) *Handler {
	var o Options
	if opts != nil {
		o = *opts
	}
	look := &look{
		color: !o.NoColor && termtext.Colors(w),
		ascii: !termtext.IsUTF8(),
	}
	if termtext.IsTerminal(w) {
		look.block = true
		f := w.(*os.File) // as a terminal is
		look.columns = func() int { return termtext.Columns(f) }
	}
	return newHandler(w, o, look)
}

// maxPending is how many bytes wait while a write hangs: several screens full, which
// is what a person misses who stops a terminal to read.
const maxPending = 64 << 10

// notShown is the line that tells of dropped records.
func notShown(n int) string { return fmt.Sprintf("%c %d records not shown\n", termtext.Ellipsis, n) }

func newHandler(w io.Writer, o Options, look *look) *Handler {
	const defaultValueLines = 6
	look.source = o.AddSource
	look.timeFormat = cmp.Or(o.TimeFormat, "15:04:05.000")
	look.timeWidth = utf8.RuneCountInString(time.Time{}.Format(look.timeFormat)) + 1
	look.valueLines = defaultValueLines
	if o.ValueLines > 0 {
		look.valueLines = o.ValueLines
	}
	if look.columns == nil {
		look.columns = func() int { return unlimited }
	}
	h := &Handler{level: o.Level, look: look}
	if h.level == nil {
		h.level = slog.LevelInfo
	}
	h.out = output.New(w, maxPending, notShown)
	h.tint = tint.NewTextHandler(h.out, &tint.Options{
		Level:       event.LevelTrace - 1<<16, // Enabled has decided
		TimeFormat:  look.timeFormat,
		NoColor:     !look.color,
		ReplaceAttr: look.nameLevel,
	})
	return h
}

// Enabled reports whether level is at least the minimum.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle writes r. It returns the error of the write.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	l := newLine(h)
	defer l.free()
	r.Attrs(func(a slog.Attr) bool {
		l.add(h.prefix, a, 0)
		return true
	})
	// tint gets no attributes: it brings escape sequences to life that were
	// escaped, and shares its groups between loggers.
	err := h.tint.Handle(ctx, slog.NewRecord(r.Time, r.Level, l.text(&r), 0))
	if err == nil && r.Level >= slog.LevelError {
		h.out.Flush()
	}
	return err
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
	h2.told = l.told
	h2.fields = slices.Clone(l.fields)
	for i := range h2.fields {
		h2.fields[i].keep(l)
	}
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
