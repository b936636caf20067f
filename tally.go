package wfslog

import (
	"log/slog"
	"math"
	"slices"
	"sync"
)

// tally sums up, for the operational log, what the actions in a span have reported
// until the span's end. A document counts again, and exactly: whatever comes later
// is in there too.
type tally struct {
	mu  sync.Mutex // protects following fields
	sum usageSum
	own usageSum // what the start and the annotations of an action report of itself
}

// tallied returns the tally of ss. Most spans have nothing to add up, and without the
// room for it a span takes a quarter less memory.
func (ss *streamSpan) tallied() *tally {
	if t := ss.tally.Load(); t != nil {
		return t
	}
	ss.tally.CompareAndSwap(nil, &tally{})
	return ss.tally.Load()
}

func (ss *streamSpan) add(u *usageSum) {
	if u.calls == 0 {
		return
	}
	t := ss.tallied()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sum.add(u)
}

// total returns the sum so far. A nil tally is empty.
func (t *tally) total() usageSum {
	if t == nil {
		return usageSum{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sum
}

// reported returns what an action has reported of itself. A nil tally is empty.
func (t *tally) reported() usageSum {
	if t == nil {
		return usageSum{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.own
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
		u.setAttr(a)
	})
	if action {
		ss.add(&u)
	}
}

// tallyOwn keeps what the start of an action, or an annotation, reports of it.
func (rec *record) tallyOwn() {
	if rec.span.kind != KindAction {
		return
	}
	rec.eachAttr(func(a slog.Attr) {
		if a.Key != KeyUsage && a.Key != KeyCost {
			return
		}
		t := rec.h.core.streamSpan(rec.span).tallied()
		t.mu.Lock()
		defer t.mu.Unlock()
		t.own.setAttr(a)
	})
}

// tallyEnd adds what the ended span sums up to to its parent, and keeps it for the
// operational log. An action that reports usage hides what is inside it.
func (rec *record) tallyEnd(ss *streamSpan) {
	if rec.seq == 0 {
		return
	}
	if rec.span.kind == KindAction {
		rec.usage = ss.tally.Load().reported()
		rec.eachAttr(rec.usage.setAttr)
	}
	if rec.usage.calls == 0 {
		rec.usage = ss.tally.Load().total()
	}
	if parent := rec.span.parent; parent != nil {
		rec.h.core.streamSpan(parent).add(&rec.usage)
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

// setAttr sets what an attribute of an action reports. As in documents, it replaces
// what an earlier one of the same key has reported.
func (u *usageSum) setAttr(a slog.Attr) {
	switch a.Key {
	case KeyUsage:
		u.setBuckets(a.Value)
	case KeyCost:
		u.cost, u.hasCost = nanosOf(a.Value)
	default:
		return
	}
	u.calls = 0
	if u.known != 0 || u.hasCost {
		u.calls = 1
	}
}

// setBuckets sets the buckets to the members of a group, to none if there is another
// among them.
func (u *usageSum) setBuckets(v slog.Value) {
	u.tokens, u.known = [bucketCount]uint64{}, 0
	if v.Kind() != slog.KindGroup {
		return
	}
	var set usageSum
	for _, m := range v.Group() {
		if !set.setBucket(m) {
			return
		}
	}
	u.tokens, u.known = set.tokens, set.known
}

func (u *usageSum) setBucket(m slog.Attr) bool {
	i := slices.Index(bucketKeys[:], m.Key)
	if i < 0 {
		return false
	}
	switch v := m.Value; {
	case v.Kind() == slog.KindUint64:
		u.tokens[i] = v.Uint64()
	case v.Kind() == slog.KindInt64 && v.Int64() >= 0:
		u.tokens[i] = uint64(v.Int64())
	default:
		return false
	}
	u.known |= 1 << i
	return true
}

// nanosOf returns money in 1e-9 USD.
func nanosOf(v slog.Value) (nanos uint64, ok bool) {
	var usd float64
	switch v.Kind() {
	case slog.KindFloat64:
		usd = v.Float64()
	case slog.KindInt64:
		usd = float64(v.Int64())
	case slog.KindUint64:
		usd = float64(v.Uint64())
	default:
		return 0, false
	}
	if usd >= 0 && usd < 1e9 {
		return uint64(math.Round(usd * 1e9)), true
	}
	return 0, false
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
