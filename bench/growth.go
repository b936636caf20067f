package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
)

// curve is what something costs, by how much there is of it.
type curve struct {
	Name, Title string
	X, Y        string // labels of the axes
	Lines       []curveLine
}

type curveLine struct {
	Name   string
	Points []point
}

// point is a median between the lowest and the highest value that was measured.
type point struct{ X, Y, Lo, Hi float64 }

// curveRepeats is how often each point of a curve is measured.
const curveRepeats = 3

// measureGrowth measures the cost of an event by the numbers of spans, processes and
// goroutines.
func measureGrowth(b *bench) error {
	return errors.Join(b.growSpans(), b.growDocuments(), b.growProcesses(), b.growGoroutines())
}

// curve begins a curve, or returns nil if it is not to be measured.
func (b *bench) curve(name, title, x string) *curve {
	name = "growth/" + name
	if !b.run.MatchString(name) {
		return nil
	}
	fmt.Fprintf(b.progress, "%6.1fs %s\n", time.Since(b.start).Seconds(), name)
	c := &curve{Name: name, Title: title, X: x, Y: "ns per event"}
	b.curves = append(b.curves, c)
	return c
}

// point measures a point of a line, at x. As [bench.inRounds] does, it leaves out
// what was measured while others used the machine, up to a point.
func (b *bench) point(c *curve, line string, x int, measure func() (float64, error)) error {
	var values []float64
	for repeats := min(b.repeats, curveRepeats); len(values) < curveRepeats; {
		runtime.GC()
		before := readLoad()
		v, err := measure()
		if err != nil {
			return err
		}
		if others, _ := before.since(); others > b.busy && repeats > 0 {
			repeats--
			continue
		}
		values = append(values, v)
	}
	p := point{float64(x), median(values), slices.Min(values), slices.Max(values)}
	for i := range c.Lines {
		if c.Lines[i].Name == line {
			c.Lines[i].Points = append(c.Lines[i].Points, p)
			return nil
		}
	}
	c.Lines = append(c.Lines, curveLine{line, []point{p}})
	return nil
}

// eventsOfSpan is how many events [logSpans] writes for each span.
const eventsOfSpan = 3

// logSpans records spans in one iteration, each with a record.
func logSpans(ctx context.Context, log *slog.Logger, n int) {
	for range n {
		act := wfslog.StartAction(ctx, "llm_call")
		logFive(act, log)
		wfslog.End(act)
	}
}

func (b *bench) growSpans() (err error) {
	c := b.curve("spans", "Logging: spans of one run", "spans")
	if c == nil {
		return nil
	}
	dir, err := os.MkdirTemp(b.temp, "spans")
	if err != nil {
		return err
	}
	r := newRecorder(wfslog.Options{Dir: dir, SaveOn: wfslog.SaveNever})
	defer func() { err = errors.Join(err, r.Close(), os.RemoveAll(dir)) }()
	logSpans(r.span, r.agent, 1000)
	for n := 1; n <= b.spans; n *= 10 {
		err := b.point(c, nameWfslog, n, func() (float64, error) {
			var took time.Duration
			runs := max(1, min(10_000, b.spans)/n) // of few spans, many runs
			for range runs {
				it := wfslog.StartIteration(r.workflow())
				start := time.Now()
				logSpans(it, r.agent, n)
				took += time.Since(start)
			}
			return float64(took) / float64(runs*n*eventsOfSpan), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// growDocuments measures how long it takes to make the document of a run from its
// journal.
func (b *bench) growDocuments() error {
	c := b.curve("documents", "Reading: spans of one run", "spans")
	if c == nil {
		return nil
	}
	most := b.spans
	if !b.full {
		most = min(most, 100_000)
	}
	for n := 1; n <= most; n *= 10 {
		dir, err := os.MkdirTemp(b.temp, "documents")
		if err != nil {
			return err
		}
		h := wfslog.NewHandler(&wfslog.Options{
			Dir: dir, Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever, Journal: wfslog.JournalOptions{Sync: journal.SyncNever},
		})
		r := &recorder{h: h, agent: slog.New(h).WithGroup("workflow.agent1")}
		run := r.workflow()
		logSpans(wfslog.StartIteration(run), r.agent, n)
		wfslog.End(run)
		if err := h.Close(); err != nil {
			return err
		}
		perEvent := func(f func() error) func() (float64, error) {
			return func() (float64, error) {
				repeats := max(1, 1000/n)
				start := time.Now()
				for range repeats {
					if err := f(); err != nil {
						return 0, err
					}
				}
				return float64(time.Since(start)) / float64(repeats) / float64(h.Stats().Written), nil
			}
		}
		err = errors.Join(
			b.point(c, nameIndex, n, perEvent(func() error { _, err := indexJournal(dir); return err })),
			b.point(c, nameDocument, n, perEvent(func() error { return buildDocument(dir, os.DevNull) })),
			os.RemoveAll(dir))
		if err != nil {
			return err
		}
	}
	return nil
}

// growProcesses lets processes log into one directory at once.
func (b *bench) growProcesses() error {
	c := b.curve("processes", "Processes that log into one directory", "processes")
	if c == nil {
		return nil
	}
	for n := 1; n <= b.procsTo; n *= 2 {
		for _, sink := range []string{nameWfslog, nameJSON} {
			err := b.point(c, sink, n, func() (float64, error) { return b.logInProcesses(sink, n, b.shared/n) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// logInProcesses returns the time that an event takes, in nanoseconds, when each of n
// processes logs as many records.
func (b *bench) logInProcesses(sink string, n, records int) (ns float64, err error) {
	dir, err := os.MkdirTemp(b.temp, "processes")
	if err != nil {
		return 0, err
	}
	type process struct {
		in  io.WriteCloser
		out *bufio.Reader
	}
	var all []process
	for range n {
		cmd, err := startChild("log", sink, dir, strconv.Itoa(records))
		if err != nil {
			return 0, err
		}
		in, err := cmd.StdinPipe()
		if err != nil {
			return 0, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return 0, err
		}
		if err := cmd.Start(); err != nil {
			return 0, err
		}
		p := process{in, bufio.NewReader(out)}
		defer func() { err = errors.Join(err, p.in.Close(), cmd.Wait()) }()
		if _, err := p.out.ReadString('\n'); err != nil {
			return 0, err
		}
		all = append(all, p)
	}
	start := time.Now()
	for _, p := range all {
		if _, err := p.in.Write([]byte{'\n'}); err != nil {
			return 0, err
		}
	}
	for _, p := range all {
		if _, err := p.out.ReadString('\n'); err != nil {
			return 0, err
		}
	}
	took := time.Since(start)
	return float64(took) / float64(n*records), nil
}

func (b *bench) growGoroutines() (err error) {
	c := b.curve("goroutines", "Goroutines that log to one handler", "goroutines")
	if c == nil {
		return nil
	}
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	ours, err := b.openOurs(&open)
	if err != nil {
		return err
	}
	f, err := openFile(b.temp, "goroutines.jsonl")
	if err != nil {
		return err
	}
	open.add(f)
	five := records[0]
	sides := []side{
		{nameWfslog, five.loop(ours.plain.span, ours.plain.agent), ours.plain.settle},
		{name: nameJSON, op: five.loop(context.Background(), slog.New(slog.NewJSONHandler(f, nil)))},
	}
	for _, n := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000} {
		m := mode{"", n}
		for _, s := range sides {
			times := b.calibrate(m, s)
			if err := b.point(c, s.name, n, func() (float64, error) { return measureOnce(m, s, times)[0], nil }); err != nil {
				return err
			}
		}
	}
	return nil
}
