package encode

import (
	"log/slog"
	"sync/atomic"

	"github.com/wfslog/wfslog/internal/redact"
)

// known holds texts that stand for themselves in JSON and have no secret: keys and
// messages are mostly constants of the program, so that it is enough to look at each
// once. That saves a quarter of the time that a small record takes. What is in the
// table stays, so that it makes no garbage, and gets there when it comes twice, so that
// messages with numbers in them do not fill it.
var known [1 << 10]struct {
	text atomic.Pointer[knownText] // nil if the slot is free
	hash atomic.Uint64             // of the text that came last while the slot was free
}

// knownText is a text as a key, with the comma before it and the colon behind it.
type knownText struct {
	json  [maxKnown + len(`,"":`)]byte
	n     uint8
	tells bool   // as a key it says that its value may be a secret
	bit   uint64 // one of 64, which other texts may have as well
}

// maxKnown is the length in bytes of the longest text in known.
const maxKnown = 64

// knownTextOf returns s if it is known, else nil.
func knownTextOf(s string) *knownText {
	if len(s) == 0 || len(s) > maxKnown {
		return nil
	}
	t := known[hashText(s)%uint64(len(known))].text.Load()
	if t == nil || string(t.json[len(`,"`):t.n-2]) != s {
		return nil
	}
	return t
}

// hashText returns a hash of s, which is not empty, that is never 0. It looks at both
// ends of s.
func hashText(s string) uint64 {
	const factor = 0x9E3779B97F4A7C15 // 2⁶⁴ divided by the golden ratio
	n := len(s)
	var head, tail uint64
	switch {
	case n >= 8:
		head, tail = load(s), load(s[n-8:])
	case n >= 4:
		head, tail = uint64(load32(s)), uint64(load32(s[n-4:]))
	default:
		head, tail = uint64(s[0])|uint64(s[n/2])<<8, uint64(s[n-1])
	}
	h := (head*factor ^ tail ^ uint64(n)<<56) * factor
	return h>>32 | 1<<63
}

// load32 returns the first four bytes of s.
func load32(s string) uint32 {
	_ = s[3] // one bounds check
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// appendKnown appends s in quotation marks, if it is known, and reports whether it
// is.
func (e *Encoder) appendKnown(s string) bool {
	t := knownTextOf(s)
	if t == nil {
		return false
	}
	e.Buf = append(e.Buf, t.json[1:t.n-1]...)
	return true
}

// learn makes s known, if it stands for itself: in quotation marks at the end of the
// buffer. A key that starts with "!" would not.
func (e *Encoder) learn(s string) {
	if len(s) == 0 || len(s) > maxKnown || s[0] == '!' {
		return
	}
	hash := hashText(s)
	slot := &known[hash%uint64(len(known))]
	if slot.text.Load() != nil || slot.hash.Swap(hash) != hash {
		return
	}
	start := len(e.Buf) - len(s) - len(`""`)
	if start < 0 || e.Buf[start] != '"' || string(e.Buf[start+1:len(e.Buf)-1]) != s {
		return
	}
	if _, secrets := redact.Text(s); secrets > 0 {
		return
	}
	t := &knownText{tells: redact.Key(s) != redact.None, bit: 1 << (hash % 64)}
	t.json[0] = ','
	t.n = uint8(1 + copy(t.json[1:], e.Buf[start:]))
	t.json[t.n] = ':'
	t.n++
	slot.text.CompareAndSwap(nil, t)
}

// appendPlain appends a as a member of o, if its key is known and its value a plain
// one or a group, and reports whether it did, and whether there is something of it.
// That groups are among them makes a record with one a tenth cheaper: their keys are
// not looked for twice, and those beside them need no comparison.
func (e *Encoder) appendPlain(o *object, a slog.Attr) (some, ok bool) {
	t := knownTextOf(a.Key)
	if t == nil || e.Redact && (t.tells || o.secret) || len(a.Key) > e.limits.KeyBytes ||
		e.nodes >= e.limits.Nodes || len(e.Buf)+len(t.json)+keptPerMember+minValue > e.end {
		return false, false
	}
	kind := a.Value.Kind()
	switch kind {
	case slog.KindAny, slog.KindLogValuer:
		return false, false
	case slog.KindGroup:
		if len(a.Value.Group()) == 0 || e.depth >= e.limits.Depth {
			return false, false
		}
	}
	start := len(e.Buf)
	if e.Buf[start-1] == '{' {
		e.Buf = append(e.Buf, t.json[1:t.n]...)
	} else {
		e.Buf = append(e.Buf, t.json[:t.n]...)
		start++
	}
	e.members = append(e.members, member{key: start, value: len(e.Buf)})
	e.end -= keptPerMember
	e.nodes++
	o.compare = o.compare || o.seen&t.bit != 0
	o.seen |= t.bit
	if kind == slog.KindGroup {
		return e.groupMembers(a.Value.Group()), true
	}
	e.plain(kind, a.Value)
	return true, true
}
