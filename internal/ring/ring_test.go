package ring_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
)

// page is the size of the header.
const page = 4096

var id = [8]byte{1, 2, 3, 4, 5, 6, 7, 8}

const stream = "0102030405060708"

// lineOf returns a line whose message has n bytes.
func lineOf(seq uint64, n int) []byte {
	body := seqtest.Body(event.Event{
		Stream: stream, Run: event.RunID{1}, Type: event.TypeLog, Msg: strings.Repeat("m", n),
	}, "")
	return event.AppendLine(nil, event.TypeLog, seq, 0, 0, body, event.Checksum(body))
}

// newRing returns a ring of n bytes, and its file.
func newRing(t require.TestingT, n int) (r *ring.Ring, mem []byte) {
	mem = make([]byte, page+n)
	r, err := ring.New(mem, id)
	require.NoError(t, err)
	return r, mem
}

// read returns the numbers of the lines in a file.
func read(t require.TestingT, mem []byte) (seqs []uint64) {
	got, lines, err := ring.Read(bytes.NewReader(mem))
	require.NoError(t, err)
	require.Equal(t, stream, got)
	return numbers(t, lines)
}

func numbers(t require.TestingT, lines []byte) (seqs []uint64) {
	for line := range bytes.Lines(lines) {
		ev, err := event.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		require.NoError(t, err)
		seqs = append(seqs, ev.Seq)
	}
	return seqs
}

func TestLinesAreThereUntilTheyAreReleased(t *testing.T) {
	r, mem := newRing(t, 4096)
	assert.Empty(t, read(t, mem))
	assert.True(t, r.Empty())
	var places []uint64
	for seq := range uint64(5) {
		at, ok := r.Put(lineOf(seq+1, 10))
		require.True(t, ok)
		assert.NotZero(t, at)
		places = append(places, at)
	}
	assert.True(t, slices.IsSorted(places))
	assert.Equal(t, []uint64{1, 2, 3, 4, 5}, read(t, mem))
	r.Release(places[2])
	assert.Equal(t, []uint64{3, 4, 5}, read(t, mem))
	r.Release(places[1])
	assert.Equal(t, []uint64{3, 4, 5}, read(t, mem), "what was released stays released")
	assert.False(t, r.Empty())
	r.Release(1<<64 - 1)
	assert.Empty(t, read(t, mem))
	assert.True(t, r.Empty())
}

func TestLineThatHasNoRoomIsRefused(t *testing.T) {
	r, mem := newRing(t, 1024)
	_, ok := r.Put(lineOf(1, 2000))
	assert.False(t, ok, "larger than the ring")
	_, ok = r.Put(lineOf(1, 700))
	require.True(t, ok)
	_, ok = r.Put(lineOf(2, 700))
	assert.False(t, ok, "no room beside the first")
	r.Release(1<<64 - 1)
	_, ok = r.Put(lineOf(2, 800))
	assert.False(t, ok, "no room for it in one piece")
	_, ok = r.Put(lineOf(2, 10))
	assert.True(t, ok)
	assert.Equal(t, []uint64{2}, read(t, mem))
	require.NoError(t, r.Err())
}

// A ring that others have written over is not used any more.
func TestRingThatWasOverwrittenTakesNothing(t *testing.T) {
	r, mem := newRing(t, 1024)
	clear(mem)
	assert.ErrorContains(t, r.Err(), "overwritten")
	_, ok := r.Put(lineOf(1, 10))
	assert.False(t, ok)
}

// Whatever happens, what is in the file at any moment is what was put there and not
// released.
func TestFileHasWhatWasNotReleased(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, mem := newRing(t, 8*rapid.IntRange(1, 512).Draw(t, "size"))
		var seq uint64
		var want, places []uint64
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				seq++
				if at, ok := r.Put(lineOf(seq, rapid.IntRange(0, 500).Draw(t, "length"))); ok {
					want, places = append(want, seq), append(places, at)
				}
			},
			"release": func(t *rapid.T) {
				n := rapid.IntRange(0, len(want)).Draw(t, "lines")
				before := uint64(1<<64 - 1)
				if n < len(want) {
					before = places[n]
				}
				r.Release(before)
				want, places = want[n:], places[n:]
			},
			"": func(t *rapid.T) {
				require.ElementsMatch(t, want, read(t, mem))
				require.Equal(t, len(want) == 0, r.Empty())
			},
		})
		require.NotZero(t, seq+1)
	})
}

// A reader gets all lines that are in the ring from before it begins until after it
// has ended, whatever is written over the others meanwhile.
func TestLinesAreReadWhileOthersAreWritten(t *testing.T) {
	type entry struct{ seq, at uint64 }
	r, mem := newRing(t, 4096)
	var entries []entry // in the ring
	seq := uint64(0)
	put := func() (ok bool) {
		at, ok := r.Put(lineOf(seq+1, int(seq*37)%200))
		if ok {
			seq++
			entries = append(entries, entry{seq, at})
		}
		return ok
	}
	for put() {
		// until it is full
	}
	for range 1000 {
		var after uint64 // the first that is not released
		file := &changing{mem: mem, change: func() {
			for range 3 {
				entries = entries[3:]
				r.Release(entries[0].at)
				after = entries[0].seq
				for put() {
					// over what was released
				}
			}
		}}
		last := seq
		_, lines, err := ring.Read(file)
		require.NoError(t, err)
		var want []uint64
		for n := after; n <= last; n++ {
			want = append(want, n)
		}
		require.Equal(t, want, numbers(t, lines))
	}
}

// changing is a file that is changed after the first read.
type changing struct {
	mem    []byte
	change func() // nil when it is done
}

func (c *changing) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(c.mem).ReadAt(p, off)
	if c.change != nil {
		c.change()
		c.change = nil
	}
	return n, err
}

func TestOtherFilesAreNoRings(t *testing.T) {
	_, mem := newRing(t, 1024)
	with := func(at int, b ...byte) []byte {
		other := bytes.Clone(mem)
		copy(other[at:], b)
		return other
	}
	for name, file := range map[string][]byte{
		"empty":            {},
		"a line":           lineOf(1, 10),
		"header alone":     mem[:page],
		"truncated":        with(64, 0, 9)[:page+1024-200],
		"no magic":         with(0, 'x'),
		"size of 0":        with(16, 0, 0, 0),
		"huge size":        with(16, 0, 0, 0, 0, 1),
		"odd size":         with(16, 7),
		"head before tail": with(64, 0, 1),
		"head far behind":  with(64, 0, 0, 0, 1),
		"odd head":         with(64, 4, 4),
	} {
		_, lines, err := ring.Read(bytes.NewReader(file))
		assert.Empty(t, lines, name)
		if name != "header alone" { // nothing is in the ring: it needs not be there
			assert.ErrorIs(t, err, ring.ErrFormat, name)
		}
	}
}

// FuzzRing reads any file that begins like one of a ring. What is read is whole lines
// of the stream, and not more than the file has.
func FuzzRing(f *testing.F) {
	r, mem := newRing(f, 256)
	add := func() {
		number := func(at int) uint64 { return binary.LittleEndian.Uint64(mem[at:]) }
		f.Add(number(16), number(64), number(128), bytes.Clone(mem[page:]))
	}
	add()
	for seq := range uint64(10) {
		if _, ok := r.Put(lineOf(seq+1, int(seq))); !ok {
			r.Release(1<<64 - 1)
		}
		add()
	}
	header := bytes.Clone(mem[:page])
	f.Fuzz(func(t *testing.T, size, head, tail uint64, data []byte) {
		binary.LittleEndian.PutUint64(header[16:], size)
		binary.LittleEndian.PutUint64(header[64:], head)
		binary.LittleEndian.PutUint64(header[128:], tail)
		_, lines, err := ring.Read(bytes.NewReader(append(header[:page:page], data...)))
		if err != nil {
			require.ErrorIs(t, err, ring.ErrFormat)
			require.Empty(t, lines)
			return
		}
		require.LessOrEqual(t, len(lines), len(data))
		for line := range bytes.Lines(lines) {
			require.True(t, bytes.HasSuffix(line, []byte("\n")), "%q", line)
			ev, err := event.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
			require.NoError(t, err)
			require.Equal(t, stream, ev.Stream)
		}
	})
}

func BenchmarkPut(b *testing.B) {
	r, _ := newRing(b, 512<<10)
	line := lineOf(1, 200)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := r.Put(line); !ok {
			r.Release(1<<64 - 1)
		}
	}
}
