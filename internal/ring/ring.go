// Package ring keeps lines in a small file that is mapped into memory, so that they
// survive the end of the process without a system call for each: the crash ring.
// Once its lines are written elsewhere, their room is used again.
//
// The file is a page with a header and, behind it, a ring of entries:
//
//	offset  0  8 bytes  magic, with the version of the format
//	        8  8 bytes  the first half of the stream's id
//	       16  8 bytes  number of bytes of the ring
//	       64  8 bytes  head: where the next entry goes
//	      128  8 bytes  tail: where the oldest entry is
//	     4096           the ring
//
// Numbers are little-endian. Head and tail only grow; the place of what is at n is
// the remainder of n divided by the ring's size. An entry is the length of a line in
// 8 bytes and the line, filled up to a multiple of 8 bytes. It does not go over the
// end of the ring: a length of all ones says that the next entry is at the
// beginning. The lines are those of a journal, with numbers and checksums of their
// own.
//
// An entry is there once the head is behind it, which is a single store. So a line
// is in the ring or is not, whenever the process ends.
package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"unsafe"
)

// After is the number of writes after which a stream gets a ring. Making one takes as
// long as some hundred writes do: a program that logs little should not pay for it, nor
// leave a file if it does not close its handler. Only tests change it, before they
// begin.
var After = 256

// Places in the header.
const (
	magicAt    = 0
	streamAt   = 8
	sizeAt     = 16
	headAt     = 64 // on cache lines of their own
	tailAt     = 128
	headerSize = 4096
)

const (
	magic      = "wfsring1"
	lengthSize = 8
	align      = 8
	skip       = 1<<64 - 1 // instead of a length
)

// Ring is a ring in memory that is given to it. It is safe for concurrent use.
type Ring struct {
	mu   sync.Mutex // protects following fields
	mem  []byte     // header and ring; nil when it is closed
	size uint64     // of the ring
	head uint64
	tail uint64
	err  error // why it cannot be used any more
}

// errClosed is the error of a closed Ring.
var errClosed = errors.New("the crash ring is closed")

// New returns an empty ring for a stream. mem is a header's page and a multiple of 8
// bytes, all of them zero.
func New(mem []byte, stream [8]byte) (*Ring, error) {
	size := uint64(len(mem) - headerSize)
	// The first place is not 0, so that 0 can stand for none.
	r := &Ring{mem: mem, size: size, head: size, tail: size}
	r.init(stream)
	return r, r.err
}

// init writes the header, the magic last.
func (r *Ring) init(stream [8]byte) {
	defer r.guard(debug.SetPanicOnFault(true))
	copy(r.mem[streamAt:], stream[:])
	binary.LittleEndian.PutUint64(r.mem[sizeAt:], r.size)
	r.store(tailAt, r.tail)
	r.store(headAt, r.head)
	copy(r.mem[magicAt:], magic)
}

// Put copies a line with its newline into the ring and returns its place, which is
// not 0. It is not ok if there is no room, or the ring cannot be used any more.
func (r *Ring) Put(line []byte) (at uint64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil || uint64(len(line)) > r.size {
		return 0, false
	}
	need := entrySize(uint64(len(line)))
	from := r.head
	left := r.size - from%r.size // up to the end of the ring
	if left < need {
		from += left
	}
	if from+need-r.tail > r.size {
		return 0, false
	}
	// The file may have been truncated, or the disk be bad: that is a fault here, and
	// must not end the process.
	defer r.guard(debug.SetPanicOnFault(true))
	if from != r.head {
		binary.LittleEndian.PutUint64(r.data(r.head), skip)
	}
	entry := r.data(from)
	binary.LittleEndian.PutUint64(entry, uint64(len(line)))
	copy(entry[lengthSize:], line)
	r.store(headAt, from+need)
	r.head = from + need
	return from, true
}

// entrySize returns the size of an entry with a line of n bytes.
func entrySize(n uint64) uint64 { return lengthSize + (n+align-1)&^(align-1) }

// data returns the ring from a place on.
func (r *Ring) data(at uint64) []byte { return r.mem[headerSize+at%r.size:] }

// Release gives the room of the entries before a place back: they are safe
// elsewhere.
func (r *Ring) Release(before uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tail = max(r.tail, min(before, r.head))
	if r.err != nil {
		return // it can be taken for empty all the same
	}
	defer r.guard(debug.SetPanicOnFault(true))
	r.store(tailAt, r.tail)
}

// Empty reports whether all entries were released.
func (r *Ring) Empty() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tail == r.head
}

// Err returns why the ring cannot be used any more, nil if it can. It looks whether
// the ring still is one.
func (r *Ring) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
	return r.err
}

func (r *Ring) look() {
	if r.err != nil {
		return
	}
	defer r.guard(debug.SetPanicOnFault(true))
	if string(r.mem[:len(magic)]) != magic {
		r.err = errors.New("the crash ring was overwritten")
	}
}

// close ends the use of the memory and returns it.
func (r *Ring) close() (mem []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	mem, r.mem = r.mem, nil
	if r.err == nil {
		r.err = errClosed
	}
	return mem
}

// guard ends what began with letting faults be panics, and notes one. r.mu must be
// held, if others know r.
func (r *Ring) guard(before bool) {
	debug.SetPanicOnFault(before)
	if p := recover(); p != nil {
		r.err = fmt.Errorf("the crash ring cannot be written: %v", p)
	}
}

// store writes a number that another process may look at, or that shall be there
// if this one is killed, after everything that was written before.
func (r *Ring) store(at int, n uint64) {
	var little [8]byte
	binary.LittleEndian.PutUint64(little[:], n)
	atomic.StoreUint64((*uint64)(unsafe.Pointer(&r.mem[at])), binary.NativeEndian.Uint64(little[:]))
}
