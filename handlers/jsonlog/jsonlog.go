// Package jsonlog writes the operational log for machines: a JSON object on each line,
// valid whatever a record holds, and safe to show on a terminal.
//
//	slog.SetDefault(slog.New(wfslog.NewHandler(&wfslog.Options{Next: jsonlog.New(os.Stdout, nil)})))
//
// It is a [slog.Handler] of its own and needs nothing else of wfslog. As the operational
// log of wfslog's handler it costs little: what is recorded is encoded once, for the
// journal and for this log, unless attributes were given to this package's handler
// itself, or something stands in between.
//
//	{"time":"2026-11-25T18:14:34.481030941Z","level":"INFO","logger":"workflow.agent1","msg":"asked the model","action":"llm_call","input":"…","wf":{"run":"01a213ea…","span":"1/2","stream":"a9ac2a89a1187bfb","seq":4,"after":0}}
//
// # Members
//
// The first members are time, in UTC, level, logger, source, if that is asked for, and
// msg; the last is wf, the place in the run, from which the command wfslog and a
// TreeBuilder of package wfslog rebuild the tree. In between stand the attributes, as
// the journal has them:
//
//   - A key stands once in an object: the last value, and earlier ones in a member "!DUP".
//   - Outside of all groups, attributes called time, level, logger, msg, wf, and source if
//     that is asked for, get a "!" in front. This is not for what wfslog adds: the first
//     logger among the record's own attributes that is a string, and the last wf there
//     that is a group.
//   - Strings above 1 MiB, what is more than 32 levels deep, and more than 10,000 values
//     or 1,024 attributes are cut, and "!CUT" says so. Panics in methods of values,
//     numbers that JSON does not know, and text that is not UTF-8 have their forms, too.
//   - Other keys that start with "!" get another one.
//
// Control characters, and invisible ones that change how text is shown, are escaped.
// Secrets are not looked for here: wfslog's handler redacts them before.
package jsonlog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/output"
)

// Options configure a [Handler]. The zero value means the documented defaults.
type Options struct {
	// Level is the minimum level, read for every record; nil means
	// [slog.LevelInfo].
	Level slog.Leveler
	// AddSource writes the line of code that logged.
	AddSource bool
}

// Handler is a [slog.Handler] that writes lines of JSON. It is safe for concurrent
// use.
type Handler struct {
	level  slog.Leveler
	source bool
	out    *output.Writer

	scope *encode.Scope // what With calls have added
}

var _ slog.Handler = (*Handler)(nil)

// New returns a handler that writes to w, one Write for each record. A nil w means
// [os.Stderr], a nil opts means defaults.
//
// If w is an [os.File] other than a regular file, such as [os.Stdout], a reader that
// went away or does not read can neither end the program nor hold it up: when one write
// has not returned for a second, records wait in a buffer of 1 MiB. When that is full,
// Handle returns an error, further records are dropped until the write has returned,
// and then a line says how many. A record of level Error or above waits another second,
// once while the write hangs, until it is shown: what waits is lost if the program ends.
func New(w io.Writer, opts *Options) *Handler {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	if w == nil {
		w = os.Stderr
	}
	return &Handler{level: o.Level, source: o.AddSource, out: output.New(w, maxPending, notShown)}
}

// maxPending is how many bytes wait for a collector of logs that is busy.
const maxPending = 1 << 20

// notShown is the line that tells of dropped records.
func notShown(n int) string {
	return fmt.Sprintf(`{"time":%q,"level":"WARN","msg":"records not shown","records":%d}`+"\n",
		time.Now().UTC().Format(time.RFC3339Nano), n)
}

// Enabled reports whether level is at least the minimum.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle writes r. It returns the error of the write.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	e := encode.New(&event.OperationalLimits)
	defer e.Free()
	t := told{loggerAt: -1, wfAt: -1}
	if len(h.scope.Groups()) == 0 {
		t = toldIn(&r)
	}
	h.appendHead(e, &r, t.logger)
	start := len(e.Buf)
	e.Rename = h.rename()
	if e.ObjectWithout(t.loggerAt, t.wfAt, h.scope, &r) {
		e.Buf[start] = ',' // in place of the brace
		e.Buf = e.Buf[:len(e.Buf)-1]
	}
	if t.wfAt >= 0 {
		appendWF(e, t.wf)
	}
	e.Buf = append(e.Buf, '}')
	return h.write(e, 0, r.Level)
}

// HandleRecorded writes a record that is encoded already, as Handle would write it, and
// reports whether it could. It is for package wfslog: nobody else has the type for it.
func (h *Handler) HandleRecorded(o *event.Operational) (done bool, err error) {
	if h.scope != nil || h.source != o.Source || !o.CanAppend() {
		return false, nil
	}
	start := len(o.Body.Buf)
	o.AppendLine()
	return true, h.write(o.Body, start, o.Level)
}

// told is what a record tells of what package wfslog knows of it.
type told struct {
	logger   string
	wf       slog.Value
	loggerAt int // index of the attribute, -1 if there is none
	wfAt     int // likewise
}

func toldIn(r *slog.Record) told {
	t, n := told{loggerAt: -1, wfAt: -1}, 0
	r.Attrs(func(a slog.Attr) bool {
		switch kind := a.Value.Kind(); a.Key {
		case "logger":
			if t.loggerAt < 0 && kind == slog.KindString && a.Value.String() != "" {
				t.logger, t.loggerAt = a.Value.String(), n
			}
		case "wf":
			if kind == slog.KindGroup || kind == slog.KindLogValuer {
				t.wf, t.wfAt = a.Value, n
			}
		}
		n++
		return true
	})
	return t
}

// rename returns what users' keys are called that are ours.
func (h *Handler) rename() func(string) string {
	if h.source {
		return event.ReservedKey
	}
	return reservedKeyButSource
}

func reservedKeyButSource(key string) string {
	if key == slog.SourceKey {
		return ""
	}
	return event.ReservedKey(key)
}

// appendHead appends the members of a line up to its attributes.
func (h *Handler) appendHead(e *encode.Encoder, r *slog.Record, logger string) {
	e.Buf = append(e.Buf, '{')
	if !r.Time.IsZero() {
		e.Buf = append(e.Buf, `"time":`...)
		e.Time(r.Time.UTC())
		e.Buf = append(e.Buf, ',')
	}
	e.Buf = append(e.Buf, `"level":"`...)
	e.Buf = append(e.Buf, event.LevelName(r.Level)...)
	e.Buf = append(e.Buf, '"')
	ev := event.Event{Logger: logger, Msg: r.Message}
	if h.source {
		ev.Source = (*event.Source)(r.Source())
	}
	ev.AppendText(e)
}

// appendWF appends the member wf, unless nothing is in it, with limits of its own: it is
// there also if the attributes are as many as may be.
func appendWF(e *encode.Encoder, wf slog.Value) {
	own := encode.New(&event.OperationalLimits)
	defer own.Free()
	own.Value(wf)
	if string(own.Buf) == "{}" {
		return
	}
	e.Buf = append(e.Buf, `,"wf":`...)
	e.Buf = append(e.Buf, own.Buf...)
}

// write writes the line that begins at start, but for its end.
func (h *Handler) write(e *encode.Encoder, start int, level slog.Level) error {
	e.Buf = append(e.Buf, '\n')
	_, err := h.out.Write(e.Buf[start:])
	if err == nil && level >= slog.LevelError {
		h.out.Flush()
	}
	return err
}

// WithAttrs returns a handler that writes attrs with every record.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	e := encode.New(&event.OperationalLimits)
	defer e.Free()
	e.Rename = h.rename()
	h2 := *h // safe: the writer is behind a pointer, and the scope immutable
	h2.scope = h.scope.WithAttrs(e, attrs)
	return &h2
}

// WithGroup returns a handler whose further attributes are in the group name.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	h2 := *h // safe: see WithAttrs
	h2.scope = h.scope.WithGroup(name)
	return &h2
}
