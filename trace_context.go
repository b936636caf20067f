package wfslog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/wfslog/wfslog/internal/event"
)

// traceText is a W3C trace context as it travels. Both fields come from anywhere.
type traceText struct {
	parent string // traceparent
	state  string // tracestate
}

// trace is what a trace context says to every tracer: the span that it comes from,
// and the members of the tracestate that are not wfslog's.
type trace struct {
	Link
	flags   byte
	vendors []string
}

// place is where in a run another process, or another context of this one, goes on:
// below the span at path, as its child with the given ordinal.
type place struct {
	run     RunID
	path    string
	ordinal uint32
}

// memberKey is the key of wfslog's member of a tracestate.
const memberKey = "wfslog"

// Limits of a tracestate. What comes may be longer than what is passed on, and is
// not looked at if it is longer than any that is valid.
const (
	maxMember     = 256 // wfslog's own, with its key
	maxMembers    = 32
	maxTracestate = 512
	longMember    = 128 // those go first, where there is not enough room
	maxKey        = 256
	maxValue      = 256
	maxReceived   = maxMembers * (maxKey + maxValue + len("=,"))
)

// member returns wfslog's member of a tracestate for p, "" if it would be too long.
func (p *place) member() string {
	ordinal := strconv.FormatUint(uint64(p.ordinal), 10)
	if len(memberKey+"=::")+2*len(p.run)+len(p.path)+len(ordinal) > maxMember {
		return ""
	}
	return memberKey + "=" + p.run.String() + ":" + p.path + ":" + ordinal
}

// parsePlace reads the value of a member.
func parsePlace(value string) (p place, ok bool) {
	if len(memberKey)+1+len(value) > maxMember {
		return place{}, false
	}
	run, rest, _ := strings.Cut(value, ":")
	path, ordinal, _ := strings.Cut(rest, ":")
	var err error
	if p.run, err = event.ParseRunID(run); err != nil || p.run.IsZero() {
		return place{}, false
	}
	if p.ordinal, ok = event.ParseOrdinal(ordinal); !ok {
		return place{}, false
	}
	if !event.ValidPath(path) || event.PathDepth(path) >= event.MaxDepth { // no child would fit
		return place{}, false
	}
	p.path = strings.Clone(path) // value is a part of something longer
	return p, true
}

// formatTrace returns the trace context of a span, in which member, if it is not "",
// comes before as many of the others as there is room for.
func formatTrace(trace, span string, flags byte, member string, vendors []string) traceText {
	const hexDigits = "0123456789abcdef"
	members := make([]string, 0, 1+len(vendors))
	if member != "" {
		members = append(members, member)
	}
	members = append(members, vendors...)
	return traceText{
		parent: "00-" + trace + "-" + span + "-" + string([]byte{hexDigits[flags>>4], hexDigits[flags&15]}),
		state:  strings.Join(limitMembers(members), ","),
	}
}

// limitMembers returns the members of a tracestate that are passed on: too long ones
// are left out, and then the last ones, until there is room. It may change members.
func limitMembers(members []string) []string {
	size := -1
	for _, m := range members {
		size += len(m) + 1
	}
	for i := len(members) - 1; i >= 0 && size > maxTracestate; i-- {
		if own := strings.HasPrefix(members[i], memberKey+"="); !own && len(members[i]) > longMember {
			size -= len(members[i]) + 1
			members = slices.Delete(members, i, i+1)
		}
	}
	for len(members) > 0 && (size > maxTracestate || len(members) > maxMembers) {
		last := len(members) - 1
		size -= len(members[last]) + 1
		members = members[:last]
	}
	return members
}

// parse reads t. It is not ok unless the traceparent is valid. The place is zero if
// there is no valid member of wfslog's.
func (t traceText) parse() (from *trace, at place, ok bool) {
	from, ok = parseTraceparent(t.parent)
	if !ok {
		return nil, place{}, false
	}
	members, ok := parseTracestate(t.state)
	if !ok {
		return from, place{}, true
	}
	for _, m := range members {
		if value, own := strings.CutPrefix(m, memberKey+"="); own {
			at, _ = parsePlace(value)
		} else {
			from.vendors = append(from.vendors, m)
		}
	}
	from.vendors = limitMembers(from.vendors)
	for i, m := range from.vendors {
		from.vendors[i] = strings.Clone(m)
	}
	return from, at, true
}

// parseTraceparent reads a traceparent. Of later versions, the fields that version
// 00 has are read, and of the flags the one that is sure to mean the same.
func parseTraceparent(s string) (t *trace, ok bool) {
	const size = len("00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
	if len(s) < size || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return nil, false
	}
	version, id, span, flags := s[:2], s[3:35], s[36:52], s[53:55]
	if !isHex(version) || !isHex(id) || !isHex(span) || !isHex(flags) {
		return nil, false
	}
	later := version != "00"
	switch {
	case version == "ff", strings.Trim(id, "0") == "", strings.Trim(span, "0") == "":
		return nil, false
	case len(s) > size && (!later || s[size] != '-'):
		return nil, false
	}
	n, _ := strconv.ParseUint(flags, 16, 8) // two hex digits
	if later {
		n &= 1
	}
	return &trace{Link: Link{Trace: strings.Clone(id), Span: strings.Clone(span)}, flags: byte(n)}, true
}

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// parseTracestate returns the members of a tracestate, which are parts of s. It is
// not ok if one of them is malformed or comes twice, or if there are too many: then
// none counts.
func parseTracestate(s string) (members []string, ok bool) {
	if len(s) > maxReceived {
		return nil, false
	}
	for m := range strings.SplitSeq(s, ",") {
		m = strings.Trim(m, " \t")
		if m == "" {
			continue // an empty one is valid
		}
		key, value, _ := strings.Cut(m, "=")
		if len(members) == maxMembers || !validKey(key) || !validValue(value) {
			return nil, false
		}
		if slices.ContainsFunc(members, func(m string) bool { return strings.HasPrefix(m, key+"=") }) {
			return nil, false
		}
		members = append(members, m)
	}
	return members, true
}

func validKey(key string) bool {
	if key == "" || len(key) > maxKey || !isLowerOrDigit(key[0]) {
		return false
	}
	for i := range len(key) {
		if !isLowerOrDigit(key[i]) && !strings.Contains("_-*/@", key[i:i+1]) {
			return false
		}
	}
	return true
}

func isLowerOrDigit(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

func validValue(value string) bool {
	if value == "" || len(value) > maxValue {
		return false
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' || c > '~' || c == '=' {
			return false
		}
	}
	return true
}
