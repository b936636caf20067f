package event

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// MaxLine is the length of the longest line that a [Scanner] hands out: the
// 16 MiB that a handler writes by default, and what the sequencer adds to them.
const MaxLine = 16<<20 + LineOverhead

// Why a [Scanner] skipped bytes.
var (
	// ErrTooLong is the problem of a line longer than [MaxLine].
	ErrTooLong = errors.New("line too long")
	// ErrNUL is the problem of bytes that are all zero: what a file system leaves
	// where a file grew and its content did not get to the disk.
	ErrNUL = errors.New("zero bytes")
)

// Scanner splits a journal into lines. Whatever the input holds, it uses a
// buffer of at most about [MaxLine] bytes, and damage costs only the lines that
// are damaged.
//
// Each Scan stops at a line or at something that was skipped, of which Problem
// tells: then Line is empty. Empty lines, a byte order mark at the start of the
// input and a carriage return before a newline are left out silently.
type Scanner struct {
	r   io.Reader
	err error // of r, io.EOF included

	buf      []byte
	pos, end int   // what is unread of buf
	base     int64 // offset of buf[0] in the input

	line    []byte
	offset  int64
	size    int64
	number  int
	ended   int // newlines so far
	whole   bool
	problem error
}

// Sizes of the buffer: it grows only for a line that needs it.
const (
	firstScanBuf = 64 << 10
	maxScanBuf   = MaxLine + firstScanBuf
)

// nulRun is how many zero bytes together end a line. JSON holds none at all: fewer
// stay in their line, which is damaged then, and do not tear text in UTF-16 to
// single letters.
const nulRun = 64

var nuls [nulRun]byte

// byteOrderMark is what some editors put before the first line.
const byteOrderMark = "\xef\xbb\xbf"

// NewScanner returns a Scanner that reads from r.
func NewScanner(r io.Reader) *Scanner { return &Scanner{r: r} }

// Line returns the line without its newline. It is valid until the next Scan.
func (s *Scanner) Line() []byte { return s.line }

// Offset returns where in the input the line, or what was skipped, begins.
func (s *Scanner) Offset() int64 { return s.offset }

// Size returns the length of the line, or of what was skipped, in bytes, without
// the newline.
func (s *Scanner) Size() int64 { return s.size }

// Number returns the number of the line, counted from 1.
func (s *Scanner) Number() int { return s.number }

// Whole reports whether the line ended in a newline. One that did not is torn, or
// its writer is still at work.
func (s *Scanner) Whole() bool { return s.whole }

// Problem returns nil for a line, and says why bytes were skipped otherwise. The
// error wraps [ErrTooLong] or [ErrNUL].
func (s *Scanner) Problem() error { return s.problem }

// Err returns the error that ended the input, nil for its end.
func (s *Scanner) Err() error {
	if s.err == io.EOF {
		return nil
	}
	return s.err
}

// Scan goes to the next line or the next bytes to be skipped. It returns false at
// the end of the input and after a read error.
func (s *Scanner) Scan() bool {
	s.line, s.problem, s.whole = nil, nil, false
	for {
		if s.pos == s.end && !s.fill() {
			return false
		}
		if s.base == 0 && s.pos == 0 {
			s.skipMark()
		}
		s.offset, s.number = s.base+int64(s.pos), s.ended+1
		if s.pos < s.end && s.buf[s.pos] == 0 {
			s.skipNULs()
			return true
		}
		if s.takeLine() {
			return true
		}
	}
}

// takeLine takes the next line, and returns false for an empty one.
func (s *Scanner) takeLine() bool {
	for searched := s.pos; ; {
		rest := s.buf[searched:s.end]
		newline := bytes.IndexByte(rest, '\n')
		if newline >= 0 {
			rest = rest[:newline]
		}
		if i := bytes.Index(rest, nuls[:]); i >= 0 {
			s.take(searched+i, false)
			return true
		}
		switch {
		case newline >= 0:
			s.take(searched+newline, true)
			return s.problem != nil || len(s.line) > 0
		case s.end-s.pos > MaxLine+1: // one more for a carriage return
			s.skipLine()
			return true
		}
		// A run of zero bytes may have begun.
		length, overlap := s.end-s.pos, min(nulRun-1, s.end-s.pos)
		if !s.fill() {
			s.take(s.end, false)
			return s.problem != nil || len(s.line) > 0
		}
		searched = s.pos + length - overlap
	}
}

// take makes what is unread up to end the line.
func (s *Scanner) take(end int, whole bool) {
	s.line, s.whole = s.buf[s.pos:end], whole
	s.size = int64(len(s.line))
	s.pos = end
	if whole {
		s.pos++
		s.ended++
		s.line = bytes.TrimSuffix(s.line, []byte("\r"))
	}
	if len(s.line) > MaxLine {
		s.line, s.problem = nil, tooLong(s.size)
	}
}

func tooLong(size int64) error { return fmt.Errorf("%w: %d bytes", ErrTooLong, size) }

// skipLine skips up to the next newline.
func (s *Scanner) skipLine() {
	for {
		if i := bytes.IndexByte(s.buf[s.pos:s.end], '\n'); i >= 0 {
			s.pos += i
			s.whole = true
			break
		}
		s.pos = s.end
		if !s.fill() {
			break
		}
	}
	s.size = s.base + int64(s.pos) - s.offset
	s.problem = tooLong(s.size)
	if s.whole {
		s.pos++
		s.ended++
	}
}

// skipNULs skips zero bytes.
func (s *Scanner) skipNULs() {
	for s.pos < s.end || s.fill() {
		unread := s.buf[s.pos:s.end]
		if bytes.HasPrefix(unread, nuls[:]) {
			s.pos += nulRun
			continue
		}
		if unread[0] != 0 {
			break
		}
		s.pos++
	}
	s.size = s.base + int64(s.pos) - s.offset
	s.problem = fmt.Errorf("%w: %d", ErrNUL, s.size)
}

// skipMark skips the byte order mark at the start of the input.
func (s *Scanner) skipMark() {
	for s.end-s.pos < len(byteOrderMark) && s.fill() {
	}
	if bytes.HasPrefix(s.buf[s.pos:s.end], []byte(byteOrderMark)) {
		s.pos += len(byteOrderMark)
	}
}

// fill reads more behind what is unread, and reports whether there was more.
func (s *Scanner) fill() bool {
	if s.err != nil {
		return false
	}
	if s.end == len(s.buf) {
		s.room()
	}
	for range 100 {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		s.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// room makes room behind what is unread.
func (s *Scanner) room() {
	unread := s.buf[s.pos:s.end]
	if len(unread) >= len(s.buf)/2 && len(s.buf) < maxScanBuf {
		s.buf = make([]byte, min(max(2*len(s.buf), firstScanBuf), maxScanBuf))
	}
	copy(s.buf, unread)
	s.base += int64(s.pos)
	s.pos, s.end = 0, len(unread)
}
