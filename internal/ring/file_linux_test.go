package ring_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/ring"
)

const fileSize = 64 << 10

func create(t *testing.T) (r *ring.File, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "x.ring")
	r, err := ring.Create(path, id, fileSize)
	require.NoError(t, err)
	return r, path
}

func readFile(t *testing.T, path string) []uint64 {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return read(t, text)
}

func TestFileHasTheLinesWithoutASystemCall(t *testing.T) {
	r, path := create(t)
	for seq := range uint64(10) {
		_, ok := r.Put(lineOf(seq+1, 100))
		require.True(t, ok)
	}
	assert.Equal(t, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, readFile(t, path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
	assert.GreaterOrEqual(t, info.Sys().(*syscall.Stat_t).Blocks*512, int64(fileSize), "its blocks are allocated")
	require.NoError(t, r.Check())
	require.NoError(t, r.Close(true))
	assert.Len(t, readFile(t, path), 10)
	_, ok := r.Put(lineOf(11, 1))
	assert.False(t, ok, "it is closed")
}

func TestFileThatIsNotNeededIsRemoved(t *testing.T) {
	r, path := create(t)
	require.NoError(t, r.Close(false))
	assert.NoFileExists(t, path)
}

func TestOtherFileIsNotRemoved(t *testing.T) {
	r, path := create(t)
	require.NoError(t, os.Rename(path, path+".moved"))
	require.NoError(t, os.WriteFile(path, []byte("another"), 0o600))
	assert.ErrorContains(t, r.Check(), "moved or deleted")
	require.NoError(t, r.Close(false))
	assert.FileExists(t, path)
}

func TestFileThatExistsIsNotTaken(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.ring")
	require.NoError(t, os.WriteFile(path, []byte("another"), 0o600))
	_, err := ring.Create(path, id, fileSize)
	assert.ErrorIs(t, err, os.ErrExist)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), path))
	_, err = ring.Create(path, id, fileSize)
	assert.ErrorIs(t, err, os.ErrExist, "no link is followed")
}

// A fault in the mapping is one of the ring, not of the process. Nothing but the line
// that did not fit any more is concerned.
func TestTruncatedFileEndsTheRingAlone(t *testing.T) {
	for _, size := range []int64{page + 8192, page, 0} {
		r, path := create(t)
		require.NoError(t, os.Truncate(path, size))
		puts := 0
		for ; puts < 1000; puts++ {
			if _, ok := r.Put(lineOf(uint64(puts+1), 100)); !ok {
				break
			}
		}
		if size > page {
			assert.Greater(t, puts, 10, "the first pages are there")
		}
		assert.Less(t, puts, fileSize/100)
		assert.ErrorContains(t, r.Err(), "crash ring cannot be written")
		r.Release(1<<64 - 1)
		assert.True(t, r.Empty())
		require.NoError(t, r.Close(false))
		assert.NoFileExists(t, path)
	}
}

func TestCheckFindsWhatOthersDid(t *testing.T) {
	for want, do := range map[string]func(path string) error{
		"truncated":        func(path string) error { return os.Truncate(path, fileSize) },
		"moved or deleted": os.Remove,
		"overwritten":      func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", page+fileSize)), 0o600) },
	} {
		r, path := create(t)
		require.NoError(t, r.Check())
		require.NoError(t, do(path))
		assert.ErrorContains(t, r.Check(), want)
		require.NoError(t, r.Close(false))
	}
}

func mount(t *testing.T, fs, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := syscall.Mount(fs, dir, fs, 0, options); err != nil {
		t.Skipf("not permitted to mount a %s: %v", fs, err)
	}
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

func TestFullDiskHasNoRing(t *testing.T) {
	dir := mount(t, "tmpfs", "size=32k")
	path := filepath.Join(dir, "x.ring")
	_, err := ring.Create(path, id, fileSize)
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.NoFileExists(t, path)
}

func TestOtherFileSystemHasNoRing(t *testing.T) {
	dir := mount(t, "ramfs", "")
	path := filepath.Join(dir, "x.ring")
	_, err := ring.Create(path, id, fileSize)
	assert.ErrorContains(t, err, "no file system for a crash ring")
	assert.NoFileExists(t, path)
}
