package journal

import (
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowFile is a file whose first sync takes as long as a test wants.
type slowFile struct {
	file
	once             *sync.Once
	syncing, release chan struct{}
}

func (f slowFile) sync() error {
	f.once.Do(func() {
		close(f.syncing)
		<-f.release
	})
	return f.file.sync()
}

// slowSystem makes slow files.
type slowSystem struct {
	*memory
	syncing, release chan struct{}
}

func (s slowSystem) create(path string) (file, error) {
	f, err := s.memory.create(path)
	return slowFile{f, &sync.Once{}, s.syncing, s.release}, err
}

func TestWritesDoNotWaitForTheSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := slowSystem{newMemory(time.Now), make(chan struct{}), make(chan struct{})}
		f := newFixture(slow, time.Now, "dir", testID, Options{})
		require.NoError(t, f.log("a"))
		<-slow.syncing // by the timer, after a second
		require.NoError(t, f.log("b"), "while the sync is under way")
		closed := make(chan error, 1)
		go func() { closed <- f.Close("") }()
		synctest.Wait()
		assert.Empty(t, closed, "Close waits for the sync")
		close(slow.release)
		assert.NoError(t, <-closed)
		assert.Equal(t, 2, slow.files[f.w.SegmentPath(1)].syncs)
	})
}

func TestErrorOfTheTimerIsStated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(time.Now)
		m.fault = func(_ int, op string) *fault {
			if op == "sync" {
				return &fault{err: syscall.EIO}
			}
			return nil
		}
		f := newFixture(m, time.Now, "dir", testID, Options{})
		require.NoError(t, f.log("suspect"))
		time.Sleep(2 * syncInterval)
		synctest.Wait()
		m.mu.Lock()
		m.fault = nil
		m.mu.Unlock()
		require.NoError(t, f.log("in a new segment"))
		require.NoError(t, f.Close(""))
		got, err := m.read()
		require.NoError(t, err)
		assert.Equal(t, []string{"0 of 1-3: sync: input/output error"}, losses(got))
		assert.NoError(t, got.Check(f.Counts()))
	})
}

func TestSyncEachReportsWhatIsNotSafe(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	f := newFixture(m, c.Now, "dir", testID, Options{Sync: SyncEach})
	require.NoError(t, f.log("safe"))
	m.fault = func(_ int, op string) *fault {
		if op == "sync" {
			return &fault{err: syscall.EIO}
		}
		return nil
	}
	assert.ErrorIs(t, f.log("written, but not safe"), syscall.EIO)
	m.fault = nil
	require.NoError(t, f.log("safe again"))
	require.NoError(t, f.Close(""))
	got, err := m.read()
	require.NoError(t, err)
	assert.Equal(t, []string{"safe", "written, but not safe", "safe again"}, msgs(got))
	assert.Equal(t, []string{"0 of 4-4: sync: input/output error"}, losses(got))
	assert.NoError(t, got.Check(f.Counts()))
}

func TestCloseReportsAFailedSync(t *testing.T) {
	for _, op := range []string{"sync", "close"} {
		c := newClock()
		m := newMemory(c.Now)
		f := newFixture(m, c.Now, "dir", testID, Options{})
		require.NoError(t, f.log("a"))
		m.fault = func(_ int, at string) *fault {
			if at == op {
				return &fault{err: syscall.EIO}
			}
			return nil
		}
		assert.ErrorIs(t, f.Close(""), syscall.EIO, op)
	}
}

// Nothing can be written any more that would state it.
func TestCloseReportsADeletedSegment(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	f := newFixture(m, c.Now, "dir", testID, Options{SegmentBytes: 1})
	require.NoError(t, f.log("a"))
	require.NoError(t, f.log("b"))
	m.unlinkLocked(f.w.SegmentPath(1))
	f.w.options.SegmentBytes = 1000
	require.NoError(t, f.log("c"))
	m.unlinkLocked(f.w.SegmentPath(2))
	err := f.Close("")
	assert.ErrorContains(t, err, "3 events of 1 to 3: segment deleted")
	assert.ErrorContains(t, err, "4 events of 4 to 7: segment deleted", "with the close event")
}

// The segment is suspect, but it shall have a name.
func TestDirectoriesAreSyncedBesideAFailedSync(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	f := newFixture(m, c.Now, "dir", testID, Options{})
	require.NoError(t, f.log("a"))
	m.fault = func(_ int, op string) *fault {
		if op == "sync" {
			return &fault{err: syscall.EIO}
		}
		return nil
	}
	assert.ErrorIs(t, f.Sync(), syscall.EIO)
	assert.Equal(t, map[string]int{"dir": 1, f.w.dir: 1}, m.synced)
	m.fault = nil
	require.NoError(t, f.Close(""), "in a new segment")
}

func TestClosedWriterTakesNothing(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	w := newWriter(m, c.Now, "dir", "test", testID, Options{})
	_, err := w.Prepare(1)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, w.Close())
	require.NoError(t, w.Sync())
	_, err = w.Prepare(1)
	assert.ErrorIs(t, err, errClosed)
	_, err = w.Write([]byte("x"), 1, 1)
	assert.ErrorIs(t, err, errClosed)
}
