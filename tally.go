package wfslog

import (
	"log/slog"
	"math"
	"sync"
)

// tally sums up, for the operational log, what the actions in a span have reported
// until the span's end. A document counts again, and exactly: whatever comes later
// is in there too.
type tally struct {
	mu  sync.Mutex // protects sum
	sum usageSum
}

func (t *tally) add(u *usageSum) {
	if u.calls == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.add(u)
}

func (t *tally) total() usageSum {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sum
}

// tallyAction adds what the record reports, if it is an action.
func (rec *record) tallyAction(ss *streamSpan) {
	if rec.seq == 0 || len(rec.h.scope.Groups()) > 0 {
		return
	}
	var u usageSum
	action := false
	rec.eachAttr(func(a slog.Attr) {
		action = action || (a.Key == KeyAction && a.Value.Kind() == slog.KindString)
		u.addAttr(a)
	})
	if action {
		ss.tally.add(&u)
	}
}

// tallyEnd adds what the ended span sums up to to its parent, and keeps it for the
// operational log. An action that reports usage hides what is inside it.
func (rec *record) tallyEnd(ss *streamSpan) {
	if rec.seq == 0 {
		return
	}
	if rec.span.kind == KindAction {
		rec.eachAttr(rec.usage.addAttr)
	}
	if rec.usage.calls == 0 {
		rec.usage = ss.tally.total()
	}
	if parent := rec.span.parent; parent != nil {
		rec.h.core.streamSpan(parent).tally.add(&rec.usage)
	}
}

// eachAttr calls f for each of the record's own attributes.
func (rec *record) eachAttr(f func(slog.Attr)) {
	if rec.attrs == nil {
		rec.slog.Attrs(func(a slog.Attr) bool { f(a); return true })
		return
	}
	for _, a := range rec.attrs {
		f(a)
	}
}

// addAttr adds what an attribute of an action reports, as documents do.
func (u *usageSum) addAttr(a slog.Attr) {
	switch {
	case a.Key == KeyUsage && a.Value.Kind() == slog.KindGroup:
		var reported usageSum
		for _, m := range a.Value.Group() {
			if !reported.addBucket(m) {
				return
			}
		}
		u.add(&reported)
		u.calls = 1
	case a.Key == KeyCost && a.Value.Kind() == slog.KindFloat64:
		if usd := a.Value.Float64(); usd >= 0 && usd < 1e9 {
			u.add(&usageSum{cost: uint64(math.Round(usd * 1e9)), hasCost: true})
			u.calls = 1
		}
	}
}

func (u *usageSum) addBucket(m slog.Attr) bool {
	for i, key := range bucketKeys {
		if m.Key == key && m.Value.Kind() == slog.KindInt64 && m.Value.Int64() >= 0 {
			u.tokens[i] = uint64(m.Value.Int64())
			u.known |= 1 << i
			return true
		}
	}
	return false
}

// attrs returns the sum as members of the group wf.
func (u *usageSum) attrs() (attrs []slog.Attr) {
	if u.known != 0 {
		buckets := make([]slog.Attr, 0, bucketCount)
		for i, key := range bucketKeys {
			if u.known&(1<<i) != 0 {
				buckets = append(buckets, slog.Uint64(key, u.tokens[i]))
			}
		}
		attrs = append(attrs, slog.Attr{Key: KeyUsage, Value: slog.GroupValue(buckets...)})
	}
	if u.hasCost {
		attrs = append(attrs, slog.Float64(KeyCost, float64(u.cost)/1e9))
	}
	return attrs
}
