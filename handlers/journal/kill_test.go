package journal

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
)

// What the parent tells a child process.
const (
	childDirEnv  = "WFSLOG_JOURNAL_TEST_DIR"
	childKindEnv = "WFSLOG_JOURNAL_TEST_KIND"
	childRingEnv = "WFSLOG_JOURNAL_TEST_RING"
)

// child returns a command that runs a part of this test binary.
func child(t *testing.T, m mode, part, dir, kind string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+part, childDirEnv+"="+dir, childKindEnv+"="+kind,
		fmt.Sprintf("%s=%d", childRingEnv, m.ringAfter))
	cmd.Stderr = os.Stderr
	return cmd
}

const killGoroutines = 4

func init() { children["kill"] = killChild }

// killChild appends records from several goroutines until it is killed, and
// acknowledges each on stdout when its append has returned.
func killChild() int {
	id := sequencer.NewID()
	var out sequencer.Output = NewWriter(os.Getenv(childDirEnv), "kill", id, &Options{SegmentBytes: 1 << 20})
	size := 16 << 10 // over several pages, so that a kill can tear a line
	switch os.Getenv(childKindEnv) {
	case "buffered":
		out, size = &buffered{Output: out}, 1000
	case "small":
		size = 1000
	}
	s := sequencer.New(sequencer.Config{ID: id, Output: out})
	root := &sequencer.Span{Ref: event.SpanRef{Run: testRun, Kind: event.KindWorkflow}}
	s.Hold(root, seqtest.Body(event.Event{Stream: s.Stream(), Run: testRun, Type: event.TypeStart, Kind: event.KindWorkflow}, ""))
	var acks sync.Mutex
	var wg sync.WaitGroup
	for g := range killGoroutines {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			filler := make([]byte, size)
			for i := range filler {
				filler[i] = 'a' + byte(i%26)
			}
			for {
				ev := event.Event{Stream: s.Stream(), Run: testRun, Type: event.TypeLog, Msg: string(filler[:random.IntN(len(filler))])}
				seq, err := s.Append(root, event.TypeLog, seqtest.Body(ev, ""))
				if err != nil {
					fmt.Fprintln(os.Stderr, "child:", err)
					os.Exit(1)
				}
				acks.Lock()
				_, _ = os.Stdout.Write(binary.LittleEndian.AppendUint64(nil, seq)) // the parent may be gone
				acks.Unlock()
			}
		})
	}
	wg.Wait()
	return 0
}

// buffered is the output that this package is not: it keeps 4 kB in the process.
type buffered struct {
	sequencer.Output
	buf []byte
}

func (b *buffered) Write(lines []byte, first, last uint64) (int, error) {
	b.buf = append(b.buf, lines...)
	if len(b.buf) > 4<<10 {
		if _, err := b.Output.Write(b.buf, first, last); err != nil {
			return 0, err
		}
		b.buf = b.buf[:0]
	}
	return len(lines), nil
}

// killed is what became of a child that was killed.
type killed struct {
	acked int
	lost  int // of them
	torn  int
	bad   int

	ringed int // lines in the crash ring
}

// killOne lets a child write for a while, kills it, and recounts, also when another
// process has recovered what it left.
func killOne(t *testing.T, m mode, kind string, life int) (k killed) {
	t.Helper()
	dir := t.TempDir()
	cmd := child(t, m, "kill", dir, kind)
	acks, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	// The child goes on while its acknowledgements are read, so that it is killed
	// anywhere in its work.
	r := bufio.NewReaderSize(acks, 64<<10)
	var acked []uint64
	read := func() bool {
		var ack [8]byte
		if _, err := io.ReadFull(r, ack[:]); err != nil {
			return false
		}
		acked = append(acked, binary.LittleEndian.Uint64(ack[:]))
		return true
	}
	for range life {
		if !read() {
			break
		}
	}
	require.NoError(t, cmd.Process.Kill())
	for read() {
		// What the child had acknowledged when it was killed.
	}
	_ = cmd.Wait() // killed
	rings, err := Rings(dir)
	require.NoError(t, err)
	for _, r := range rings {
		lines, err := r.Lines()
		require.NoError(t, err)
		k.ringed += bytes.Count(lines, []byte("\n"))
	}
	s := readOne(t, dir)
	k.count(t, s, acked, kind)
	require.NoError(t, Recover(dir))
	rings, err = Rings(dir)
	require.NoError(t, err)
	assert.Empty(t, rings)
	after := readOne(t, dir)
	assert.Equal(t, s.Seen, after.Seen, "when it is recovered")
	return k
}

func (k *killed) count(t *testing.T, s *seqtest.Stream, acked []uint64, kind string) {
	k.acked = len(acked)
	for _, seq := range acked {
		if s.Seen[seq] != 1 {
			k.lost++
		}
	}
	k.torn, k.bad = s.Torn, s.Bad
	if kind != "buffered" {
		assert.LessOrEqual(t, s.Max, uint64(len(s.Seen)+killGoroutines), "only what was not acknowledged is missing")
	}
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		mode mode
		kind string
	}{{direct, "large"}, {ringed, "large"}, {ringed, "small"}} {
		t.Run(tt.mode.name+"/"+tt.kind, func(t *testing.T) {
			const kills = 60
			random := rand.New(rand.NewPCG(1, 2))
			var sum killed
			for range kills {
				k := killOne(t, tt.mode, tt.kind, 1+random.IntN(400))
				assert.LessOrEqual(t, k.torn, 1, "only the last line can be torn")
				assert.Zero(t, k.bad)
				sum.acked += k.acked
				sum.lost += k.lost
				sum.torn += k.torn
				sum.ringed += k.ringed
			}
			t.Logf("%d kills: %d records acknowledged, %d of them lost, %d torn last lines, %d lines in crash rings",
				kills, sum.acked, sum.lost, sum.torn, sum.ringed)
			assert.Zero(t, sum.lost)
			assert.Greater(t, sum.acked, kills)
			assert.Equal(t, tt.mode.ringAfter == 0, sum.ringed > 0, "lines in crash rings")
		})
	}
}

// The test above would see a loss if there were one.
func TestKilledProcessThatBuffersLoses(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var sum killed
	for range 20 {
		k := killOne(t, direct, "buffered", 1+random.IntN(400))
		sum.acked += k.acked
		sum.lost += k.lost
	}
	t.Logf("with a buffer: %d of %d acknowledged records lost", sum.lost, sum.acked)
	assert.NotZero(t, sum.lost)
}
