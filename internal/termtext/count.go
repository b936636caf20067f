package termtext

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// AppendCount appends n with at most three digits: 850, 1.2k, 34k, 5.6M.
func AppendCount(buf []byte, n uint64) []byte {
	if n < 1000 {
		return strconv.AppendUint(buf, n, 10)
	}
	v, unit := float64(n)/1e3, 0
	const units = "kMGTPE"
	for v >= 999.5 {
		v /= 1e3
		unit++
	}
	decimals := 0
	if v < 9.95 {
		decimals = 1
	}
	buf = strconv.AppendFloat(buf, v, 'f', decimals, 64)
	if decimals == 1 && buf[len(buf)-1] == '0' {
		buf = buf[:len(buf)-len(".0")]
	}
	return append(buf, units[unit])
}

// Counted returns a number with its noun: 1 event, 2 events.
func Counted[N int | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// AppendCost appends an amount of US dollars: $12.34, $0.0123, $0.000045. Amounts
// below a millionth are shown as such.
func AppendCost(buf []byte, usd float64) []byte {
	buf = append(buf, '$')
	decimals := 6
	switch abs := math.Abs(usd); {
	case abs >= 1:
		decimals = 2
	case abs >= 0.01:
		decimals = 4
	case abs > 0 && abs < 1e-6:
		return strconv.AppendFloat(buf, usd, 'g', 2, 64)
	}
	text := strconv.FormatFloat(usd, 'f', decimals, 64)
	end := strings.IndexByte(text, '.') + len(".00")
	return append(buf, text[:max(end, len(strings.TrimRight(text, "0")))]...)
}
