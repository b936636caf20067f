package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/wfslog/wfslog/internal/sequencer"
)

// closedSegment is what a stream remembers of a segment that it does not write any
// more.
type closedSegment struct {
	number int
	all    sequencer.Loss // what to say if it is gone, but for the cause
}

// maxClosed is how many closed segments a stream remembers: 256 GiB of the usual
// size. It does not say when those before are deleted.
const maxClosed = 4096

// maxNames is how many names are tried for a segment.
const maxNames = 100

// rotate begins a new segment and ends the current one, which is kept on failure.
func (w *Writer) rotate(now time.Time) error {
	last := w.cur
	if last != nil {
		w.inspect(last) // later it cannot be told whether it was moved or deleted
	}
	f, err := w.create()
	if err != nil {
		return fmt.Errorf("begin segment: %w", err)
	}
	next := &segment{file: f, number: w.number, opened: now}
	w.mu.Lock()
	w.cur = next
	w.mu.Unlock()
	w.entered(w.dir)
	w.checked, w.retry = now, time.Time{}
	if last != nil {
		w.keep(last.number, &last.content)
		_ = w.end(last) // told as a loss
	}
	w.findDeleted()
	w.fs.recover(w.dir)
	w.prune(now)
	return nil
}

// create creates the file of the next segment. A name that is taken, by whatever,
// is passed over.
func (w *Writer) create() (f file, err error) {
	made := false
	for range maxNames {
		number := w.number + 1
		f, err = w.fs.create(w.SegmentPath(number))
		switch {
		case err == nil, errors.Is(err, fs.ErrExist):
			w.number = number
			if err == nil {
				return f, nil
			}
		case errors.Is(err, fs.ErrNotExist) && !made:
			made = true
			changed, err := w.fs.mkdirAll(w.dir)
			if err != nil {
				return nil, err
			}
			w.entered(changed...)
		default:
			return nil, err
		}
	}
	return nil, err
}

// entered notes that directories have new entries, to be synced with the segment.
func (w *Writer) entered(dirs ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, dir := range dirs {
		if !slices.Contains(w.unnamed, dir) {
			w.unnamed = append(w.unnamed, dir)
		}
	}
}

// end syncs and closes a segment that is not the current one any more. What then
// is not sure to be safe is told as a loss of no event.
func (w *Writer) end(s *segment) error {
	w.syncing.Lock()
	defer w.syncing.Unlock()
	w.mu.Lock()
	err, unnamed := s.syncErr, []string(nil)
	sync := err == nil && s.dirty && w.options.Sync != SyncNever
	if sync {
		unnamed, w.unnamed = w.unnamed, nil
	}
	w.mu.Unlock()
	if sync {
		err = w.syncSegment(s, unnamed)
	}
	cause := "sync"
	if closeErr := s.file.Close(); err == nil && closeErr != nil {
		cause, err = "close", closeErr
	}
	if err == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.unsynced.to > 0 {
		w.lost = append(w.lost, sequencer.Loss{
			From: s.unsynced.from, To: s.unsynced.to, Cause: cause + ": " + sequencer.Cause(err),
		})
	}
	return fmt.Errorf("wfslog: %s segment: %w", cause, err)
}

// keep remembers the content of a segment that has ended.
func (w *Writer) keep(number int, c *content) {
	if c.seqs.n == 0 {
		return
	}
	if len(w.closed) == maxClosed {
		w.closed = slices.Delete(w.closed, 0, 1)
	}
	w.closed = append(w.closed, closedSegment{number: number, all: c.loss("")})
}
