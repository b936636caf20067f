package main

import (
	"math"
	"math/bits"
	"slices"

	"golang.org/x/perf/benchmath"
)

// confidence of the intervals around medians.
const confidence = 0.95

// summary says where values lie: their median with its confidence interval, as
// benchstat computes it, and their quartiles.
type summary struct {
	Median, Lo, Hi, Q1, Q3 float64
	N                      int
}

func summarize(values []float64) summary {
	sorted := slices.Sorted(slices.Values(values))
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(sorted, &benchmath.DefaultThresholds), confidence)
	return summary{
		Median: s.Center, Lo: s.Lo, Hi: s.Hi,
		Q1: quantile(sorted, 0.25), Q3: quantile(sorted, 0.75), N: len(sorted),
	}
}

// ratios returns a / b for each round.
func ratios(a, b []float64) []float64 {
	r := make([]float64, min(len(a), len(b)))
	for i := range r {
		r[i] = a[i] / b[i]
	}
	return r
}

// quantile returns the q-th quantile of sorted values, between two of them if need
// be.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// histogram counts durations in nanoseconds, each in a class no wider than 1/32 of
// it.
type histogram struct {
	counts [64 * 32]uint32
	n      int
	max    int64
}

func (h *histogram) add(ns int64) {
	h.counts[classOf(uint64(max(ns, 0)))]++
	h.n++
	h.max = max(h.max, ns)
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// quantile returns the upper end of the class in which the q-th quantile lies.
func (h *histogram) quantile(q float64) float64 {
	rank := int(math.Ceil(q * float64(h.n)))
	for i, n := range h.counts {
		if rank -= int(n); rank <= 0 {
			return min(float64(classEnd(i)), float64(h.max))
		}
	}
	return float64(h.max)
}

// classOf returns the number of the class of v: the exponent, and the five bits
// behind the first one.
func classOf(v uint64) int {
	if v < 64 {
		return int(v)
	}
	shift := bits.Len64(v) - 6
	return shift<<5 + int(v>>shift)
}

func classEnd(class int) uint64 {
	if class < 64 {
		return uint64(class)
	}
	shift := class>>5 - 1
	return (uint64(class-shift<<5)+1)<<shift - 1
}
