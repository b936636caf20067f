package journal

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// errClosed is returned by a closed Writer.
var errClosed = errors.New("wfslog: journal is closed")

// Writer writes the segments of one stream, and has its crash ring. Prepare, Write,
// Shelter and Close must not be called at the same time; Sync and the accessors may be
// called at any time.
type Writer struct {
	fs      fileSystem
	now     func() time.Time
	dir     string // of the segments
	name    name   // of the first segment
	options Options

	// What only Prepare, Write, Shelter and Close use.
	number  int              // of the newest segment
	closed  []closedSegment  // not deleted as far as is known, oldest first
	damaged []damagedSegment // truncated, and not yet read back
	lost    []sequencer.Loss // found, not yet told
	checked time.Time        // when the current segment was last looked for
	retry   time.Time        // when to try again to begin a segment in place of a usable one
	ended   bool             // Close was called

	ring        crashRing // nil if there is none
	damagedRing crashRing // has lines that are not written yet, as far as it still can; or nil
	ringErr     error     // why there is none any more, not yet told
	ringAfter   int       // number of writes after which it is made
	ringTried   int       // number of the segment with which that was tried
	writes      int

	syncing sync.Mutex // held while a segment is synced or closed; before mu
	timers  sync.WaitGroup

	mu      sync.Mutex // protects following fields, and the state of cur
	cur     *segment   // nil before the first Prepare, and after Close
	unnamed []string   // directories with entries that are not safe yet
	timer   *time.Timer
}

var _ sequencer.Shelterer = (*Writer)(nil)

// segment is the one that is being written.
type segment struct {
	file   file
	number int
	opened time.Time
	size   int64
	content
	used bool // must not be written any more
	gone bool // or changed by others: content says nothing any more

	// Writer.mu protects following fields.
	dirty    bool
	unsynced seqRange // written since the last sync that worked
	syncErr  error    // a later sync could wrongly report success
}

// NewWriter returns a writer for the stream with the given id. dir is that of the
// journal and everything that belongs to it; program names the running one. A nil
// opts means defaults. Nothing is created before the first Prepare.
func NewWriter(dir, program string, stream [16]byte, opts *Options) *Writer {
	var o Options
	if opts != nil {
		o = *opts
	}
	return newWriter(osFileSystem{}, time.Now, dir, program, stream, o)
}

func newWriter(fs fileSystem, now func() time.Time, dir, program string, stream [16]byte, o Options) *Writer {
	return &Writer{
		fs: fs, now: now, dir: filepath.Join(dir, dirName), options: o.withDefaults(), ringAfter: ring.After,
		name: name{
			program: slug(program), start: now().UTC(), pid: os.Getpid(),
			stream: hex.EncodeToString(stream[:8]), number: 1,
		},
	}
}

// SegmentName returns the name of the stream's n-th file.
func (w *Writer) SegmentName(n int) string {
	name := w.name
	name.number = n
	return name.String()
}

// SegmentPath returns the path of the stream's n-th file.
func (w *Writer) SegmentPath(n int) string { return filepath.Join(w.dir, w.SegmentName(n)) }

// ringPath returns the path of the stream's crash ring.
func (w *Writer) ringPath() string { return filepath.Join(w.dir, w.name.ring()) }

// Prepare makes ready for a write of n bytes. It begins a new segment when the
// current one is full, old, damaged or deleted. It does not fail as long as the
// current one can be used.
func (w *Writer) Prepare(n int) (place sequencer.Place, err error) {
	if w.ended {
		return sequencer.Place{}, errClosed
	}
	now := w.now()
	w.check(now)
	if err := w.choose(int64(n), now); err != nil {
		return sequencer.Place{}, err
	}
	place = sequencer.Place{Segment: w.cur.number, Fresh: w.cur.size == 0, Offset: w.cur.size, Lost: w.lost}
	w.lost = nil
	return place, nil
}

// choose makes sure that there is a segment to write n bytes to.
func (w *Writer) choose(n int64, now time.Time) error {
	cur := w.cur
	usable := cur != nil && !cur.used && w.syncError(cur) == nil
	if usable {
		full := cur.size > 0 && (cur.size+n > w.options.SegmentBytes || now.Sub(cur.opened) >= w.options.SegmentAge)
		if !full || now.Before(w.retry) {
			return nil
		}
	}
	err := w.rotate(now)
	if err != nil && usable && !cur.gone {
		w.retry = now.Add(time.Second)
		return nil // a segment that is too large is better than no segment
	}
	return err
}

// Write writes whole lines to the segment that Prepare chose. The returned number
// of bytes is right also beside an error. An error that wraps
// [sequencer.ErrElsewhere] is one of the segment, not of all segments.
func (w *Writer) Write(lines []byte, first, last uint64) (n int, err error) {
	cur := w.cur
	if cur == nil {
		return 0, errClosed
	}
	w.writes++
	n, err = writeAll(cur.file, lines)
	if err != nil {
		n = cur.written(n, len(lines))
	}
	if n > 0 {
		cur.note(lines[:n])
		w.soil(cur, seqRange{first, last})
	}
	if err != nil {
		return n, w.failed(cur, cur.seqs.n > 0, err)
	}
	if w.options.Sync == SyncEach {
		if err := w.Sync(); err != nil {
			return n, err
		}
	}
	return n, nil
}

// writeAll writes p, with a second try where the system asks for one.
func writeAll(f file, p []byte) (n int, err error) {
	n, err = f.Write(p)
	n = max(0, min(n, len(p)))
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EINTR) {
		var more int
		more, err = f.Write(p[n:])
		n += max(0, min(more, len(p)-n))
	}
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}

// written returns how much of a failed write of size bytes is in the file: the
// file's own length is right where a count is not.
func (s *segment) written(n, size int) int {
	length, _, err := s.file.size()
	if err != nil || length < s.size || length > s.size+int64(size) {
		return n
	}
	return int(length - s.size)
}

// note adds what was written.
func (s *segment) note(written []byte) {
	s.size += int64(len(written))
	s.bytes = s.size
	for {
		i := bytes.IndexByte(written, '\n')
		if i < 0 {
			return
		}
		s.add(written[:i])
		written = written[i+1:]
	}
}

// failed decides what a failed write means for the segment. worked says that
// lines were written to it before.
func (w *Writer) failed(cur *segment, worked bool, err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EROFS),
		errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return err // another segment would not help
	case errors.Is(err, syscall.EFBIG):
		cur.used = cur.size > 0 // a new segment is the only way on
	default:
		// A segment that never took a line is tried again: the fault may be that of
		// the whole disk, and must not leave a file for every try.
		cur.used = worked
	}
	if worked {
		return fmt.Errorf("%w: %w", sequencer.ErrElsewhere, err)
	}
	return err
}
