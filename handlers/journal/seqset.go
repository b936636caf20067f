package journal

import (
	"cmp"
	"slices"
)

// seqSet is the set of the numbers of the events in a segment. They come nearly in
// order, so that it is a few ranges.
type seqSet struct {
	ranges []seqRange // ascending, with gaps between them
	n      uint64     // of events
}

type seqRange struct{ from, to uint64 }

// join returns the smallest range that holds r and other; the zero range is empty.
func (r seqRange) join(other seqRange) seqRange {
	if r == (seqRange{}) || other == (seqRange{}) {
		return seqRange{r.from + other.from, r.to + other.to}
	}
	return seqRange{min(r.from, other.from), max(r.to, other.to)}
}

// maxRanges bounds a set. Above it the gap between the first two ranges is
// forgotten; n stays right.
const maxRanges = 4096

// add adds seq, which is not in s.
func (s *seqSet) add(seq uint64) {
	s.n++
	i := len(s.ranges)
	for i > 0 && s.ranges[i-1].from > seq {
		i--
	}
	joinsPrev := i > 0 && s.ranges[i-1].to+1 >= seq
	joinsNext := i < len(s.ranges) && seq+1 == s.ranges[i].from
	switch {
	case joinsPrev && joinsNext:
		s.ranges[i-1].to = s.ranges[i].to
		s.ranges = slices.Delete(s.ranges, i, i+1)
	case joinsPrev:
		s.ranges[i-1].to = max(s.ranges[i-1].to, seq)
	case joinsNext:
		s.ranges[i].from = seq
	default:
		s.ranges = slices.Insert(s.ranges, i, seqRange{seq, seq})
		if len(s.ranges) > maxRanges {
			s.ranges[1].from = s.ranges[0].from
			s.ranges = slices.Delete(s.ranges, 0, 1)
		}
	}
}

// has reports whether seq is in s.
func (s *seqSet) has(seq uint64) bool {
	i, found := slices.BinarySearchFunc(s.ranges, seq, func(r seqRange, seq uint64) int { return cmp.Compare(r.from, seq) })
	return found || i > 0 && s.ranges[i-1].to >= seq
}

// span returns the smallest range that holds all of s.
func (s *seqSet) span() seqRange {
	if len(s.ranges) == 0 {
		return seqRange{}
	}
	return seqRange{s.ranges[0].from, s.ranges[len(s.ranges)-1].to}
}

// without returns what of s is not in other, which is part of s.
func (s *seqSet) without(other *seqSet) seqSet {
	rest := seqSet{n: s.n - min(other.n, s.n)}
	i := 0
	for _, r := range s.ranges {
		from := r.from
		for ; i < len(other.ranges) && other.ranges[i].from <= r.to; i++ {
			o := other.ranges[i]
			if o.from > from {
				rest.ranges = append(rest.ranges, seqRange{from, o.from - 1})
			}
			from = max(from, o.to+1)
		}
		if from <= r.to {
			rest.ranges = append(rest.ranges, seqRange{from, r.to})
		}
	}
	return rest
}
