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
	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
)

// mountTmpfs mounts a file system of the given size.
func mountTmpfs(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size)
	if errors.Is(err, syscall.EPERM) {
		t.Skip("not permitted to mount a tmpfs")
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, 0)) })
	return dir
}

// fill takes all the space that is left, and returns how to give it back.
func fill(t *testing.T, dir string) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	require.NoError(t, err)
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoError(t, f.Close())
	return func() { require.NoError(t, os.Remove(path)) }
}

func TestFullDisk(t *testing.T) {
	dir := mountTmpfs(t, "1m")
	c := newClock()
	f := newFixture(osFileSystem{}, c.Now, dir, testID, Options{SegmentBytes: 20 << 10})
	lost, cycles := 0, 5
	for cycle := range cycles {
		free := fill(t, dir)
		failed := 0
		for i := 0; failed < 50; i++ {
			if err := f.log(fmt.Sprint("full ", cycle, i, strings.Repeat("x", 37*i%1500))); err != nil {
				require.ErrorIs(t, err, syscall.ENOSPC)
				failed++
			}
			c.advance(10 * time.Millisecond)
		}
		lost += failed
		free()
		c.advance(time.Second)
		require.NoError(t, f.log(fmt.Sprint("recovered ", cycle)))
		for i := range 20 {
			require.NoError(t, f.log(fmt.Sprint("free ", cycle, i)))
		}
	}
	require.NoError(t, f.Close("closed"))
	got := readOne(t, dir)
	require.NoError(t, got.Check(f.Counts()))
	all := strings.Join(msgs(got), "\n")
	for cycle := range cycles {
		assert.Contains(t, all, fmt.Sprint("recovered ", cycle))
	}
	n := f.Counts()
	assert.GreaterOrEqual(t, n.Lost, uint64(lost))
	t.Logf("%d cycles: %d accepted = %d readable + %d stated lost, %d torn lines", cycles, n.Accepted, len(got.Seen), got.Stated, got.Bad)
	assert.NotZero(t, got.Bad, "a full disk tears lines")
}

func TestDiskThatIsFullFromTheStart(t *testing.T) {
	forModes(t, testDiskThatIsFullFromTheStart)
}

func testDiskThatIsFullFromTheStart(t *testing.T, m mode) {
	dir := mountTmpfs(t, "1m")
	c := newClock()
	f := m.newFixture(osFileSystem{}, c.Now, dir, testID, Options{})
	free := fill(t, dir)
	for range 100 {
		assert.ErrorIs(t, f.log("lost"), syscall.ENOSPC)
		c.advance(time.Second)
	}
	assert.LessOrEqual(t, len(files(t, dir)), 1)
	free()
	require.NoError(t, f.log("recovered"))
	require.NoError(t, f.Close(""))
	got := readOne(t, dir)
	assert.Equal(t, []string{"recovered"}, msgs(got))
	assert.NoError(t, got.Check(f.Counts()))
}

func TestDiskThatStaysFullHoldsNoEmptySegment(t *testing.T) {
	forModes(t, testDiskThatStaysFull)
}

func testDiskThatStaysFull(t *testing.T, m mode) {
	dir := mountTmpfs(t, "1m")
	f := m.newFixture(osFileSystem{}, time.Now, dir, testID, Options{})
	fill(t, dir)
	require.ErrorIs(t, f.log("lost"), syscall.ENOSPC)
	require.Len(t, files(t, dir), 1)
	require.ErrorIs(t, f.Close("closed"), syscall.ENOSPC)
	assert.Empty(t, files(t, dir))
}

func init() {
	children["limit"] = limitChild
	children["many"] = manyChild
}

// limitChild writes more than the size that a file may have.
func limitChild() int {
	limit := syscall.Rlimit{Cur: 10_000, Max: 10_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	c := newClock()
	f := childMode().newFixture(osFileSystem{}, c.Now, os.Getenv(childDirEnv), testID, Options{})
	for i := range 200 {
		if err := f.log(fmt.Sprint(i, strings.Repeat("x", 11*i%700))); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			return 1
		}
	}
	// The file of a crash ring is above the limit, too: there is none.
	if err := f.log(strings.Repeat("x", 20_000)); !errors.Is(err, syscall.EFBIG) {
		fmt.Fprintln(os.Stderr, "child: a line above the limit:", err)
		return 1
	}
	c.advance(time.Second)
	if err := errors.Join(f.log("recovered"), f.Close("closed")); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	fmt.Print(f.Counts().Accepted)
	return 0
}

func TestFileSizeLimitBeginsASegment(t *testing.T) {
	forModes(t, testFileSizeLimit)
}

func testFileSizeLimit(t *testing.T, m mode) {
	dir := t.TempDir()
	out, err := child(t, m, "limit", dir, "").Output()
	require.NoError(t, err)
	got := readOne(t, dir)
	assert.Greater(t, len(files(t, dir)), 5)
	assert.Len(t, msgs(got), 201, "all but the line that no file can hold")
	assert.Equal(t, "recovered", msgs(got)[200])
	assert.Equal(t, string(out), fmt.Sprint(uint64(len(got.Seen))+got.Stated))
}

const (
	manyProcesses  = 16
	manyGoroutines = 50
	manyRecords    = 20
)

// childMode returns the mode that the parent wants.
func childMode() mode { return mode{ringAfter: ring.After} }

// manyChild writes from many goroutines.
func manyChild() int {
	id := sequencer.NewID()
	f := childMode().newFixture(osFileSystem{}, time.Now, os.Getenv(childDirEnv), id, Options{SegmentBytes: 64 << 10})
	var failed sync.Map
	var wg sync.WaitGroup
	for g := range manyGoroutines {
		wg.Go(func() {
			for i := range manyRecords {
				if err := f.log(fmt.Sprintf("%d %d %s", g, i, strings.Repeat("x", g*i))); err != nil {
					failed.Store(g, err)
				}
			}
		})
	}
	wg.Wait()
	status := 0
	failed.Range(func(_, err any) bool {
		fmt.Fprintln(os.Stderr, "child:", err)
		status = 1
		return true
	})
	if err := f.Close("closed"); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		return 1
	}
	return status
}

func TestManyProcessesShareADirectory(t *testing.T) {
	forModes(t, testManyProcesses)
}

func testManyProcesses(t *testing.T, m mode) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	errs := make([]error, manyProcesses)
	for i := range manyProcesses {
		cmd := child(t, m, "many", dir, "")
		wg.Go(func() { errs[i] = cmd.Run() })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	streams := readDir(t, dir)
	assert.Len(t, streams, manyProcesses)
	for id, s := range streams {
		assert.Len(t, msgs(s), manyGoroutines*manyRecords, id)
		assert.Equal(t, s.Max, uint64(len(s.Seen)), "without a gap")
		assert.Zero(t, s.Bad+s.Torn)
		assert.True(t, s.Closed)
	}
}

// Two handlers of one process are two streams.
func TestTwoWritersOfOneProcess(t *testing.T) {
	dir := t.TempDir()
	a := NewWriter(dir, "test", [16]byte{1}, nil)
	b := NewWriter(dir, "test", [16]byte{2}, nil)
	for _, w := range []*Writer{a, b} {
		_, err := w.Prepare(1)
		require.NoError(t, err)
		line := event.AppendLine(nil, event.TypeClose, 1, 1, 0, seqtest.Body(event.Event{Stream: strings.Repeat("0", 16), Type: event.TypeClose}, ""), 0)
		n, err := w.Write(line, 1, 1)
		require.NoError(t, err)
		assert.Equal(t, len(line), n)
		assert.True(t, bytes.HasSuffix(line, []byte("\n")))
	}
	assert.False(t, osFileSystem{}.abandoned(a.SegmentPath(1)))
	require.NoError(t, a.Close())
	assert.True(t, osFileSystem{}.abandoned(a.SegmentPath(1)))
	assert.False(t, osFileSystem{}.abandoned(b.SegmentPath(1)))
	require.NoError(t, b.Close())
}
