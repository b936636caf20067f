package ship_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
	"github.com/wfslog/wfslog/internal/ship"
)

// leave writes n records, of which none is delivered, and ends in order.
func leave(t *testing.T, dir string, n int, o *journal.Options) *process {
	t.Helper()
	p := start(dir, down(), o)
	p.logN(t, n)
	p.close(t)
	require.NotEmpty(t, positions(t, dir))
	return p
}

// catchUp is a process that delivers what others have left, and its statistics.
func catchUp(t *testing.T, dir string) (*recorder, ship.Stats) {
	t.Helper()
	r := &recorder{}
	p := start(dir, r, nil)
	p.logN(t, 1)
	p.flush(t)
	p.close(t)
	return r, p.shipper.Stats()
}

func TestOnlyTheSameForwarderOfTheSameProgramTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		left := leave(t, dir, 5, nil)
		try := func(program string, place int, f ship.Forwarder, of *recorder) map[string][]uint64 {
			p := startAs(dir, program, place, f, nil)
			p.logN(t, 1)
			p.flush(t)
			p.close(t)
			return of.delivered()
		}
		type other struct{ *recorder }
		r := &recorder{}
		assert.NotContains(t, try("other", 0, r, r), left.Stream(), "another program")
		assert.NotContains(t, try(program, 1, r, r), left.Stream(), "another place")
		assert.NotContains(t, try(program, 0, other{r}, r), left.Stream(), "another type")
		require.Len(t, positions(t, dir), 1)
		r, _ = catchUp(t, dir)
		assert.Equal(t, written(t, dir)[left.Stream()], r.delivered()[left.Stream()])
		assert.Empty(t, positions(t, dir))
		again, _ := catchUp(t, dir)
		assert.NotContains(t, again.delivered(), left.Stream(), "delivered once")
	})
}

func TestLiveStreamIsNotTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		live := start(dir, down(), &journal.Options{SegmentBytes: 1000})
		live.logN(t, 20)
		for range 3 { // its position is saved meanwhile
			time.Sleep(time.Second)
			r, _ := catchUp(t, dir)
			assert.Len(t, r.delivered(), 1)
		}
		require.NoError(t, live.Close("closed"))
		r, _ := catchUp(t, dir)
		assert.NotContains(t, r.delivered(), live.Stream(), "its shipper lives")
		require.NoError(t, live.shipper.Close(t.Context()))
		r, _ = catchUp(t, dir)
		assert.Contains(t, r.delivered(), live.Stream())
	})
}

// A position alone does not say that nobody writes.
func TestStreamThatIsWrittenWithoutAShipperIsNotTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		p := start(dir, down(), nil)
		p.logN(t, 1)
		require.NoError(t, p.shipper.Close(t.Context()))
		p.logN(t, 1)
		r, _ := catchUp(t, dir)
		assert.NotContains(t, r.delivered(), p.Stream())
		require.NoError(t, p.Close("closed"))
		r, _ = catchUp(t, dir)
		assert.Equal(t, written(t, dir)[p.Stream()], r.delivered()[p.Stream()])
	})
}

func TestOnlyOneTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for range 4 {
			leave(t, dir, 1500, nil)
		}
		r := &recorder{try: func(context.Context, int) error { time.Sleep(3 * time.Second); return nil }}
		var all []*process
		for range 3 {
			p := start(dir, r, nil)
			p.logN(t, 1)
			all = append(all, p)
		}
		for _, p := range all {
			p.flush(t)
		}
		for _, p := range all {
			p.close(t)
		}
		assertSame(t, written(t, dir), r.delivered())
		assert.Empty(t, positions(t, dir))
	})
}

func TestTakeoverGoesOnWhereTheLastOneStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		left := leave(t, dir, 2000, &journal.Options{SegmentBytes: 100_000})
		r := &recorder{}
		r.try = func(_ context.Context, n int) error {
			if n > 3 {
				return errDown
			}
			return nil
		}
		p := start(dir, r, nil)
		p.logN(t, 1)
		time.Sleep(10 * time.Second)
		p.close(t)
		next, _ := catchUp(t, dir)
		got := append(r.delivered()[left.Stream()], next.delivered()[left.Stream()]...)
		assertSame(t, map[string][]uint64{"": written(t, dir)[left.Stream()]}, map[string][]uint64{"": got})
	})
}

func TestLostOrDamagedPositionSendsAllAgain(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "torn": `{"segment":1,"off`, "not JSON": "hello", "negative": `{"segment":-1,"offset":-5}`,
		"inside a line": `{"segment":1,"offset":77}`, "behind the end": `{"segment":1,"offset":999999999}`,
		"long": strings.Repeat(" ", 5000) + `{"segment":1,"offset":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			left := leave(t, dir, 5, nil)
			require.NoError(t, os.WriteFile(positions(t, dir)[0], []byte(text), 0o600))
			r, stats := catchUp(t, dir)
			assert.Equal(t, written(t, dir)[left.Stream()], r.delivered()[left.Stream()])
			assert.Zero(t, stats.Damaged+stats.Missing)
			assert.Empty(t, positions(t, dir))
		})
	}
}

func TestDamagedLinesAreSkippedAndCounted(t *testing.T) {
	dir := t.TempDir()
	left := leave(t, dir, 10, nil)
	path := left.w.SegmentPath(1)
	lines := bytes.SplitAfter([]byte(read(t, path)), []byte("\n"))
	lines[3] = bytes.Replace(lines[3], []byte("hello"), []byte("hallo"), 1)      // another checksum
	lines[5] = bytes.Replace(lines[5], []byte("\n"), make([]byte, 1000), 1)      // 5, zero bytes
	lines[7] = bytes.Replace(lines[7], []byte("\n"), []byte("\nnot JSON!\n"), 1) // one more
	last := len(lines) - 2
	lines[last] = lines[last][:20] // torn by a crash
	require.NoError(t, os.WriteFile(path, bytes.Join(lines, nil), 0o600))
	r, stats := catchUp(t, dir)
	assert.Equal(t, []uint64{1, 2, 3, 5, 7, 8, 9, 10, 11}, r.delivered()[left.Stream()])
	assert.Equal(t, uint64(5), stats.Damaged)
	assert.Empty(t, positions(t, dir))
}

func TestLinesOfOthersAreSkipped(t *testing.T) {
	dir := t.TempDir()
	left, other := leave(t, dir, 2, nil), leave(t, dir, 2, nil)
	require.NoError(t, os.WriteFile(left.w.SegmentPath(1), []byte(read(t, other.w.SegmentPath(1))), 0o600))
	r, stats := catchUp(t, dir)
	assert.NotContains(t, r.delivered(), left.Stream())
	assert.Equal(t, uint64(4), stats.Damaged)
}

func TestMissingSegmentsAreSkippedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		hold := make(chan struct{})
		r := &recorder{try: func(_ context.Context, n int) error {
			if n == 1 {
				<-hold
			}
			return nil
		}}
		p := start(dir, r, &journal.Options{SegmentBytes: 2000, MaxBytes: 5000})
		p.logN(t, 200) // all but a few segments are pruned
		synctest.Wait()
		close(hold)
		p.flush(t)
		stats := p.shipper.Stats()
		assert.Greater(t, stats.Missing, uint64(10))
		assert.Zero(t, stats.LagEvents)
		assert.Zero(t, stats.LagBytes)
		left := written(t, dir)[p.Stream()]
		got := r.delivered()[p.Stream()]
		assert.Equal(t, left, got[len(got)-len(left):], "what is still there is delivered")
		p.logN(t, 20)
		p.close(t)
		assert.Empty(t, positions(t, dir))
		assert.Empty(t, p.errors())
	})
}

func TestMissingSegmentsOfAbandonedStreams(t *testing.T) {
	dir := t.TempDir()
	left := leave(t, dir, 100, &journal.Options{SegmentBytes: 2000})
	require.NoError(t, os.Remove(left.w.SegmentPath(1)))
	require.NoError(t, os.Remove(left.w.SegmentPath(3)))
	gone := leave(t, dir, 1, nil)
	require.NoError(t, os.Remove(gone.w.SegmentPath(1)))
	require.NoError(t, os.WriteFile(positions(t, dir)[0], []byte(`{"segment":1,"offset":0}`), 0o600))
	r, stats := catchUp(t, dir)
	assert.Equal(t, written(t, dir)[left.Stream()], r.delivered()[left.Stream()])
	assert.LessOrEqual(t, stats.Missing, uint64(2))
	assert.Empty(t, positions(t, dir), "nothing is left of the other")
}

func TestStreamThatCannotBeReadHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		bad := leave(t, dir, 30, &journal.Options{SegmentBytes: 5000})
		good := leave(t, dir, 30, nil)
		r := &recorder{}
		r.try = func(_ context.Context, n int) error {
			if r.tries[n-1].batch[0].Stream == bad.Stream() { // the next segment becomes a directory
				_ = os.Remove(bad.w.SegmentPath(2))
				return os.Mkdir(bad.w.SegmentPath(2), 0o700)
			}
			return nil
		}
		p := start(dir, r, nil)
		p.logN(t, 1)
		p.flush(t)
		p.logN(t, 1)
		p.flush(t)
		require.Len(t, p.errors(), 1)
		assert.ErrorIs(t, p.errors()[0], os.ErrInvalid)
		p.close(t)
		assert.Equal(t, written(t, dir)[good.Stream()], r.delivered()[good.Stream()])
		assert.NotEmpty(t, r.delivered()[bad.Stream()])
		require.Len(t, positions(t, dir), 1, "another process may be able to")
		assert.Contains(t, positions(t, dir)[0], bad.Stream())
	})
}

// What only looks like a position is left alone.
func TestOtherFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	leave(t, dir, 1, nil)
	position := positions(t, dir)[0]
	forwarder := "0-ship_test-recorder"
	require.NoError(t, os.Remove(position))
	outside := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(outside, []byte("text"), 0o600))
	require.NoError(t, os.Symlink(outside, position))
	keep := []string{"x.position", "test.a.b.c." + forwarder + ".positions", "test.a.b.c.d." + forwarder + ".position"}
	for _, name := range keep {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "journal", name), nil, 0o600))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "journal", fmt.Sprintf("test.a.b.c.%s.position", forwarder)), 0o700))
	before := positions(t, dir)
	catchUp(t, dir)
	assert.Equal(t, before, positions(t, dir))
	assert.Equal(t, "text", read(t, outside))
}

// A stream whose last lines could not be written, because the disk was full, is closed
// and not delivered.
func TestWhatIsLeftInACrashRingIsDeliveredByTheNextProcess(t *testing.T) {
	dir := t.TempDir()
	p := start(dir, &recorder{}, nil)
	p.logN(t, 10)
	p.flush(t)
	require.NoError(t, p.Close("closed"))
	before := p.Counts().Accepted
	left := strings.TrimSuffix(p.w.SegmentPath(1), ".000001.jsonl") + ".ring"
	mem := make([]byte, 4096+1024)
	var stream [8]byte
	_, err := hex.Decode(stream[:], []byte(p.Stream()))
	require.NoError(t, err)
	r, err := ring.New(mem, stream)
	require.NoError(t, err)
	ev := event.Event{Stream: p.Stream(), Run: testRun, Type: event.TypeLog, Msg: "in the ring"}
	body := seqtest.Body(ev, "")
	_, ok := r.Put(event.AppendLine(nil, event.TypeLog, before+1, 0, 0, body, event.Checksum(body)))
	require.True(t, ok)
	require.NoError(t, os.WriteFile(left, mem, 0o600))
	require.NoError(t, p.shipper.Close(t.Context()))
	assert.Len(t, positions(t, dir), 2, "the position and the ring")

	next := &recorder{}
	p2 := start(dir, next, nil)
	p2.logN(t, 1)
	p2.flush(t)
	assert.Equal(t, []uint64{before + 1}, next.delivered()[p.Stream()])
	p2.close(t)
	assert.Empty(t, positions(t, dir))
}
