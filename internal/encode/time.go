package encode

import (
	"time"
)

const (
	secondsPerDay = 24 * 60 * 60
	// unixDays is the number of days from March 1 of the year 0 to January 1, 1970.
	unixDays = 719_468
	// The seconds since 1970 at which the years 0 and 10000 begin.
	yearZero        = -62_167_219_200
	yearTenThousand = 253_402_300_800
)

// Time appends t as a JSON string in the format of [time.RFC3339Nano], in the zone
// that t has. Times in zones that this format cannot express are in UTC. Years
// outside 0 to 9999 have as many digits as they need, and a sign if negative.
func (e *Encoder) Time(t time.Time) {
	offset := 0
	if t.Location() != time.UTC {
		if _, offset = t.Zone(); offset%60 != 0 || offset <= -secondsPerDay || offset >= secondsPerDay {
			t, offset = t.UTC(), 0
		}
	}
	seconds := t.Unix() + int64(offset)
	if seconds < yearZero || seconds >= yearTenThousand {
		e.Hostile = true // slog.JSONHandler writes an invalid line
		e.Buf = append(e.Buf, '"')
		e.Buf = t.AppendFormat(e.Buf, time.RFC3339Nano)
		e.Buf = append(e.Buf, '"')
		return
	}
	if e.date.text[0] == 0 || e.date.seconds != seconds {
		e.date.set(seconds)
	}
	b := append(e.Buf, e.date.text[:]...)
	b = appendFraction(b, t.Nanosecond())
	if offset == 0 {
		b = append(b, 'Z')
	} else {
		sign := byte('+')
		if offset < 0 {
			sign, offset = '-', -offset
		}
		b = appendDigits2(append(b, sign), offset/3600)
		b = appendDigits2(append(b, ':'), offset/60%60)
	}
	e.Buf = append(b, '"')
}

// dateText is a second as JSON has it. Most records have the second of the one before,
// so that it is worth keeping.
type dateText struct {
	seconds int64                             // since 1970, in the zone of the text
	text    [len(`"2006-01-02T15:04:05`)]byte // zero before the first second
}

func (d *dateText) set(seconds int64) {
	sinceZero := uint64(seconds - yearZero)
	year, month, day := date(int(sinceZero/secondsPerDay) + yearZero/secondsPerDay)
	clock := int(sinceZero % secondsPerDay)
	b := append(d.text[:0], '"')
	b = appendDigits2(b, year/100)
	b = appendDigits2(b, year%100)
	b = appendDigits2(append(b, '-'), month)
	b = appendDigits2(append(b, '-'), day)
	b = appendDigits2(append(b, 'T'), clock/3600)
	b = appendDigits2(append(b, ':'), clock/60%60)
	appendDigits2(append(b, ':'), clock%60)
	d.seconds = seconds
}

// date returns the Gregorian date of a day, counted from 1970, of the years 0 to
// 9999. It counts from a March 1, so that the leap day is the last of a year.
func date(days int) (year, month, day int) {
	const (
		daysPer400 = 146_097
		daysPer100 = 36_524
		daysPer4   = 1_461
	)
	days += unixDays + daysPer400 // so that it is positive
	era, days := days/daysPer400, days%daysPer400
	yearOfEra := (days - days/(daysPer4-1) + days/daysPer100 - days/(daysPer400-1)) / 365
	days -= 365*yearOfEra + yearOfEra/4 - yearOfEra/100
	fromMarch := (5*days + 2) / 153 // 153 days in each five months from March or August
	day = days - (153*fromMarch+2)/5 + 1
	year, month = 400*(era-1)+yearOfEra, fromMarch+3
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func appendDigits2(b []byte, n int) []byte {
	return append(b, '0'+byte(n/10), '0'+byte(n%10))
}

// appendFraction appends the fraction of a second without trailing zeros.
func appendFraction(b []byte, nanoseconds int) []byte {
	if nanoseconds == 0 {
		return b
	}
	digits := 9
	for nanoseconds%10 == 0 {
		nanoseconds /= 10
		digits--
	}
	end := len(b) + 1 + digits
	b = append(b, ".000000000"[:1+digits]...)
	for i := end - 1; nanoseconds > 0; i-- {
		b[i] = '0' + byte(nanoseconds%10)
		nanoseconds /= 10
	}
	return b
}
