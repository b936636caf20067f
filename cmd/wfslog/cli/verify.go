package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/verify"
)

// verifyCommand is what the flags of verify say.
type verifyCommand struct {
	*app
	json bool
}

func (a *app) newVerify() *cobra.Command {
	v := verifyCommand{app: a}
	cmd := &cobra.Command{
		Use:   "verify [DIR|FILE…|-]",
		Short: "Find out whether journals are whole",
		Long: "Verify reads journals and says in its first line whether they are whole: every\n" +
			"line can be read, every event of a stream is there or its loss is stated, and\n" +
			"every span has ended. Then come the streams, and each damaged line with its\n" +
			"file, line, offset, length and what is wrong with it.\n\n" +
			"Its exit status is 1 if anything is damaged, torn, missing, lost or never ended.\n" +
			"What retention deleted is told, and is no fault; nor is what a program that may\n" +
			"be at work has not finished. If a limit kept something from being looked at (more\n" +
			"than 1 000 000 spans, 10 000 streams or 4 000 000 events out of order), it is 3.\n\n" + inputHelp,
		Example: "  wfslog verify\n  wfslog verify logs/journal/*.jsonl\n  wfslog verify --json | jq .summary",
		RunE:    func(cmd *cobra.Command, args []string) error { return v.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVar(&v.json, "json", false, "write the whole report as a line of JSON")
	return cmd
}

func (v *verifyCommand) run(ctx context.Context, args []string) error {
	t := parsePaths(args)
	c := verify.New(verify.Limits{})
	var failed error
	read := false
	for _, arg := range t.inputs {
		err := v.read(ctx, c, arg)
		if errors.Is(err, fs.ErrNotExist) {
			err = t.hint(err)
		}
		read = read || err == nil
		failed = errors.Join(failed, err)
		if ctx.Err() != nil {
			return failed
		}
	}
	if !read {
		return failed
	}
	r := c.Report()
	s := v.screen()
	if v.json {
		failed = errors.Join(failed, writeJSON(s.w, r))
	} else {
		failed = errors.Join(failed, s.writeLines(verifyLines(s, r)))
	}
	switch {
	case len(r.Limits) > 0:
		failed = errors.Join(failed, limitError{strings.Join(r.Limits, "; ")})
	case !r.OK:
		failed = errors.Join(failed, errSilent)
	}
	return failed
}

// read reads one of the inputs.
func (v *verifyCommand) read(ctx context.Context, c *verify.Checker, arg string) error {
	if arg == "-" {
		return c.Read(input{ctx: ctx, r: v.stdin}, verify.Input{Name: "-"})
	}
	info, err := os.Stat(arg)
	if err != nil {
		return err
	}
	if info.IsDir() {
		rings, failed := readRings(arg)
		segments, err := journal.Segments(arg)
		if err == nil && len(segments) == 0 {
			return noJournal(arg)
		}
		for i, segment := range segments {
			newest := i+1 == len(segments) || segments[i+1].Stream != segment.Stream
			f, failed := segment.Open()
			err = errors.Join(err, unlessPruned(readSegment(ctx, c, f, failed, segment, newest)))
		}
		for _, r := range rings {
			c.AddMissing(r.lines, verify.Input{Name: r.Path, Stream: r.Stream})
		}
		return errors.Join(err, failed)
	}
	f, err := os.Open(arg)
	if err == nil && isDocument(f) {
		_ = f.Close() // it was only read
		return fmt.Errorf("%s: this is a document; only journals can be verified", arg)
	}
	segment, newest := segmentOf(arg)
	return readSegment(ctx, c, f, err, segment, newest)
}

// ringLines are the lines in a crash ring.
type ringLines struct {
	journal.Ring
	lines []byte
}

// maxRings is how many bytes of lines in rings are kept until the segments are read.
const maxRings = 256 << 20

// readRings reads what the streams in dir have not yet brought into a segment. That
// comes before the segments: a line is in one or the other all the time, and may be
// in both.
func readRings(dir string) (all []ringLines, err error) {
	rings, err := journal.Rings(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // the segments tell of it
	}
	size := 0
	for _, r := range rings {
		lines, failed := r.Lines()
		err = errors.Join(err, failed)
		if size += len(lines); size > maxRings {
			return all, errors.Join(err, fmt.Errorf("more than %d bytes in crash rings: the others are not looked at; wfslog build brings them into the journal", maxRings))
		}
		if len(lines) > 0 {
			all = append(all, ringLines{r, lines})
		}
	}
	return all, err
}

// segmentOf returns the segment of a journal that a path names, and whether it is
// the newest of its stream; one without a stream if it is none.
func segmentOf(path string) (segment journal.Segment, newest bool) {
	segments, err := journal.Segments(filepath.Dir(path))
	if err != nil {
		return journal.Segment{}, false
	}
	i := slices.IndexFunc(segments, func(s journal.Segment) bool { return filepath.Base(s.Path) == filepath.Base(path) })
	if i < 0 {
		return journal.Segment{}, false
	}
	return segments[i], i+1 == len(segments) || segments[i+1].Stream != segments[i].Stream
}

// readSegment reads f to its end and closes it, unless err says that it could not be
// opened.
func readSegment(ctx context.Context, c *verify.Checker, f *os.File, err error, segment journal.Segment, newest bool) error {
	if err != nil {
		return err
	}
	defer f.Close() // it was only read
	in := verify.Input{Name: f.Name(), Stream: segment.Stream, State: verify.StateUnknown, Newest: newest}
	if segment.Stream != "" {
		in.State = verify.StateLive
		if segment.Abandoned() {
			in.State = verify.StateDead
		}
	}
	return c.Read(input{ctx, f, f.Name()}, in)
}

// verifyLines returns the report for people.
func verifyLines(s *screen, r *verify.Report) []string {
	color := green
	if !r.OK {
		color = red
	}
	var lines []string
	for _, part := range s.wrap(termtext.String(r.Summary), 0) {
		lines = append(lines, s.paint(color, part))
	}
	section := func(title string, more []string) {
		if len(more) > 0 {
			lines = append(lines, "", s.paint(bold, title))
			lines = append(lines, more...)
		}
	}
	section("Streams", streamLines(s, r))
	section("Damage", s.hanging(damageLines(r)))
	section("Gaps", s.hanging(gapLines(r)))
	section("Losses", s.hanging(lossLines(r)))
	section("Spans that have not ended", unendedLines(s, r))
	var notes []string
	for _, name := range slices.Sorted(maps.Keys(r.UnknownTypes)) {
		notes = append(notes, fmt.Sprintf("%d events of a type that this version does not know: %s", r.UnknownTypes[name], termtext.String(name)))
	}
	for _, note := range []struct {
		n    uint64
		text string
	}{
		{r.Duplicates, "lines were read before"},
		{r.Foreign, "lines are of other handlers"},
		{r.Writing, "lines are being written"},
	} {
		if note.n > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", note.n, note.text))
		}
	}
	section("Notes", s.hanging(append(notes, r.Limits...)))
	return lines
}

func streamLines(s *screen, r *verify.Report) []string {
	t := table{columns: []column{
		{title: "STREAM"},
		{title: "PROGRAM", shrink: 8, rank: 2},
		{title: "PID", right: true, rank: 4},
		{title: "STARTED", rank: 3},
		{title: "STATE"},
		{title: "SEGMENTS", right: true, rank: 5},
		{title: "EVENTS", right: true},
		{title: "OF", right: true},
		{title: "DAMAGED", right: true},
		{title: "TORN", right: true, rank: 6},
		{title: "LOST", right: true, rank: 1},
		{title: "PRUNED", right: true, rank: 7},
		{title: "MISSING", right: true},
		{title: "UNENDED", right: true, rank: 1},
	}}
	number := func(n uint64, color string) cell {
		if n == 0 {
			return cell{"-", faint}
		}
		return cell{strconv.FormatUint(n, 10), color}
	}
	for _, st := range r.Streams {
		pid := ""
		if st.PID > 0 {
			pid = strconv.Itoa(st.PID)
		}
		t.add(
			cell{st.ID, cyan}, cell{text: termtext.String(st.Program)}, cell{text: pid}, cell{text: s.time(st.Started)},
			cell{string(st.State), statusColor(string(st.State))}, number(uint64(st.Segments), ""),
			number(st.Events, ""), number(st.Last, ""), number(st.Damaged, red), number(st.Torn, red),
			number(st.Lost, red), number(st.Pruned, ""), number(st.Unaccounted, red), number(st.Unended, yellow),
		)
	}
	if len(r.Streams) == 0 {
		return nil
	}
	return t.lines(s, "  ")
}

// hanging returns lines with an indent, which are broken where the screen ends.
func (s *screen) hanging(lines []string) (parts []string) {
	indent := "  "
	for _, line := range lines {
		for i, part := range s.wrap(line, 2*len(indent)) {
			if i > 0 {
				part = indent + part
			}
			parts = append(parts, indent+part)
		}
	}
	return parts
}

func damageLines(r *verify.Report) (lines []string) {
	for _, d := range r.Damage {
		place := termtext.String(d.File) + ":" + strconv.Itoa(d.Line) + ":"
		lines = append(lines, fmt.Sprintf("%s %s at offset %d: %s", place, termtext.Counted(uint64(d.Size), "byte"), d.Offset, termtext.String(d.Why)))
	}
	if n := uint64(len(r.Damage)); r.Damaged+r.Torn > n {
		lines = append(lines, fmt.Sprintf("and %d more", r.Damaged+r.Torn-n))
	}
	return lines
}

// maxGaps is how many gaps of a stream are shown.
const maxGaps = 20

func gapLines(r *verify.Report) (lines []string) {
	for _, st := range r.Streams {
		if st.Gaps == 0 {
			continue
		}
		var missing []string
		for _, g := range st.GapRanges[:min(len(st.GapRanges), maxGaps)] {
			from, to := strconv.FormatUint(g.From, 10), strconv.FormatUint(g.To, 10)
			if to != from {
				from += "-" + to
			}
			missing = append(missing, from)
		}
		if len(st.GapRanges) > maxGaps {
			missing = append(missing, "...")
		}
		text := fmt.Sprintf("%s: %s not there, of %d nothing is stated: ", st.ID, termtext.Counted(st.Gaps, "event"), st.Unaccounted)
		lines = append(lines, text+strings.Join(missing, " "))
	}
	return lines
}

func lossLines(r *verify.Report) (lines []string) {
	for _, st := range r.Streams {
		for _, c := range st.Causes {
			lines = append(lines, fmt.Sprintf("%s: %s, %s: %s", st.ID, termtext.Counted(c.Events, "event"), termtext.Counted(c.Bytes, "byte"), termtext.String(c.Cause)))
		}
	}
	return lines
}

func unendedLines(s *screen, r *verify.Report) []string {
	t := table{columns: []column{{}, {}, {}, {shrink: 10}, {rank: 1}, {}}}
	for _, u := range r.Unended {
		state := cell{"never ended", yellow}
		if u.Open {
			state = cell{"may go on", cyan}
		}
		id := u.Run.String()
		path := u.Span
		if path == "" {
			path = "(root)"
		}
		t.add(cell{id[len(id)-12:], cyan}, cell{text: path}, cell{text: string(u.Kind)}, cell{text: termtext.String(u.Name)},
			cell{s.time(u.Started), faint}, state)
	}
	if len(r.Unended) == 0 {
		return nil
	}
	lines := t.lines(s, "  ")
	if n := uint64(len(r.Unended)); r.Counts.Unended+r.Open > n {
		lines = append(lines, fmt.Sprintf("  and %d more", r.Counts.Unended+r.Open-n))
	}
	return lines
}
