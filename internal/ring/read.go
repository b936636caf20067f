package ring

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/wfslog/wfslog/internal/event"
)

// MaxSize bounds the memory that reading a ring takes. It is many times the size of
// any ring.
const MaxSize = 16 << 20

// ErrFormat is wrapped by the error of [Read] for a file that is no ring.
var ErrFormat = errors.New("not a crash ring")

// header is what a header says.
type header struct {
	stream string // 16 hex digits
	size   uint64
	head   uint64
	tail   uint64
}

// Read returns the lines in a ring that have not been released, whole and with the
// checksums that they need, and the stream that they are of. The ring may be written
// meanwhile: a line that is missing then was released since Read was called.
func Read(r io.ReaderAt) (stream string, lines []byte, err error) {
	h, err := readHeader(r)
	if err != nil {
		return "", nil, err
	}
	data := make([]byte, h.head-h.tail)
	first := min(h.size-h.tail%h.size, uint64(len(data)))
	if err := readAt(r, data[:first], headerSize+h.tail%h.size); err != nil {
		return "", nil, err
	}
	if err := readAt(r, data[first:], headerSize); err != nil {
		return "", nil, err
	}
	// What has been released meanwhile may have been written over.
	now, err := readHeader(r)
	if err != nil || now.stream != h.stream || now.size != h.size || now.tail < h.tail || now.tail > h.head {
		return h.stream, nil, err
	}
	return h.stream, h.linesIn(data, now.tail), nil
}

func readHeader(r io.ReaderAt) (h header, err error) {
	var page [headerSize]byte
	if err := readAt(r, page[:], 0); err != nil {
		return h, err
	}
	number := func(at int) uint64 { return binary.LittleEndian.Uint64(page[at:]) }
	h = header{
		stream: hex.EncodeToString(page[streamAt : streamAt+8]), size: number(sizeAt), head: number(headAt), tail: number(tailAt),
	}
	switch {
	case string(page[magicAt:magicAt+len(magic)]) != magic:
		return h, ErrFormat
	case h.size == 0 || h.size > MaxSize || h.size%align != 0:
		return h, fmt.Errorf("%w: a size of %d bytes", ErrFormat, h.size)
	case h.tail > h.head || h.head-h.tail > h.size || h.tail%align != 0 || h.head%align != 0:
		return h, fmt.Errorf("%w: %d to %d of %d bytes", ErrFormat, h.tail, h.head, h.size)
	}
	return h, nil
}

// readAt fills p. What a file lacks is one that is no ring.
func readAt(r io.ReaderAt, p []byte, offset uint64) error {
	n, err := r.ReadAt(p, int64(offset))
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", ErrFormat, io.ErrUnexpectedEOF)
	}
	return err
}

// linesIn returns the lines of the entries from a place on up to the head. data is
// the ring from the tail on.
func (h header) linesIn(data []byte, at uint64) (lines []byte) {
	for at < h.head {
		left := h.size - at%h.size
		rest := data[at-h.tail:]
		n := binary.LittleEndian.Uint64(rest)
		if n == skip {
			at += left
			continue
		}
		if n > min(left, h.head-at) || entrySize(n) > min(left, h.head-at) {
			break // nobody knows where the next one is
		}
		line := rest[lengthSize : lengthSize+n]
		if h.isLine(line) {
			lines = append(lines, line...)
		}
		at += entrySize(n)
	}
	return lines
}

// isLine reports whether an entry is a line of the stream, as it was put there.
func (h header) isLine(line []byte) bool {
	text, whole := bytes.CutSuffix(line, []byte("\n"))
	if !whole || bytes.IndexByte(text, '\n') >= 0 {
		return false
	}
	ev, err := event.ParseLine(text)
	return err == nil && ev.Stream == h.stream && !ev.Foreign
}
