package wfslog

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// maxTreeLine is the length of the longest line that a [TreeBuilder] reads: above
// what handlers write by default, with room for the wrapper of a container
// runtime, which escapes every quote. Of a longer line, only the first
// longLineHead bytes are looked at.
const (
	maxTreeLine  = 64 << 20
	longLineHead = 64 << 10
)

// lineSplitter cuts bytes, which come in pieces, into lines.
type lineSplitter struct {
	file    string
	pending []byte    // beginning of the current line
	size    int64     // of the current line so far
	long    hash.Hash // of the current line, once it is too long
	offset  int64     // of the current line
	number  int       // of lines before the current one
	current treeLine  // what f gets: one for all lines
}

// treeLine is a line without its newline. It is valid until the next one.
type treeLine struct {
	text   []byte
	sum    []byte // SHA-256 of a line that is too long, of which text is the head
	file   string
	number int // from 1
	offset int64
	size   int64
}

// write calls f for each line that ends in p.
func (s *lineSplitter) write(p []byte, f func(*treeLine)) {
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			s.hold(p)
			return
		}
		if s.size > 0 || i > maxTreeLine {
			s.hold(p[:i])
			f(s.line(s.pending))
		} else {
			s.size = int64(i)
			f(s.line(p[:i])) // no need to copy
		}
		s.next()
		p = p[i+1:]
	}
}

// end calls f if there is an unfinished line.
func (s *lineSplitter) end(f func(*treeLine)) {
	if s.size > 0 {
		f(s.line(s.pending))
		s.next()
	}
}

// hold adds p to the current line.
func (s *lineSplitter) hold(p []byte) {
	s.size += int64(len(p))
	if s.long == nil && s.size > maxTreeLine {
		s.long = sha256.New()
		s.long.Write(s.pending)
		s.pending = append(s.pending, p[:min(len(p), max(0, longLineHead-len(s.pending)))]...)
		s.pending = bytes.Clone(s.pending[:longLineHead])
	}
	if s.long != nil {
		s.long.Write(p)
		return
	}
	s.pending = append(s.pending, p...)
}

func (s *lineSplitter) line(text []byte) *treeLine {
	s.current = treeLine{text: text, file: s.file, number: s.number + 1, offset: s.offset, size: s.size}
	if s.long != nil {
		s.current.sum = s.long.Sum(nil)
	}
	return &s.current
}

// next begins the next line.
func (s *lineSplitter) next() {
	s.offset += s.size + 1
	s.number++
	s.size, s.long = 0, nil
	s.pending = s.pending[:0]
	if cap(s.pending) > longLineHead {
		s.pending = nil // one large line must not pin its buffer
	}
}
