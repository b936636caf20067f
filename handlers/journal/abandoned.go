package journal

import (
	"os"
	"path/filepath"
	"slices"
)

// Abandoned reports whether it is sure that no process writes the stream of s any
// more, whichever of its segments s is. Where there are no locks, it never is; nor
// is it for a stream that has a single segment without content, for that may just
// have been created.
func (s Segment) Abandoned() bool {
	segments := s.ofStream()
	if len(segments) == 0 {
		return false
	}
	newest := segments[len(segments)-1]
	if len(segments) == 1 {
		if info, err := os.Lstat(newest.Path); err != nil || info.Size() == 0 {
			return false
		}
	}
	// A writer locks a new segment before it lets go of the one before. So of the
	// last two, looked at in this order, one is locked as long as it lives, unless it
	// has begun yet another meanwhile.
	for _, seg := range segments[max(0, len(segments)-2):] {
		if !(osFileSystem{}).abandoned(seg.Path) {
			return false
		}
	}
	segments = s.ofStream()
	return len(segments) > 0 && segments[len(segments)-1].Number == newest.Number
}

// ofStream returns the segments of the stream of s, none if they cannot be listed.
func (s Segment) ofStream() []Segment {
	segments, err := Segments(filepath.Dir(s.Path))
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(segments, func(other Segment) bool { return other.Stream != s.Stream })
}
