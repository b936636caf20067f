package termtext

import "time"

// Duration returns d with about three significant digits.
func Duration(d time.Duration) string {
	switch abs := d.Abs(); {
	case abs >= time.Minute:
		d = d.Round(time.Second)
	case abs >= 10*time.Second:
		d = d.Round(100 * time.Millisecond)
	case abs >= time.Second:
		d = d.Round(10 * time.Millisecond)
	case abs >= 10*time.Millisecond:
		d = d.Round(100 * time.Microsecond)
	case abs >= time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	case abs >= 10*time.Microsecond:
		d = d.Round(100 * time.Nanosecond)
	case abs >= time.Microsecond:
		d = d.Round(10 * time.Nanosecond)
	}
	return d.String()
}
