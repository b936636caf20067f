package journal

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

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
)

// child returns a command that runs a part of this test binary.
func child(t *testing.T, part, dir, kind string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+part, childDirEnv+"="+dir, childKindEnv+"="+kind)
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
	if os.Getenv(childKindEnv) == "buffered" {
		out, size = &buffered{Output: out}, 1000
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
}

// killOne lets a child write for a while, kills it, and recounts.
func killOne(t *testing.T, kind string, life int) (k killed) {
	t.Helper()
	dir := t.TempDir()
	cmd := child(t, "kill", dir, kind)
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
	streams := readDir(t, dir)
	require.Len(t, streams, 1, "after %d acknowledged records", len(acked))
	k.acked = len(acked)
	for _, s := range streams {
		for _, seq := range acked {
			if s.Seen[seq] != 1 {
				k.lost++
			}
		}
		k.torn, k.bad = s.Torn, s.Bad
		if kind == "" {
			assert.LessOrEqual(t, s.Max, uint64(len(s.Seen)+killGoroutines), "only what was not acknowledged is missing")
		}
	}
	return k
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	const kills = 200
	start := time.Now()
	random := rand.New(rand.NewPCG(1, 2))
	var sum killed
	for range kills {
		k := killOne(t, "", 1+random.IntN(400))
		assert.LessOrEqual(t, k.torn, 1, "only the last line can be torn")
		assert.Zero(t, k.bad)
		sum.acked += k.acked
		sum.lost += k.lost
		sum.torn += k.torn
	}
	t.Logf("%d kills in %.1f s: %d records acknowledged, %d of them lost, %d torn last lines",
		kills, time.Since(start).Seconds(), sum.acked, sum.lost, sum.torn)
	assert.Zero(t, sum.lost)
	assert.Greater(t, sum.acked, kills)
}

// The test above would see a loss if there were one.
func TestKilledProcessThatBuffersLoses(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	var sum killed
	for range 20 {
		k := killOne(t, "buffered", 1+random.IntN(400))
		sum.acked += k.acked
		sum.lost += k.lost
	}
	t.Logf("with a buffer: %d of %d acknowledged records lost", sum.lost, sum.acked)
	assert.NotZero(t, sum.lost)
}
