package wfslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/linefile"
)

// TreeOptions configure a [TreeBuilder]. The zero value means the documented
// defaults.
type TreeOptions struct {
	// MaxProblems is the number of lines that could not be read of which
	// [TreeBuilder.Problems] tells; 0 means 100. The others are only counted.
	MaxProblems int
}

// TreeBuilder reads event lines, from any number of journals in any order, and
// makes documents of them. The document of a run depends only on the set of the
// run's events: it is the same for any order, repetition and division of what is
// read.
//
// It keeps the lines of all events in memory, and about 50 bytes more of each. Its
// methods are safe for concurrent use.
type TreeBuilder struct {
	maxProblems int
	partSize    int64 // 0 means the default; tests make it small

	writeMu sync.Mutex // protects following fields
	written lineIntake
	closed  bool

	mu         sync.Mutex // protects following fields
	store      lineStore
	reader     lineReader
	entries    list[treeEntry]
	spans      spanTable
	tokens     tokenTable
	streams    map[string]*treeStream
	streamIDs  []string
	lastStream *treeStream
	anonymous  map[lineHash]struct{} // foreign lines without identity
	variants   map[uint32]map[lineHash]struct{}
	runs       map[RunID]*treeRun
	runList    []*treeRun
	lastRun    *treeRun
	gone       map[string][]goneEvent // by the stream that they name; some may have been replaced
	bad        map[lineHash]struct{}
	problems   []Problem
	stats      TreeStats
	failed     error // the first line that could not be read again
}

// TreeStats counts what a [TreeBuilder] has read.
type TreeStats struct {
	Lines      uint64 // whole lines, empty ones left out; zero bytes before one count as another
	Events     uint64 // distinct events
	Duplicates uint64 // lines whose event was known already
	Conflicts  uint64 // distinct lines set aside because another had the same stream and seq
	Bad        uint64 // distinct lines that are no event
	Torn       uint64 // unfinished last lines
}

// Problem is a line that could not be read as an event.
type Problem struct {
	File   string // the name of the file, if one was read; "" for what was written
	Line   int    // from 1, in the file or in all that was written
	Offset int64  // of the line's first byte
	Size   int64  // of the line in bytes, without its newline
	// Err is a [*ParseError] or [ErrTorn].
	Err error
}

// Errors of a [Problem].
var (
	// ErrTorn is the error of an unfinished last line. It is the trace of a writer
	// that was killed, or is still writing, and no damage.
	ErrTorn = errors.New("unfinished last line")
	// ErrLineTooLong is wrapped by the [*ParseError] of a line above 64 MiB.
	ErrLineTooLong = errors.New("line too long")
)

// lineHash tells lines apart: the first half of SHA-256.
type lineHash [16]byte

// ownEvent is what a stream's own event says that matters to documents.
type ownEvent struct {
	closes bool
	gone   string
	loss   *streamLoss
	refs   []event.SpanRef
}

// goneEvent is an event that tells that another stream's writer is dead.
type goneEvent struct {
	by    *treeStream
	entry uint32
}

// NewTreeBuilder returns an empty builder. A nil opts means defaults.
func NewTreeBuilder(opts *TreeOptions) *TreeBuilder {
	b := &TreeBuilder{
		maxProblems: 100,
		streams:     map[string]*treeStream{},
		anonymous:   map[lineHash]struct{}{},
		variants:    map[uint32]map[lineHash]struct{}{},
		runs:        map[RunID]*treeRun{},
		gone:        map[string][]goneEvent{},
		bad:         map[lineHash]struct{}{},
	}
	if opts != nil && opts.MaxProblems != 0 {
		b.maxProblems = opts.MaxProblems
	}
	b.written = lineIntake{b: b, source: noSource}
	return b
}

var (
	_ io.WriteCloser = (*TreeBuilder)(nil)
	_ io.ReaderFrom  = (*TreeBuilder)(nil)
)

// Write reads event lines, which may be split anywhere: a line is read when its
// newline is written. It retains no part of p. It fails only after Close; lines
// that are no events are counted, see [TreeBuilder.Problems].
func (b *TreeBuilder) Write(p []byte) (int, error) {
	b.writeMu.Lock()
	defer b.writeMu.Unlock()
	if b.closed {
		return 0, fmt.Errorf("wfslog: write to a TreeBuilder: %w", io.ErrClosedPipe)
	}
	b.written.splitter.write(p, b.written.add)
	return len(p), nil
}

// Close counts what was written since the last newline as a torn line. The
// documents stay available.
func (b *TreeBuilder) Close() error {
	b.writeMu.Lock()
	defer b.writeMu.Unlock()
	b.closed = true
	b.written.splitter.end(b.addTorn)
	return nil
}

// ReadFrom reads event lines to the end of r, apart from what is written and from
// other calls of ReadFrom: an unfinished last line is torn. It returns the errors
// of r. If r has a method Name, as files have, problems are told with that name.
// Of a large input, it reads several pieces at a time.
func (b *TreeBuilder) ReadFrom(r io.Reader) (n int64, err error) {
	in := newPieceIntake(b)
	if f, ok := r.(interface{ Name() string }); ok {
		in.splitter.file = f.Name()
	}
	if f, ok := r.(*linefile.File); ok {
		b.mu.Lock()
		in.source = b.store.addFile(f)
		b.mu.Unlock()
	}
	for {
		k, err := r.Read(in.room())
		n += int64(k)
		in.took(k)
		if err != nil {
			in.end()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
	}
}

// Stats returns what was read so far.
func (b *TreeBuilder) Stats() TreeStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

// Problems returns the first distinct lines that could not be read, as many as
// [TreeOptions] says, in the order in which they came.
func (b *TreeBuilder) Problems() []Problem {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.problems)
}

// Runs returns the runs that events were read of, the oldest first.
func (b *TreeBuilder) Runs() []RunID {
	b.mu.Lock()
	defer b.mu.Unlock()
	ids := make([]RunID, 0, len(b.runs))
	for id, run := range b.runs {
		if run.events > 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b RunID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// ErrNoRun is wrapped by the error for a run that no events were read of.
var ErrNoRun = errors.New("no events of the run")

// Document returns the document of a run. The error wraps [ErrNoRun] if no events
// of it were read.
func (b *TreeBuilder) Document(run RunID) (*Document, error) {
	t, err := b.treeOf(run)
	if err != nil {
		return nil, err
	}
	defer t.close()
	t.limit = math.MaxInt64
	d := t.fold(0).document()
	return d, t.err
}

// WriteDocument writes the document of a run as [Document.WriteTo] does. It does not
// hold all of a large document in memory, and makes the next parts of it while it
// writes one.
func (b *TreeBuilder) WriteDocument(w io.Writer, run RunID) error {
	return b.writeTree(w, run, false)
}

// WriteFlat writes the document of a run as [Document.WriteFlat] does. It does not hold
// all of a large document in memory.
func (b *TreeBuilder) WriteFlat(w io.Writer, run RunID) error {
	return b.writeTree(w, run, true)
}

func (b *TreeBuilder) writeTree(w io.Writer, run RunID, flat bool) error {
	t, err := b.treeOf(run)
	if err != nil {
		return err
	}
	_, _, err = t.write(w, flat)
	return err
}

// treeOf returns the tree of a run, or an error that wraps [ErrNoRun].
func (b *TreeBuilder) treeOf(run RunID) (*runTree, error) {
	t, err := b.tree(run)
	if err == nil && t == nil {
		err = fmt.Errorf("wfslog: run %s: %w", run, ErrNoRun)
	}
	return t, err
}

// factsLocked returns what the events of a stream itself say, and those of others
// about it. b.mu must be held.
func (b *TreeBuilder) factsLocked(s *treeStream) streamFacts {
	if s.facts != nil {
		return *s.facts
	}
	var facts streamFacts
	for _, g := range b.gone[s.id] {
		own := g.by.own[g.entry]
		facts.gone = facts.gone || (own != nil && own.gone == s.id)
	}
	for _, own := range s.own { // in any order: it is a matter of sums
		facts.add(own)
	}
	s.facts = &facts
	return facts
}
