package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Segment is one file of a journal.
type Segment struct {
	Path    string
	Program string    // as in the name: its unusual characters are replaced
	Start   time.Time // when the stream began, to the second, UTC
	PID     int       // of the writer; it identifies nothing
	Stream  string    // 16 hex digits
	Number  int       // of the segment in its stream, ascending, not always from 1
}

// Segments returns the segments of the journal in dir, which may also be the
// subdirectory "journal" itself, ordered by start, stream and number. Everything
// in the directory that is not named like a segment, or is no regular file, is
// left out. If dir does not exist, the error wraps [os.ErrNotExist].
func Segments(dir string) ([]Segment, error) {
	dir, names, err := list(dir, parseName)
	if err != nil {
		return nil, err
	}
	segments := make([]Segment, len(names))
	for i, n := range names {
		segments[i] = Segment{
			Path: filepath.Join(dir, n.String()), Program: n.program, Start: n.start,
			PID: n.pid, Stream: n.stream, Number: n.number,
		}
	}
	return segments, nil
}

// list returns what files of the journal in dir are named, in order, and where they
// are.
func list(dir string, parse func(string) (name, bool)) (string, []name, error) {
	if info, err := os.Stat(filepath.Join(dir, dirName)); err == nil && info.IsDir() {
		dir = filepath.Join(dir, dirName)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", nil, fmt.Errorf("wfslog: list journal: %w", err)
	}
	var names []name
	for _, e := range entries {
		if n, ok := parse(e.Name()); ok && e.Type().IsRegular() {
			names = append(names, n)
		}
	}
	slices.SortFunc(names, name.compare)
	return dir, names, nil
}

// Open opens the segment for reading. It follows no symbolic link in place of the
// file, and refuses, without waiting for it, anything that is no regular file.
func (s Segment) Open() (*os.File, error) { return openSegment(s.Path) }

func openSegment(path string) (*os.File, error) {
	f, err := openRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("wfslog: open segment: %w", err)
	}
	return f, nil
}

func openRegular(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|noFollow|noWait, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &os.PathError{Op: "open", Path: path, Err: os.ErrInvalid}
	}
	if err != nil {
		_ = f.Close() // it was only looked at
		return nil, err
	}
	return f, nil
}
