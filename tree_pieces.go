package wfslog

import (
	"bytes"
	"runtime"
	"slices"
)

// pieceIntake reads the lines of a large input in pieces: goroutines take them apart,
// and the one that reads the input adds their events in order, as if it had read one
// line after the other. On two processors, that takes three fifths of the time.
//
// Only pieces that fill a buffer are read so: of an input that comes slowly, nothing
// waits for more, and a small one starts no goroutine. A line that is longer than a
// piece is left to the splitter, once everything before it has been added.
type pieceIntake struct {
	lineIntake
	next *linePiece   // the one that is being filled
	used int          // of its buffer: the beginning of a line
	busy []*linePiece // those that are being taken apart, in order
	free []*linePiece
}

// linePiece is a part of an input.
type linePiece struct {
	buf    []byte
	intake lineIntake
	done   chan struct{} // gets a value when intake has the heads
}

// pieceSize is how much is read at once. It stays in a processor's cache until it has
// been taken apart and added.
const pieceSize = 256 << 10

func newPieceIntake(b *TreeBuilder) *pieceIntake {
	in := &pieceIntake{lineIntake: lineIntake{b: b, source: noSource}}
	in.next = in.piece()
	return in
}

// room returns where the next bytes of the input belong.
func (in *pieceIntake) room() []byte { return in.next.buf[in.used:] }

// took takes n bytes that were read into the room.
func (in *pieceIntake) took(n int) {
	text := in.next.buf[:in.used+n]
	in.used = 0
	full := len(text) == len(in.next.buf)
	if in.splitter.size > 0 { // then nothing is busy
		end := bytes.IndexByte(text, '\n') + 1
		if end == 0 {
			end = len(text)
		}
		in.splitter.write(text[:end], in.add)
		text = text[end:]
	}
	end := bytes.LastIndexByte(text, '\n') + 1
	if !full || end == 0 {
		in.addBusy(0)
		in.splitter.write(text, in.add)
		return
	}
	in.start(text[:end])
	in.addBusy(runtime.GOMAXPROCS(0))
	in.next = in.piece()
	in.used = copy(in.next.buf, text[end:])
}

// end takes the end of the input.
func (in *pieceIntake) end() {
	in.took(0)
	in.splitter.end(in.b.addTorn)
}

// start begins to take lines apart, which are in the buffer of in.next.
func (in *pieceIntake) start(lines []byte) {
	p := in.next
	p.intake.source = in.source
	p.intake.splitter = lineSplitter{file: in.splitter.file, offset: in.splitter.offset}
	p.intake.heads = p.intake.heads[:0]
	in.splitter.offset += int64(len(lines))
	in.busy = append(in.busy, p)
	go func() {
		p.intake.splitter.write(lines, p.intake.scan)
		p.done <- struct{}{} // it has room
	}()
}

// addBusy adds the events of busy pieces until there are no more than the given number.
func (in *pieceIntake) addBusy(most int) {
	for len(in.busy) > most {
		p := in.busy[0]
		<-p.done
		in.b.insert(p.intake.heads, in.splitter.number)
		in.splitter.number += p.intake.splitter.number
		in.busy = slices.Delete(in.busy, 0, 1)
		in.free = append(in.free, p)
	}
}

// piece returns a piece that is not busy.
func (in *pieceIntake) piece() *linePiece {
	if last := len(in.free) - 1; last >= 0 {
		p := in.free[last]
		in.free = in.free[:last]
		return p
	}
	return &linePiece{buf: make([]byte, pieceSize), done: make(chan struct{}, 1)}
}
