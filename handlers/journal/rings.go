package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/ring"
)

// Ring is the crash ring of one stream: a file that has the last lines of the stream
// which were not yet in a segment when it was looked at. Of a process that writes they
// are those of some milliseconds; of one that was killed, those that it had not yet
// written, until another process brings them into a segment.
type Ring struct {
	Path    string
	Program string    // as in the name: its unusual characters are replaced
	Start   time.Time // when the stream began, to the second, UTC
	PID     int       // of the writer; it identifies nothing
	Stream  string    // 16 hex digits
}

// Rings returns the crash rings of the journal in dir, which may also be the
// subdirectory "journal" itself, ordered by start and stream. If dir does not exist,
// the error wraps [os.ErrNotExist].
//
// Who wants all lines of streams that may still be written has to read their rings
// first, and list and read the segments then. A line may be in both.
func Rings(dir string) ([]Ring, error) {
	dir, names, err := list(dir, parseRing)
	if err != nil {
		return nil, err
	}
	rings := make([]Ring, len(names))
	for i, n := range names {
		rings[i] = Ring{
			Path: filepath.Join(dir, n.ring()), Program: n.program, Start: n.start, PID: n.pid, Stream: n.stream,
		}
	}
	return rings, nil
}

// Lines returns the whole lines in the ring. They take at most some megabytes of
// memory, whatever the file is. A ring that is not there any more, or holds nothing
// that could be one, has none.
func (r Ring) Lines() ([]byte, error) {
	f, err := openRing(r.Path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // it was only read
	return r.linesIn(f)
}

func (r Ring) linesIn(f *os.File) ([]byte, error) {
	stream, lines, err := ring.Read(f)
	switch {
	case errors.Is(err, ring.ErrFormat) || err == nil && stream != r.Stream:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("wfslog: read crash ring: %w", err)
	}
	return lines, nil
}

func openRing(path string, flag int) (*os.File, error) {
	f, err := openRegular(path, flag)
	if err != nil {
		return nil, fmt.Errorf("wfslog: open crash ring: %w", err)
	}
	return f, nil
}

// Recover brings what ended processes have left in their crash rings into segments of
// their streams, and deletes the rings. dir is as for [Rings]. Rings that cannot be
// dealt with stay as they are; the error tells of them. More than one process may do
// it at the same time.
func Recover(dir string) error {
	rings, err := Rings(dir)
	for _, r := range rings {
		err = errors.Join(err, r.Recover())
	}
	return err
}

// Recover does what the function does for one ring. If its stream is still being
// written, or may be, it does nothing.
func (r Ring) Recover() error {
	f, err := openRing(r.Path, os.O_RDWR) // NFS locks only files that are open for writing
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() // what is written goes into a segment
	// The file may have been removed since it was opened.
	if !lockRing(f) || !isNamed(r.Path, f) {
		return nil
	}
	segments, err := Segments(filepath.Dir(r.Path))
	if err != nil {
		return err
	}
	segments = slices.DeleteFunc(segments, func(s Segment) bool { return s.Stream != r.Stream })
	if len(segments) > 0 && len(Abandoned(segments)) == 0 {
		return nil // its writer has lost the ring
	}
	lines, err := r.linesIn(f)
	if err != nil {
		return err
	}
	if lines, err = missingFrom(segments, lines); err != nil {
		return err
	}
	if len(lines) > 0 {
		if err := r.writeSegment(segments, lines); err != nil {
			return fmt.Errorf("wfslog: recover %s: %w", r.Path, err)
		}
	}
	return os.Remove(r.Path)
}

// isNamed reports whether path is the name of f.
func isNamed(path string, f *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(named, info)
}

// missingFrom returns those of the lines that are not in the stream's segments. Only
// the newest are looked at, back to one that begins before the first line: what is in
// the ring was to be written last.
func missingFrom(segments []Segment, lines []byte) ([]byte, error) {
	missing := map[uint64][]byte{}
	var first uint64
	for line := range bytes.Lines(lines) {
		seq, _ := event.SeqOf(line)
		if len(missing) == 0 || seq < first {
			first = seq
		}
		missing[seq] = line
	}
	for _, s := range slices.Backward(segments) {
		if len(missing) == 0 {
			return nil, nil
		}
		begin, err := removePresent(s, missing)
		if err != nil {
			return nil, err
		}
		if begin > 0 && begin < first {
			break
		}
	}
	var left []byte
	for line := range bytes.Lines(lines) {
		if seq, _ := event.SeqOf(line); missing[seq] != nil {
			left = append(left, line...)
		}
	}
	return left, nil
}

// removePresent removes the lines that are in the segment, and returns the number of
// its first event, 0 if there is none.
func removePresent(s Segment, missing map[uint64][]byte) (begin uint64, err error) {
	f, err := s.Open()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // deleted by the retention
	}
	if err != nil {
		return 0, err
	}
	defer f.Close() // it was only read
	lines := event.NewScanner(f)
	for lines.Scan() {
		seq, _ := event.SeqOf(lines.Line())
		if begin == 0 {
			begin = seq
		}
		if line := missing[seq]; line != nil && lines.Whole() && bytes.Equal(line[:len(line)-1], lines.Line()) {
			delete(missing, seq)
		}
	}
	return begin, lines.Err()
}

// writeSegment writes the lines as the stream's next segment, which others see whole
// or not at all when it is not locked any more.
func (r Ring) writeSegment(segments []Segment, lines []byte) (err error) {
	w := Writer{fs: osFileSystem{}, dir: filepath.Dir(r.Path), name: name{r.Program, r.Start, r.PID, r.Stream, 1}}
	if n := len(segments); n > 0 {
		w.number = segments[n-1].Number
	}
	f, err := w.create()
	if err != nil {
		return err
	}
	if _, err = writeAll(f, lines); err == nil {
		err = f.sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(w.SegmentPath(w.number))) // the ring still has it all
	}
	_ = w.fs.syncDir(w.dir) // not all file systems can
	return nil
}

// maxRecovered is how many rings are recovered when a segment is begun: it holds up
// whoever logs. What is more can wait for the next segment, and be read meanwhile.
const maxRecovered = 8

func (osFileSystem) recover(dir string) {
	rings, err := Rings(dir)
	if err != nil {
		return
	}
	for _, r := range rings[:min(len(rings), maxRecovered)] {
		_ = r.Recover() // tried again
	}
}
