package wfslog

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMillisecondsAreExact(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want json.Number
	}{
		{0, "0.0"},
		{1, "0.000001"},
		{812 * time.Millisecond, "812.0"},
		{4011200 * time.Microsecond, "4011.2"},
		{999999, "0.999999"},
		{math.MaxInt64, "9223372036854.775807"},
		{-1, "0.0"},
	}
	for _, tt := range tests {
		got := formatMillis(tt.d)
		assert.Equal(t, tt.want, got)
		back, ok := parseMillis(got)
		assert.True(t, ok)
		assert.Equal(t, max(tt.d, 0), back)
	}
}

func TestScaleDecimal(t *testing.T) {
	tests := []struct {
		text string
		want uint64
		ok   bool
	}{
		{"0", 0, true},
		{"0.12", 120_000_000, true},
		{"1.5e-05", 15_000, true},
		{"1E+3", 1_000_000_000_000, true},
		{"0.0000000005", 1, true},
		{"0.00000000049999999", 0, true},
		{"0.0000000015", 2, true},
		{"5e-10", 1, true},
		{"4e-10", 0, true},
		{"5e-11", 0, true},
		{"9223372036.854775807", math.MaxInt64, true},
		{"9223372036.8547758074", math.MaxInt64, true},
		{"9223372036.8547758075", 0, false},
		{"9223372037", 0, false},
		{"1e300", 0, false},
		{"0e999999999999999999999", 0, true},
		{"1e-999999999999999999999", 0, true},
		{"1e999999999999999999999", 0, false},
		{"-1", 0, false},
		{"-0", 0, false},
		{"", 0, false},
	}
	for _, tt := range tests {
		got, ok := scaleDecimal([]byte(tt.text), 9)
		assert.Equal(t, tt.ok, ok, tt.text)
		assert.Equal(t, tt.want, got, tt.text)
	}
}

func TestScaleDecimalIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(0|[1-9][0-9]{0,11})(\.[0-9]{1,14})?(e[+-]?[0-9]{1,2})?`).Draw(t, "number")
		mantissa, exponent, _ := strings.Cut(text, "e")
		want, ok := new(big.Rat).SetString(mantissa)
		require.True(t, ok)
		e := 0
		if exponent != "" {
			e, _ = strconv.Atoi(exponent)
		}
		power := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(e+9, -e-9))), nil))
		if e+9 < 0 {
			power.Inv(power)
		}
		want.Mul(want, power)
		want.Add(want, big.NewRat(1, 2))
		rounded := new(big.Int).Quo(want.Num(), want.Denom())
		got, ok := scaleDecimal([]byte(text), 9)
		require.Equal(t, rounded.IsInt64(), ok, text)
		if ok {
			require.Equal(t, rounded.Uint64(), got, text)
			back, ok := scaleDecimal([]byte(formatNanos(got)), 9)
			require.True(t, ok)
			require.Equal(t, got, back)
		}
	})
}
