package journal

import (
	"cmp"
	"path/filepath"
	"slices"
	"time"
)

const causePruned = "pruned"

// candidate is a segment of the program that may be deleted.
type candidate struct {
	name name
	fileInfo
}

// prune deletes the oldest closed segments of the program that are above the
// limits. What fails is tried again with the next segment.
func (w *Writer) prune(now time.Time) {
	if w.options.MaxBytes <= 0 && w.options.MaxAge <= 0 {
		return
	}
	candidates := w.candidates()
	if w.excess(candidates, now) == 0 {
		return // without a look at every stream's lock
	}
	candidates = w.withoutLive(candidates)
	for _, c := range candidates[:w.excess(candidates, now)] {
		_ = w.remove(c) // tried again
	}
}

// excess returns how many of the segments, the oldest first, are above the limits.
func (w *Writer) excess(segments []candidate, now time.Time) (n int) {
	var total int64
	for _, c := range segments {
		total += c.size
	}
	for _, c := range segments {
		tooMany := w.options.MaxBytes > 0 && total > w.options.MaxBytes
		tooOld := w.options.MaxAge > 0 && now.Sub(c.time) > w.options.MaxAge
		if !tooMany && !tooOld {
			break // those that follow are younger
		}
		total -= c.size
		n++
	}
	return n
}

// candidates returns the segments of the program, oldest first, but for the one
// that w writes.
func (w *Writer) candidates() []candidate {
	files, err := w.fs.list(w.dir)
	if err != nil {
		return nil
	}
	var candidates []candidate
	for _, f := range files {
		n, ok := parseName(f.name)
		if !ok || n.program != w.name.program || n.stream == w.name.stream && n.number == w.number {
			continue
		}
		candidates = append(candidates, candidate{n, f})
	}
	slices.SortFunc(candidates, func(a, b candidate) int {
		return cmp.Or(a.time.Compare(b.time), a.name.compare(b.name))
	})
	return candidates
}

// withoutLive leaves out the segments of other streams that are still being
// written.
func (w *Writer) withoutLive(candidates []candidate) []candidate {
	newest := map[string]candidate{} // of each other stream
	for _, c := range candidates {
		if c.name.stream != w.name.stream && c.name.number > newest[c.name.stream].name.number {
			newest[c.name.stream] = c
		}
	}
	live := map[string]bool{}
	for stream, c := range newest {
		// A file without content may be one that its writer has not yet locked.
		live[stream] = c.size == 0 || !w.fs.abandoned(filepath.Join(w.dir, c.fileInfo.name))
	}
	return slices.DeleteFunc(candidates, func(c candidate) bool { return live[c.name.stream] })
}

// remove deletes a segment, and notes the loss if it is one of the stream.
func (w *Writer) remove(c candidate) error {
	if err := w.fs.remove(filepath.Join(w.dir, c.fileInfo.name)); err != nil {
		return err
	}
	if c.name.stream != w.name.stream {
		return nil
	}
	known := func(s closedSegment) bool { return s.number == c.name.number }
	if i := slices.IndexFunc(w.closed, known); i >= 0 {
		w.forget(i, causePruned, true)
	}
	return nil
}
