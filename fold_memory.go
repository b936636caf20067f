package wfslog

import "github.com/wfslog/wfslog/internal/event"

// foldMemory is what a fold is made of. When the fold of a part has been written, the
// next one may have its memory, so that a document does not make work for the garbage
// collector with each event: that takes a quarter of the time.
type foldMemory struct {
	spans   slab[foldSpan]
	bounds  slab[foldBound]
	records slab[foldRecord]
	nodes   slab[Node]

	// Of the event that is being added.
	envelope event.Envelope
	event    Event
	last     *foldSpan // of the event before
	words    event.Words
}

// reuse makes m free again. Nobody may use what was made of it any more.
func (m *foldMemory) reuse() {
	m.spans.reuse()
	m.bounds.reuse()
	m.records.reuse()
	m.nodes.reuse()
	m.last = nil
}

// slab is memory for many values, which do not move.
type slab[T any] struct {
	chunks [][]T // each of twice as many as the one before, up to 1<<maxSlabShift
	chunk  int   // the one that is being used
	used   int   // of it
}

const maxSlabShift = 6

// add returns a value of any content.
func (s *slab[T]) add() *T {
	if s.chunk < len(s.chunks) && s.used == len(s.chunks[s.chunk]) {
		s.chunk, s.used = s.chunk+1, 0
	}
	if s.chunk == len(s.chunks) {
		s.chunks = append(s.chunks, make([]T, 1<<min(s.chunk, maxSlabShift)))
	}
	s.used++
	return &s.chunks[s.chunk][s.used-1]
}

func (s *slab[T]) reuse() { s.chunk, s.used = 0, 0 }
