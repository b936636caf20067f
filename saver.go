package wfslog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// documentSaver writes the documents of the runs that the handlers of one
// directory record. It remembers where in the journal the events of a run stand,
// not the events, and reads them back when a document is due.
type documentSaver struct {
	dir   string
	users int // handlers that have acquired it; savers.mu protects it

	bytes atomic.Int64 // written to documents

	all sync.Mutex // held while all documents are saved

	mu      sync.Mutex // protects following fields, and what runSaver and savedStream say
	streams map[string]*savedStream
	runs    map[RunID]*runSaver
	known   map[RunID]struct{} // runs that were started here and are not in runs any more
	latest  *runSaver          // the run of the last event
	refs    int                // of all runs
	clock   uint64             // counts the groups of events that were written
	closed  bool

	saves sync.WaitGroup // of goroutines that save; not added to once closed
}

// savers are the documentSavers in use, by directory.
var savers = struct {
	mu    sync.Mutex // protects byDir
	byDir map[string]*documentSaver
}{byDir: map[string]*documentSaver{}}

// acquireSaver returns the saver for dir, to be released by the handler.
func acquireSaver(dir string) *documentSaver {
	savers.mu.Lock()
	defer savers.mu.Unlock()
	d := savers.byDir[dir]
	if d == nil {
		d = &documentSaver{dir: dir, streams: map[string]*savedStream{}, runs: map[RunID]*runSaver{}}
		savers.byDir[dir] = d
	}
	d.users++
	return d
}

// release ends a handler's use of the saver. The last one waits for saves that are
// under way.
func (d *documentSaver) release() {
	savers.mu.Lock()
	d.users--
	last := d.users == 0
	if last {
		delete(savers.byDir, d.dir)
	}
	savers.mu.Unlock()
	if !last {
		return
	}
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.saves.Wait()
}

// savedStream is what the saver knows of one stream.
type savedStream struct {
	id     string
	path   func(segment int) string // nil for a stream that was found in the journal
	drain  func() error             // makes sure that all of its events are written
	report func(error)

	// documentSaver.mu protects following fields.
	files []*segmentFile // by the number of the segment; nil if it has no events
	opens []lineRef      // open events but for the stream's first
	own   []lineRef      // other events of the stream itself that facts lack
	facts streamFacts
}

// segmentFile is a file of the journal.
type segmentFile struct {
	stream string
	path   string
	end    int64 // what is known to be written
}

// lineRef says where events stand that follow each other in a file.
type lineRef struct {
	file   *segmentFile
	offset int64
	len    int64 // with the newlines
	events uint32
	// iteration is the ordinal of the root's iteration that the events are in, 0 if
	// they are in none.
	iteration uint32
}

// appendRef adds events to refs. Those that are behind the last ones, and belong
// together with them, take no more room, unless it is among the first fixed refs.
func appendRef(refs []lineRef, ref lineRef, fixed int) []lineRef {
	if n := len(refs); n > fixed {
		last := &refs[n-1]
		if last.file == ref.file && last.iteration == ref.iteration && last.offset+last.len == ref.offset {
			last.len += ref.len
			last.events += ref.events
			return refs
		}
	}
	return append(refs, ref)
}

// stream adds the stream of seq, which w writes.
func (d *documentSaver) stream(w *journal.Writer, seq *sequencer.Sequencer, report func(error)) *savedStream {
	s := &savedStream{id: seq.Stream(), path: w.SegmentPath, drain: seq.Drain, report: report}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.streams[s.id] = s
	return s
}

// file returns the file of a segment. documentSaver.mu must be held.
func (s *savedStream) file(segment int) *segmentFile {
	if segment >= len(s.files) {
		s.files = append(s.files, make([]*segmentFile, segment+1-len(s.files))...)
	}
	f := s.files[segment]
	if f == nil {
		f = &segmentFile{stream: s.id, path: s.path(segment)}
		s.files[segment] = f
	}
	return f
}

// written notes lines that s has written to a segment.
func (d *documentSaver) written(s *savedStream, segment int, lines []sequencer.Written) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clock++
	file := s.file(segment)
	for i := range lines {
		w := &lines[i]
		ref := lineRef{file: file, offset: w.Offset, len: int64(w.Len), events: 1}
		file.end = w.Offset + int64(w.Len)
		if w.Span == nil {
			s.note(w.Type, w.Seq, ref)
			if w.Type == event.TypeClose { // spans that are open now never end
				for _, r := range d.runs {
					r.dirty = true
				}
			}
			continue
		}
		if r := d.run(w.Span, w.Type, s.report); r != nil {
			r.note(w.Span, w.Type, ref)
		}
	}
	if d.refs > maxRefs || len(d.runs) > maxRuns {
		d.evict()
	}
}

// note notes an event of the stream itself. documentSaver.mu must be held.
func (s *savedStream) note(typ event.Type, seq uint64, ref lineRef) {
	switch {
	case typ != event.TypeOpen:
		s.own = append(s.own, ref)
	case seq > 1:
		s.opens = append(s.opens, ref)
	}
}

// run returns the run of sp, of which an event has been written, nil if the run was
// started elsewhere: whoever has started a run writes its document. d.mu must be
// held.
func (d *documentSaver) run(sp *sequencer.Span, typ event.Type, report func(error)) *runSaver {
	id := sp.Ref.Run
	if r := d.latest; r != nil && r.id == id {
		return r
	}
	r := d.runs[id]
	if r == nil {
		if _, known := d.known[id]; !known && topmost(sp).Remote {
			return nil
		}
		delete(d.known, id)
		r = &runSaver{saver: d, id: id, report: report}
		if sp.Parent != nil || typ != event.TypeStart {
			// The run has been forgotten: it had ended, or there was no room.
			r.rescan, r.ended = true, true
		}
		d.runs[id] = r
	}
	d.latest = r
	return r
}

// What the saver keeps of runs that go on, so that runs that are never ended do
// not hold memory for ever.
const (
	maxRefs = 2_000_000 // 64 MB, if no two events of a run follow each other
	maxRuns = 100_000
	// maxKnown is how many runs are remembered only as started here. What another
	// context adds to an older one is left to the journal.
	maxKnown = 100_000
)

// evict makes room: the runs that have been quiet for longest are left to the
// journal. d.mu must be held.
func (d *documentSaver) evict() {
	byAge := make([]*runSaver, 0, len(d.runs))
	for _, r := range d.runs {
		byAge = append(byAge, r)
	}
	slices.SortFunc(byAge, func(a, b *runSaver) int { return cmp.Compare(a.touched, b.touched) })
	for _, r := range byAge {
		if d.refs <= maxRefs/2 && len(d.runs) <= maxRuns/2 {
			return
		}
		r.dropRefs()
		if !r.saving {
			d.forget(r)
		}
	}
}

// forget removes a run. d.mu must be held.
func (d *documentSaver) forget(r *runSaver) {
	r.dropRefs()
	delete(d.runs, r.id)
	if d.known == nil || len(d.known) >= maxKnown {
		d.known = map[RunID]struct{}{}
	}
	d.known[r.id] = struct{}{}
	if d.latest == r {
		d.latest = nil
	}
}

// request asks for the document of a run to be saved. The result is closed when
// that is done, or nil if there is nothing to be done now: unless force is set, a
// document that is much work to write is written only once there is much new.
// Requests that come while the run is being saved are met together.
func (d *documentSaver) request(id RunID, force bool) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.runs[id]
	if r == nil || d.closed || (!force && !r.due()) {
		return nil
	}
	done := make(chan struct{})
	r.waiting = append(r.waiting, done)
	if !r.saving {
		r.saving = true
		d.saves.Go(r.saveRequested)
	}
	return done
}

// saveAll saves the documents of all runs that have changed, and returns when that
// is done, or ctx is.
func (d *documentSaver) saveAll(ctx context.Context) error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	saved := make(chan error, 1)
	d.saves.Go(func() { saved <- d.saveChanged(ctx) })
	d.mu.Unlock()
	select {
	case err := <-saved:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *documentSaver) saveChanged(ctx context.Context) error {
	d.all.Lock()
	defer d.all.Unlock()
	errs := d.drain()
	var changed, unknown []*runSaver
	d.mu.Lock()
	for _, r := range d.runs {
		if r.dirty || r.saving { // what is being saved is not written yet
			changed = append(changed, r)
		}
	}
	d.mu.Unlock()
	for _, r := range changed {
		r.work.Lock() // in any order: nobody else holds more than one
		d.mu.Lock()
		if r.rescan {
			unknown = append(unknown, r)
		} else {
			r.work.Unlock()
		}
		d.mu.Unlock()
	}
	d.rescan(unknown)
	for _, r := range unknown {
		r.work.Unlock()
	}
	for _, r := range changed {
		if ctx.Err() != nil {
			break
		}
		errs = append(errs, r.save())
	}
	return errors.Join(errs...)
}

// drain makes sure that the events that the handlers have recorded are in the
// journal.
func (d *documentSaver) drain() (errs []error) {
	d.mu.Lock()
	streams := slices.Collect(maps.Values(d.streams))
	d.mu.Unlock()
	for _, s := range streams {
		if s.drain != nil {
			errs = append(errs, s.drain())
		}
	}
	return errs
}

// factsOf returns what the events of the given streams themselves say.
func (d *documentSaver) factsOf(streams []string) (map[string]streamFacts, error) {
	facts := make(map[string]streamFacts, len(streams))
	var errs []error
	for _, id := range streams {
		d.mu.Lock()
		s := d.streams[id]
		if s == nil {
			d.mu.Unlock()
			continue
		}
		unread := s.own
		d.mu.Unlock()
		events, err := readEvents(unread)
		errs = append(errs, err)
		d.mu.Lock()
		if err == nil && len(unread) > 0 && len(s.own) >= len(unread) && s.own[0] == unread[0] { // nobody else was faster
			for i := range events {
				s.facts.add(newOwnEvent(&events[i]))
			}
			s.own = s.own[len(unread):]
		}
		facts[id] = streamFacts{gone: s.facts.gone, losses: slices.Clone(s.facts.losses)}
		d.mu.Unlock()
	}
	return facts, errors.Join(errs...)
}

// refsOf returns the spans of a run that the open events of the given streams
// name.
func (d *documentSaver) refsOf(run RunID, streams []string) (refs []foldRef, err error) {
	for _, id := range streams {
		d.mu.Lock()
		var opens []lineRef
		if s := d.streams[id]; s != nil {
			opens = slices.Clone(s.opens)
		}
		d.mu.Unlock()
		events, err := readEvents(opens)
		if err != nil {
			return nil, err
		}
		for i := range events {
			own := newOwnEvent(&events[i])
			refs = own.appendRefs(refs, run, id, events[i].Seq)
		}
	}
	return refs, nil
}

// isOurs reports whether the stream is that of a handler, rather than one that was
// found in the journal.
func (d *documentSaver) isOurs(stream string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.streams[stream]
	return s != nil && s.path != nil
}

// rescan finds the events of runs in the journal again, because it was forgotten
// where they are. The caller must hold the work of all of them.
func (d *documentSaver) rescan(runs []*runSaver) {
	if len(runs) == 0 {
		return
	}
	scan := newJournalScan(runs)
	scan.isOurs = d.isOurs
	d.mu.Lock()
	for _, r := range runs {
		r.beginRescan()
	}
	for _, s := range d.streams { // what those write from now on is noted by the runs
		for _, f := range s.files {
			if f != nil {
				scan.files = append(scan.files, segmentPart{f, f.end})
			}
		}
	}
	d.mu.Unlock()
	err := scan.run(d.dir)
	d.mu.Lock()
	defer d.mu.Unlock()
	maps.Copy(d.streams, scan.others)
	for _, r := range runs {
		r.endRescan(scan.found[r.id])
		if err != nil {
			r.report(fmt.Errorf("wfslog: document of run %s: %w", r.id, err))
		}
	}
}
