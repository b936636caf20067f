package ship

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wfslog/wfslog/handlers/journal"
)

// findAbandoned looks for position files of the same program and forwarder.
// Whether their streams are abandoned is looked at one by one: each costs a file.
func (s *Shipper) findAbandoned() {
	dir, own := filepath.Split(s.own.file.path)
	program, _, _ := strings.Cut(own, ".")
	entries, err := os.ReadDir(dir)
	if err != nil {
		s.report(fmt.Errorf("wfslog: look for abandoned streams: %w", err))
	}
	for _, e := range entries {
		name := strings.Split(e.Name(), ".")
		if len(name) == 6 && name[0] == program && name[4] == s.forwarder && name[5] == positionExt &&
			e.Type().IsRegular() && e.Name() != own {
			s.abandoned = append(s.abandoned, dir+e.Name())
		}
	}
}

// shipAbandoned delivers the next batch of an abandoned stream, if there is one.
// Like ship, it returns false if that was given up.
func (s *Shipper) shipAbandoned(ctx context.Context) bool {
	if s.isClosing() {
		return true
	}
	for s.left == nil && len(s.abandoned) > 0 {
		s.left = s.take(s.abandoned[0])
		s.abandoned = s.abandoned[1:]
	}
	if s.left == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.catchingUp {
			s.catchingUp = false
			s.progressLocked()
		}
		return true
	}
	s.mu.Lock()
	_, more := s.left.front()
	s.mu.Unlock()
	if more {
		return s.ship(ctx, s.left)
	}
	s.leave(s.left, true)
	s.left = nil
	return true
}

// take returns the stream of a position file, or nil if it is not abandoned or
// cannot be read.
func (s *Shipper) take(path string) *stream {
	file, at, ok := claim(path)
	if !ok {
		return nil
	}
	st := &stream{id: strings.Split(filepath.Base(path), ".")[3], file: file, at: at, saved: at}
	segments, err := segmentsOf(filepath.Dir(path), st.id)
	if err != nil {
		s.report(err)
		file.unlock()
		return nil
	}
	if len(segments) > 0 && !segments[0].Abandoned() {
		file.unlock()
		return nil
	}
	paths := map[int]string{}
	st.path = func(n int) string { return paths[n] }
	for _, seg := range segments {
		info, err := os.Lstat(seg.Path)
		if err != nil || seg.Number < at.Segment {
			continue // deleted meanwhile, or delivered
		}
		paths[seg.Number] = seg.Path
		st.parts = append(st.parts, part{segment: seg.Number, end: info.Size()})
	}
	if paths[at.Segment] == "" {
		if at.Segment > 0 { // something of it may not have been delivered
			s.mu.Lock()
			s.stats.Missing++
			s.mu.Unlock()
		}
	} else if !beginsLine(paths[at.Segment], at.Offset) {
		st.at.Offset = 0 // whatever the file says, it is not a place up to which lines were delivered
	}
	return st
}

// segmentsOf returns the segments of a stream. If it is abandoned, what was left in its
// crash ring is in one of them.
func segmentsOf(dir, stream string) ([]journal.Segment, error) {
	rings, err := journal.Rings(dir)
	if err != nil {
		return nil, err
	}
	for _, r := range rings {
		if r.Stream == stream {
			if err := r.Recover(); err != nil {
				return nil, err
			}
		}
	}
	segments, err := journal.Segments(dir)
	return slices.DeleteFunc(segments, func(seg journal.Segment) bool { return seg.Stream != stream }), err
}

// hasRing reports whether something of the stream may be left in its crash ring.
func (st *stream) hasRing() bool {
	rings, err := journal.Rings(filepath.Dir(st.file.path))
	return err == nil && slices.ContainsFunc(rings, func(r journal.Ring) bool { return r.Stream == st.id })
}

// beginsLine reports whether a line begins, or could begin, at offset.
func beginsLine(path string, offset int64) bool {
	if offset == 0 {
		return true
	}
	f, err := journal.Segment{Path: path}.Open()
	if err != nil {
		return false
	}
	defer f.Close() // it was only read
	var before [1]byte
	_, err = f.ReadAt(before[:], offset-1)
	return (err == nil || err == io.EOF) && before[0] == '\n'
}
