package wfslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/wfslog/wfslog/internal/linefile"
)

// lineStore knows where the lines of events are: in memory, or in the files that they
// were read from.
type lineStore struct {
	sources []lineSource
	chunk   uint32 // the source that small lines are added to
	used    int    // of its text; 0 if there is none
}

// lineSource is where lines are.
type lineSource struct {
	text []byte
	file *linefile.File // nil: in text
}

// linePlace is the place of a line.
type linePlace struct {
	source uint32
	len    uint32
	offset int64
}

// Sizes of chunks for lines in memory: a small builder shall stay small.
const (
	minArenaChunk = 4 << 10
	maxArenaChunk = 1 << 20
)

// add keeps a line in memory.
func (s *lineStore) add(line []byte) linePlace {
	var chunk []byte
	if s.used > 0 {
		chunk = s.sources[s.chunk].text
	}
	if len(line) > len(chunk)-s.used {
		size := min(max(2*len(chunk), minArenaChunk), maxArenaChunk)
		if len(line) > size/4 {
			s.sources = append(s.sources, lineSource{text: bytes.Clone(line)})
			return linePlace{source: uint32(len(s.sources) - 1), len: uint32(len(line))}
		}
		chunk = make([]byte, size)
		s.sources = append(s.sources, lineSource{text: chunk})
		s.chunk, s.used = uint32(len(s.sources)-1), 0
	}
	at := s.used
	s.used += copy(chunk[at:], line)
	return linePlace{source: s.chunk, len: uint32(len(line)), offset: int64(at)}
}

// addFile adds a file, whose lines stay in it.
func (s *lineStore) addFile(f *linefile.File) (source uint32) {
	s.sources = append(s.sources, lineSource{file: f})
	return uint32(len(s.sources) - 1)
}

// lineReader reads lines that are in files. It holds some of them open.
type lineReader struct {
	open  []openFile // the last used is the last
	chunk []byte     // what was read last
	of    *linefile.File
	from  int64
}

type openFile struct {
	of *linefile.File
	f  *os.File
}

const (
	maxOpenFiles  = 16
	readAhead     = 256 << 10 // for lines that are looked at one by one
	maxReadAtOnce = 4 << 20
)

func (r *lineReader) close() {
	for _, o := range r.open {
		_ = o.f.Close() // it was only read
	}
	*r = lineReader{}
}

func (r *lineReader) file(of *linefile.File) (*os.File, error) {
	for i := len(r.open) - 1; i >= 0; i-- {
		if o := r.open[i]; o.of == of {
			copy(r.open[i:], r.open[i+1:])
			r.open[len(r.open)-1] = o
			return o.f, nil
		}
	}
	f, err := of.Open()
	if err != nil {
		return nil, err
	}
	if len(r.open) == maxOpenFiles {
		_ = r.open[0].f.Close() // it was only read
		r.open = r.open[:copy(r.open, r.open[1:])]
	}
	r.open = append(r.open, openFile{of, f})
	return f, nil
}

// readAt fills buf from a file, or fails.
func (r *lineReader) readAt(of *linefile.File, buf []byte, offset int64) error {
	f, err := r.file(of)
	if err != nil {
		return err
	}
	if _, err := f.ReadAt(buf, offset); err != nil {
		return changed(of, err)
	}
	return nil
}

// errChanged is wrapped by the error for a file that does not hold any more what was
// read of it.
var errChanged = errors.New("the file has changed since it was read")

func changed(of *linefile.File, err error) error {
	if errors.Is(err, io.EOF) {
		err = errChanged
	}
	return fmt.Errorf("wfslog: %s: %w", of.Name(), err)
}

// line returns a line. It is valid until the next call.
func (r *lineReader) line(s *lineStore, p linePlace) ([]byte, error) {
	source := &s.sources[p.source]
	if source.file == nil {
		return source.text[p.offset : p.offset+int64(p.len)], nil
	}
	end := p.offset + int64(p.len)
	if r.of != source.file || p.offset < r.from || end > r.from+int64(len(r.chunk)) {
		f, err := r.file(source.file)
		if err != nil {
			return nil, err
		}
		size := max(int(p.len), readAhead)
		if cap(r.chunk) < size {
			r.chunk = make([]byte, size)
		}
		n, err := f.ReadAt(r.chunk[:size], p.offset)
		r.of, r.from, r.chunk = source.file, p.offset, r.chunk[:n]
		if n < int(p.len) {
			r.of = nil
			return nil, changed(source.file, err)
		}
	}
	return r.chunk[p.offset-r.from : end-r.from], nil
}
