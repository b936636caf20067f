package termtext_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wfslog/wfslog/internal/termtext"
)

func TestAppendCount(t *testing.T) {
	tests := map[uint64]string{
		0: "0", 999: "999", 1000: "1k", 1234: "1.2k", 9949: "9.9k", 9950: "10k", 184_321: "184k",
		999_499: "999k", 999_500: "1M", 5_600_000: "5.6M", math.MaxUint64: "18E",
	}
	for n, want := range tests {
		assert.Equal(t, want, string(termtext.AppendCount(nil, n)), "of %d", n)
	}
}

func TestAppendCost(t *testing.T) {
	tests := map[float64]string{
		0: "$0.00", 12.345: "$12.35", 1: "$1.00", 0.5: "$0.50", 0.0123: "$0.0123", 0.004: "$0.004",
		0.000045: "$0.000045", 1e-9: "$1e-09", 1234567: "$1234567.00",
	}
	for usd, want := range tests {
		assert.Equal(t, want, string(termtext.AppendCost(nil, usd)), "of %g", usd)
	}
}

func TestCountedHasAPlural(t *testing.T) {
	assert.Equal(t, "0 events", termtext.Counted(0, "event"))
	assert.Equal(t, "1 event", termtext.Counted(uint64(1), "event"))
	assert.Equal(t, "2 events", termtext.Counted(2, "event"))
}
