package wfslog

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// runSaver saves the document of one run.
//
// Iterations at the beginning of the run that have ended, with all that is in
// them, are sealed: their part of the file is written once, and of their events
// only the sums are kept. What follows is written anew with each save. An event of
// a sealed iteration, which comes late, makes the run start from nothing again: its
// events are then looked for in the journal.
type runSaver struct {
	saver  *documentSaver
	id     RunID
	report func(error)

	// documentSaver.mu protects following fields.
	bounds    []lineRef // starts and ends of the root, of each stream
	refs      []lineRef // other events that are not sealed
	fixed     int       // number of refs at the beginning that must not grow: they are being written
	rescan    bool      // bounds and refs are not known
	ordinal   uint32    // of the last sealed iteration
	bytes     int64     // of bounds and refs
	left      int64     // bytes after the last save
	total     int64     // bytes of all events since the journal was scanned, those found then included
	scanned   int64     // bytes that were found then
	touched   uint64    // documentSaver.clock at the last event
	dirty     bool      // there is something to save
	ended     bool      // the root has ended
	abandoned bool      // the document is too large
	saving    bool      // a goroutine meets requests
	waiting   []chan<- struct{}

	work   sync.Mutex // held while the document is made; protects following fields
	file   documentFile
	sealed sealedPart
}

// note notes an event of the run. documentSaver.mu must be held.
func (r *runSaver) note(sp *sequencer.Span, typ event.Type, ref lineRef) {
	r.dirty = true
	r.touched = r.saver.clock
	r.total += ref.len
	root := sp.Parent == nil
	r.ended = r.ended || (root && typ == event.TypeEnd)
	if top := topmost(sp); top.Remote && top.Ref.Span != "" {
		r.dropRefs() // it is not known whether they are in an iteration
	} else if child := rootChild(sp); child != nil && child.Ref.Kind == KindIteration {
		ref.iteration = event.LastElement(child.Ref.Span).Ordinal
		if ref.iteration <= r.ordinal {
			r.dropRefs()
		}
	}
	switch {
	case r.rescan:
		return
	case root && (typ == event.TypeStart || typ == event.TypeEnd):
		r.bounds = append(r.bounds, ref)
		r.saver.refs++
	default:
		before := len(r.refs)
		r.refs = appendRef(r.refs, ref, r.fixed)
		r.saver.refs += len(r.refs) - before
	}
	r.bytes += ref.len
}

// topmost returns the root that sp is in, or the span of another process or context
// that it is below.
func topmost(sp *sequencer.Span) *sequencer.Span {
	for sp.Parent != nil {
		sp = sp.Parent
	}
	return sp
}

// rootChild returns the child of the root that sp is or is in, nil for the root.
func rootChild(sp *sequencer.Span) (child *sequencer.Span) {
	for ; sp.Parent != nil; sp = sp.Parent {
		child = sp
	}
	return child
}

// dropRefs leaves it to the journal where the events are. documentSaver.mu must be
// held.
func (r *runSaver) dropRefs() {
	r.saver.refs -= len(r.bounds) + len(r.refs)
	r.bounds, r.refs, r.fixed, r.bytes, r.ordinal = nil, nil, 0, 0, 0
	r.rescan = true
}

// smallTail is how many bytes of journal may be read and written again with each
// save.
const smallTail = 1 << 20

// due reports whether a save that nobody needs is worth its work: so that all saves
// of a run together take time in proportion to its events. documentSaver.mu must be
// held.
func (r *runSaver) due() bool {
	work, before := r.bytes, r.left
	if r.rescan {
		if r.ended {
			return false
		}
		work, before = r.total, r.scanned
	}
	return !r.abandoned && (work <= smallTail || work >= before+before/2)
}

// beginRescan makes the run start from nothing. documentSaver.mu and r.work must
// be held.
func (r *runSaver) beginRescan() {
	r.dropRefs()
	r.rescan = false
	r.sealed = sealedPart{}
}

// endRescan adds what was found to what has been noted meanwhile.
// documentSaver.mu must be held.
func (r *runSaver) endRescan(found *foundRun) {
	if r.rescan {
		return // evicted meanwhile
	}
	r.saver.refs += len(found.bounds) + len(found.refs)
	r.bounds = append(found.bounds, r.bounds...)
	r.refs = append(found.refs, r.refs...)
	r.bytes = bytesOf(r.bounds) + bytesOf(r.refs)
	r.total, r.scanned = r.bytes, r.bytes
}

func bytesOf(refs []lineRef) (n int64) {
	for i := range refs {
		n += refs[i].len
	}
	return n
}

// saveRequested saves the document until nobody asks for it any more.
func (r *runSaver) saveRequested() {
	for {
		r.saver.mu.Lock()
		waiting := r.waiting
		r.waiting = nil
		r.saving = len(waiting) > 0
		r.saver.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		if err := r.save(); err != nil {
			r.report(err)
		}
		for _, done := range waiting {
			close(done)
		}
	}
}

// save writes the document. What fails is tried again with the next save.
func (r *runSaver) save() error {
	r.work.Lock()
	defer r.work.Unlock()
	err := r.saveOnce()
	if errors.Is(err, errStale) {
		err = r.saveOnce() // from nothing
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("wfslog: save document of run %s: %w", r.id, err)
}

func (r *runSaver) saveOnce() error {
	d := r.saver
	d.mu.Lock()
	if d.runs[r.id] != r { // saved by another goroutine and forgotten
		d.mu.Unlock()
		return nil
	}
	if r.abandoned {
		r.dirty = false
		d.mu.Unlock()
		return errTooLarge
	}
	if r.rescan {
		d.mu.Unlock()
		d.rescan([]*runSaver{r})
		d.mu.Lock()
	}
	w := &documentWrite{
		run: r, bounds: slices.Clip(r.bounds), refs: slices.Clip(r.refs), given: len(r.refs), scanned: r.scanned > 0,
	}
	r.fixed = len(r.refs)
	r.dirty = false
	d.mu.Unlock()

	err := w.write()

	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		r.dropRefs()
		r.abandoned = errors.Is(err, errTooLarge)
		r.dirty = !r.abandoned
		return err
	}
	r.settle(w)
	return nil
}

// settle drops what the sealed part of the document holds. documentSaver.mu must
// be held.
func (r *runSaver) settle(w *documentWrite) {
	if r.rescan {
		return // the sealed part will not be used
	}
	newer := r.refs[w.given:]
	late := func(ref lineRef) bool { return 0 < ref.iteration && ref.iteration <= w.ordinal }
	if slices.ContainsFunc(newer, late) {
		r.dropRefs()
		return
	}
	before := len(r.refs)
	r.refs = slices.Concat(w.refs, newer)
	r.fixed = 0
	r.saver.refs -= before - len(r.refs)
	r.bytes = bytesOf(r.bounds) + bytesOf(r.refs)
	r.left = r.bytes
	r.ordinal = max(r.ordinal, w.ordinal)
	if w.final && !r.dirty && len(r.waiting) == 0 {
		r.saver.forget(r)
	}
}
