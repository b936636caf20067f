package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/gone"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// readAll returns a builder with the events of all runs, also those on lines that
// are longer than other commands read. What is damaged is told, and does no harm to
// the rest. The error says what could not be read.
func (a *app) readAll(ctx context.Context, t *target) (b *wfslog.TreeBuilder, err error) {
	b = wfslog.NewTreeBuilder(&wfslog.TreeOptions{MaxProblems: maxTold})
	for _, arg := range t.inputs {
		failed := a.readInput(ctx, b, arg)
		if errors.Is(failed, fs.ErrNotExist) {
			failed = t.hint(failed)
		}
		err = errors.Join(err, failed)
	}
	a.tellProblems(b)
	if err == nil && len(b.Runs()) == 0 {
		err = errNoRun
	}
	return b, err
}

// tellProblems writes a message for each line that is no event.
func (a *app) tellProblems(b *wfslog.TreeBuilder) {
	d := damage{app: a}
	for _, p := range b.Problems() {
		if bad, ok := errors.AsType[*wfslog.ParseError](p.Err); ok { // a torn line is none: its writer was killed, or is at work
			named := *bad
			named.File = cmp.Or(bad.File, "-")
			d.add(&named)
		}
	}
	d.seen = max(d.seen, b.Stats().Bad)
	d.end()
}

func (a *app) readInput(ctx context.Context, b *wfslog.TreeBuilder, arg string) error {
	if arg == "-" {
		_, err := b.ReadFrom(input{ctx: ctx, r: a.stdin})
		return err
	}
	info, err := os.Stat(arg)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		f, err := os.Open(arg)
		if err == nil && isDocument(f) {
			_ = f.Close() // it was only read
			return fmt.Errorf("%s: this is a document; documents are built from journals", arg)
		}
		return readFile(ctx, b, f, err)
	}
	segments, err := journal.Segments(arg)
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		return noJournal(arg)
	}
	dead, err := gone.Streams(arg)
	for _, segment := range segments {
		f, failed := segment.Open()
		err = errors.Join(err, unlessPruned(readFile(ctx, b, f, failed)))
	}
	if len(dead) > 0 {
		err = errors.Join(err, gone.Append(memory{b.Write}, sequencer.NewID(), dead))
	}
	return err
}

func noJournal(dir string) error {
	return fmt.Errorf("%s: no journal in it: its files would be %s", dir, filepath.Join(dir, "journal", "*.jsonl"))
}

// readFile reads f to its end and closes it, unless err says that it could not be
// opened.
func readFile(ctx context.Context, b *wfslog.TreeBuilder, f *os.File, err error) error {
	if err != nil {
		return err
	}
	defer f.Close() // it was only read
	_, err = b.ReadFrom(input{ctx, f, f.Name()})
	return err
}

// memory is an output for events that nobody keeps.
type memory struct {
	write func([]byte) (int, error)
}

func (memory) Prepare(int) (sequencer.Place, error) { return sequencer.Place{Segment: 1}, nil }

func (m memory) Write(lines []byte, _, _ uint64) (int, error) { return m.write(lines) }

func (memory) Sync() error { return nil }

func (memory) Close() error { return nil }
