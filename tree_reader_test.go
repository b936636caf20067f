package wfslog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
)

// plain returns the lines of a run with a root and n records.
func plain(n int) [][]byte {
	s := eventtest.NewStream(goldenStreamA)
	s.Add(wfslog.Event{Type: event.TypeStart, Run: goldenRun, Kind: wfslog.KindWorkflow, Name: "w"})
	for range n {
		s.Add(wfslog.Event{Type: event.TypeLog, Run: goldenRun, Msg: "m"})
	}
	return s.Lines
}

func TestTreeBuilderReadsWhatCanBeRead(t *testing.T) {
	lines := plain(3)
	whole := bytes.Join(lines, nil)
	record := func(seq uint64, msg string) []byte {
		return eventtest.Line(wfslog.Event{Type: event.TypeLog, Seq: seq, Stream: goldenStreamA, Run: goldenRun, Msg: msg}, 0, 0)
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	tests := []struct {
		name  string
		input []byte
		want  wfslog.TreeStats
	}{
		{"empty file", nil, wfslog.TreeStats{}},
		{"only newlines", []byte("\n\n\r\n\n"), wfslog.TreeStats{}},
		{"whole", whole, wfslog.TreeStats{Lines: 4, Events: 4}},
		{"no final newline", whole[:len(whole)-1], wfslog.TreeStats{Lines: 3, Events: 3, Torn: 1}},
		{"torn, then good lines", join(lines[0], lines[1][:50], []byte("\n"), lines[2]), wfslog.TreeStats{Lines: 3, Events: 2, Bad: 1}},
		{"torn without a newline, then good lines", join(lines[0], lines[1][:50], lines[2], lines[3]), wfslog.TreeStats{Lines: 3, Events: 2, Bad: 1}},
		{"NUL tail", join(whole, make([]byte, 1<<20)), wfslog.TreeStats{Lines: 4, Events: 4, Torn: 1}},
		{"NULs inside", join(lines[0], make([]byte, 4096), []byte("\n"), lines[1]), wfslog.TreeStats{Lines: 3, Events: 2, Bad: 1}},
		{"NULs before a good line", join(lines[0], make([]byte, 4096), lines[1]), wfslog.TreeStats{Lines: 3, Events: 2, Bad: 1}},
		{"CRLF", bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n")), wfslog.TreeStats{Lines: 4, Events: 4}},
		{"CRLF and LF of the same", join(bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n")), whole), wfslog.TreeStats{Lines: 8, Events: 4, Duplicates: 4}},
		{"byte order mark", join([]byte("\ufeff"), whole), wfslog.TreeStats{Lines: 4, Events: 4}},
		{"UTF-16", join([]byte("\xff\xfe{\x00}\x00\n\x00")), wfslog.TreeStats{Lines: 1, Bad: 1, Torn: 1}},
		{"gzip", []byte("\x1f\x8b\x08\x00\n\x00\x00\n\xff"), wfslog.TreeStats{Lines: 2, Bad: 2, Torn: 1}},
		{"not wfslog's JSON", []byte(`{"level":"info","msg":"other"}` + "\n"), wfslog.TreeStats{Lines: 1, Bad: 1}},
		{"pino's JSON", []byte(`{"level":30,"time":1700000000000,"pid":1,"hostname":"h","msg":"other"}` + "\n"), wfslog.TreeStats{Lines: 1, Bad: 1}},
		{"Docker's JSON", []byte(`{"log":"plain text\n","stream":"stdout","time":"2026-11-22T06:14:06Z"}` + "\n"), wfslog.TreeStats{Lines: 1, Bad: 1}},
		{"format of the future", future(
			`"open","open":{"format":99,"id":"1f86d081884c7d651f86d081884c7d65","segment":1,"new":[1]}`,
			`"compress","with":{"algorithm":"x"}`,
			`"log","run":"`+goldenRun.String()+`","span":"","msg":"m","new":{"a":1},"newer":null`,
			`"think","run":"`+goldenRun.String()+`","span":"1/1","tokens":7`,
		), wfslog.TreeStats{Lines: 4, Events: 4}},
		{"nesting of a million", join([]byte(`{"seq":1,"stream":"`), bytes.Repeat([]byte(`[`), 1e6), []byte("\n"), lines[0]), wfslog.TreeStats{Lines: 2, Events: 1, Bad: 1}},
		{"whole file twice", join(whole, whole), wfslog.TreeStats{Lines: 8, Events: 4, Duplicates: 4}},
		{"the same bad line twice", join([]byte("bad\n"), whole, []byte("bad\nworse\n")), wfslog.TreeStats{Lines: 7, Events: 4, Bad: 2}},
		{"same identity, other bytes", join(whole, record(2, "x"), record(2, "y"), record(2, "x")), wfslog.TreeStats{Lines: 7, Events: 4, Duplicates: 1, Conflicts: 2}},
		{"line that names many runs", manyRuns(200_000), wfslog.TreeStats{Lines: 1, Bad: 1}},
		{"largest seq", join(whole, record(math.MaxUint64, "")), wfslog.TreeStats{Lines: 5, Events: 5}},
		{"deeper than paths can be", join(whole, bytes.Replace(record(9, ""), []byte(`"span":""`), []byte(`"span":"`+strings.Repeat("1/", 64)+`1"`), 1)), wfslog.TreeStats{Lines: 5, Events: 4, Bad: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := wfslog.NewTreeBuilder(nil)
			n, err := b.ReadFrom(iotest.HalfReader(bytes.NewReader(tt.input)))
			require.NoError(t, err)
			assert.EqualValues(t, len(tt.input), n)
			assert.Equal(t, tt.want, b.Stats())
			assert.Len(t, b.Problems(), int(tt.want.Bad+tt.want.Torn))
			documents(t, b)
		})
	}
}

// manyRuns returns a line that is no event and names n runs.
func manyRuns(n int) []byte {
	var line []byte
	for i := range n {
		line = fmt.Appendf(line, `"run":"%032x"`, i+1)
	}
	return append(line, '\n')
}

// future returns lines of goldenStreamA with the given texts behind "event".
func future(events ...string) []byte {
	var lines []byte
	for i, text := range events {
		body := []byte(`,"stream":"` + goldenStreamA + `","event":` + text)
		lines = event.AppendLine(lines, "", uint64(i+1), 0, 0, body, event.Checksum(body))
	}
	return lines
}

func TestTreeBuilderKeepsWhatItDoesNotKnow(t *testing.T) {
	b := wfslog.NewTreeBuilder(nil)
	_, err := b.Write(future(
		`"log","run":"`+goldenRun.String()+`","span":"","msg":"m","new":{"a":1},"attrs":{"b":2}`,
		`"think","run":"`+goldenRun.String()+`","span":"1/1","msg":"hm","attrs":{"tokens":7}`,
	))
	require.NoError(t, err)
	d, err := b.Document(goldenRun)
	require.NoError(t, err)
	require.Len(t, d.Logs, 1)
	assert.JSONEq(t, `{"b":2}`, string(d.Logs[0].Attrs))
	logs := d.Iterations[0].Interactions[0].Logs
	require.Len(t, logs, 1)
	assert.Equal(t, []string{"think", "hm", `{"tokens":7}`}, []string{logs[0].Event, logs[0].Msg, string(logs[0].Attrs)})
}

func TestTreeBuilderReadsAFileThatGrows(t *testing.T) {
	lines := goldens["research"]()
	whole := bytes.Join(lines, nil)
	path := filepath.Join(t.TempDir(), "a.jsonl")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.Write(whole[:len(whole)/2])
	require.NoError(t, err)
	r, err := os.Open(path)
	require.NoError(t, err)
	defer r.Close()
	b := wfslog.NewTreeBuilder(nil)
	_, err = b.ReadFrom(r)
	require.NoError(t, err)
	assert.EqualValues(t, 1, b.Stats().Torn)
	complete := whole[:bytes.LastIndexByte(whole[:len(whole)/2], '\n')+1]
	assertSameDocuments(t, fold(t, [][]byte{complete}), documents(t, b))

	// What was half there is read when it is whole, also if the file has no name any
	// more.
	_, err = f.Write(whole[len(whole)/2:])
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	_, err = r.Seek(0, io.SeekStart)
	require.NoError(t, err)
	_, err = b.ReadFrom(r)
	require.NoError(t, err)
	assertSameDocuments(t, fold(t, lines), documents(t, b))
}

func TestHostileDepthIsDamage(t *testing.T) {
	s := eventtest.NewStream(goldenStreamA)
	s.Add(wfslog.Event{Type: event.TypeStart, Run: goldenRun, Kind: wfslog.KindWorkflow})
	deepest := strings.Repeat("1/", event.MaxDepth-1) + "1"
	s.Add(wfslog.Event{Type: event.TypeLog, Run: goldenRun, Span: deepest})
	s.Add(wfslog.Event{Type: event.TypeLog, Run: goldenRun, Span: deepest + "/1"})
	s.Add(wfslog.Event{Type: event.TypeLog, Run: goldenRun, Span: deepest + strings.Repeat("/1", 1_000_000)})
	deepAttrs := json.RawMessage(`{"a":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`)
	s.Add(wfslog.Event{Type: event.TypeLog, Run: goldenRun, Attrs: deepAttrs})
	b := build(t, s.Lines)
	d, err := b.Document(goldenRun)
	require.NoError(t, err)
	assert.EqualValues(t, 3, d.Integrity.Damaged)
	assert.EqualValues(t, 2, d.Integrity.Events)
	assert.False(t, d.Complete)
}

func TestTreeBuilderKeepsWhatIsBeforeATear(t *testing.T) {
	lines := plain(4)
	whole := bytes.Join(lines, nil)
	for size := range whole {
		b := wfslog.NewTreeBuilder(nil)
		_, err := b.Write(whole[:size])
		require.NoError(t, err)
		require.NoError(t, b.Close())
		want := wfslog.TreeStats{Lines: uint64(bytes.Count(whole[:size], []byte("\n")))}
		want.Events = want.Lines
		if size > 0 && whole[size-1] != '\n' {
			want.Torn = 1
		}
		require.Equal(t, want, b.Stats(), "torn at %d", size)
		if want.Events > 0 {
			d, err := b.Document(goldenRun)
			require.NoError(t, err)
			require.Zero(t, d.Integrity.Damaged, "a torn line is no damage")
		}
	}
}

func TestTreeBuilderFindsEveryFlippedBit(t *testing.T) {
	lines := plain(2)
	whole := bytes.Join(lines, nil)
	for bit := range 8 * len(whole) {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		b := wfslog.NewTreeBuilder(nil)
		_, err := b.Write(flipped)
		require.NoError(t, err)
		require.NoError(t, b.Close())
		s := b.Stats()
		if whole[bit/8] == '\n' { // joins two lines, or tears the last
			require.LessOrEqual(t, uint64(1), s.Events, "bit %d", bit)
			require.EqualValues(t, 1, s.Bad+s.Torn, "bit %d", bit)
			continue
		}
		require.EqualValues(t, 2, s.Events, "bit %d of %q", bit%8, flipped)
		require.LessOrEqual(t, uint64(1), s.Bad, "bit %d", bit)
	}
}

func TestTreeBuilderSkipsLinesThatAreTooLong(t *testing.T) {
	lines := plain(1)
	long := io.MultiReader(
		bytes.NewReader(lines[0]), io.LimitReader(&endless{c: 'x'}, 1<<30), strings.NewReader("\n"), bytes.NewReader(lines[1]))
	b := wfslog.NewTreeBuilder(nil)
	before := totalAlloc()
	_, err := b.ReadFrom(long)
	require.NoError(t, err)
	assert.Less(t, totalAlloc()-before, uint64(512<<20), "what is too long is not held")
	assert.Equal(t, wfslog.TreeStats{Lines: 3, Events: 2, Bad: 1}, b.Stats())
	problems := b.Problems()
	require.Len(t, problems, 1)
	assert.ErrorIs(t, problems[0].Err, wfslog.ErrLineTooLong)
	assert.EqualValues(t, 1<<30, problems[0].Size)
	assert.EqualValues(t, len(lines[0]), problems[0].Offset)
}

// totalAlloc returns how many bytes were allocated since the program began.
func totalAlloc() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// endless reads as one byte over and over.
type endless struct {
	c    byte
	page []byte
}

func (e *endless) Read(p []byte) (n int, err error) {
	if e.page == nil {
		e.page = bytes.Repeat([]byte{e.c}, 64<<10)
	}
	return copy(p, e.page), nil
}

func TestTreeBuilderTellsWhereProblemsAre(t *testing.T) {
	lines := plain(1)
	path := filepath.Join(t.TempDir(), "a.jsonl")
	damaged := bytes.Replace(lines[1], []byte(`"msg":"m"`), []byte(`"msg":"n"`), 1)
	require.NoError(t, os.WriteFile(path, append(append(lines[0], damaged...), "torn"...), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	b := wfslog.NewTreeBuilder(&wfslog.TreeOptions{MaxProblems: 2})
	_, err = b.ReadFrom(f)
	require.NoError(t, err)
	_, err = b.Write([]byte("more\nthan\ntwo\n"))
	require.NoError(t, err)
	problems := b.Problems()
	require.Len(t, problems, 2)
	assert.EqualValues(t, 4, b.Stats().Bad)

	pe, ok := errors.AsType[*wfslog.ParseError](problems[0].Err)
	require.True(t, ok)
	assert.Equal(t, wfslog.ParseError{File: path, Line: 2, Field: "crc", Err: event.ErrChecksum}, *pe)
	assert.Equal(t, wfslog.Problem{
		File: path, Line: 2, Offset: int64(len(lines[0])), Size: int64(len(damaged) - 1), Err: pe,
	}, problems[0])
	assert.Equal(t, wfslog.Problem{
		File: path, Line: 3, Offset: int64(len(lines[0]) + len(damaged)), Size: 4, Err: wfslog.ErrTorn,
	}, problems[1])

	d, err := b.Document(goldenRun)
	require.NoError(t, err)
	assert.EqualValues(t, 1, d.Integrity.Damaged)
	assert.False(t, d.Complete)
}

func TestTreeBuilderReturnsReadErrors(t *testing.T) {
	b := wfslog.NewTreeBuilder(nil)
	_, err := b.ReadFrom(io.MultiReader(bytes.NewReader(plain(0)[0]), iotest.ErrReader(io.ErrUnexpectedEOF)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.EqualValues(t, 1, b.Stats().Events, "what was read before counts")
}

func TestTreeBuilderWithoutTheRun(t *testing.T) {
	b := wfslog.NewTreeBuilder(nil)
	_, err := b.Document(goldenRun)
	require.ErrorIs(t, err, wfslog.ErrNoRun)
	require.ErrorIs(t, b.WriteDocument(io.Discard, goldenRun), wfslog.ErrNoRun)
	require.ErrorIs(t, b.WriteFlat(io.Discard, goldenRun), wfslog.ErrNoRun)
	assert.Empty(t, b.Runs())

	// A line that names a run is no event of it.
	_, err = b.Write([]byte(`{"seq":1,"stream":"` + goldenStreamA + `","run":"` + goldenRun.String() + `"}` + "\n"))
	require.NoError(t, err)
	assert.Empty(t, b.Runs())

	require.NoError(t, b.Close())
	_, err = b.Write([]byte("x"))
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

func TestTreeBuilderConcurrentSafe(t *testing.T) {
	var wg sync.WaitGroup
	b := wfslog.NewTreeBuilder(nil)
	lines := goldens["research"]()
	for i := range 4 {
		wg.Go(func() {
			for _, line := range lines {
				_, err := b.Write(line)
				assert.NoError(t, err)
			}
		})
		wg.Go(func() {
			_, err := b.ReadFrom(bytes.NewReader(bytes.Join(lines[i:], nil)))
			assert.NoError(t, err)
		})
		wg.Go(func() {
			for _, run := range b.Runs() {
				assert.NoError(t, b.WriteDocument(io.Discard, run))
			}
			b.Stats()
			b.Problems()
		})
	}
	wg.Wait()
	assertSameDocuments(t, fold(t, lines), documents(t, b))
}

func TestDocumentWriteToFails(t *testing.T) {
	d := wfslog.Document{Node: wfslog.Node{Input: json.RawMessage("{")}}
	_, err := d.WriteTo(io.Discard)
	require.ErrorContains(t, err, `field "input"`)
	d = wfslog.Document{}
	_, err = d.WriteTo(failingWriter{})
	require.ErrorIs(t, err, io.ErrShortWrite)
	require.ErrorIs(t, d.WriteFlat(failingWriter{}), io.ErrShortWrite)
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// A large input is read in pieces at the same time. What comes of it is the same as if
// it had come line by line.
func TestTreeBuilderReadsPiecesInOrder(t *testing.T) {
	var journal bytes.Buffer
	_, err := eventtest.Journal(&journal, 60, 300)
	require.NoError(t, err)
	var input []byte
	for i, line := range bytes.SplitAfter(journal.Bytes(), []byte("\n")) {
		input = append(input, line...)
		switch {
		case i%1500 == 7:
			input = append(input, "bad line\n"...) // each time the same
		case i%1500 == 8:
			input = fmt.Appendf(input, "%d: bad\n%s", i, line) // and what is known
		case i%1500 == 9:
			input = append(append(input, make([]byte, 5000)...), line...)
		case i == 1800: // longer than a piece
			long := wfslog.Event{Type: event.TypeLog, Seq: 1 << 40, Stream: goldenStreamA, Run: goldenRun, Msg: strings.Repeat("long ", 200_000)}
			input = append(input, eventtest.Line(long, 0, 0)...)
			input = append(append(input, bytes.Repeat([]byte("x"), 600_000)...), '\n')
		}
	}
	input = append(input, `{"seq":`...)
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	require.NoError(t, os.WriteFile(path, input, 0o600))
	read := func(r io.Reader, b *wfslog.TreeBuilder) {
		n, err := b.ReadFrom(named{r, path})
		require.NoError(t, err)
		require.EqualValues(t, len(input), n)
	}
	want := wfslog.NewTreeBuilder(nil)
	read(&shortReader{r: bytes.NewReader(input)}, want)
	require.NotEmpty(t, want.Problems())

	inMemory := wfslog.NewTreeBuilder(nil)
	read(bytes.NewReader(input), inMemory)
	inFile := wfslog.NewTreeBuilder(nil)
	readLineFile(t, inFile, path)
	for name, got := range map[string]*wfslog.TreeBuilder{"in memory": inMemory, "in a file": inFile} {
		assert.Equal(t, want.Stats(), got.Stats(), name)
		assert.Equal(t, documents(t, want), documents(t, got), name)
		problems := got.Problems()
		require.Len(t, problems, len(want.Problems()), name)
		for i, p := range want.Problems() {
			assert.EqualExportedValues(t, p, problems[i], name)
		}
	}
}

// named is a reader with the name of a file.
type named struct {
	io.Reader
	name string
}

func (r named) Name() string { return r.name }

// shortReader never fills a buffer.
type shortReader struct{ r io.Reader }

func (r *shortReader) Read(p []byte) (int, error) { return r.r.Read(p[:len(p)/2+1]) }
