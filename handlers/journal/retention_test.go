package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// closedSize returns the size of all segments of the program but the newest.
func closedSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	paths := files(t, dir)
	for _, path := range paths[:len(paths)-1] {
		info, err := os.Stat(path)
		require.NoError(t, err)
		size += info.Size()
	}
	return size
}

func TestOldestSegmentsAreDeletedAboveASize(t *testing.T) {
	f, dir, _ := osFixture(t, Options{SegmentBytes: 1000, MaxBytes: 3000})
	for i := range 100 {
		require.NoError(t, f.log(fmt.Sprint(i)))
	}
	require.NoError(t, f.Close("closed"))
	assert.LessOrEqual(t, closedSize(t, dir), int64(3000))
	assert.Greater(t, len(files(t, dir)), 2)
	got := readOne(t, dir)
	assert.NoError(t, got.Check(f.Counts()), "what was deleted is stated")
	for _, loss := range losses(got) {
		assert.Contains(t, loss, causePruned)
	}
	all := msgs(got)
	assert.Equal(t, "99", all[len(all)-1])
	for i, msg := range all[1:] {
		assert.Equal(t, fmt.Sprint(100-len(all)+i+1), msg, "the newest remain, without a hole")
	}
}

func TestSegmentsAreDeletedAboveAnAge(t *testing.T) {
	dir := t.TempDir()
	c := newClock()
	c.now = time.Now()
	f := newFixture(osFileSystem{}, c.Now, dir, testID, Options{SegmentAge: time.Minute, MaxAge: time.Hour})
	require.NoError(t, f.log("old"))
	require.NoError(t, os.Chtimes(f.w.SegmentPath(1), time.Time{}, c.Now()))
	c.advance(59 * time.Minute)
	require.NoError(t, f.log("young"))
	assert.Len(t, files(t, dir), 2)
	require.NoError(t, os.Chtimes(f.w.SegmentPath(2), time.Time{}, c.Now()))
	c.advance(2 * time.Minute)
	require.NoError(t, f.log("new"))
	assert.Len(t, files(t, dir), 2)
	require.NoError(t, f.Close(""))
	got := readOne(t, dir)
	assert.Equal(t, []string{"young", "new"}, msgs(got))
	assert.NoError(t, got.Check(f.Counts()))
}

func TestRetentionLeavesOthersAlone(t *testing.T) {
	dir := t.TempDir()
	c := newClock()
	write := func(program string, id byte, n int) *Writer {
		t.Helper()
		w := newWriter(osFileSystem{}, c.Now, dir, program, [16]byte{id}, Options{SegmentBytes: 100, MaxBytes: 1})
		for range n {
			place, err := w.Prepare(100)
			require.NoError(t, err)
			assert.True(t, place.Fresh)
			_, err = w.Write(make([]byte, 100), 1, 1)
			require.NoError(t, err)
		}
		return w
	}
	keep := []string{"other.txt", "test.jsonl", "test.20261122T061405Z.1.0000000000000000.1.jsonl"}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, dirName, "test.20261122T061405Z.1.0000000000000000.000001.jsonl"), 0o700))
	for _, name := range keep {
		require.NoError(t, os.WriteFile(filepath.Join(dir, dirName, name), make([]byte, 1000), 0o600))
	}
	other := write("program", 1, 1)
	require.NoError(t, other.Close())
	dead := write("test", 2, 1)
	live := write("test", 3, 1)
	require.NoError(t, dead.Close())

	w := write("test", 4, 2)
	assert.NoFileExists(t, dead.SegmentPath(1), "nobody writes it any more")
	assert.NoFileExists(t, w.SegmentPath(1))
	assert.FileExists(t, live.SegmentPath(1), "its writer lives")
	assert.FileExists(t, other.SegmentPath(1), "another program's")
	assert.Len(t, files(t, dir), 4+len(keep))
	require.NoError(t, live.Close())
	require.NoError(t, w.Close())
}

func TestSegmentsOfALiveWriterAreKeptAsAWhole(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	live := newFixture(m, c.Now, "dir", [16]byte{1}, Options{SegmentBytes: 1000})
	for range 20 {
		require.NoError(t, live.log("a"))
	}
	n := len(m.files)
	require.Greater(t, n, 2)
	m.live[live.w.SegmentPath(live.w.number)] = true
	f := newFixture(m, c.Now, "dir", testID, Options{MaxBytes: 1})
	require.NoError(t, f.log("b"))
	assert.Len(t, m.files, n+1)
	m.live = nil
	f2 := newFixture(m, c.Now, "dir", [16]byte{2}, Options{MaxBytes: 1})
	require.NoError(t, f2.log("c"))
	assert.Len(t, m.files, 1, "%s", m.text())
	assert.ErrorContains(t, live.Close(""), causeDeleted)
	assert.ErrorContains(t, f.Close(""), causeDeleted)
	require.NoError(t, f2.Close(""))
}

// A directory may hold a hundred thousand segments. Their locks matter only when
// something is to be deleted.
func TestLocksAreNotLookedAtBelowTheLimits(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	looks := 0
	m.fault = func(_ int, op string) *fault {
		if op == "abandoned" {
			looks++
		}
		return nil
	}
	for i := range 10 {
		f := newFixture(m, c.Now, "dir", [16]byte{byte(i + 1)}, Options{MaxBytes: 1 << 20, MaxAge: time.Hour})
		require.NoError(t, f.log("a"))
		require.NoError(t, f.Close(""))
	}
	assert.Zero(t, looks)
	c.advance(2 * time.Hour)
	f := newFixture(m, c.Now, "dir", testID, Options{MaxBytes: 1 << 20, MaxAge: time.Hour})
	require.NoError(t, f.log("a"))
	require.NoError(t, f.Close(""))
	assert.Equal(t, 10, looks)
	assert.Len(t, m.files, 1)
}

// Between its creation and its lock, a segment is empty.
func TestEmptySegmentOfOthersIsKept(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	other := newWriter(m, c.Now, "dir", "test", [16]byte{1}, Options{})
	_, err := other.Prepare(1)
	require.NoError(t, err)
	f := newFixture(m, c.Now, "dir", testID, Options{MaxBytes: 1, MaxAge: 1})
	c.advance(time.Hour)
	require.NoError(t, f.log("a"))
	assert.Len(t, m.files, 2)
	require.NoError(t, f.Close(""))
	require.NoError(t, other.Close())
}
