package encode

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

// Text appends s as a JSON string, for messages and names. U+FFFD stands for
// invalid UTF-8. What is longer than a string may be is cut, and ends in
// "…[!CUT n bytes]", where n is the length that s had.
func (e *Encoder) Text(s string) {
	if len(s) <= e.limits.StringBytes && e.fits(s) && e.appendKnown(s) {
		return
	}
	s = e.redactText(s)
	if len(s) <= e.limits.StringBytes && (e.fits(s) || escapedPrefix(s, e.end-len(e.Buf)-len(`""`)) == len(s)) {
		e.text(s)
		e.learn(s)
		return
	}
	e.CutText = true
	const overhead = len(`"…[!CUT  bytes]"`) + 20 // digits
	head := runePrefix(s, e.limits.StringBytes)
	head = head[:escapedPrefix(head, e.end-len(e.Buf)-overhead)]
	e.text(head)
	e.Buf = append(e.Buf[:len(e.Buf)-1], "…[!CUT "...)
	e.Buf = strconv.AppendInt(e.Buf, int64(len(s)), 10)
	e.Buf = append(e.Buf, ` bytes]"`...)
}

// slogBadKey is slog's key for values that have none, and stays as it is.
const slogBadKey = "!BADKEY"

// Key appends s as a JSON string, for the key of a member. It is cut between two
// characters if it is too long, U+FFFD stands for invalid UTF-8, and a "!" at the
// start becomes two.
func (e *Encoder) Key(s string) {
	if len(s) <= e.limits.KeyBytes && e.appendKnown(s) {
		return
	}
	s = runePrefix(e.redactText(s), e.limits.KeyBytes)
	if s == "" || s[0] != '!' || s == slogBadKey {
		e.text(s)
		e.learn(s)
		return
	}
	e.Buf = append(e.Buf, `"!`...)
	start := len(e.Buf)
	e.text(s)
	e.Buf = append(e.Buf[:start], e.Buf[start+1:]...) // the second quotation mark
}

// String appends s as the JSON of a value. If s is longer than a string may be, it
// is {"!CUT":{"bytes":n,"sha256":"…"},"head":"…"} with the length and the hash of
// all of s. If s is not UTF-8, it is {"!B64":"…"}, and so is such a head.
func (e *Encoder) String(s string) {
	s = e.redactText(s)
	if len(s) > e.limits.StringBytes || !e.fits(s) && !e.fitsExactly(s) {
		e.cutString(s)
		return
	}
	e.uncutString(s)
}

func (e *Encoder) uncutString(s string) {
	start := len(e.Buf)
	if !e.quote(s) {
		e.Buf = append(e.Buf[:start], `{"!B64":`...)
		e.base64(s)
		e.Buf = append(e.Buf, '}')
	}
}

// quote appends s as a JSON string, and reports whether s is valid UTF-8.
func (e *Encoder) quote(s string) (valid bool) {
	e.Buf = append(e.Buf, '"')
	e.Buf, valid = appendEscaped(e.Buf, s)
	e.Buf = append(e.Buf, '"')
	return valid
}

// text is quote for text that may lose invalid UTF-8.
func (e *Encoder) text(s string) {
	if !e.quote(s) {
		e.BadUTF8 = true
	}
}

// base64 appends s in base 64 as a JSON string.
func (e *Encoder) base64(s string) {
	e.Buf = append(e.Buf, '"')
	const chunk = 3 << 10
	var b [chunk]byte
	for len(s) > 0 {
		n := copy(b[:], s)
		e.Buf = base64.StdEncoding.AppendEncode(e.Buf, b[:n])
		s = s[n:]
	}
	e.Buf = append(e.Buf, '"')
}

// b64Overhead is what {"!B64":"…"} needs beside the text.
const b64Overhead = len(`{"!B64":""}`)

// fits reports whether there is room for s, however it has to be written.
func (e *Encoder) fits(s string) bool {
	return maxEscaped*len(s)+b64Overhead <= e.end-len(e.Buf)
}

// fitsExactly is fits for lines that are almost full.
func (e *Encoder) fitsExactly(s string) bool {
	room := e.end - len(e.Buf) - b64Overhead
	if !utf8.ValidString(s) {
		return base64.StdEncoding.EncodedLen(len(s)) <= room
	}
	return escapedPrefix(s, room) == len(s)
}

// cutString appends what stands for a string that is too long.
func (e *Encoder) cutString(s string) { e.cutText(len(s), hashOf(s), s) }

// cutText appends what stands for n bytes of text with the given hash, of which as
// much as may be shown is in head.
func (e *Encoder) cutText(n int, hash [sha256.Size]byte, head string) {
	room, ok := e.openCut(n, hash)
	if !ok {
		return
	}
	head = runePrefix(head, e.limits.StringBytes)
	if utf8.ValidString(head) {
		head = head[:escapedPrefix(head, room)]
	} else {
		head = head[:min(len(head), base64.StdEncoding.DecodedLen(max(room-b64Overhead, 0)))]
	}
	e.uncutString(head)
	e.Buf = append(e.Buf, '}')
}

// minCut is the length of {"!CUT":{"bytes":n}}.
const minCut = len(`{"!CUT":{"bytes":}}`) + 20 // digits

// openCut appends {"!CUT":{"bytes":n,"sha256":"…"},"head": for n bytes that are too
// long, and returns how long the head may be. It is not ok if there is no room even
// for this; then {"!CUT":{"bytes":n}} is all.
func (e *Encoder) openCut(n int, hash [sha256.Size]byte) (room int, ok bool) {
	e.Hostile = true
	e.Buf = append(e.Buf, `{"!CUT":{"bytes":`...)
	e.Buf = strconv.AppendInt(e.Buf, int64(n), 10)
	const overhead = len(`,"sha256":""},"head":""}`) + 2*sha256.Size
	if room = e.end - len(e.Buf) - overhead; room < 0 {
		e.Buf = append(e.Buf, `}}`...)
		return 0, false
	}
	e.Buf = append(e.Buf, `,"sha256":"`...)
	e.Buf = hex.AppendEncode(e.Buf, hash[:])
	e.Buf = append(e.Buf, `"},"head":`...)
	return room, true
}

// hashOf returns the SHA-256 of s without a copy of all of it.
func hashOf[T string | []byte](s T) (sum [sha256.Size]byte) {
	h := sha256.New()
	b := make([]byte, min(len(s), 32<<10))
	for len(s) > 0 {
		n := copy(b, s)
		_, _ = h.Write(b[:n]) // never fails
		s = s[n:]
	}
	h.Sum(sum[:0])
	return sum
}
