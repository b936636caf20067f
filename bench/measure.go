package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// bench is one run of the program.
type bench struct {
	*config
	progress io.Writer
	start    time.Time
	temp     string // directory for what is logged

	groups   []*group
	outputs  []outputCheck
	killed   []killResult
	curves   []*curve
	profiles []profileResult
	lines    map[string]int // bytes of a line of the journal, by record

	measured  int       // rounds
	discarded int       // rounds that were measured anew
	others    []float64 // cores that others used, in each kept round
	stolen    []float64 // cores that the host took, in each kept round
}

func newBench(c *config, progress io.Writer) (*bench, error) {
	for _, v := range os.Environ() { // what is measured are the defaults
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "WFSLOG") {
			_ = os.Unsetenv(name) // it has no errors but for wrong names
		}
	}
	temp, err := os.MkdirTemp(c.dir, "wfslog-bench-")
	if err != nil {
		return nil, err
	}
	runtime.GOMAXPROCS(c.procs)
	b := &bench{config: c, progress: progress, start: time.Now(), temp: temp, lines: map[string]int{}}
	return b, b.warmUp()
}

// warmUp touches memory: in a virtual machine, the first touch of a page is far
// slower than any later one, also for the page cache.
func (b *bench) warmUp() error {
	if b.quick {
		return nil
	}
	const block, blocks = 1 << 20, 512
	memory := make([]byte, block)
	f, err := os.CreateTemp(b.temp, "warm")
	if err != nil {
		return err
	}
	for range blocks {
		if _, err := f.Write(memory); err != nil {
			_ = f.Close() // the first error tells more
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Remove(f.Name())
}

func (b *bench) close() error { return os.RemoveAll(b.temp) }

// group is what was measured of sides that were measured in turns.
type group struct {
	name  string
	unit  string // of the values, such as "ns"
	sides []*sideResult
	noisy int // rounds that were kept although others used the machine
}

// sideResult has a value for each round; those of one round belong together.
type sideResult struct {
	name   string
	values []float64
	cpu    []float64 // processor time, which includes goroutines in the background; nil where it is not measured
	note   string
}

func (g *group) side(name string) *sideResult {
	for _, s := range g.sides {
		if s.name == name {
			return s
		}
	}
	return nil
}

// add appends a round's value of a side.
func (g *group) add(name string, value float64) {
	s := g.side(name)
	if s == nil {
		s = &sideResult{name: name}
		g.sides = append(g.sides, s)
	}
	s.values = append(s.values, value)
}

// group begins a group, or returns nil if it is not to be measured.
func (b *bench) group(name, unit string) *group {
	if !b.run.MatchString(name) {
		return nil
	}
	fmt.Fprintf(b.progress, "%6.1fs %s\n", time.Since(b.start).Seconds(), name)
	g := &group{name: name, unit: unit}
	b.groups = append(b.groups, g)
	return g
}

// find returns a group by name, or nil if it was not measured.
func (b *bench) find(name string) *group {
	for _, g := range b.groups {
		if g.name == name {
			return g
		}
	}
	return nil
}

// mode is how many goroutines log.
type mode struct {
	name       string
	goroutines int
}

var modes = []mode{{"serial", 1}, {"parallel", 2}, {"thousand", 1000}}

// share calls op in each of the goroutines, so that it is done n times in all.
func (m mode) share(n int, op func(n int)) {
	if m.goroutines == 1 {
		op(n)
		return
	}
	var all sync.WaitGroup
	for i := range m.goroutines {
		k := n / m.goroutines
		if i < n%m.goroutines {
			k++
		}
		all.Go(func() { op(k) })
	}
	all.Wait()
}

// side is one of the things that are compared.
type side struct {
	name  string
	op    func(n int) // does it n times; called by several goroutines
	after func()      // unless nil, waits for what op has left in the background
}

// compare measures sides in turns, in rounds that begin with another side each.
// Each side first does a quarter of its work without being measured, so that what
// it has in the background is as much at the beginning as at the end.
func (b *bench) compare(g *group, m mode, sides []side) {
	ns := make([]int, len(sides))
	for i, s := range sides {
		g.sides = append(g.sides, &sideResult{name: s.name})
		ns[i] = b.calibrate(m, s)
	}
	b.inRounds(g, func(round int) func() {
		values := make([][2]float64, len(sides))
		for k := range sides {
			i := (k + round) % len(sides)
			runtime.GC() // nobody pays for the garbage of others
			values[i] = measureOnce(m, sides[i], ns[i])
		}
		return func() {
			for i, v := range values {
				g.sides[i].values = append(g.sides[i].values, v[0])
				g.sides[i].cpu = append(g.sides[i].cpu, v[1])
			}
		}
	})
}

// calibrate returns how often to do what takes a slice of time.
func (b *bench) calibrate(m mode, s side) int {
	slice := b.slice
	if m.goroutines > 100 {
		slice = max(2*slice, 30*time.Millisecond) // it takes a while to start them
	}
	for n := max(m.goroutines, 8); ; n *= 2 {
		start := time.Now()
		m.share(n, s.op)
		took := time.Since(start)
		if took < slice/4 && n < 1<<30 {
			continue
		}
		if s.after != nil {
			s.after()
		}
		return max(m.goroutines, int(float64(n)*float64(slice)/float64(max(took, 1))))
	}
}

// measureOnce returns the time and the processor time of one operation in
// nanoseconds.
func measureOnce(m mode, s side, n int) (v [2]float64) {
	m.share((n+3)/4, s.op)
	cpu, start := processorTime(), time.Now()
	m.share(n, s.op)
	v[0] = float64(time.Since(start)) / float64(n)
	v[1] = float64(processorTime()-cpu) / float64(n)
	if s.after != nil {
		s.after()
	}
	return v
}

// inRounds measures rounds. A round while which others used the machine is measured
// anew, as long as there are repeats left. keep adds the round's values to g.
func (b *bench) inRounds(g *group, round func(i int) (keep func())) {
	repeats := b.repeats
	for i := 0; i < b.rounds; {
		before := readLoad()
		keep := round(i)
		others, stolen := before.since()
		b.measured++
		if others > b.busy && repeats > 0 {
			repeats--
			b.discarded++
			time.Sleep(50 * time.Millisecond)
			continue
		}
		keep()
		b.others = append(b.others, others)
		b.stolen = append(b.stolen, stolen)
		if others > b.busy {
			g.noisy++
		}
		i++
	}
}

// noise returns the median of the cores that others used, and the share of rounds
// in which it was too much.
func (b *bench) noise() (cores, share float64) {
	if len(b.others) == 0 {
		return 0, 0
	}
	n := 0
	for _, o := range b.others {
		if o > b.busy {
			n++
		}
	}
	return median(b.others), float64(n) / float64(len(b.others))
}

// underLoad reports whether others have disturbed the run as a whole: processes, or
// the host of a virtual machine.
func (b *bench) underLoad() bool {
	cores, share := b.noise()
	return cores > b.busy || share > 0.25 || median(b.stolen) > b.busy
}

func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	switch n := len(s); {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return s[n/2]
	default:
		return (s[n/2-1] + s[n/2]) / 2
	}
}
