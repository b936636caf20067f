package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// processorTime returns what this process has used, all threads together.
func processorTime() time.Duration { return usage(syscall.RUSAGE_SELF) }

func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// load is what the machine has done until a moment.
type load struct {
	at           time.Time
	busy, stolen time.Duration // of all cores: by anybody, and by the host of a virtual machine
	own          time.Duration // by this process and those that it has started
	kernel       time.Duration // by threads of the kernel: they write back what we have written
}

// tick is the unit of /proc/stat.
const tick = 10 * time.Millisecond

func readLoad() load {
	l := load{at: time.Now(), own: usage(syscall.RUSAGE_SELF) + usage(syscall.RUSAGE_CHILDREN)}
	l.kernel = kernelThreads()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return l
	}
	// cpu user nice system idle iowait irq softirq steal …
	for i, field := range bytes.Fields(bytes.SplitN(stat, []byte{'\n'}, 2)[0]) {
		ticks, err := strconv.ParseInt(string(field), 10, 64)
		switch {
		case err != nil:
		case i == 1, i == 2, i == 3, i == 6, i == 7:
			l.busy += time.Duration(ticks) * tick
		case i == 8:
			l.stolen += time.Duration(ticks) * tick
		}
	}
	return l
}

// since returns how many cores other processes have used since l, and how many the
// host has taken away.
func (l load) since() (others, stolen float64) {
	now := readLoad()
	d := float64(now.at.Sub(l.at))
	busy := now.busy - l.busy - (now.own - l.own) - (now.kernel - l.kernel)
	return max(0, float64(busy)/d), float64(now.stolen-l.stolen) / d
}

// kernelThreads returns what the threads of the kernel have used. In a container
// they may not be seen.
func kernelThreads() (used time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// pid (name) state ppid … utime stime: the 4th, 14th and 15th field
		_, rest, _ := bytes.Cut(stat, []byte(") "))
		fields := bytes.Fields(rest)
		const kthreadd = "2"
		if len(fields) < 13 || string(fields[1]) != kthreadd {
			continue
		}
		for _, field := range fields[11:13] {
			ticks, _ := strconv.ParseInt(string(field), 10, 64) // the kernel's number
			used += time.Duration(ticks) * tick
		}
	}
	return used
}

// bytesWritten returns what this process has written, to files or elsewhere.
func bytesWritten() float64 {
	io, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(io) {
		if text, ok := bytes.CutPrefix(line, []byte("wchar: ")); ok {
			n, _ := strconv.ParseFloat(string(bytes.TrimSpace(text)), 64) // the kernel's number
			return n
		}
	}
	return 0
}

// peakMemory returns the most memory that a process had, in bytes.
func peakMemory(p *os.ProcessState) float64 {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(u.Maxrss) * 1024
}

// sharedCounters returns counters that are kept in a file, also if the process is
// killed.
func sharedCounters(path string, n int) ([]*atomic.Uint64, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // the mapping stays
	if err := f.Truncate(int64(8 * n)); err != nil {
		return nil, err
	}
	memory, err := syscall.Mmap(int(f.Fd()), 0, 8*n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mmap %s: %w", path, err)
	}
	counters := make([]*atomic.Uint64, n)
	for i := range counters {
		counters[i] = (*atomic.Uint64)(unsafe.Pointer(&memory[8*i])) // aligned: a mapping begins at a page
	}
	return counters, nil
}

// readCounters reads what [sharedCounters] has kept.
func readCounters(path string, n int) ([]uint64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(text) != 8*n {
		return nil, fmt.Errorf("%s: %d bytes", path, len(text))
	}
	counters := make([]uint64, n)
	for i := range counters {
		counters[i] = binary.NativeEndian.Uint64(text[8*i:])
	}
	return counters, nil
}
