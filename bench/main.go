// Command bench measures wfslog beside other slog handlers and tracers, all in one
// process and in turns, and says how it stands with the bars that wfslog has set
// itself:
//
//	go run ./bench             some minutes
//	go run ./bench -quick      about a minute, for a first look
//	go run ./bench -full       the largest journals as well
//	go run ./bench -o docs     and write docs/performance.md with all figures and curves
//
// It exits with 1 if a bar is missed by more than the noise of a machine explains.
//
// The sections in main.go are what is measured. The records are in cases.go, the other
// libraries in peers.go, where they write to in sinks.go, and wfslog's side of it in
// recorder.go. How sides are measured in turns is in measure.go, what wfslog wants to
// keep to in bars.go. The pages come from report.go, tables.go and svg.go, and their words
// from the templates beside them.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"strings"
	"time"
)

func main() {
	if child, ok := strings.CutPrefix(os.Args[len(os.Args)-1], childPrefix); ok {
		os.Exit(runChild(child, os.Args[1:len(os.Args)-1]))
	}
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It returns 0 if no gate is missed, 1 if one is or something
// failed, and 2 for wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	c, err := parseFlags(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	missed, err := measureAll(c, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return 1
	}
	if len(missed) > 0 {
		fmt.Fprintf(stderr, "bench: %d of wfslog's gates missed:\n", len(missed))
		for _, m := range missed {
			fmt.Fprintf(stderr, "bench: %s: %s, gate %s\n", m.What, m.Reached, m.Gate)
		}
		return 1
	}
	return 0
}

// config is what the flags say, and what follows from it.
type config struct {
	command string
	run     *regexp.Regexp
	out     string // directory of the pages; "" for none
	dir     string // where files are written while measuring; "" for the system's
	procs   int
	quick   bool
	full    bool

	rounds  int
	slice   time.Duration // of one side in one round
	busy    float64       // cores that other processes may use in a round
	repeats int           // rounds of a group that may be measured anew because of that
	journal int64         // bytes of the journals that are read back
	spans   int           // the most spans of a curve
	procsTo int           // the most processes of a curve
	shared  int           // records that they log, all together
	saves   int           // iterations of which each is saved
	kills   int           // of each sink
	profile time.Duration
}

func parseFlags(args []string, stderr io.Writer) (*config, error) {
	c := &config{command: strings.Join(append([]string{"go run ./bench"}, args...), " ")}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	run := f.String("run", "", "measure only groups whose name matches the `regexp`")
	f.StringVar(&c.out, "o", "", "write performance.md, with all figures and curves, into `directory`")
	f.StringVar(&c.dir, "dir", "", "write what is logged into `directory`, on the disk to be measured")
	f.IntVar(&c.procs, "procs", min(2, runtime.NumCPU()), "use `n` cores")
	f.BoolVar(&c.quick, "quick", false, "take about a minute")
	f.BoolVar(&c.full, "full", false, "take the largest journals, of 2 GB and a million spans")
	rounds := f.Int("rounds", 0, "measure `n` rounds instead of 10, or 8 with -quick")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	var err error
	c.run, err = regexp.Compile(*run)
	switch {
	case err != nil:
	case f.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	case c.quick && c.full:
		err = errors.New("-quick and -full exclude each other")
	case c.procs < 1:
		err = errors.New("-procs: want at least 1")
	}
	if err != nil {
		fmt.Fprintln(stderr, "bench:", err)
		return nil, err
	}
	c.size()
	if *rounds > 0 {
		c.rounds = *rounds
	}
	return c, nil
}

// size sets how much is measured.
func (c *config) size() {
	c.rounds, c.slice, c.busy, c.repeats = 10, 50*time.Millisecond, 0.2, 10
	c.journal, c.spans, c.procsTo = 100<<20, 1_000_000, 64
	c.shared = 200_000
	c.saves, c.kills, c.profile = 10_000, 10, 3*time.Second
	switch {
	case c.quick:
		c.rounds, c.slice, c.repeats = 8, 5*time.Millisecond, 0
		c.journal, c.spans, c.procsTo = 4<<20, 10_000, 4
		c.shared = 10_000
		c.saves, c.kills, c.profile = 300, 2, time.Second
	case c.full:
		c.rounds, c.slice, c.repeats = 12, 100*time.Millisecond, 24
		c.journal, c.kills = 2e9, 30
	}
}

// section is a part of what is measured. It leaves out groups that are not
// selected.
type section struct {
	name string
	run  func(b *bench) error
}

var sections = []section{
	{"validity of the output", checkOutputs},
	{"records to nowhere", measureNull},
	{"handlers alone", measureHandlers},
	{"records to files", measureFiles},
	{"spans", measureSpans},
	{"latencies", measureLatency},
	{"parts: escaping, Enabled, allocations", measureParts},
	{"physical limits", measurePhysical},
	{"where the time goes", measureProfile},
	{"journal to tree and document", measureRebuild},
	{"documents that are saved", measureSaving},
	{"memory of wfslog build", measureBuild},
	{"growth", measureGrowth},
	{"kill -9", measureKills},
}

// measureAll runs all sections and reports. It returns the bars whose gate is
// missed.
func measureAll(c *config, stdout, stderr io.Writer) (missed []barResult, err error) {
	b, err := newBench(c, stderr)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	for _, s := range sections {
		if err := s.run(b); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	r, err := b.report()
	if err != nil {
		return nil, err
	}
	if err := r.writeText(stdout); err != nil {
		return nil, err
	}
	if c.out != "" {
		if err := r.writeFiles(c.out); err != nil {
			return nil, err
		}
	}
	for _, bar := range r.Bars {
		if !bar.Passed {
			missed = append(missed, bar)
		}
	}
	return missed, nil
}
