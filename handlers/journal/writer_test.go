package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/eventtest"
)

func osFixture(t *testing.T, o Options) (f *fixture, dir string, c *clock) {
	t.Helper()
	dir, c = t.TempDir(), newClock()
	f = newFixture(osFileSystem{}, c.Now, dir, testID, o)
	t.Cleanup(func() { _ = f.Close("test") }) // a second time, mostly
	return f, dir, c
}

func TestNothingIsCreatedBeforeTheFirstEvent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	w := NewWriter(dir, "test", testID, nil)
	require.NoError(t, w.Sync())
	require.NoError(t, w.Close())
	assert.NoDirExists(t, dir)
}

// What an append costs is the write: it must not feed the garbage collector.
func TestAppendAllocatesNothing(t *testing.T) {
	f, _, _ := osFixture(t, Options{Sync: SyncNever})
	body := f.body("a")
	n := testing.AllocsPerRun(1000, func() {
		_, err := f.Append(&f.root, event.TypeLog, body)
		require.NoError(t, err)
	})
	if !eventtest.Race { // under which sync.Pool drops some of what it gets
		assert.Zero(t, n)
	}
}

func TestSegmentsEndAtASize(t *testing.T) {
	f, dir, _ := osFixture(t, Options{SegmentBytes: 2000})
	for i := range 50 {
		require.NoError(t, f.log(strings.Repeat("x", i)))
	}
	require.NoError(t, f.Close("closed"))
	paths := files(t, dir)
	assert.Greater(t, len(paths), 3)
	for i, path := range paths {
		assert.Equal(t, f.w.SegmentPath(i+1), path)
		assert.Equal(t, f.w.SegmentName(i+1), filepath.Base(path))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(text), 2500, "the lines that begin a segment come on top")
		first, err := event.ParseLine(text[:bytes.IndexByte(text, '\n')])
		require.NoError(t, err)
		assert.Equal(t, event.TypeOpen, first.Type)
		assert.Equal(t, i+1, first.Open.Segment)
		if i > 0 {
			require.Len(t, first.Open.Spans, 1, "the root is open")
		}
	}
	assert.NoError(t, readOne(t, dir).Check(f.Counts()))
}

func TestSegmentsEndAtAnAge(t *testing.T) {
	f, dir, c := osFixture(t, Options{SegmentAge: time.Hour})
	require.NoError(t, f.log("a"))
	c.advance(time.Hour - 1)
	require.NoError(t, f.log("b"))
	c.advance(1)
	require.NoError(t, f.log("c"))
	require.NoError(t, f.Close(""))
	assert.Len(t, files(t, dir), 2)
	assert.NoError(t, readOne(t, dir).Check(f.Counts()))
}

func TestClockThatStepsBackHarmsNothing(t *testing.T) {
	f, dir, c := osFixture(t, Options{})
	require.NoError(t, f.log("a"))
	c.advance(-time.Hour)
	require.NoError(t, f.log("b"))
	require.NoError(t, os.Remove(f.w.SegmentPath(1)))
	c.advance(time.Second)
	require.NoError(t, f.log("c"))
	require.NoError(t, f.Close(""))
	assert.Equal(t, []string{"c"}, msgs(readOne(t, dir)))
	assert.NoError(t, readOne(t, dir).Check(f.Counts()))
}

func TestDirectoryDeletedWhileWriting(t *testing.T) {
	f, dir, c := osFixture(t, Options{SegmentBytes: 1000})
	for i := range 10 {
		require.NoError(t, f.log(fmt.Sprint("before ", i)))
	}
	require.NoError(t, os.RemoveAll(dir))
	require.NoError(t, f.log("into the void: it is too early for another look"))
	c.advance(time.Second)
	require.NoError(t, f.log("after"))
	require.NoError(t, f.Close("closed"))
	got := readOne(t, dir)
	assert.Equal(t, []string{"after"}, msgs(got))
	require.Len(t, losses(got), 1, "of all segments together")
	assert.Contains(t, losses(got)[0], causeDeleted)
	assert.NoError(t, got.Check(f.Counts()))
}

func TestSegmentDeletedWhileWriting(t *testing.T) {
	f, dir, c := osFixture(t, Options{SegmentBytes: 1000})
	for i := range 15 {
		require.NoError(t, f.log(fmt.Sprint("before ", i)))
	}
	require.Greater(t, f.w.number, 2)
	require.NoError(t, os.Remove(f.w.SegmentPath(1)), "a closed one")
	require.NoError(t, os.Remove(f.w.SegmentPath(f.w.number)))
	c.advance(time.Second)
	require.NoError(t, f.log("after"))
	require.NoError(t, f.Close("closed"))
	got := readOne(t, dir)
	assert.NoError(t, got.Check(f.Counts()))
	assert.Equal(t, "after", msgs(got)[len(msgs(got))-1])
	assert.Contains(t, fmt.Sprint(msgs(got)), "before 7")
}

func TestSegmentMovedAwayIsNotLost(t *testing.T) {
	f, dir, c := osFixture(t, Options{})
	require.NoError(t, f.log("before"))
	away := filepath.Join(t.TempDir(), "away")
	require.NoError(t, os.Rename(dir, away))
	c.advance(time.Second)
	require.NoError(t, f.log("after"))
	require.NoError(t, f.Close("closed"))
	assert.Equal(t, []string{"before"}, msgs(readOne(t, away)))
	got := readOne(t, dir)
	assert.Equal(t, []string{"after"}, msgs(got))
	assert.Empty(t, losses(got))
}

func TestTruncatedSegmentIsReadBack(t *testing.T) {
	tests := []struct {
		name string
		left func(lines []string) string // of open, start, and ten records
		want []string
		lost string
	}{
		{"to nothing", func([]string) string { return "" }, nil, "12 of 1-12: segment truncated"},
		{"between lines", func(l []string) string { return strings.Join(l[:7], "") }, []string{"0", "1", "2", "3", "4"}, "5 of 8-12: segment truncated"},
		{"within a line", func(l []string) string { return strings.Join(l[:7], "")[:len(strings.Join(l[:7], ""))-1] }, []string{"0", "1", "2", "3"}, "6 of 7-12: segment truncated"},
		{"its head", func(l []string) string { return strings.Join(l[5:], "") }, []string{"3", "4", "5", "6", "7", "8", "9"}, "5 of 1-5: segment truncated"},
		{"to a hole", func(l []string) string { return strings.Join(l[:4], "") + strings.Repeat("\x00", 100) + l[9] }, []string{"0", "1", "7"}, "7 of 5-12: segment truncated"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, dir, c := osFixture(t, Options{})
			for i := range 10 {
				require.NoError(t, f.log(fmt.Sprint(i)))
			}
			path := f.w.SegmentPath(1)
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			lines := strings.SplitAfter(string(text), "\n")
			require.NoError(t, os.WriteFile(path, []byte(tt.left(lines)), 0o600))
			c.advance(time.Second)
			require.NoError(t, f.log("after"))
			require.NoError(t, f.Close("closed"))
			got := readOne(t, dir)
			assert.Equal(t, append(tt.want, "after"), msgs(got))
			assert.Equal(t, []string{tt.lost}, losses(got))
			assert.NoError(t, got.Check(f.Counts()))
		})
	}
}

// A segment that is lost takes with it what it said of earlier losses.
func TestLossOfALossIsStatedAgain(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	f := newFixture(m, c.Now, "dir", testID, Options{})
	require.NoError(t, f.log("a"))
	m.fault = func(int, string) *fault { return &fault{err: syscall.ENOSPC} }
	assert.Error(t, f.log("lost"))
	assert.Error(t, f.log("lost"))
	m.fault = nil
	c.advance(time.Second)
	require.NoError(t, f.log("b"))
	m.unlinkLocked(f.w.SegmentPath(1))
	c.advance(time.Second)
	require.NoError(t, f.log("c"))
	require.NoError(t, f.Close(""))
	got, err := m.read()
	require.NoError(t, err)
	assert.Equal(t, []string{"7 of 1-7: segment deleted"}, losses(got)[:1], "%s", m.text())
	assert.NoError(t, got.Check(f.Counts()))
}

func TestOthersWriteToTheSegment(t *testing.T) {
	f, dir, c := osFixture(t, Options{})
	require.NoError(t, f.log("a"))
	other, err := os.OpenFile(f.w.SegmentPath(1), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = other.WriteString("not a line")
	require.NoError(t, errors.Join(err, other.Close()))
	c.advance(time.Second)
	require.NoError(t, f.log("b"))
	require.NoError(t, f.Close(""))
	assert.Len(t, files(t, dir), 2)
	assert.NoError(t, readOne(t, dir).Check(f.Counts()))
}

func TestReplacedSegmentIsNotFollowed(t *testing.T) {
	f, dir, c := osFixture(t, Options{})
	require.NoError(t, f.log("a"))
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, nil, 0o600))
	require.NoError(t, os.Remove(f.w.SegmentPath(1)))
	require.NoError(t, os.Symlink(secret, f.w.SegmentPath(1)))
	c.advance(time.Second)
	require.NoError(t, f.log("b"))
	require.NoError(t, f.Close(""))
	text, err := os.ReadFile(secret)
	require.NoError(t, err)
	assert.Empty(t, text)
	got := readOne(t, dir) // the link is left out
	assert.Equal(t, []string{"b"}, msgs(got))
	assert.NoError(t, got.Check(f.Counts()))
}

func TestDirectoryThatCannotBeMade(t *testing.T) {
	base := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(base, nil, 0o600))
	c := newClock()
	f := newFixture(osFileSystem{}, c.Now, filepath.Join(base, "logs"), testID, Options{})
	assert.ErrorIs(t, f.log("lost"), syscall.ENOTDIR)
	require.NoError(t, os.Remove(base))
	c.advance(time.Second)
	require.NoError(t, f.log("recovered"))
	require.NoError(t, f.Close(""))
	got := readOne(t, filepath.Join(base, "logs"))
	assert.Equal(t, []string{"recovered"}, msgs(got))
	assert.NoError(t, got.Check(f.Counts()))
}

func TestNoFileForEveryTry(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
		c := newClock()
		m := newMemory(c.Now)
		m.fault = func(_ int, op string) *fault {
			if op == "write" {
				return &fault{err: errno}
			}
			return nil
		}
		f := newFixture(m, c.Now, "dir", testID, Options{})
		for range 100 {
			assert.ErrorIs(t, f.log("lost"), errno)
			c.advance(time.Second)
		}
		assert.Len(t, m.files, 1, "%v", errno)
	}
}

func TestRotationWithoutAFileDescriptorIsTriedLater(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	f := newFixture(m, c.Now, "dir", testID, Options{SegmentBytes: 1000})
	creates := 0
	require.NoError(t, f.log("first"))
	m.fault = func(_ int, op string) *fault {
		if op == "create" {
			creates++
			return &fault{err: syscall.EMFILE}
		}
		return nil
	}
	for range 30 {
		require.NoError(t, f.log("in the old segment"))
		c.advance(100 * time.Millisecond)
	}
	assert.Len(t, m.files, 1)
	assert.InDelta(t, 3, creates, 1, "once a second")
	m.fault = nil
	c.advance(time.Second)
	require.NoError(t, f.log("in the new segment"))
	assert.Len(t, m.files, 2)
	require.NoError(t, f.Close(""))
	got, err := m.read()
	require.NoError(t, err)
	assert.Empty(t, losses(got))
	assert.NoError(t, got.Check(f.Counts()))
}

func TestErrorOfASegmentIsOvercomeByAnother(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.EFBIG, syscall.EBADF, syscall.ESTALE} {
		c := newClock()
		m := newMemory(c.Now)
		f := newFixture(m, c.Now, "dir", testID, Options{})
		require.NoError(t, f.log("a"))
		once := true
		m.fault = func(_ int, op string) *fault {
			if op != "write" || !once {
				return nil
			}
			once = false
			return &fault{err: errno, part: 0.5}
		}
		require.NoError(t, f.log("b"), "%v", errno)
		require.NoError(t, f.Close(""))
		got, err := m.read()
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b"}, msgs(got))
		assert.Empty(t, losses(got))
		assert.Len(t, m.files, 2)
		assert.NoError(t, got.Check(f.Counts()))
	}
}

func TestInterruptedWriteIsTriedAgain(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EAGAIN, syscall.EINTR} {
		c := newClock()
		m := newMemory(c.Now)
		f := newFixture(m, c.Now, "dir", testID, Options{})
		once := true
		m.fault = func(_ int, op string) *fault {
			if op != "write" || !once {
				return nil
			}
			once = false
			return &fault{err: errno, part: 0.5}
		}
		require.NoError(t, f.log("a"), "%v", errno)
		require.NoError(t, f.Close(""))
		got, err := m.read()
		require.NoError(t, err)
		assert.Empty(t, losses(got))
		assert.NoError(t, got.Check(f.Counts()))
	}
}

// What the file holds counts, not what the system says it does.
func TestWrongCountOfAFailedWrite(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	f := newFixture(m, c.Now, "dir", testID, Options{})
	once := true
	m.fault = func(_ int, op string) *fault {
		if op != "write" || !once {
			return nil
		}
		once = false
		return &fault{err: syscall.ENOSPC, part: 0.8, lie: true} // the record is torn, open and start are written
	}
	assert.Error(t, f.log("torn"))
	c.advance(time.Second)
	require.NoError(t, f.log("recovered"))
	require.NoError(t, f.Close(""))
	got, err := m.read()
	require.NoError(t, err)
	assert.Equal(t, []string{"1 of 3-3: no space left on device"}, losses(got))
	assert.NoError(t, got.Check(f.Counts()), "%s", m.text())
}

func TestFailedSyncIsNotTriedAgain(t *testing.T) {
	c := newClock()
	m := newMemory(c.Now)
	f := newFixture(m, c.Now, "dir", testID, Options{})
	require.NoError(t, f.log("safe"))
	require.NoError(t, f.Sync())
	syncs := 0
	m.fault = func(_ int, op string) *fault {
		if op == "sync" {
			syncs++
			return &fault{err: syscall.EIO}
		}
		return nil
	}
	require.NoError(t, f.log("suspect"))
	assert.ErrorIs(t, f.Sync(), syscall.EIO)
	assert.ErrorIs(t, f.Sync(), syscall.EIO, "the system would say now that all is well")
	assert.Equal(t, 1, syncs)
	m.fault = nil
	require.NoError(t, f.log("in a new segment"))
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close(""))
	got, err := m.read()
	require.NoError(t, err)
	assert.Equal(t, []string{"0 of 4-4: sync: input/output error"}, losses(got))
	assert.Equal(t, []string{"safe", "suspect", "in a new segment"}, msgs(got))
	assert.NoError(t, got.Check(f.Counts()))
}

func TestSyncPolicies(t *testing.T) {
	tests := []struct {
		policy                         SyncPolicy
		atOnce, afterASecond, afterTen int
	}{
		{SyncSecond, 0, 1, 1},
		{SyncEach, 3, 3, 3},
		{SyncNever, 0, 0, 0},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory(time.Now)
			f := newFixture(m, time.Now, "dir", testID, Options{Sync: tt.policy})
			for range 3 {
				require.NoError(t, f.log("a"))
			}
			file := m.files[f.w.SegmentPath(1)]
			syncs := func() int {
				m.mu.Lock()
				defer m.mu.Unlock()
				return file.syncs
			}
			assert.Equal(t, tt.atOnce, syncs())
			time.Sleep(syncInterval)
			synctest.Wait()
			assert.Equal(t, tt.afterASecond, syncs())
			if tt.afterASecond > 0 {
				assert.Equal(t, 1, m.synced[f.w.dir], "the name is safe, too")
				assert.Equal(t, 1, m.synced[filepath.Dir(f.w.dir)])
			}
			time.Sleep(10 * syncInterval)
			synctest.Wait()
			assert.Equal(t, tt.afterTen, syncs(), "only while there is something to sync")

			require.NoError(t, f.log("b"))
			require.NoError(t, f.Sync())
			assert.Equal(t, tt.afterTen+1, syncs(), "on demand, whatever the policy")
			require.NoError(t, f.Close(""))
		})
	}
}
