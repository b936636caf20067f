package journal

import (
	"os"
	"path/filepath"
	"slices"
)

// Abandoned returns the streams among segments, in the order in which [Segments]
// lists them, of which it is sure that no process writes them any more. Of each
// stream at least the last two segments must be given. Where there are no locks, no
// stream is abandoned; nor is one that has a single segment without content, for
// that may just have been created.
func Abandoned(segments []Segment) (streams []string) {
	var newest []Segment // of the streams that are unlocked
	for len(segments) > 0 {
		stream := segments[0].Stream
		n := slices.IndexFunc(segments, func(s Segment) bool { return s.Stream != stream })
		if n < 0 {
			n = len(segments)
		}
		if areUnlocked(segments[:n]) {
			newest = append(newest, segments[n-1])
		}
		segments = segments[n:]
	}
	if len(newest) == 0 {
		return nil
	}
	numbers := map[string]int{} // of the newest segments now
	now, err := Segments(filepath.Dir(newest[0].Path))
	if err != nil {
		return nil
	}
	for _, s := range now {
		numbers[s.Stream] = s.Number
	}
	for _, s := range newest {
		if numbers[s.Stream] == s.Number {
			streams = append(streams, s.Stream)
		}
	}
	return streams
}

// areUnlocked reports whether nobody writes the newest of a stream's segments,
// unless a newer one has been begun meanwhile.
func areUnlocked(segments []Segment) bool {
	if len(segments) == 1 {
		if info, err := os.Lstat(segments[0].Path); err != nil || info.Size() == 0 {
			return false
		}
	}
	// A writer locks a new segment before it lets go of the one before. So of the
	// last two, looked at in this order, one is locked as long as it lives, unless it
	// has begun yet another meanwhile.
	for _, s := range segments[max(0, len(segments)-2):] {
		if !(osFileSystem{}).abandoned(s.Path) {
			return false
		}
	}
	return true
}

// Abandoned reports whether it is sure that no process writes the stream of s any
// more, whichever of its segments s is: see [Abandoned].
func (s Segment) Abandoned() bool {
	segments, err := Segments(filepath.Dir(s.Path))
	if err != nil {
		return false
	}
	return len(Abandoned(slices.DeleteFunc(segments, func(other Segment) bool { return other.Stream != s.Stream }))) > 0
}
