package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/wfslog/wfslog"
)

// childPrefix begins the last argument of processes that the program starts of
// itself.
const childPrefix = "child:"

// runChild is such a process. It returns its exit status.
func runChild(name string, args []string) int {
	var err error
	switch name {
	case "log":
		err = childLog(args[0], args[1], args[2])
	case "kill":
		err = childKill(args[0], args[1])
	default:
		err = fmt.Errorf("no child %q", name)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+name+":", err)
		return 1
	}
	return 0
}

// startChild starts a process of this program.
func startChild(name string, args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, append(args, childPrefix+name)...)
	cmd.Stderr = os.Stderr
	return cmd, nil
}

// openNamed returns a logger that writes to the sink of that name into dir.
func openNamed(sink, dir string) (ctx context.Context, log *slog.Logger, done func() error, err error) {
	if sink == nameWfslog {
		r := newRecorder(wfslog.Options{Dir: dir, SaveOn: wfslog.SaveNever, Journal: wfslog.JournalOptions{SegmentBytes: 64 << 20}})
		return r.span, r.agent, r.Close, nil
	}
	name := fmt.Sprintf("%d.log", os.Getpid())
	for _, p := range peers {
		var w io.WriteCloser
		switch sink {
		case p.name:
			w, err = openFile(dir, name)
		case bufferedName(p.name):
			w, err = openBuffered(dir, name)
		default:
			continue
		}
		if err != nil {
			return nil, nil, nil, err
		}
		return context.Background(), slog.New(p.new(w)), w.Close, nil
	}
	return nil, nil, nil, fmt.Errorf("no sink %q", sink)
}

// childLog logs n records when its standard input says so, and tells its standard
// output when it is ready and when it has done so.
func childLog(sink, dir, records string) error {
	n, err := strconv.Atoi(records)
	if err != nil {
		return err
	}
	ctx, log, done, err := openNamed(sink, dir)
	if err != nil {
		return err
	}
	logFive(ctx, log)
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	for range n {
		logFive(ctx, log)
	}
	fmt.Println("done")
	return done()
}

// killWriters is how many goroutines log in a process that is killed.
const killWriters = 2

// childKill logs numbered records until it is killed. Of each it notes, in memory
// that outlives it, that the call has returned.
func childKill(sink, dir string) error {
	acknowledged, err := sharedCounters(filepath.Join(dir, "acknowledged"), killWriters)
	if err != nil {
		return err
	}
	ctx, log, _, err := openNamed(sink, filepath.Join(dir, "logs"))
	if err != nil {
		return err
	}
	for i := 1; i < killWriters; i++ {
		go logNumbered(ctx, log, i, acknowledged[i].Store)
	}
	fmt.Println("ready")
	logNumbered(ctx, log, 0, acknowledged[0].Store)
	return nil
}

func logNumbered(ctx context.Context, log *slog.Logger, writer int, acknowledge func(n uint64)) {
	for n := uint64(1); ; n++ {
		log.LogAttrs(ctx, slog.LevelInfo, "asked the model", slog.Int("writer", writer), slog.Uint64("number", n), slog.String("model", "m1-large"))
		acknowledge(n)
	}
}
