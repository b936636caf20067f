package wfslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
)

// Limits for reading the journal back.
const (
	maxReadGap   = 32 << 10 // between lines that are read together
	maxReadChunk = 1 << 20
)

// readLines reads events back from the journal. A line that was damaged meanwhile
// is as good as none.
func readLines(refs []lineRef) (lines []foldLine, err error) {
	lines = make([]foldLine, 0, len(refs))
	var open *os.File
	var file *segmentFile
	defer func() {
		if open != nil {
			_ = open.Close() // it was only read
		}
	}()
	for len(refs) > 0 {
		if refs[0].file != file {
			if open != nil {
				_ = open.Close() // it was only read
			}
			file = refs[0].file
			open, err = journal.Segment{Path: file.path}.Open()
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
		n, from, to := chunkOf(refs)
		if open != nil {
			buf := make([]byte, to-from)
			k, err := open.ReadAt(buf, from)
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read journal: %w", err)
			}
			for _, ref := range refs[:n] {
				begin := min(ref.offset-from, int64(k))
				lines = appendLines(lines, buf[begin:min(begin+ref.len, int64(k))], file.stream)
			}
		}
		refs = refs[n:]
	}
	return lines, nil
}

// appendLines appends the whole lines in text.
func appendLines(lines []foldLine, text []byte, stream string) []foldLine {
	for {
		i := bytes.IndexByte(text, '\n')
		if i < 0 {
			return lines
		}
		seq, _ := event.SeqOf(text[:i])
		lines = append(lines, foldLine{line: text[:i:i], stream: stream, seq: seq})
		text = text[i+1:]
	}
}

// chunkOf returns how many of the first refs stand close together, and where.
func chunkOf(refs []lineRef) (n int, from, to int64) {
	from, to = refs[0].offset, refs[0].offset+refs[0].len
	for n = 1; n < len(refs); n++ {
		ref := refs[n]
		end := ref.offset + ref.len
		if ref.file != refs[0].file || ref.offset < to || ref.offset-to > maxReadGap || end-from > maxReadChunk {
			break
		}
		to = end
	}
	return n, from, to
}

// readEvents is readLines for events that are looked at one by one.
func readEvents(refs []lineRef) (events []Event, err error) {
	lines, err := readLines(refs)
	for i := range lines {
		if ev, err := event.ParseLine(lines[i].line); err == nil {
			events = append(events, ev)
		}
	}
	return events, err
}

// clockMargin is how far the clock of a file system may be behind.
const clockMargin = time.Minute

// journalScan looks for the events of runs in a directory's journal.
type journalScan struct {
	files  []segmentPart            // of the handlers' streams
	isOurs func(stream string) bool // one of those, or of a handler that is newer than the scan
	found  map[RunID]*foundRun
	oldest time.Time               // when the first of the runs began, or before
	others map[string]*savedStream // streams that are no handler's
}

// segmentPart is a file up to what was written of it when the scan began.
type segmentPart struct {
	*segmentFile
	end int64
}

// foundRun is what was found of a run.
type foundRun struct {
	bounds, refs []lineRef
	others       map[uint32]bool // ordinals of the root's children that are no iterations
}

func newJournalScan(runs []*runSaver) *journalScan {
	scan := &journalScan{found: map[RunID]*foundRun{}, others: map[string]*savedStream{}}
	for _, r := range runs {
		scan.found[r.id] = &foundRun{others: map[uint32]bool{}}
		if start := r.id.Time().Add(-clockMargin); scan.oldest.IsZero() || start.Before(scan.oldest) {
			scan.oldest = start
		}
	}
	return scan
}

// run scans the journal in dir. What cannot be read is left out and reported.
func (scan *journalScan) run(dir string) error {
	var errs []error
	for _, part := range scan.files {
		errs = append(errs, scan.file(part.segmentFile, part.end, nil))
	}
	segments, err := journal.Segments(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		errs = append(errs, err)
	}
	for _, segment := range segments {
		info, err := os.Stat(segment.Path)
		if scan.isOurs(segment.Stream) || err != nil || info.ModTime().Before(scan.oldest) {
			continue
		}
		s := scan.others[segment.Stream]
		if s == nil {
			s = &savedStream{id: segment.Stream}
			scan.others[segment.Stream] = s
		}
		errs = append(errs, scan.file(&segmentFile{stream: segment.Stream, path: segment.Path}, info.Size(), s))
	}
	for _, found := range scan.found {
		found.settle()
	}
	return errors.Join(errs...)
}

// file scans a file up to the given size. The events of the stream itself are noted
// in s, unless it is nil.
func (scan *journalScan) file(file *segmentFile, size int64, s *savedStream) error {
	f, err := journal.Segment{Path: file.path}.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil // deleted by the retention
	}
	if err != nil {
		return err
	}
	defer f.Close() // it was only read
	lines := event.NewScanner(io.LimitReader(f, size))
	for lines.Scan() {
		if !lines.Whole() || lines.Problem() != nil {
			continue
		}
		run, ofRun := runOf(lines.Line())
		found := scan.found[run]
		if ofRun && found == nil || !ofRun && s == nil {
			continue
		}
		ev, err := event.ParseLine(lines.Line())
		if err != nil || ev.Stream != file.stream {
			continue
		}
		ref := lineRef{file: file, offset: lines.Offset(), len: lines.Size() + 1, events: 1}
		if ofRun {
			found.add(&ev, ref)
		} else {
			s.note(ev.Type, ev.Seq, ref)
		}
	}
	return lines.Err()
}

// runOf returns the run that an event line names, if it is one of a span's events.
func runOf(line []byte) (id RunID, ok bool) {
	const field = `,"run":"`
	i := bytes.Index(line, []byte(field))
	if i < 0 || i > bytes.Index(line, []byte(`,"event":"`)) {
		return id, false
	}
	digits := line[i+len(field):]
	err := id.UnmarshalText(digits[:min(len(digits), 2*len(id))])
	return id, err == nil
}

// add adds an event of the run. A child of the root counts as an iteration until
// its start is found and says otherwise.
func (found *foundRun) add(ev *Event, ref lineRef) {
	if ev.Span == "" {
		if ev.Type == event.TypeStart || ev.Type == event.TypeEnd {
			found.bounds = append(found.bounds, ref)
		} else {
			found.refs = appendRef(found.refs, ref, 0)
		}
		return
	}
	top, _, _ := strings.Cut(ev.Span, "/")
	ref.iteration = event.LastElement(top).Ordinal
	if ev.Type == event.TypeStart && ev.Span == top && ev.Kind != KindIteration {
		found.others[ref.iteration] = true
	}
	found.refs = appendRef(found.refs, ref, 0)
}

// settle takes those for iterations that are.
func (found *foundRun) settle() {
	for i := range found.refs {
		if ref := &found.refs[i]; found.others[ref.iteration] {
			ref.iteration = 0
		}
	}
}
