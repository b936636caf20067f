package wfslog

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/wfslog/wfslog/internal/event"
)

// sealedPart is the part of a document that is not written again.
type sealedPart struct {
	carry  foldCarry
	size   int64  // of that part of the file
	head   string // the beginning of the document, which must not change
	origin string // the stream that wrote the root's start, which must not change
}

// documentWrite is one writing of a document: of the part behind what is sealed.
type documentWrite struct {
	run     *runSaver
	bounds  []lineRef // starts and ends of the root
	refs    []lineRef // that are not sealed
	given   int       // number of refs at the beginning
	ordinal uint32    // of the last iteration that was sealed, 0 if none was
	scanned bool      // the refs were found in the journal
	partial bool      // the file has no end at the moment
	final   bool      // the root and all that is in it have ended
}

const (
	// maxTail bounds the size of what has to be in memory at once to make an iteration,
	// or the end of a document.
	maxTail = 256 << 20
	// sealBatch is how many bytes of journal are in memory to seal iterations.
	sealBatch = 16 << 20
	// nodeSize is about what an event takes in memory beside its text.
	nodeSize = 1 << 10
)

// sizeOf returns the size of the given events in memory, but for a small factor.
func sizeOf(refs []lineRef) (n int64) {
	for i := range refs {
		n += refs[i].len + int64(refs[i].events)*nodeSize
	}
	return n
}

var (
	// errStale says that what is sealed cannot be built upon.
	errStale = errors.New("the sealed part of the document is out of date")
	// errTooLarge says that a document is not saved any more while its program runs.
	errTooLarge = fmt.Errorf("one iteration, or what has not ended, would take more than %d MiB of memory; "+
		"\"wfslog build\" makes the document", maxTail>>20)
)

// write writes the document. After an error the file may be anything, and what is
// sealed must not be used.
func (w *documentWrite) write() (err error) {
	if len(w.bounds)+len(w.refs) == 0 {
		return nil
	}
	for {
		batch := w.batch()
		if batch == nil {
			break
		}
		if sizeOf(batch) > maxTail {
			return w.failed(errTooLarge)
		}
		n, err := w.step(batch, false)
		if err != nil {
			return w.failed(err)
		}
		if n == 0 {
			break
		}
	}
	if sizeOf(w.refs) > maxTail {
		return w.failed(errTooLarge)
	}
	if _, err := w.step(w.refs, true); err != nil {
		return w.failed(err)
	}
	return nil
}

// failed removes a file that cannot be mended.
func (w *documentWrite) failed(err error) error {
	if errors.Is(err, errFileTaken) || errors.Is(err, errFileChanged) {
		err = errStale
	}
	if errors.Is(err, errStale) || w.partial {
		err = errors.Join(err, w.run.file.remove())
	}
	return err
}

// batch returns the events of the next iterations, if that is a part of what there
// is and all would be too much at once.
func (w *documentWrite) batch() (batch []lineRef) {
	if bytesOf(w.refs) <= sealBatch {
		return nil
	}
	sizes := map[uint32]int64{}
	for _, ref := range w.refs {
		if ref.iteration > 0 {
			sizes[ref.iteration] += ref.len
		}
	}
	var last uint32
	size := int64(0)
	for _, ordinal := range slices.Sorted(maps.Keys(sizes)) {
		if size += sizes[ordinal]; size > sealBatch && last > 0 {
			break
		}
		last = ordinal
	}
	for _, ref := range w.refs {
		if 0 < ref.iteration && ref.iteration <= last {
			batch = append(batch, ref)
		}
	}
	if len(batch) == len(w.refs) {
		return nil
	}
	return batch
}

// step writes the iterations among the events that can be sealed, and, if they are
// all that there is, what follows. It returns how many were sealed.
func (w *documentWrite) step(refs []lineRef, all bool) (sealed int, err error) {
	r, part := w.run, &w.run.sealed
	f, err := w.fold(refs)
	if err != nil {
		return 0, err
	}
	d := f.document()
	sealed = f.sealable()
	if sealed == 0 && !all {
		return 0, nil
	}
	if err := part.adopt(f, d); err != nil {
		return 0, err
	}
	if r.file.path == "" {
		r.file.path = filepath.Join(r.saver.dir, d.FileName())
		if w.scanned { // there may be one from the time before the run was forgotten
			if err := r.file.remove(); err != nil {
				return 0, err
			}
		}
	}
	text, size, err := part.render(d, sealed, all)
	if err != nil {
		return 0, err
	}
	if err := r.file.write(part.size, text); err != nil {
		return 0, err
	}
	r.saver.bytes.Add(int64(len(text)))
	w.partial = !all
	w.final = f.root.end != nil && f.unended == 0
	part.seal(f, d, sealed, size)
	if sealed > 0 {
		w.ordinal = f.iterations[sealed-1].span.element.Ordinal
		w.refs = slices.DeleteFunc(slices.Clone(w.refs), func(ref lineRef) bool {
			return 0 < ref.iteration && ref.iteration <= w.ordinal
		})
	}
	return sealed, nil
}

// fold folds the events behind what is sealed.
func (w *documentWrite) fold(refs []lineRef) (*fold, error) {
	r := w.run
	lines, err := readLines(slices.Concat(w.bounds, refs))
	if err != nil {
		return nil, err
	}
	ids := maps.Clone(r.sealed.carry.ranges)
	if ids == nil {
		ids = map[string]seqRange{}
	}
	for i := range lines {
		ids[lines[i].stream] = seqRange{}
	}
	streams := slices.Sorted(maps.Keys(ids))
	in := &foldInput{run: r.id, lines: lines}
	if in.streams, err = r.saver.factsOf(streams); err != nil {
		return nil, err
	}
	f := foldRun(in, &r.sealed.carry)
	if f.isComplete() {
		return f, nil
	}
	if in.refs, err = r.saver.refsOf(r.id, streams); err != nil {
		return nil, err
	}
	return foldRun(in, &r.sealed.carry), nil
}

// isComplete reports whether all spans have a start.
func (f *fold) isComplete() bool {
	for _, sp := range f.spans {
		if sp.start == nil {
			return false
		}
	}
	return true
}

// sealable returns how many of the iterations at the beginning cannot change any
// more, unless something comes late.
func (f *fold) sealable() (n int) {
	for _, kid := range f.root.kids {
		if kid.start == nil {
			break // it may turn out to be an iteration
		}
		if kid.start.kind != KindIteration {
			continue
		}
		late := func(c spanCount) bool { return c.late }
		if totals := &f.iterations[n].totals; totals.open > 0 || totals.waiting > 0 ||
			kid.element.Token != "" || slices.ContainsFunc(kid.counts, late) {
			break
		}
		n++
	}
	return n
}

// adopt notes what all saves of the document have in common, or reports that it has
// changed.
func (p *sealedPart) adopt(f *fold, d *Document) error {
	var r renderer
	r.head(d)
	head, origin := string(r.buf), ""
	if f.origin >= 0 {
		origin = f.streams[f.origin].id
	}
	if p.carry.iterations > 0 && (head != p.head || origin != p.origin) {
		return errStale
	}
	p.head, p.origin = head, origin
	return nil
}

// render returns the document from the end of what is sealed: up to the end if all
// is set, else only the first iterations, which are to be sealed. size is that of
// the first iterations in it.
func (p *sealedPart) render(d *Document, sealed int, all bool) (text []byte, size int, err error) {
	var r renderer
	before := p.carry.iterations
	iterations := d.Iterations
	if !all {
		iterations = iterations[:sealed]
	}
	if before == 0 {
		r.text(p.head)
		if len(iterations) > 0 {
			r.openList(1, listIterations)
		}
	}
	for i, n := range iterations {
		r.separate(2, before+i)
		r.node(2, n)
		if i+1 == sealed {
			size = len(r.buf)
		}
	}
	if all {
		if before+len(iterations) > 0 {
			r.closeList(1)
		}
		r.tail(d)
	}
	return r.buf, size, r.err
}

// seal adds the first iterations of the document, whose text has the given size.
func (p *sealedPart) seal(f *fold, d *Document, sealed, size int) {
	c := &p.carry
	if sealed == 0 {
		return
	}
	if c.kids == nil {
		c.kids = map[string]uint64{}
	}
	c.ranges = f.ranges()
	for i := range sealed {
		it := &f.iterations[i]
		c.iterations++
		c.failed = c.failed || d.Iterations[i].Status == event.StatusError
		c.totals.add(&it.totals)
		c.usage.add(&it.usage)
		for _, count := range it.span.counts {
			if count.started {
				c.kids[f.streams[count.stream].id]++
			}
		}
	}
	p.size += int64(size)
}
