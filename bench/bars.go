package main

import (
	"fmt"
	"math"
)

// direction says how a bar is to be read.
type direction int

const (
	atMost direction = iota // the side's value, as a multiple of the peer's, may be so much
	faster                  // the side is at least so many times as fast: both values are times
	more                    // the side's value is at least so many times the peer's
)

// bar is something that wfslog wants to keep to.
type bar struct {
	what  string
	group string
	side  string
	peer  string // "" if the value itself counts
	how   direction
	limit float64
	exact bool // the gate is the bar: noise cannot be the reason
	full  bool // it is about what only -full measures
	// control, unless it is "", is a side that shows what the machine does by itself: as
	// much as it has is not counted against wfslog.
	control string
}

// gateFactor is how far a bar may be missed before that is a failure: shared machines
// are noisy.
const gateFactor = 1.3

var bars = []bar{
	{what: "a record with six attributes, in a span, kill-safe, journal and live tree", group: "file/six/serial", side: nameWfslog, peer: nameJSON, limit: 0.40},
	{what: "a record with prompt and answer, the same", group: "file/large/serial", side: nameWfslog, peer: nameJSON, limit: 0.30},
	{what: "six attributes, 1,000 goroutines", group: "file/six/thousand", side: nameWfslog, peer: nameJSON, limit: 0.30},
	{what: "prompt and answer, 1,000 goroutines", group: "file/large/thousand", side: nameWfslog, peer: nameJSON, limit: 0.40},
	{what: "six attributes, against what loses its buffer", group: "file/six/serial", side: nameWfslog, peer: bufferedName(nameJSON), limit: 0.80},
	{what: "prompt and answer, against what loses its buffer", group: "file/large/serial", side: nameWfslog, peer: bufferedName(nameJSON), limit: 0.45},
	{what: "six attributes: journal, live tree and a JSON log besides", group: "file/six/serial", side: nameWithLog, peer: nameJSON, limit: 0.55},
	{what: "prompt and answer: journal, live tree and a JSON log besides", group: "file/large/serial", side: nameWithLog, peer: nameJSON, limit: 0.55},
	{what: "the handler alone, six attributes, to nowhere", group: "handler/six", side: nameWfslog, peer: namePhuslu, limit: 1.0},
	{what: "the handler alone, prompt and answer, to nowhere", group: "handler/large", side: nameWfslog, peer: namePhuslu, limit: 0.35},
	{what: "99th percentile of a call, two busy goroutines", group: "latency/p99", side: nameWfslog, peer: nameJSON, limit: 0.15},
	{what: "99.9th percentile while documents are saved", group: "latency/p99.9", side: nameSaving, peer: bufferedName(nameJSON), limit: 1.2},
	{what: "start, five attributes and end of an action, kill-safe", group: "span/serial", side: nameWfslog, peer: nameBatch, limit: 0.40},
	{what: "allocations added by a record with plain attributes", group: "allocations", side: nameAdded, limit: 0, exact: true},
	{what: "allocations of a span's start and end", group: "allocations", side: nameSpanAllocs, limit: 3, exact: true},
	{what: "Enabled, false, ns", group: "enabled", side: namePlainLevel, limit: 8},
	{what: "Enabled, false, with 1,000 levels, ns", group: "enabled", side: nameManyLevels, limit: 12},
	{what: "escaping 8 KiB of prose", group: "escape/prose", side: nameWfslog, peer: nameJSON, how: faster, limit: 5},
	{what: "escaping 8 KiB of code", group: "escape/code", side: nameWfslog, peer: nameJSON, how: faster, limit: 2},
	{what: "escaping 8 KiB of a prompt", group: "escape/prompt", side: nameWfslog, peer: nameJSON, how: faster, limit: 2.5},
	{what: "escaping 8 KiB of Chinese, Japanese and Korean", group: "escape/cjk", side: nameWfslog, peer: nameJSON, how: faster, limit: 2.5},
	{what: "journal to tree index, with checksums", group: "rebuild/mixed", side: nameIndex, peer: nameStructs, how: more, limit: 35},
	{what: "memory of the index, bytes per event", group: "index memory/mixed", side: nameIndex, limit: 48, exact: true},
	{what: "journal to whole document", group: "rebuild/mixed", side: nameDocument, peer: nameStructs, how: more, limit: 12},
	{what: "memory of wfslog build, 2 GB and a million spans, MB", group: "build memory", side: nameBuild, limit: 300, full: true},
	{what: "bytes written for each of many iterations that are saved: the last against the first", group: "saving/bytes", side: nameLast, peer: nameFirst, limit: 1.1},
	{what: "longest pause of others while documents are saved, ms", group: "saving/pause", side: namePause, limit: 1, control: nameNoPause},
}

// barResult is what became of a bar.
type barResult struct {
	What, Group, Side, Peer string
	Reached, Bar, Gate      string
	Value                   float64 // the median that counts
	Met, Passed             bool    // the bar, the gate
}

// results returns what became of all bars that were measured, and those that were
// not although the run was one for them.
func (b *bench) results() (all []barResult, missing []bar) {
	for _, bar := range bars {
		if bar.full && !b.full {
			continue
		}
		var values []float64
		if g := b.find(bar.group); g != nil {
			values = bar.values(g)
			if len(values) > 0 {
				all = append(all, bar.result(g, summarize(values)))
			}
		}
		if len(values) == 0 && b.run.String() == "" {
			missing = append(missing, bar)
		}
	}
	return all, missing
}

// values returns the ratio, or the value itself, of each round.
func (b bar) values(g *group) []float64 {
	side := g.side(b.side)
	if side == nil {
		return nil
	}
	if b.peer == "" {
		return side.values
	}
	peer := g.side(b.peer)
	switch {
	case peer == nil:
		return nil
	case b.how == faster:
		return ratios(peer.values, side.values)
	default:
		return ratios(side.values, peer.values)
	}
}

func (b bar) result(g *group, s summary) barResult {
	limit, gate := b.limit, b.limit*gateFactor
	if b.how != atMost {
		gate = b.limit / gateFactor
	}
	if b.exact {
		gate = limit
	}
	if b.control != "" {
		gate = max(gate, gateFactor*median(g.side(b.control).values))
	}
	r := barResult{
		What: b.what, Group: b.group, Side: b.side, Peer: b.peer, Value: s.Median,
		Met: s.Median <= limit, Passed: s.Median <= gate,
	}
	sign, times := "≤", ""
	if b.how != atMost {
		r.Met, r.Passed = s.Median >= limit, s.Median >= gate
		sign, times = "≥", "×"
	}
	r.Reached = number(s.Median) + times + interval(s)
	r.Bar = fmt.Sprintf("%s %s%s", sign, number(limit), times)
	r.Gate = fmt.Sprintf("%s %s%s", sign, number(gate), times)
	return r
}

// number prints three digits, or all of a large number.
func number(v float64) string {
	switch abs := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case v == math.Trunc(v) && abs < 1e6:
		return fmt.Sprintf("%.0f", v)
	case abs >= 100:
		return fmt.Sprintf("%.0f", v)
	case abs >= 10:
		return fmt.Sprintf("%.1f", v)
	case abs >= 0.01:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.2g", v)
	}
}

// interval prints where the median is with the usual confidence, unless there are
// too few rounds to say.
func interval(s summary) string {
	if math.IsInf(s.Lo, 0) || math.IsInf(s.Hi, 0) || s.N < 2 || s.Lo == s.Hi {
		return ""
	}
	return fmt.Sprintf(" (%s to %s)", number(s.Lo), number(s.Hi))
}
