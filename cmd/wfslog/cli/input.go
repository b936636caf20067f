package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/gone"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// inputs returns the arguments, or the default directory if there are none.
func inputs(args []string) []string {
	if len(args) > 0 {
		return args
	}
	return []string{cmp.Or(os.Getenv("WFSLOG_DIR"), "logs")}
}

// errNoRun says that there is nothing to show or to build.
var errNoRun = errors.New("no run in the input: journals, not documents, have their events")

// read returns a builder with the events of all inputs. What is damaged in them is
// told, and does no harm to the rest. The error says what could not be opened, or
// not be read to its end; the builder has what could, at least one run unless the
// error says otherwise.
func read(cmd *cobra.Command, args []string) (b *wfslog.TreeBuilder, err error) {
	b = wfslog.NewTreeBuilder(&wfslog.TreeOptions{MaxProblems: maxTold})
	for _, arg := range inputs(args) {
		failed := readInput(cmd, b, arg)
		if len(args) == 0 && errors.Is(failed, fs.ErrNotExist) {
			failed = fmt.Errorf("%w: name a directory of logs as an argument or in $WFSLOG_DIR", failed)
		}
		err = errors.Join(err, failed)
	}
	tellProblems(cmd.ErrOrStderr(), b)
	if err == nil && len(b.Runs()) == 0 {
		err = errNoRun
	}
	return b, err
}

// maxTold is the number of damaged lines that are told one by one.
const maxTold = 20

// tellProblems writes a message for each line that is no event.
func tellProblems(stderr io.Writer, b *wfslog.TreeBuilder) {
	told := uint64(0)
	for _, p := range b.Problems() {
		if bad, ok := errors.AsType[*wfslog.ParseError](p.Err); ok { // a torn line is none: its writer was killed, or is at work
			named := *bad
			named.File = cmp.Or(bad.File, "-")
			tell(stderr, named.Error()+": the line is left out")
			told++
		}
	}
	if bad := b.Stats().Bad; bad > told {
		tell(stderr, fmt.Sprintf("%d more lines are no events and are left out", bad-told))
	}
}

func readInput(cmd *cobra.Command, b *wfslog.TreeBuilder, arg string) error {
	if arg == "-" {
		_, err := b.ReadFrom(input{cmd.Context(), cmd.InOrStdin(), ""})
		return err
	}
	info, err := os.Stat(arg)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		f, err := os.Open(arg)
		return readFile(cmd.Context(), b, f, err)
	}
	segments, err := journal.Segments(arg)
	if err != nil {
		return err
	}
	if len(segments) == 0 {
		return fmt.Errorf("%s: no journal in it: its files would be %s", arg, filepath.Join(arg, "journal", "*.jsonl"))
	}
	dead, err := gone.Streams(arg)
	for _, segment := range segments {
		f, failed := segment.Open()
		err = errors.Join(err, readFile(cmd.Context(), b, f, failed))
	}
	if len(dead) > 0 {
		err = errors.Join(err, gone.Append(memory{b}, sequencer.NewID(), dead))
	}
	return err
}

// memory is an output for events that nobody keeps.
type memory struct{ *wfslog.TreeBuilder }

func (memory) Prepare(int) (sequencer.Place, error) { return sequencer.Place{Segment: 1}, nil }

func (m memory) Write(lines []byte, _, _ uint64) (int, error) { return m.TreeBuilder.Write(lines) }

func (memory) Sync() error { return nil }

func (memory) Close() error { return nil } // the builder reads on

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

// input is a reader with a name that ends when its context is done.
type input struct {
	ctx  context.Context
	r    io.Reader
	name string
}

func (in input) Name() string { return in.name }

func (in input) Read(p []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	return in.r.Read(p)
}

// chooseRun returns the newest run, or the newest whose id begins or ends with
// ref.
func chooseRun(b *wfslog.TreeBuilder, ref string) (wfslog.RunID, error) {
	for _, run := range slices.Backward(b.Runs()) {
		if id := run.String(); strings.HasPrefix(id, ref) || strings.HasSuffix(id, ref) {
			return run, nil
		}
	}
	return wfslog.RunID{}, fmt.Errorf("no run %q in the input", ref)
}
