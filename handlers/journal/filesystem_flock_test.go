//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package journal

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whoever holds a lock, nobody waits for it; and only a segment that surely nobody
// writes is abandoned.
func TestLocksNeverBlock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	open := func(flag int) *os.File {
		f, err := os.OpenFile(path, flag|os.O_CREATE, 0o600)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() }) // twice, some
		return f
	}
	writer, reader, other := open(os.O_WRONLY), open(os.O_RDONLY), open(os.O_RDWR)
	lockSegment(writer)
	assert.False(t, segmentUnlocked(reader))
	lockSegment(other) // in vain
	require.NoError(t, writer.Close())
	assert.True(t, segmentUnlocked(reader))
	require.NoError(t, flock(other, syscall.LOCK_SH))
	assert.True(t, segmentUnlocked(reader), "two may look at once")
	require.NoError(t, reader.Close())
	lockSegment(other)
	assert.False(t, segmentUnlocked(open(os.O_RDONLY)))
	assert.False(t, segmentUnlocked(reader), "closed: not known")
	lockSegment(reader) // harmless
}
