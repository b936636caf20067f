// Package journal writes and finds the files of a journal: the append-only
// segments that hold the event lines of a stream.
//
// A directory's journal is in its subdirectory "journal". Each stream, that is
// each handler of each process, has files of its own:
//
//	<program>.<UTC start>.<pid>.<stream>.<segment>.jsonl
//
// A file has its final name from the beginning. It is never renamed, truncated,
// or shared, and the stream in its name, not the pid, says whose it is.
//
// A line that [Writer.Write] has written is in the kernel: it survives the end of
// the process, however that comes. Against power loss it is safe after the next
// sync; see [SyncPolicy].
//
// A stream with many writes has a crash ring besides, where that is possible:
//
//	<program>.<UTC start>.<pid>.<stream>.ring
//
// It is a small file that is mapped into memory, and has the lines that are not yet in
// a segment, usually those of less than 20 ms. It survives the end of the process, too,
// and is deleted when the stream is closed. [Rings] reads what ended processes have
// left, and [Recover] brings it into segments; each new segment does that for some.
package journal

import "time"

// Options configure a [Writer]. The zero value means the documented defaults.
type Options struct {
	// SegmentBytes is the size above which a new segment is begun; 0 means 64 MiB.
	// A segment that holds a single larger write is larger.
	SegmentBytes int64
	// SegmentAge is the age at which a new segment is begun, when there is
	// something to write; 0 means 24 h.
	SegmentAge time.Duration

	// MaxBytes is how many bytes all closed segments of the program may hold in the
	// directory; 0 means no limit. When a segment is begun, the oldest closed
	// segments above the limit are deleted. A loss event of cause "pruned" says
	// which events of the stream itself that were. Streams of processes that have
	// ended cannot say so any more; streams of other processes that still write are
	// left alone.
	MaxBytes int64
	// MaxAge is the age at which closed segments are deleted, counted from the last
	// write to them; 0 means no limit. It works as MaxBytes does.
	MaxAge time.Duration

	// Sync says when lines are made safe against power loss.
	Sync SyncPolicy
}

// SyncPolicy says when what was written is made safe against power loss.
// Whatever the policy, [Writer.Sync] does it at once.
type SyncPolicy int

// The policies.
const (
	SyncSecond SyncPolicy = iota // within a second, and at the end of a segment
	SyncEach                     // before each write returns; writers that wait share it
	SyncNever                    // when the kernel likes
)

// The defaults of [Options].
const (
	defaultSegmentBytes = 64 << 20
	defaultSegmentAge   = 24 * time.Hour
)

// syncInterval is the time that [SyncSecond] lets pass before lines are synced.
const syncInterval = time.Second

// withDefaults returns o with the defaults in place of fields that are not
// positive.
func (o Options) withDefaults() Options {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	if o.SegmentAge <= 0 {
		o.SegmentAge = defaultSegmentAge
	}
	return o
}
