//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAbandoned(t *testing.T) {
	dir := t.TempDir()
	segment := func(w *Writer, n int) Segment {
		return Segment{Path: w.SegmentPath(n), Stream: w.name.stream, Number: n}
	}
	f := newFixture(osFileSystem{}, time.Now, dir, testID, Options{SegmentBytes: 1})
	other := newFixture(osFileSystem{}, time.Now, dir, [16]byte{1}, Options{})
	assert.False(t, segment(f.w, 1).Abandoned(), "there is none")
	require.NoError(t, other.log("other"))
	for n := 1; n < 4; n++ {
		require.NoError(t, f.log("x"))
		for i := range n {
			assert.False(t, segment(f.w, i+1).Abandoned(), "segment %d of %d", i+1, n)
		}
	}
	require.NoError(t, f.Close(""))
	for n := range f.w.number {
		assert.True(t, segment(f.w, n+1).Abandoned(), "segment %d", n+1)
	}
	assert.False(t, segment(other.w, 1).Abandoned())
	require.NoError(t, other.Close(""))
	assert.True(t, segment(other.w, 1).Abandoned())
}

func TestAbandonedOfManyStreams(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range byte(6) {
		f := newFixture(osFileSystem{}, time.Now, dir, [16]byte{i}, Options{SegmentBytes: 1})
		for range 1 + i%3 {
			require.NoError(t, f.log("x"))
		}
		if i%2 == 0 {
			require.NoError(t, f.Close(""))
			want = append(want, f.w.name.stream)
		} else {
			defer f.Close("")
		}
	}
	segments, err := Segments(dir)
	require.NoError(t, err)
	assert.ElementsMatch(t, want, Abandoned(segments))

	later := newFixture(osFileSystem{}, time.Now, dir, [16]byte{2}, Options{})
	later.w.name.start, later.w.number = segments[0].Start, 100
	require.NoError(t, later.log("a newer segment than those in the list"))
	defer later.Close("")
	assert.NotContains(t, Abandoned(segments), later.w.name.stream)
	assert.Empty(t, Abandoned(nil))
}

// Who looks whether a segment is being written must not keep its writer from
// locking it.
func TestSegmentIsLockedWhoeverLooksAtIt(t *testing.T) {
	dir := t.TempDir()
	const segments = 500
	path := func(n int32) string { return filepath.Join(dir, fmt.Sprint(n)) }
	var next atomic.Int32
	var looking sync.WaitGroup
	for range 2 {
		looking.Go(func() {
			for n := next.Load(); n < segments; n = next.Load() {
				(osFileSystem{}).abandoned(path(n))
			}
		})
	}
	for n := range int32(segments) {
		next.Store(n)
		f, err := (osFileSystem{}).create(path(n))
		require.NoError(t, err)
		assert.False(t, (osFileSystem{}).abandoned(path(n)), "segment %d", n)
		require.NoError(t, f.Close())
	}
	next.Store(segments)
	looking.Wait()
}

// Between its creation and its lock, a segment is empty, and the one before is still
// locked.
func TestStreamIsNotAbandonedWhenASegmentBegins(t *testing.T) {
	f := newFixture(osFileSystem{}, time.Now, t.TempDir(), testID, Options{})
	require.NoError(t, f.log("x"))
	last := Segment{Path: f.w.SegmentPath(1), Stream: f.w.name.stream, Number: 1}
	next := Segment{Path: f.w.SegmentPath(2), Stream: f.w.name.stream, Number: 2}
	require.NoError(t, os.WriteFile(next.Path, nil, fileMode))
	assert.False(t, next.Abandoned())
	assert.False(t, last.Abandoned())
	require.NoError(t, f.Close(""))
	assert.True(t, next.Abandoned(), "the process ended then")
	require.NoError(t, os.Remove(last.Path))
	assert.False(t, next.Abandoned(), "perhaps it is the first and was just created")
}

// Whenever it is looked at, a stream that is written is not abandoned.
func TestAbandonedDuringRotation(t *testing.T) {
	f := newFixture(osFileSystem{}, time.Now, t.TempDir(), testID, Options{SegmentBytes: 1, Sync: SyncNever, MaxBytes: 10_000})
	require.NoError(t, f.log("x"))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				assert.NoError(t, f.log("x"))
			}
		}
	}()
	for range 1000 {
		assert.False(t, Segment{Path: f.w.SegmentPath(1), Stream: f.w.name.stream}.Abandoned())
	}
	close(stop)
	<-stopped
	require.NoError(t, f.Close(""))
	assert.True(t, Segment{Path: f.w.SegmentPath(1), Stream: f.w.name.stream}.Abandoned())
}
