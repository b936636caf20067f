//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package ship

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A position that somebody has cannot be claimed, also while it is replaced.
func TestPositionInUseIsNotClaimed(t *testing.T) {
	p := positionFile{path: filepath.Join(t.TempDir(), "x.position")}
	require.NoError(t, p.save(position{}))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				assert.NoError(t, p.save(position{1, int64(i)}))
			}
		}
	}()
	for range 5000 {
		_, _, ok := claim(p.path)
		require.False(t, ok)
	}
	close(stop)
	<-stopped
	require.NoError(t, p.save(position{7, 8}))
	p.unlock()
	claimed, at, ok := claim(p.path)
	require.True(t, ok)
	assert.Equal(t, position{7, 8}, at)
	_, _, ok = claim(p.path)
	assert.False(t, ok, "by two")
	require.NoError(t, claimed.remove())
	claimed.unlock()
	_, _, ok = claim(p.path)
	assert.False(t, ok, "removed")
}

func TestPositionOfAnInterruptedSaveIsReplaced(t *testing.T) {
	p := positionFile{path: filepath.Join(t.TempDir(), "x.position")}
	require.NoError(t, os.WriteFile(p.path+".new", []byte(`{"seg`), 0o600))
	require.NoError(t, p.save(position{1, 2}))
	assert.NoFileExists(t, p.path+".new")
	p.unlock()
	_, at, ok := claim(p.path)
	require.True(t, ok)
	assert.Equal(t, position{1, 2}, at)
}

func TestForwarderName(t *testing.T) {
	type local[T any] struct{ Forwarder }
	for _, f := range []Forwarder{local[int]{}, &local[int]{}} {
		assert.Equal(t, "3-ship-local-int-", forwarderName(3, f))
	}
	long := forwarderName(10, local[map[string]local[local[[3]local[[]struct{ Field []string }]]]]{})
	assert.Len(t, long, 64)
	assert.NotContains(t, long, ".")
}
