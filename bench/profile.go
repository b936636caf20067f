package main

import (
	"bytes"
	"cmp"
	"errors"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/google/pprof/profile"
)

// profileResult says where the time of a record goes.
type profileResult struct {
	Record    string
	Parts     []share // by what the code is for, the largest first
	Functions []share // by the functions that were running, the largest first
}

// share is a part of all samples.
type share struct {
	Name    string
	Percent float64
}

// parts tell by the functions on the stack, the innermost first, what a sample was
// for. The first that has one of its prefixes decides.
var parts = []struct {
	name     string
	prefixes []string
}{
	{"garbage collection", []string{"runtime.gcBgMarkWorker", "runtime.gcAssist", "runtime.bgsweep", "runtime.gcStart"}},
	{"reading the clock", []string{"time.Now", "time.now", "time.runtimeNow", "runtime.nanotime", "time.Since"}},
	{"finding the caller (slog)", []string{"runtime.Callers", "runtime.callers"}},
	{"system calls", []string{"syscall.", "internal/runtime/syscall.", "internal/poll."}},
	{"encoding", []string{"github.com/wfslog/wfslog/internal/encode.", "github.com/wfslog/wfslog/internal/event."}},
	{"looking for secrets", []string{"github.com/wfslog/wfslog/internal/redact."}},
	{"numbering, locking and copying", []string{"github.com/wfslog/wfslog/internal/sequencer.", "github.com/wfslog/wfslog/handlers/journal."}},
	{"live tree", []string{"github.com/wfslog/wfslog.(*documentSaver).", "github.com/wfslog/wfslog.(*savedStream).", "github.com/wfslog/wfslog.(*runSaver)."}},
	{"the handler itself", []string{"github.com/wfslog/wfslog."}},
	{"slog in front of the handler", []string{"log/slog."}},
	{"the loop that logs", []string{"main."}},
}

// scheduling is what nobody else has asked for.
const scheduling = "scheduling and the rest of the runtime"

// topFunctions is how many functions are named.
const topFunctions = 12

// measureProfile takes processor profiles of a goroutine that logs into a journal.
func measureProfile(b *bench) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	var our ours
	for _, r := range records {
		if r.name == "five" || !b.run.MatchString("profile/"+r.name) {
			continue
		}
		if our.plain == nil {
			if our, err = b.openOurs(&open); err != nil {
				return err
			}
		}
		op := r.loop(our.plain.span, our.plain.agent)
		var text bytes.Buffer
		if err := pprof.StartCPUProfile(&text); err != nil {
			return err
		}
		for start := time.Now(); time.Since(start) < b.profile; {
			op(1000)
		}
		pprof.StopCPUProfile()
		p, err := profile.Parse(&text)
		if err != nil {
			return err
		}
		b.profiles = append(b.profiles, newProfileResult(r.name, p))
	}
	return nil
}

func newProfileResult(name string, p *profile.Profile) profileResult {
	byPart, byFunction := map[string]int64{}, map[string]int64{}
	total := int64(0)
	for _, s := range p.Sample {
		stack := functionsOf(s)
		if len(stack) == 0 {
			continue
		}
		n := s.Value[0]
		total += n
		byFunction[stack[0]] += n
		byPart[partOf(stack)] += n
	}
	r := profileResult{Record: name, Parts: shares(byPart, total), Functions: shares(byFunction, total)}
	r.Functions = r.Functions[:min(len(r.Functions), topFunctions)]
	return r
}

// functionsOf returns the names of the functions on a sample's stack, the innermost
// first.
func functionsOf(s *profile.Sample) (names []string) {
	for _, l := range s.Location {
		for _, line := range l.Line {
			if line.Function != nil {
				names = append(names, line.Function.Name)
			}
		}
	}
	return names
}

func partOf(stack []string) string {
	for _, function := range stack {
		for _, p := range parts {
			if slices.ContainsFunc(p.prefixes, func(prefix string) bool { return strings.HasPrefix(function, prefix) }) {
				return p.name
			}
		}
	}
	return scheduling
}

func shares(counts map[string]int64, total int64) (all []share) {
	for name, n := range counts {
		all = append(all, share{name, 100 * float64(n) / float64(max(total, 1))})
	}
	slices.SortFunc(all, func(a, b share) int { return cmp.Or(cmp.Compare(b.Percent, a.Percent), cmp.Compare(a.Name, b.Name)) })
	return all
}
