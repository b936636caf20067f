package wfslog_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// killedDirEnv names the directory of a child process, which is what a test binary
// with this variable is.
const killedDirEnv = "WFSLOG_TEST_KILLED_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(joiningDirEnv); dir != "" {
		if err := joinRun(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(killedDirEnv); dir != "" {
		fmt.Fprintln(os.Stderr, "not killed:", logAndDie(dir))
		os.Exit(1)
	}
	for _, name := range []string{"TRACEPARENT", "TRACESTATE"} { // of whoever runs the tests
		if err := os.Unsetenv(name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// appender is a forwarder that appends lines to a file, one at a time. In the middle
// of its dies-th batch it kills the process, once logged is closed, so that no line of
// the journal is cut short; 0 means never.
type appender struct {
	f      *os.File
	dies   int
	calls  int
	logged chan struct{} // closed by the program
}

func openAppender(dir string, dies int) (*appender, error) {
	f, err := os.OpenFile(filepath.Join(dir, "received"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	return &appender{f: f, dies: dies, logged: make(chan struct{})}, err
}

func (a *appender) Forward(_ context.Context, batch []wfslog.Event) error {
	a.calls++
	for i, ev := range batch {
		if a.calls == a.dies && i == len(batch)/2 {
			<-a.logged
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				return err
			}
			if err := self.Kill(); err != nil {
				return err
			}
			select {} // until it is dead
		}
		if _, err := a.f.Write(lineOf(ev)); err != nil {
			return err
		}
	}
	return nil
}

func (a *appender) Close() error { return a.f.Close() }

// recordsOfChild is more than three batches.
const recordsOfChild = 2000

// logAndDie records a run, tells on standard output of each record whose call has
// returned, and is killed in its second batch.
func logAndDie(dir string) error {
	a, err := openAppender(dir, 2)
	if err != nil {
		return err
	}
	h := wfslog.NewHandler(&wfslog.Options{
		Dir: dir, Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever, Journal: noSync, Forward: []wfslog.Forwarder{a},
	})
	log := slog.New(h).WithGroup("workflow.agent1")
	ctx := background(h)
	for i := range recordsOfChild {
		msg := fmt.Sprintf("record %d of process %d", i, os.Getpid())
		if err := log.Handler().Handle(ctx, slog.NewRecord(time.Now(), slog.LevelInfo, msg, 0)); err != nil {
			return err
		}
		if _, err := fmt.Println(msg); err != nil {
			return err
		}
	}
	close(a.logged)
	return h.Flush(ctx)
}

// Two processes, one after the other, are killed in the middle of a batch, which the
// receiver has got half of. The next process delivers what they have left, and the
// receiver has all that their calls had returned for.
func TestProcessesKilledInTheMiddleOfABatchLoseNothing(t *testing.T) {
	dir := t.TempDir()
	var logged []string
	for range 2 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), killedDirEnv+"="+dir)
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			logged = append(logged, lines.Text())
		}
		require.NoError(t, lines.Err())
		var killed *exec.ExitError
		require.ErrorAs(t, cmd.Wait(), &killed)
		require.False(t, killed.Exited(), "the child says: %s", &complaints)
	}

	a, err := openAppender(dir, 0)
	require.NoError(t, err)
	r := newRecorder(t, dir, wfslog.Options{Journal: noSync, Forward: []wfslog.Forwarder{a}})
	wfslog.End(r.workflow("the next process"))
	require.NoError(t, r.Flush(t.Context()))
	require.NoError(t, r.Close())

	received, err := os.Open(filepath.Join(dir, "received"))
	require.NoError(t, err)
	defer received.Close() // it was only read
	tree := wfslog.NewTreeBuilder(nil)
	_, err = tree.ReadFrom(received)
	require.NoError(t, err)
	require.Empty(t, tree.Problems())
	assert.NotZero(t, tree.Stats().Duplicates, "half of a batch came again")
	assert.Zero(t, tree.Stats().Conflicts)
	journals := readJournal(t, dir)
	for _, p := range journals.Problems() {
		assert.ErrorIs(t, p.Err, wfslog.ErrTorn, "a kill in the middle of a write")
	}
	assert.Equal(t, documentsOf(t, journals), documentsOf(t, tree), "the fold of the journals is the expected one")

	got := map[string]bool{}
	for _, run := range tree.Runs() {
		doc, err := tree.Document(run)
		require.NoError(t, err)
		for _, turn := range doc.Interactions {
			for _, rec := range turn.Logs {
				got[rec.Msg] = true
			}
		}
	}
	assert.Len(t, logged, 2*recordsOfChild)
	for _, msg := range logged {
		assert.True(t, got[msg], "%s is missing", msg)
	}
}
