package verify

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
)

// numbers is the set of the numbers of a stream's events, each with the checksum
// of its line. What comes in order takes four bytes an event.
type numbers struct {
	rows  []row // ascending, without overlaps
	loose map[uint64]uint32
}

// row is a sequence of events without gaps.
type row struct {
	from uint64
	sums []uint32
}

func (r row) to() uint64 { return r.from + uint64(len(r.sums)) - 1 }

// maxRows bounds the rows of a stream; what begins another goes where the numbers
// are that come out of order.
const maxRows = 1 << 16

// add adds an event and reports whether it was not known, and if it was, whether
// its line had the same checksum. If it would take more room than there is, it is
// not added; ok is false then.
func (s *numbers) add(seq uint64, sum uint32, room *int) (fresh, same, ok bool) {
	if known, found := s.find(seq); found {
		return false, known == sum, true
	}
	if n := len(s.rows); n > 0 && seq > 1 && s.rows[n-1].to() == seq-1 {
		s.rows[n-1].sums = append(s.rows[n-1].sums, sum)
		return true, false, true
	} else if n == 0 || n < maxRows && seq > s.rows[n-1].to() {
		s.rows = append(s.rows, row{seq, []uint32{sum}})
		return true, false, true
	}
	if *room <= 0 {
		return false, false, false
	}
	*room--
	if s.loose == nil {
		s.loose = map[uint64]uint32{}
	}
	s.loose[seq] = sum
	return true, false, true
}

func (s *numbers) find(seq uint64) (sum uint32, found bool) {
	i, found := slices.BinarySearchFunc(s.rows, seq, func(r row, seq uint64) int { return cmp.Compare(r.from, seq) })
	if !found {
		i--
	}
	if i >= 0 && seq <= s.rows[i].to() {
		return s.rows[i].sums[seq-s.rows[i].from], true
	}
	sum, found = s.loose[seq]
	return sum, found
}

// Range is a range of the numbers of a stream's events.
type Range struct {
	From uint64 `json:"from"`
	To   uint64 `json:"to"`
}

// ranges returns what is in s as ascending ranges with gaps between them.
func (s *numbers) ranges() []Range {
	all := make([]Range, 0, len(s.rows)+len(s.loose))
	for _, r := range s.rows {
		all = append(all, Range{r.from, r.to()})
	}
	for seq := range maps.Keys(s.loose) {
		all = append(all, Range{seq, seq})
	}
	return union(all)
}

// union returns the numbers in any of the given ranges as ascending ranges with
// gaps between them. It uses the memory of all.
func union(all []Range) []Range {
	slices.SortFunc(all, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
	joined := all[:0]
	for _, r := range all {
		if n := len(joined); n > 0 && r.From-1 <= joined[n-1].To { // numbers are counted from 1
			joined[n-1].To = max(joined[n-1].To, r.To)
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

// gaps returns what is not in ranges, which are a union, below their last number.
func gaps(ranges []Range) (missing []Range) {
	next := uint64(1)
	for _, r := range ranges {
		if r.From > next {
			missing = append(missing, Range{next, r.From - 1})
		}
		next = r.To + 1
	}
	return missing
}

// common returns how many numbers are in both of two unions.
func common(a, b []Range) (n uint64) {
	for len(a) > 0 && len(b) > 0 {
		from, to := max(a[0].From, b[0].From), min(a[0].To, b[0].To)
		if from <= to {
			n = add(n, to-from+1)
		}
		if a[0].To < b[0].To {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return n
}

// size returns how many numbers are in a union.
func size(ranges []Range) (n uint64) {
	for _, r := range ranges {
		n = add(n, r.To-r.From+1)
	}
	return n
}

// add returns a+b, or the largest number if that is larger: what a damaged line
// counts must not look like nothing.
func add(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return 1<<64 - 1
	}
	return sum
}
