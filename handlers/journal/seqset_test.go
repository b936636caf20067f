package journal

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// members returns all numbers of a small set.
func (s *seqSet) members() (all []uint64) {
	for _, r := range s.ranges {
		for seq := r.from; seq <= r.to; seq++ {
			all = append(all, seq)
		}
	}
	return all
}

func TestSeqSetHoldsWhatWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		added := rapid.SliceOfNDistinct(rapid.Uint64Range(1, 60), 0, 60, rapid.ID).Draw(t, "added")
		var s, part seqSet
		var rest []uint64
		for i, seq := range added {
			s.add(seq)
			if i%3 == 0 {
				part.add(seq)
			} else {
				rest = append(rest, seq)
			}
		}
		slices.Sort(rest)
		for seq := range uint64(62) {
			require.Equal(t, slices.Contains(added, seq), s.has(seq), "%d", seq)
		}
		slices.Sort(added)
		require.Equal(t, added, append([]uint64{}, s.members()...))
		require.Equal(t, uint64(len(added)), s.n)
		for i := 1; i < len(s.ranges); i++ {
			require.Greater(t, s.ranges[i].from, s.ranges[i-1].to+1, "ranges that touch are one")
		}
		missing := s.without(&part)
		require.Equal(t, append([]uint64{}, rest...), append([]uint64{}, missing.members()...))
		require.Equal(t, uint64(len(rest)), missing.n)
		if len(added) > 0 {
			require.Equal(t, seqRange{added[0], added[len(added)-1]}, s.span())
		}
	})
}

func TestSeqSetIsBounded(t *testing.T) {
	var s seqSet
	for i := range uint64(3 * maxRanges) {
		s.add(1 + 2*i)
	}
	assert.Len(t, s.ranges, maxRanges)
	assert.Equal(t, uint64(3*maxRanges), s.n)
	assert.Equal(t, seqRange{1, 6*maxRanges - 1}, s.span())
}
