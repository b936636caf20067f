package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/gone"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// errNoRun says that there is nothing to show or to build.
var errNoRun = errors.New("no run in the input: journals have their events")

// line is a line of a journal, or what cannot be read as one.
type line struct {
	text []byte       // without its newline; valid until the next
	ev   *event.Event // nil if it is none
	err  error        // why; a *wfslog.ParseError
}

// scan reads the journals in all inputs. What cannot be read keeps nobody from the
// rest; the error tells of it. Documents are added to docs.
func (a *app) scan(ctx context.Context, t *target, docs *documents, f func(*line) error) (err error) {
	for _, arg := range t.inputs {
		failed := a.scanInput(ctx, t, arg, docs, f)
		if errors.Is(failed, fs.ErrNotExist) {
			failed = t.hint(failed)
		}
		err = errors.Join(err, failed)
		if _, limited := errors.AsType[limitError](failed); limited || ctx.Err() != nil {
			return err
		}
	}
	return err
}

func (a *app) scanInput(ctx context.Context, t *target, arg string, docs *documents, f func(*line) error) error {
	if arg == "-" {
		return scanLines(input{ctx, a.stdin, "-"}, f)
	}
	info, err := os.Stat(arg)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		file, err := os.Open(arg)
		if err != nil {
			return err
		}
		defer file.Close() // it was only read
		if isDocument(file) {
			return docs.add(file)
		}
		return scanLines(input{ctx, file, arg}, f)
	}
	return a.scanDir(ctx, t, arg, docs, f)
}

func (a *app) scanDir(ctx context.Context, t *target, dir string, docs *documents, f func(*line) error) error {
	segments, err := journal.Segments(dir)
	if err != nil {
		return err
	}
	found := docs.find(dir)
	if len(segments) == 0 && !found {
		return noJournal(dir)
	}
	dead, err := gone.Streams(dir)
	for _, segment := range segments {
		if t.skip != nil && t.skip(segment) {
			continue
		}
		file, failed := segment.Open()
		if failed == nil {
			failed = scanLines(input{ctx, file, segment.Path}, f)
			_ = file.Close() // it was only read
		}
		err = errors.Join(err, unlessPruned(failed))
		if _, limited := errors.AsType[limitError](failed); limited || ctx.Err() != nil {
			return err
		}
	}
	if len(dead) > 0 {
		err = errors.Join(err, gone.Append(memory{eventLines(f)}, sequencer.NewID(), dead))
	}
	return err
}

// unlessPruned returns the error of a segment that was listed, nil if it is not there
// any more: retention has deleted it meanwhile, and says so in the journal.
func unlessPruned(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// scanLines reads the lines of one input. Unfinished last lines are left out: their
// writer was killed, or is at work.
func scanLines(in input, f func(*line) error) error {
	lines := event.NewScanner(in)
	for lines.Scan() {
		l := line{text: lines.Line(), err: lines.Problem()}
		if l.err == nil && !lines.Whole() {
			continue
		}
		if l.err == nil {
			var ev event.Event
			if ev, l.err = event.ParseLine(l.text); l.err == nil {
				l.ev = &ev
			}
		}
		if l.err != nil {
			parse, ok := errors.AsType[*wfslog.ParseError](l.err)
			if !ok {
				parse = &wfslog.ParseError{Err: l.err}
			}
			parse.File, parse.Line = in.name, lines.Number()
			l.err = parse
		}
		if err := f(&l); err != nil {
			return err
		}
	}
	return lines.Err()
}

// eventLines calls f for each of the lines that are written.
func eventLines(f func(*line) error) func([]byte) (int, error) {
	return func(lines []byte) (int, error) {
		for text := range bytes.Lines(lines) {
			text = bytes.TrimSuffix(text, []byte("\n"))
			ev, err := event.ParseLine(text)
			if err == nil {
				err = f(&line{text: text, ev: &ev})
			}
			if err != nil {
				return 0, err
			}
		}
		return len(lines), nil
	}
}

// input is a reader with a name that ends when its context is done.
type input struct {
	ctx  context.Context
	r    io.Reader
	name string
}

// Name is told with what cannot be read.
func (in input) Name() string { return in.name }

func (in input) Read(p []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	return in.r.Read(p)
}

// damage tells of lines that are no events.
type damage struct {
	app  *app // nil: they were told before
	seen uint64
}

// maxTold is the number of damaged lines that are told one by one.
const maxTold = 20

func (d *damage) add(err error) {
	if d.seen++; d.app != nil && d.seen <= maxTold {
		d.app.tell(err.Error() + ": the line is left out")
	}
}

// end says how many were not told.
func (d *damage) end() {
	if d.app != nil && d.seen > maxTold {
		d.app.tell(fmt.Sprintf("%d more lines are no events and are left out; wfslog verify says where", d.seen-maxTold))
	}
}
