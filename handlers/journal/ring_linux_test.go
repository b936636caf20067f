package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
)

// newRinged returns a journal with a crash ring, and the ring's path.
func newRinged(t *testing.T, o Options) (f *fixture, c *clock, dir, path string) {
	t.Helper()
	dir, c = t.TempDir(), newClock()
	f = ringed.newFixture(osFileSystem{}, c.Now, dir, testID, o)
	require.NoError(t, f.log("first"))
	require.FileExists(t, f.w.ringPath())
	return f, c, dir, f.w.ringPath()
}

// ringMsgs returns the messages of the records in the only crash ring.
func ringMsgs(t *testing.T, dir string) (msgs []string) {
	t.Helper()
	rings, err := Rings(dir)
	require.NoError(t, err)
	require.Len(t, rings, 1)
	lines, err := rings[0].Lines()
	require.NoError(t, err)
	for line := range bytes.Lines(lines) {
		ev, err := event.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		require.NoError(t, err)
		if ev.Type == event.TypeLog {
			msgs = append(msgs, ev.Msg)
		}
	}
	return msgs
}

func segmentText(t *testing.T, dir string) string {
	t.Helper()
	var text strings.Builder
	segments, err := Segments(dir)
	require.NoError(t, err)
	for _, s := range segments {
		b, err := os.ReadFile(s.Path)
		require.NoError(t, err)
		text.Write(b)
	}
	return text.String()
}

func TestLinesGoToTheSegmentTogether(t *testing.T) {
	f, _, dir, path := newRinged(t, Options{})
	for i := range 10 {
		require.NoError(t, f.log(fmt.Sprint(i)))
	}
	assert.Len(t, ringMsgs(t, dir), 10)
	assert.NotContains(t, segmentText(t, dir), `"msg":"0"`)
	f.tick()
	assert.Empty(t, ringMsgs(t, dir))
	assert.Contains(t, segmentText(t, dir), `"msg":"9"`)
	require.NoError(t, f.log("synced"))
	require.NoError(t, f.Sync())
	assert.Contains(t, segmentText(t, dir), `"msg":"synced"`)
	require.NoError(t, f.log("closed"))
	require.NoError(t, f.Close(""))
	assert.NoFileExists(t, path)
	got := readOne(t, dir)
	assert.Len(t, msgs(got), 13)
	assert.NoError(t, got.Check(f.Counts()))
	assert.Empty(t, f.told)
}

func TestRingComesWithManyWrites(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy SyncPolicy
		writes int
		want   bool
	}{
		{"few writes", SyncSecond, 9, false},
		{"many writes", SyncSecond, 10, true},
		{"each is synced", SyncEach, 20, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			f := mode{ringAfter: 10}.newFixture(osFileSystem{}, time.Now, dir, testID, Options{Sync: tt.policy})
			for i := range tt.writes {
				require.NoError(t, f.log(fmt.Sprint(i)))
			}
			rings, err := Rings(dir)
			require.NoError(t, err)
			assert.Equal(t, tt.want, len(rings) == 1)
			require.NoError(t, f.Close(""))
		})
	}
}

// What others do to the ring is a loss of the ring alone, and said once. With the next
// segment there is another.
func TestDamagedRingLosesNothing(t *testing.T) {
	for name, damage := range map[string]func(path string) error{
		"truncated to nothing": func(path string) error { return os.Truncate(path, 0) },
		"truncated behind":     func(path string) error { return os.Truncate(path, 8192) },
		"deleted":              os.Remove,
		"moved":                func(path string) error { return os.Rename(path, path+".moved") },
		"overwritten":          func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			f, c, dir, path := newRinged(t, Options{SegmentAge: time.Minute})
			require.NoError(t, f.log("before"))
			require.NoError(t, damage(path))
			for i := range 100 {
				require.NoError(t, f.log(fmt.Sprint("after ", i, strings.Repeat("x", 100))))
			}
			c.advance(checkInterval)
			f.tick()
			require.NoError(t, f.log("at once"))
			assert.Contains(t, segmentText(t, dir), `"msg":"at once"`)
			require.Len(t, f.told, 1)
			assert.Contains(t, f.told[0], "crash ring")
			assert.Contains(t, f.told[0], "each record is written to the journal at once instead")
			c.advance(time.Hour)
			require.NoError(t, f.log("in the next segment"))
			assert.FileExists(t, path)
			require.NoError(t, f.log("in the ring"))
			assert.NotContains(t, segmentText(t, dir), `"msg":"in the ring"`)
			require.NoError(t, f.Close(""))
			got := readOne(t, dir)
			assert.Len(t, msgs(got), 105)
			assert.NoError(t, got.Check(f.Counts()))
			assert.Len(t, f.told, 1)
		})
	}
}

// A full disk leaves the ring, and then what the state machine of the sequencer does.
func TestFullDiskFillsTheRing(t *testing.T) {
	dir := mountTmpfs(t, "8m")
	c := newClock()
	f := ringed.newFixture(osFileSystem{}, c.Now, dir, testID, Options{})
	require.NoError(t, f.log("first"))
	filler := strings.Repeat("x", 1000)
	for range 3 {
		free := fill(t, dir)
		kept := 0
		for f.log(fmt.Sprint("kept ", kept, filler)) == nil {
			kept++
			if kept%50 == 0 {
				c.advance(time.Second)
				f.tick() // in vain
			}
		}
		assert.Greater(t, kept, ringSize/2000)
		for range 10 {
			assert.ErrorIs(t, f.log("lost"+filler), syscall.ENOSPC)
		}
		killed := readOne(t, dir)
		n := f.Counts()
		assert.Equal(t, n.Written, uint64(len(killed.Seen)), "all that was acknowledged is readable")
		assert.ErrorIs(t, f.Sync(), syscall.ENOSPC)
		free()
		c.advance(time.Second)
		require.NoError(t, f.Sync())
		assert.Empty(t, ringMsgs(t, dir))
		got := readOne(t, dir)
		require.NoError(t, got.Check(f.Counts()))
	}
	require.NoError(t, f.log("last"))
	require.NoError(t, f.Close(""))
	got := readOne(t, dir)
	assert.NoError(t, got.Check(f.Counts()))
	assert.True(t, got.Closed)
	assert.NotZero(t, got.Stated)
}

func TestCloseLeavesWhatAFullDiskDoesNotTake(t *testing.T) {
	dir := mountTmpfs(t, "8m")
	f := ringed.newFixture(osFileSystem{}, time.Now, dir, testID, Options{})
	require.NoError(t, f.log("first"))
	free := fill(t, dir)
	var want []string
	for i := range 20 {
		msg := fmt.Sprint(i, strings.Repeat("x", 1000))
		require.NoError(t, f.log(msg))
		want = append(want, msg)
	}
	err := f.Close("closed")
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.ErrorContains(t, err, "is left in "+f.w.ringPath())
	assert.Equal(t, append([]string{"first"}, want...), msgs(readOne(t, dir)))
	assert.Error(t, Recover(dir), "the disk is still full")
	assert.Len(t, files(t, dir), 2, "the segment and the ring")

	free()
	require.NoError(t, Recover(dir))
	got := readOne(t, dir)
	assert.Equal(t, append([]string{"first"}, want...), msgs(got))
	assert.NoFileExists(t, f.w.ringPath())
	for seq, n := range got.Seen {
		assert.Equal(t, 1, n, seq)
	}
}

// kill copies a journal as it is, which is what a killed process leaves.
func kill(t *testing.T, dir string) (left string) {
	t.Helper()
	left = t.TempDir()
	require.NoError(t, os.CopyFS(left, os.DirFS(dir)))
	return left
}

func TestNextProcessRecovers(t *testing.T) {
	f, _, dir, _ := newRinged(t, Options{})
	require.NoError(t, f.log("in the segment"))
	f.tick()
	require.NoError(t, f.log("in the ring"))
	require.NoError(t, f.log("in the ring, too"))
	left := kill(t, dir)
	next := direct.newFixture(osFileSystem{}, time.Now, left, [16]byte{1}, Options{})
	require.NoError(t, next.log("next"))
	segments, err := Segments(left)
	require.NoError(t, err)
	require.Len(t, segments, 3)
	rings, err := Rings(left)
	require.NoError(t, err)
	assert.Empty(t, rings)
	old := readDir(t, left)[f.Stream()]
	assert.Equal(t, []string{"first", "in the segment", "in the ring", "in the ring, too"}, msgs(old))
	assert.Equal(t, old.Max, uint64(len(old.Seen)), "without a gap")
	assert.True(t, Segment{Path: segments[0].Path, Stream: f.Stream()}.Abandoned())
	require.NoError(t, next.Close(""))
	require.NoError(t, f.Close(""))
}

// Some of what is in the ring may be in a segment, too, if the process was killed
// between the two.
func TestRecoveryDoublesNothing(t *testing.T) {
	f, _, dir, path := newRinged(t, Options{SegmentBytes: 1000})
	for i := range 20 {
		require.NoError(t, f.log(fmt.Sprint(i)))
	}
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	f.tick()
	for i := 20; i < 30; i++ {
		require.NoError(t, f.log(fmt.Sprint(i)))
	}
	left := kill(t, dir)
	ringIn := filepath.Join(left, dirName, filepath.Base(path))
	now, err := os.ReadFile(ringIn)
	require.NoError(t, err)
	copy(now[128:136], before[128:136]) // the tail has not been moved
	require.NoError(t, os.WriteFile(ringIn, now, 0o600))
	assert.Len(t, ringMsgs(t, left), 30)

	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() { errs[i] = Recover(left) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	got := readOne(t, left)
	assert.Len(t, msgs(got), 31)
	for seq, n := range got.Seen {
		assert.Equal(t, 1, n, seq)
	}
	rings, err := Rings(left)
	require.NoError(t, err)
	assert.Empty(t, rings)
	require.NoError(t, f.Close(""))
}

func TestRingOfALiveStreamIsLeftAlone(t *testing.T) {
	f, _, dir, path := newRinged(t, Options{})
	require.NoError(t, f.log("in the ring"))
	require.NoError(t, Recover(dir))
	assert.FileExists(t, path)
	assert.Len(t, files(t, dir), 2)

	// A ring that its writer has lost is not locked, but the stream is alive.
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, text, 0o600))
	require.NoError(t, Recover(dir))
	assert.FileExists(t, path)
	assert.Len(t, files(t, dir), 2)
	require.NoError(t, f.Close(""))
	require.NoError(t, Recover(dir))
	assert.Len(t, files(t, dir), 1)
}

func TestHostileRings(t *testing.T) {
	f, _, dir, path := newRinged(t, Options{})
	require.NoError(t, f.log("in the ring"))
	left := kill(t, dir)
	require.NoError(t, f.Close(""))
	ring := filepath.Join(left, dirName, filepath.Base(path))
	text, err := os.ReadFile(ring)
	require.NoError(t, err)
	other := strings.Replace(ring, f.Stream(), "00000000000000aa", 1)
	require.NoError(t, os.WriteFile(other, text, 0o600)) // of another stream than its name says
	link := strings.Replace(ring, f.Stream(), "00000000000000ab", 1)
	require.NoError(t, os.Symlink(ring, link))
	pipe := strings.Replace(ring, f.Stream(), "00000000000000ac", 1)
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	empty := strings.Replace(ring, f.Stream(), "00000000000000ad", 1)
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	rings, err := Rings(left)
	require.NoError(t, err)
	assert.Len(t, rings, 3, "regular files")
	for _, r := range append(rings, Ring{Path: link}, Ring{Path: pipe}) {
		lines, err := r.Lines()
		assert.Equal(t, r.Stream == f.Stream(), len(lines) > 0, r.Path)
		assert.Equal(t, r.Stream == "", err != nil, "%s: %v", r.Path, err)
	}
	require.NoError(t, Recover(left))
	got := readOne(t, left)
	assert.Equal(t, []string{"first", "in the ring"}, msgs(got))
	assert.NoFileExists(t, other)
	assert.NoFileExists(t, empty)
	assert.FileExists(t, pipe)
}
