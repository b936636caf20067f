package journal

import (
	"errors"
	"fmt"
	"time"
)

// soil notes that events were written to cur and are not yet safe. The timer that
// syncs them exists only as long as there are any.
func (w *Writer) soil(cur *segment, events seqRange) {
	w.mu.Lock()
	defer w.mu.Unlock()
	cur.dirty = true
	cur.unsynced = cur.unsynced.join(events)
	if w.options.Sync != SyncSecond || w.timer != nil {
		return
	}
	w.timers.Add(1)
	w.timer = time.AfterFunc(syncInterval, func() {
		defer w.timers.Done()
		w.mu.Lock()
		w.timer = nil
		w.mu.Unlock()
		_ = w.Sync() // told as a loss by the next Prepare
	})
}

// stopTimer returns when the timer does not run and will not.
func (w *Writer) stopTimer() {
	w.mu.Lock()
	if w.timer != nil && w.timer.Stop() {
		w.timers.Done()
	}
	w.timer = nil
	w.mu.Unlock()
	w.timers.Wait()
}

// Sync makes what was written safe against power loss. After an error nobody knows
// what is: it comes again until Prepare has begun a new segment. A closed Writer
// has nothing to sync.
func (w *Writer) Sync() error {
	w.syncing.Lock()
	defer w.syncing.Unlock()
	w.mu.Lock()
	cur := w.cur
	if cur == nil || !cur.dirty {
		w.mu.Unlock()
		return nil
	}
	err := cur.syncErr
	unsynced, unnamed := cur.unsynced, w.unnamed
	if err == nil {
		cur.dirty, cur.unsynced, w.unnamed = false, seqRange{}, nil
	}
	w.mu.Unlock()
	if err == nil {
		err = w.syncSegment(cur, unnamed)
	}
	if err == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	cur.dirty, cur.syncErr = true, err
	cur.unsynced = cur.unsynced.join(unsynced)
	return fmt.Errorf("wfslog: sync segment: %w", err)
}

// syncSegment syncs s and the directories that hold its name.
func (w *Writer) syncSegment(s *segment, unnamed []string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	err = s.file.sync()
	for _, dir := range unnamed {
		// Not all file systems can sync a directory, and there is nothing to do about
		// it: a file without a name would be written no better elsewhere.
		_ = w.fs.syncDir(dir)
	}
	return err
}

// syncError returns why what was written to s may not be safe.
func (w *Writer) syncError(s *segment) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return s.syncErr
}

// Close syncs and closes the segment, and deletes it if nothing could be written to
// it. Only the first call does anything. It waits for a sync that is under way. What
// it finds to be lost is an error, for no event can state it any more, and so is what
// could not be written: it stays in the crash ring.
func (w *Writer) Close() error {
	w.ended = true
	ringErr := w.closeRings()
	w.mu.Lock()
	cur := w.cur
	w.cur = nil
	w.mu.Unlock()
	w.stopTimer()
	if cur == nil {
		return ringErr
	}
	w.inspect(cur)
	w.findDeleted()
	found := w.lost
	err := errors.Join(ringErr, w.end(cur))
	if cur.size == 0 && !cur.used {
		_ = w.fs.remove(w.SegmentPath(cur.number)) // it tells nobody anything, here or deleted
	}
	for _, l := range found {
		if !l.Expected {
			err = errors.Join(err, fmt.Errorf("wfslog: %d events of %d to %d: %s", l.N, l.From, l.To, l.Cause))
		}
	}
	return err
}
