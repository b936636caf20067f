package wfslog

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Numbers of documents are exact decimals: binary fractions would make sums
// depend on their order, and 0.1+0.2 unsightly.

// formatMillis returns d in milliseconds, with at least one decimal and no more
// than needed: "812.0", "4011.25".
func formatMillis(d time.Duration) json.Number {
	ns := uint64(max(d, 0))
	buf := make([]byte, 0, 24)
	buf = strconv.AppendUint(buf, ns/1e6, 10)
	buf = append(buf, '.')
	return json.Number(appendFraction(buf, ns%1e6, 6, 1))
}

// parseMillis is the reverse of formatMillis.
func parseMillis(text json.Number) (time.Duration, bool) {
	ns, ok := scaleDecimal([]byte(text), 6)
	if !ok || ns > math.MaxInt64 {
		return 0, false
	}
	return time.Duration(ns), true
}

// formatNanos returns n·1e-9 without needless digits: "0.12", "3".
func formatNanos(n uint64) json.Number {
	buf := make([]byte, 0, 24)
	buf = strconv.AppendUint(buf, n/1e9, 10)
	if n%1e9 == 0 {
		return json.Number(buf)
	}
	buf = append(buf, '.')
	return json.Number(appendFraction(buf, n%1e9, 9, 1))
}

// appendFraction appends n as a number of the given width without its trailing
// zeros, but at least least digits of it.
func appendFraction(buf []byte, n uint64, width, least int) []byte {
	from := len(buf)
	for range width {
		buf = append(buf, '0')
	}
	for i := len(buf) - 1; i >= from; i-- {
		buf[i] = byte('0' + n%10)
		n /= 10
	}
	for len(buf) > from+least && buf[len(buf)-1] == '0' {
		buf = buf[:len(buf)-1]
	}
	return buf
}

// scaleDecimal returns the JSON number text times 10^scale, rounded half away
// from zero. It is not ok for negative numbers and for results above
// [math.MaxInt64]. The digits are taken one by one, so nothing is lost, and no
// exponent makes it slow.
func scaleDecimal(text []byte, scale int) (n uint64, ok bool) {
	if len(text) == 0 || text[0] == '-' {
		return 0, false
	}
	mantissa, exponent := text, 0
	for i, c := range text {
		if c == 'e' || c == 'E' {
			mantissa = text[:i]
			exponent = clampExponent(text[i+1:])
			break
		}
	}
	point := len(mantissa)
	for i, c := range mantissa {
		if c == '.' {
			point = i
		}
	}
	places := point + exponent + scale // how many more digits belong to the result
	for _, c := range mantissa {
		if c == '.' {
			continue
		}
		if places <= 0 {
			if places == 0 && c >= '5' {
				n++
			}
			break
		}
		if n > math.MaxInt64/10 {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
		places--
	}
	for ; places > 0 && n > 0; places-- {
		if n > math.MaxInt64/10 {
			return 0, false
		}
		n *= 10
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	return n, true
}

// maxExponent is above any that a number in range can have with a mantissa as
// long as a line.
const maxExponent = 1 << 30

func clampExponent(text []byte) int {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil { // out of range: the text is part of a valid number
		n = maxExponent
		if text[0] == '-' {
			n = -maxExponent
		}
	}
	return int(max(min(n, maxExponent), -maxExponent))
}
