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
	"github.com/wfslog/wfslog/internal/linefile"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// readAll returns a builder with the events of all inputs. Those of files stay there:
// it knows where they are. What is damaged is told, and does no harm to the rest; the
// error says what could not be read. Documents are added to docs, or are errors if that
// is nil.
func (a *app) readAll(ctx context.Context, t *target, docs *documents) (b *wfslog.TreeBuilder, err error) {
	b = wfslog.NewTreeBuilder(&wfslog.TreeOptions{MaxProblems: maxTold})
	for _, arg := range t.inputs {
		failed := a.readInput(ctx, b, arg, docs)
		if errors.Is(failed, fs.ErrNotExist) {
			failed = t.hint(failed)
		}
		err = errors.Join(err, failed)
		if ctx.Err() != nil {
			return b, err
		}
	}
	a.tellProblems(b)
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

func (a *app) readInput(ctx context.Context, b *wfslog.TreeBuilder, arg string, docs *documents) error {
	if arg == "-" {
		_, err := b.ReadFrom(&held{input: input{ctx, a.stdin, "-"}})
		return err
	}
	info, err := os.Stat(arg)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return readDir(ctx, b, arg, docs)
	}
	f, err := os.Open(arg)
	if err != nil {
		return err
	}
	defer f.Close() // it was only read
	switch {
	case isDocument(f) && docs == nil:
		return fmt.Errorf("%s: this is a document; documents are built from journals", arg)
	case isDocument(f):
		return docs.add(f)
	case !info.Mode().IsRegular(): // it can be read only once
		_, err := b.ReadFrom(&held{input: input{ctx, f, arg}})
		return err
	}
	return readFile(ctx, b, arg, func() (*os.File, error) { return os.Open(arg) })
}

// readDir reads the journal in a directory. It is the place where the command opens
// segments to make trees of them.
func readDir(ctx context.Context, b *wfslog.TreeBuilder, dir string, docs *documents) error {
	failed := addRings(b, dir)
	segments, err := journal.Segments(dir)
	if err != nil {
		return err
	}
	found := docs != nil && docs.find(dir)
	if len(segments) == 0 && !found {
		return noJournal(dir)
	}
	dead, err := gone.Streams(dir)
	err = errors.Join(failed, err)
	for _, segment := range segments {
		err = errors.Join(err, unlessPruned(readFile(ctx, b, segment.Path, segment.Open)))
		if ctx.Err() != nil {
			return err
		}
	}
	if len(dead) > 0 {
		err = errors.Join(err, gone.Append(memory{b.Write}, sequencer.NewID(), dead))
	}
	return err
}

// addRings reads what the streams in dir have not yet brought into a segment. That
// comes before the segments: a line is in one or the other all the time, and may be
// in both.
func addRings(b *wfslog.TreeBuilder, dir string) error {
	rings, err := journal.Rings(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the segments tell of it
	}
	for _, ring := range rings {
		lines, failed := ring.Lines()
		if failed == nil {
			_, failed = b.Write(lines)
		}
		err = errors.Join(err, failed)
	}
	return err
}

func noJournal(dir string) error {
	return fmt.Errorf("%s: no journal in it: its files would be %s", dir, filepath.Join(dir, "journal", "*.jsonl"))
}

// unlessPruned returns the error of a segment that was listed, nil if it is not there
// any more: retention has deleted it meanwhile, and says so in the journal.
func unlessPruned(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// readFile reads a file, which may be read again.
func readFile(ctx context.Context, b *wfslog.TreeBuilder, name string, open func() (*os.File, error)) error {
	f := linefile.New(ctx, name, open)
	defer f.Close() // it was only read
	_, err := b.ReadFrom(f)
	return err
}

// maxHeld is how many bytes are read of an input that can be read only once.
const maxHeld = 4 << 30

// held is an input that is kept in memory.
type held struct {
	input
	n int64
}

func (h *held) Read(p []byte) (int, error) {
	n, err := h.input.Read(p)
	if h.n += int64(n); h.n > maxHeld {
		return 0, limitError{fmt.Sprintf("more than %d bytes of what can be read only once: write them into a file", int64(maxHeld))}
	}
	return n, err
}

// memory is an output for events that nobody keeps.
type memory struct {
	write func([]byte) (int, error)
}

func (memory) Prepare(int) (sequencer.Place, error) { return sequencer.Place{Segment: 1}, nil }

func (m memory) Write(lines []byte, _, _ uint64) (int, error) { return m.write(lines) }

func (memory) Sync() error { return nil }

func (memory) Close() error { return nil }
