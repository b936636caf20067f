package ship_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/ring"
)

// childDirEnv names the directory of a child process, which is what a test binary
// with this variable is; the other says after how many writes it has a crash ring.
const (
	childDirEnv  = "WFSLOG_SHIPPER_TEST_DIR"
	childRingEnv = "WFSLOG_SHIPPER_TEST_RING"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDirEnv); dir != "" {
		ring.After, _ = strconv.Atoi(os.Getenv(childRingEnv))
		os.Exit(child(dir))
	}
	os.Exit(m.Run())
}

// fileForwarder appends what it delivers to a file, a batch in a write. It fails now
// and then.
type fileForwarder struct {
	f     *os.File
	calls int
}

func openForwarder(dir string) (*fileForwarder, error) {
	f, err := os.OpenFile(filepath.Join(dir, "delivered"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &fileForwarder{f: f}, err
}

func (ff *fileForwarder) Forward(_ context.Context, batch []event.Event) error {
	ff.calls++
	if ff.calls%5 == 0 {
		return errDown
	}
	text, err := json.Marshal(batch)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(ff.f, "\n%s\n", text)
	return err
}

func (ff *fileForwarder) Close() error { return ff.f.Close() }

// child logs from two goroutines until it is killed, and acknowledges each record on
// stdout when it is written.
func child(dir string) int {
	ff, err := openForwarder(dir)
	if err != nil {
		return 1
	}
	p := start(dir, ff, &journal.Options{SegmentBytes: 20_000})
	var acks sync.Mutex
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for i := 0; ; i++ {
				seq, err := p.append(strings.Repeat("x", i%500))
				if err != nil {
					os.Exit(1)
				}
				ack := binary.LittleEndian.AppendUint64([]byte(p.Stream()), seq)
				acks.Lock()
				_, _ = os.Stdout.Write(ack) // the parent may be gone
				acks.Unlock()
				if i%50 == 0 {
					_ = p.shipper.Flush(context.Background()) // never closed
				}
			}
		})
	}
	wg.Wait()
	return 0
}

// killOne lets a child write until it has acknowledged some records, kills it, and
// adds what it has acknowledged to acked.
func killOne(t *testing.T, dir string, life int, acked map[string][]uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDirEnv+"="+dir, fmt.Sprintf("%s=%d", childRingEnv, ring.After))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	r := bufio.NewReader(out)
	read := func() bool {
		var ack [16 + 8]byte
		if _, err := io.ReadFull(r, ack[:]); err != nil {
			return false
		}
		stream := string(ack[:16])
		acked[stream] = append(acked[stream], binary.LittleEndian.Uint64(ack[16:]))
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
}

func TestKilledProcessesLeaveNothingUndelivered(t *testing.T) {
	forModes(t, testKilledProcesses)
}

func testKilledProcesses(t *testing.T) {
	const rounds, kills = 10, 5
	random := rand.New(rand.NewPCG(1, 2))
	sum, repeats := 0, 0
	for range rounds {
		dir := t.TempDir()
		acked := map[string][]uint64{}
		for range kills {
			killOne(t, dir, 1+random.IntN(1+random.IntN(600)), acked)
		}
		ff, err := openForwarder(dir)
		require.NoError(t, err)
		p := start(dir, ff, nil)
		require.NoError(t, p.log("the next process"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, p.shipper.Flush(ctx))
		ff.calls = 0 // it works when it is closed
		p.close(t)

		batches := readDelivered(t, dir)
		delivered := map[string]map[uint64]bool{}
		events := 0
		for _, b := range batches {
			for _, ev := range b {
				if delivered[ev.Stream] == nil {
					delivered[ev.Stream] = map[uint64]bool{}
				}
				delivered[ev.Stream][ev.Seq] = true
				events++
			}
		}
		for id, seqs := range acked {
			sum += len(seqs)
			for _, seq := range seqs {
				assert.True(t, delivered[id][seq], "event %d of stream %s was acknowledged and is not delivered", seq, id)
			}
		}
		for _, seqs := range delivered {
			events -= len(seqs)
		}
		repeats += events
		d := delivery{batches}
		assert.Empty(t, d.problems(written(t, dir), kills))
		assert.Empty(t, positions(t, dir))
	}
	t.Logf("%d kills: %d records acknowledged, all delivered; %d events delivered again", rounds*kills, sum, repeats)
	assert.Greater(t, sum, rounds*kills)
}

// readDelivered returns the batches that a fileForwarder has written. One that a kill
// has cut short was not delivered.
func readDelivered(t *testing.T, dir string) (batches [][]event.Event) {
	t.Helper()
	for line := range strings.Lines(read(t, filepath.Join(dir, "delivered"))) {
		var b []event.Event
		if json.Unmarshal([]byte(line), &b) == nil {
			batches = append(batches, b)
		}
	}
	return batches
}
