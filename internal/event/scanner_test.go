package event_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/event"
)

// scanned is what one Scan found.
type scanned struct {
	line    string
	offset  int64
	number  int
	whole   bool
	problem error // a sentinel
}

func scanAll(t require.TestingT, r io.Reader) (all []scanned) {
	s := event.NewScanner(r)
	for s.Scan() {
		one := scanned{string(s.Line()), s.Offset(), s.Number(), s.Whole(), nil}
		for _, problem := range []error{event.ErrTooLong, event.ErrNUL} {
			if errors.Is(s.Problem(), problem) {
				one.problem = problem
			}
		}
		require.Equal(t, s.Problem() == nil, one.problem == nil)
		all = append(all, one)
	}
	require.NoError(t, s.Err())
	return all
}

func TestScannerSplitsLines(t *testing.T) {
	zeros := strings.Repeat("\x00", 5000)
	tests := []struct {
		name, input string
		want        []scanned
	}{
		{"empty", "", nil},
		{"only newlines", "\n\n\r\n\n", nil},
		{"one line", "a\n", []scanned{{"a", 0, 1, true, nil}}},
		{"no final newline", "a\nbc", []scanned{{"a", 0, 1, true, nil}, {"bc", 2, 2, false, nil}}},
		{"empty lines between", "\na\n\n\nb\n", []scanned{{"a", 1, 2, true, nil}, {"b", 5, 5, true, nil}}},
		{"carriage returns", "a\r\nb\r\r\n", []scanned{{"a", 0, 1, true, nil}, {"b\r", 3, 2, true, nil}}},
		{"byte order mark", "\xef\xbb\xbfa\n\xef\xbb\xbfb\n", []scanned{{"a", 3, 1, true, nil}, {"\xef\xbb\xbfb", 5, 2, true, nil}}},
		{"only a byte order mark", "\xef\xbb\xbf", nil},
		{"half a byte order mark", "\xef\xbb", []scanned{{"\xef\xbb", 0, 1, false, nil}}},
		{"zero bytes at a start", "a\n\x00\x00b\n", []scanned{{"a", 0, 1, true, nil}, {"", 2, 2, false, event.ErrNUL}, {"b", 4, 2, true, nil}}},
		{"zero bytes at the end", "a\n" + zeros, []scanned{{"a", 0, 1, true, nil}, {"", 2, 2, false, event.ErrNUL}}},
		{"torn before zero bytes", "a\nb" + zeros, []scanned{{"a", 0, 1, true, nil}, {"b", 2, 2, false, nil}, {"", 3, 2, false, event.ErrNUL}}},
		{"a hole", "ab" + zeros + "cd\ne\n", []scanned{
			{"ab", 0, 1, false, nil}, {"", 2, 1, false, event.ErrNUL}, {"cd", 5002, 1, true, nil}, {"e", 5005, 2, true, nil},
		}},
		{"a line of zero bytes", zeros + "\na\n", []scanned{{"", 0, 1, false, event.ErrNUL}, {"a", 5001, 2, true, nil}}},
		{"a few zero bytes within", "a\x00b\n", []scanned{{"a\x00b", 0, 1, true, nil}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, scanAll(t, strings.NewReader(tt.input)))
			assert.Equal(t, tt.want, scanAll(t, iotest.OneByteReader(strings.NewReader(tt.input))))
			assert.Equal(t, tt.want, scanAll(t, iotest.DataErrReader(strings.NewReader(tt.input))))
		})
	}
}

// generator yields a byte n times, then the rest.
type generator struct {
	b     byte
	n     int64
	rest  io.Reader
	chunk []byte
}

func (g *generator) Read(p []byte) (int, error) {
	if g.n == 0 {
		return g.rest.Read(p)
	}
	if g.chunk == nil {
		g.chunk = bytes.Repeat([]byte{g.b}, 64<<10)
	}
	n := copy(p, g.chunk[:min(int64(len(g.chunk)), g.n)])
	g.n -= int64(n)
	return n, nil
}

func TestHugeLinesAreSkippedInBoundedMemory(t *testing.T) {
	const size = 256 << 20
	for _, b := range []byte{'x', 0} {
		want := event.ErrTooLong
		if b == 0 {
			want = event.ErrNUL
		}
		t.Run(want.Error(), func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := scanAll(t, io.MultiReader(strings.NewReader("a\n"), &generator{b: b, n: size, rest: strings.NewReader("\nb\n")}))
			runtime.ReadMemStats(&after)
			assert.Equal(t, []scanned{{"a", 0, 1, true, nil}, {"", 2, 2, b != 0, want}, {"b", 2 + size + 1, 3, true, nil}}, got)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4*event.MaxLine))
		})
	}
	t.Run("unfinished", func(t *testing.T) {
		got := scanAll(t, &generator{b: 'x', n: int64(2 * event.MaxLine), rest: strings.NewReader("")})
		assert.Equal(t, []scanned{{"", 0, 1, false, event.ErrTooLong}}, got)
	})
}

func TestLongestLine(t *testing.T) {
	for _, end := range []string{"\n", "\r\n", ""} {
		got := scanAll(t, &generator{b: 'x', n: int64(event.MaxLine), rest: strings.NewReader(end)})
		require.Len(t, got, 1)
		assert.NoError(t, got[0].problem, "%q", end)
		assert.Len(t, got[0].line, event.MaxLine)
		got = scanAll(t, &generator{b: 'x', n: int64(event.MaxLine + 1), rest: strings.NewReader(end)})
		require.Len(t, got, 1)
		assert.Equal(t, event.ErrTooLong, got[0].problem, "%q", end)
	}
}

func TestReadErrorEndsTheScan(t *testing.T) {
	broken := errors.New("broken")
	s := event.NewScanner(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)))
	require.True(t, s.Scan())
	require.True(t, s.Scan())
	assert.Equal(t, "b", string(s.Line()))
	assert.False(t, s.Whole())
	assert.False(t, s.Scan())
	assert.Equal(t, broken, s.Err())

	s = event.NewScanner(readerFunc(func([]byte) (int, error) { return 0, nil }))
	assert.False(t, s.Scan())
	assert.Equal(t, io.ErrNoProgress, s.Err())
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// A file that grows while it is read gives a prefix of its lines.
func TestGrowingFile(t *testing.T) {
	lines := sample(t, 20)
	text := bytes.Join(lines, nil)
	for cut := range len(text) {
		got := scanAll(t, bytes.NewReader(text[:cut]))
		for i, one := range got {
			if one.whole {
				assert.Equal(t, string(lines[i]), one.line+"\n")
			} else {
				assert.Equal(t, len(got)-1, i)
			}
		}
	}
}

// What a Scanner finds does not depend on the size of the pieces it reads, and is
// what a simple split finds.
func TestScannerFindsWhatASplitFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{
			"\n", "a", "{}", "\r\n", "\x00", strings.Repeat("\x00", 63), strings.Repeat("\x00", 64), strings.Repeat("b", 70_000), "é",
		})).Draw(t, "parts")
		text := strings.Join(parts, "")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		reader := strings.NewReader(text)
		got := scanAll(t, readerFunc(func(p []byte) (int, error) {
			return reader.Read(p[:min(len(p), 1+random.IntN(1+random.IntN(100_000)))])
		}))
		if whole := scanAll(t, strings.NewReader(text)); !slices.Equal(whole, got) {
			t.Fatalf("in pieces %v, at once %v", got, whole)
		}
		// All that is not skipped as zero bytes or line ends is in some line.
		var joined strings.Builder
		for _, one := range got {
			if at := text[one.offset:]; !strings.HasPrefix(at, one.line) {
				t.Fatalf("line %q is not at %d", one.line, one.offset)
			}
			joined.WriteString(one.line)
		}
		drop := strings.NewReplacer("\n", "", "\r", "", "\x00", "")
		if drop.Replace(joined.String()) != drop.Replace(text) {
			t.Fatal("bytes are missing")
		}
	})
}

// What is no journal at all is read to its end.
func TestOtherFilesAreOnlyBadLines(t *testing.T) {
	text := string(bytes.Join(sample(t, 5), nil))
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	_, err := zw.Write([]byte(text))
	require.NoError(t, errors.Join(err, zw.Close()))
	var wide bytes.Buffer
	for _, u := range utf16.Encode([]rune(text)) {
		wide.Write([]byte{byte(u), byte(u >> 8)})
	}
	binary := make([]byte, 100_000)
	for i, random := 0, rand.New(rand.NewPCG(1, 2)); i < len(binary); i++ {
		binary[i] = byte(random.Uint32())
	}
	for name, content := range map[string][]byte{"gzip": zipped.Bytes(), "UTF-16": wide.Bytes(), "binary": binary} {
		good, bad := count(t, content)
		assert.Zero(t, good, name)
		assert.NotZero(t, bad, name)
	}
	good, bad := count(t, []byte(strings.ReplaceAll("\xef\xbb\xbf"+text, "\n", "\r\n")))
	assert.Equal(t, []int{5, 0}, []int{good, bad})
}

// count reads content as a journal.
func count(t require.TestingT, content []byte) (good, bad int) {
	s := event.NewScanner(bytes.NewReader(content))
	for s.Scan() {
		if _, err := event.ParseLine(s.Line()); err == nil && s.Whole() {
			good++
		} else {
			bad++
		}
	}
	require.NoError(t, s.Err())
	return good, bad
}

func FuzzScanner(f *testing.F) {
	f.Add([]byte("a\n\x00b\r\n"), 3)
	f.Add(bytes.Join(sample(f, 3), nil), 100)
	f.Fuzz(func(t *testing.T, text []byte, piece int) {
		got := scanAll(t, bytes.NewReader(text))
		reader := bytes.NewReader(text)
		pieces := scanAll(t, readerFunc(func(p []byte) (int, error) {
			return reader.Read(p[:min(len(p), 1+max(0, piece)%1000)])
		}))
		if fmt.Sprint(got) != fmt.Sprint(pieces) {
			t.Fatalf("in pieces %v, at once %v", pieces, got)
		}
		next := int64(0)
		for _, one := range got {
			if one.offset < next {
				t.Fatalf("%v overlaps what was before", one)
			}
			next = one.offset + int64(len(one.line))
		}
		if next > int64(len(text)) {
			t.Fatal("beyond the end")
		}
	})
}
