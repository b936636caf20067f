package wfslog

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/wfslog/wfslog/internal/event"
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
// It keeps the lines of all events in memory. Its methods are safe for concurrent
// use.
type TreeBuilder struct {
	maxProblems int

	writeMu sync.Mutex // protects following fields
	written lineSplitter
	closed  bool

	mu        sync.Mutex // protects following fields
	arena     lineArena
	entries   []treeEntry
	streams   map[string]*treeStream
	anonymous map[lineHash]struct{} // foreign lines without identity
	variants  map[int]map[lineHash]struct{}
	runs      map[RunID]*treeRun
	gone      map[string][]int // gone events, by the stream that they name
	bad       map[lineHash]struct{}
	problems  []Problem
	stats     TreeStats
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

// treeEntry is a distinct event.
type treeEntry struct {
	line    []byte      // in the arena
	stream  *treeStream // nil for a foreign line without identity
	seq     uint64
	run     *treeRun // nil for an event of the stream itself
	foreign bool
}

// ownEvent is what a stream's own event says that matters to documents.
type ownEvent struct {
	closes bool
	gone   string
	loss   *streamLoss
	refs   []event.SpanRef
}

type treeStream struct {
	id      string
	entries map[uint64]int    // by seq
	own     map[int]*ownEvent // the stream's own events, by their entries
	facts   *streamFacts      // what they and those of others say; nil if that is not known
}

type treeRun struct {
	id      RunID
	events  int
	entries []int // of the run; some may have been replaced
	refs    []int // open events that name spans of the run; some may have been replaced
	damaged uint64
}

// NewTreeBuilder returns an empty builder. A nil opts means defaults.
func NewTreeBuilder(opts *TreeOptions) *TreeBuilder {
	b := &TreeBuilder{
		maxProblems: 100,
		streams:     map[string]*treeStream{},
		anonymous:   map[lineHash]struct{}{},
		variants:    map[int]map[lineHash]struct{}{},
		runs:        map[RunID]*treeRun{},
		gone:        map[string][]int{},
		bad:         map[lineHash]struct{}{},
	}
	if opts != nil && opts.MaxProblems != 0 {
		b.maxProblems = opts.MaxProblems
	}
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
	b.written.write(p, b.add)
	return len(p), nil
}

// Close counts what was written since the last newline as a torn line. The
// documents stay available.
func (b *TreeBuilder) Close() error {
	b.writeMu.Lock()
	defer b.writeMu.Unlock()
	b.closed = true
	b.written.end(b.addTorn)
	return nil
}

// ReadFrom reads event lines to the end of r, apart from what is written and from
// other calls of ReadFrom: an unfinished last line is torn. It returns the errors
// of r. If r has a method Name, as files have, problems are told with that name.
func (b *TreeBuilder) ReadFrom(r io.Reader) (n int64, err error) {
	s := lineSplitter{}
	if f, ok := r.(interface{ Name() string }); ok {
		s.file = f.Name()
	}
	buf := make([]byte, 256<<10)
	for {
		k, err := r.Read(buf)
		n += int64(k)
		s.write(buf[:k], b.add)
		if err != nil {
			s.end(b.addTorn)
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
	in := b.input(run)
	if in == nil {
		return nil, fmt.Errorf("wfslog: run %s: %w", run, ErrNoRun)
	}
	return foldRun(in, &foldCarry{}).document(), nil
}

// WriteDocument writes the document of a run as [Document.WriteTo] does.
func (b *TreeBuilder) WriteDocument(w io.Writer, run RunID) error {
	d, err := b.Document(run)
	if err != nil {
		return err
	}
	_, err = d.WriteTo(w)
	return err
}

// WriteFlat writes the document of a run as [Document.WriteFlat] does.
func (b *TreeBuilder) WriteFlat(w io.Writer, run RunID) error {
	d, err := b.Document(run)
	if err != nil {
		return err
	}
	return d.WriteFlat(w)
}

// input returns all that the document of a run depends on, nil if there are no
// events of it.
func (b *TreeBuilder) input(id RunID) *foldInput {
	b.mu.Lock()
	defer b.mu.Unlock()
	run := b.runs[id]
	if run == nil || run.events == 0 {
		return nil
	}
	in := &foldInput{
		run: id, damaged: run.damaged, streams: map[string]streamFacts{},
		lines: make([]foldLine, 0, run.events),
	}
	slices.Sort(run.entries)
	run.entries = slices.Compact(run.entries)
	for _, i := range run.entries {
		e := &b.entries[i]
		if e.run != run {
			continue // another line has taken its place
		}
		l := foldLine{line: e.line, seq: e.seq}
		if variants := b.variants[i]; variants != nil {
			l.conflicts = uint32(len(variants) - 1)
		}
		if s := e.stream; s != nil {
			l.stream = s.id
			if _, ok := in.streams[s.id]; !ok {
				in.streams[s.id] = b.factsLocked(s)
			}
		}
		in.lines = append(in.lines, l)
	}
	for _, i := range run.refs {
		e := &b.entries[i]
		own := e.stream.own[i]
		if _, ok := in.streams[e.stream.id]; !ok || own == nil {
			continue
		}
		in.refs = own.appendRefs(in.refs, id, e.stream.id, e.seq)
	}
	return in
}

// factsLocked returns what the events of a stream itself say, and those of others
// about it. b.mu must be held.
func (b *TreeBuilder) factsLocked(s *treeStream) streamFacts {
	if s.facts != nil {
		return *s.facts
	}
	var facts streamFacts
	for _, i := range b.gone[s.id] {
		own := b.entries[i].stream.own[i]
		facts.gone = facts.gone || (own != nil && own.gone == s.id)
	}
	for _, own := range s.own { // in any order: it is a matter of sums
		facts.add(own)
	}
	s.facts = &facts
	return facts
}
