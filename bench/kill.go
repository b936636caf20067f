package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"github.com/wfslog/wfslog"
)

// killResult says what a sink loses when its process is killed.
type killResult struct {
	Sink         string
	Kills        int
	Acknowledged uint64 // records whose call had returned
	Lost         uint64 // of those
	Runs         int    // with a loss
	Torn         int    // unfinished last lines
}

// killedSinks are the sinks that are killed.
var killedSinks = []string{nameWfslog, nameJSON, bufferedName(nameJSON), bufferedName(nameZero), bufferedName(nameZap), bufferedName(namePhuslu)}

// measureKills kills processes that log, at random times, and counts what is left.
func measureKills(b *bench) error {
	if runtime.GOOS != "linux" {
		return nil // see sharedCounters
	}
	for _, sink := range killedSinks {
		if !b.run.MatchString("kill/" + sink) {
			continue
		}
		fmt.Fprintf(b.progress, "%6.1fs kill/%s\n", time.Since(b.start).Seconds(), sink)
		r := killResult{Sink: sink, Kills: b.kills}
		for range r.Kills {
			if err := b.killOne(&r); err != nil {
				return fmt.Errorf("kill %s: %w", sink, err)
			}
		}
		b.killed = append(b.killed, r)
	}
	return nil
}

func (b *bench) killOne(r *killResult) error {
	dir, err := os.MkdirTemp(b.temp, "kill")
	if err != nil {
		return err
	}
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		return err
	}
	cmd, err := startChild("kill", r.Sink, dir)
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	_, err = bufio.NewReader(out).ReadString('\n')
	time.Sleep(time.Duration(20+rand.IntN(80)) * time.Millisecond)
	killErr := cmd.Process.Kill()
	_ = cmd.Wait() // it says that the process was killed
	if err = errors.Join(err, killErr); err != nil {
		return err
	}
	acknowledged, err := readCounters(filepath.Join(dir, "acknowledged"), killWriters)
	if err != nil {
		return err
	}
	count, err := countNumbered(r.Sink, logs)
	if err != nil {
		return err
	}
	lost := uint64(0)
	for i, n := range acknowledged {
		r.Acknowledged += n
		for number := uint64(1); number <= n; number++ {
			if !count.found[i][number] {
				lost++
			}
		}
	}
	r.Lost += lost
	r.Torn += count.torn
	if lost > 0 {
		r.Runs++
	}
	return os.RemoveAll(dir)
}

// numbered finds the two numbers of a record, in any of the formats.
var numbered = regexp.MustCompile(`"writer":(\d),"number":(\d+)`)

// countNumbered returns which records are in the files in dir, for each writer, and how
// many last lines are unfinished.
func countNumbered(sink, dir string) (c numberedCount, err error) {
	for i := range c.found {
		c.found[i] = map[uint64]bool{}
	}
	if sink == nameWfslog {
		// The next process of the program, which may find something left to do.
		next := newRecorder(wfslog.Options{Dir: dir, SaveOn: wfslog.SaveNever})
		err = errors.Join(next.Close(), eachSegment(dir, c.read))
		return c, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, path := range files {
		text, readErr := os.ReadFile(path)
		err = errors.Join(err, readErr, c.read(bytes.NewReader(text)))
	}
	return c, err
}

type numberedCount struct {
	found [killWriters]map[uint64]bool
	torn  int
}

// read counts the records of a file.
func (c *numberedCount) read(r io.Reader) error {
	text, err := io.ReadAll(r)
	for line := range bytes.Lines(text) {
		if line[len(line)-1] != '\n' {
			c.torn++
			continue
		}
		m := numbered.FindSubmatch(line)
		if m == nil {
			continue
		}
		n, parseErr := strconv.ParseUint(string(m[2]), 10, 64)
		writer := int(m[1][0] - '0')
		if parseErr != nil || writer >= killWriters {
			return fmt.Errorf("unexpected record %s", line)
		}
		c.found[writer][n] = true
	}
	return err
}
