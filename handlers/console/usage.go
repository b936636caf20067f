package console

import (
	"log/slog"

	"github.com/wfslog/wfslog/internal/termtext"
)

// usage are the numbers of tokens that a record tells, in disjoint buckets.
type usage struct {
	known [len(buckets)]bool
	n     [len(buckets)]uint64
}

// buckets are the members of the group usage, and what is said of them.
var buckets = [...]struct{ key, words string }{
	{"input_tokens", ""},
	{"output_tokens", ""},
	{"cache_read_tokens", " from cache"},
	{"cache_write_tokens", " to cache"},
	{"reasoning_tokens", " reasoning"},
}

// take takes the members of a group, and reports whether there are any and all of
// them are numbers of tokens. If not, it takes none.
func (u *usage) take(members []slog.Attr) bool {
	var taken usage
	for _, m := range members {
		if !taken.takeOne(m.Key, m.Value.Resolve()) {
			return false
		}
	}
	if taken == (usage{}) {
		return false
	}
	*u = taken
	return true
}

func (u *usage) takeOne(key string, v slog.Value) bool {
	for i := range buckets {
		if buckets[i].key != key {
			continue
		}
		switch {
		case v.Kind() == slog.KindInt64 && v.Int64() >= 0:
			u.n[i] = uint64(v.Int64())
		case v.Kind() == slog.KindUint64:
			u.n[i] = v.Uint64()
		default:
			return false
		}
		u.known[i] = true
		return true
	}
	return false
}

// append appends the numbers: 1.2k→85 tok (8k from cache). An unknown number is a
// question mark.
func (u *usage) append(buf []byte, arrow string) []byte {
	number := func(i int) {
		if u.known[i] {
			buf = termtext.AppendCount(buf, u.n[i])
		} else {
			buf = append(buf, '?')
		}
	}
	number(0)
	buf = append(buf, arrow...)
	number(1)
	buf = append(buf, " tok"...)
	open := " ("
	for i := 2; i < len(buckets); i++ {
		if u.n[i] > 0 {
			buf = append(buf, open...)
			number(i)
			buf = append(buf, buckets[i].words...)
			open = ", "
		}
	}
	if open != " (" {
		buf = append(buf, ')')
	}
	return buf
}
