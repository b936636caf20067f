package journal

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// crashRing is the shelter of a stream: a file beside the segments that has the lines
// which are not in them yet.
type crashRing interface {
	sequencer.Shelter
	// Empty reports whether all lines were released.
	Empty() bool
	// Err returns why the ring takes nothing any more, nil if it does.
	Err() error
	// Check returns why the ring is not safe any more, nil if it is.
	Check() error
	// Close ends the use of the ring. The file is removed unless it is needed.
	Close(needed bool) error
}

// ringSize is several times what may wait for the timer, so that there is room for as
// much while that is being written.
const ringSize = 512 << 10

// Shelter returns the stream's crash ring. It is made when the stream has written
// often enough for it, where the file system is fit for it. One that is damaged takes
// nothing any more; there may be another with the next segment.
func (w *Writer) Shelter() (sequencer.Shelter, error) {
	if w.ring != nil {
		if err := w.ring.Err(); err != nil {
			w.dropRing(err)
		}
	}
	if w.damagedRing != nil && w.damagedRing.Empty() {
		_ = w.damagedRing.Close(false) // nothing is lost with it
		w.damagedRing = nil
	}
	err := w.ringErr
	w.ringErr = nil
	w.makeRing()
	if w.ring == nil {
		return nil, err
	}
	return w.ring, err
}

// makeRing makes the ring if it is due. It is tried once with each segment: without
// one, all lines are written at once.
func (w *Writer) makeRing() {
	if w.ring != nil || w.damagedRing != nil || w.cur == nil || w.options.Sync == SyncEach || w.writes < w.ringAfter || w.ringTried == w.number {
		return
	}
	w.ringTried = w.number
	var stream [8]byte
	if _, err := hex.Decode(stream[:], []byte(w.name.stream)); err != nil {
		return // cannot happen: the name is made of the id
	}
	if r, err := w.fs.createRing(w.ringPath(), stream); err == nil {
		w.ring = r
	}
}

// dropRing makes nobody use a ring any more that is damaged. What it has is in memory,
// too, but may not yet be written.
func (w *Writer) dropRing(err error) {
	w.ring, w.damagedRing, w.ringErr = nil, w.ring, err
}

// closeRings ends the use of the rings at the end of the stream.
func (w *Writer) closeRings() (err error) {
	for _, r := range []crashRing{w.ring, w.damagedRing} {
		if r == nil {
			continue
		}
		needed := !r.Empty()
		err = errors.Join(err, r.Close(needed))
		if needed {
			err = errors.Join(err, fmt.Errorf("wfslog: what could not be written to the journal is left in %s", w.ringPath()))
		}
	}
	w.ring, w.damagedRing = nil, nil
	return err
}

// checkRing drops the ring if it is not what it was.
func (w *Writer) checkRing() {
	if w.ring == nil {
		return
	}
	if err := w.ring.Check(); err != nil {
		w.dropRing(err)
	}
}

func (osFileSystem) createRing(path string, stream [8]byte) (crashRing, error) {
	r, err := ring.Create(path, stream, ringSize)
	if err != nil {
		return nil, err
	}
	return r, nil
}
