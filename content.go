package wfslog

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"slices"

	"github.com/wfslog/wfslog/internal/encode"
)

// evaluate returns attrs evaluated, so that both outputs show the same, and with
// what the options say done to them. It does not change attrs.
func (c *core) evaluate(groups []string, attrs []slog.Attr) []slog.Attr {
	attrs = encode.Resolve(groups, attrs, c.replace, &c.limits)
	if c.content != ContentFull && len(groups) == 0 {
		attrs = c.withoutContent(attrs)
	}
	return attrs
}

// withoutContent returns attrs with inputs and outputs left out or replaced by
// their length and hash. It does not change attrs.
func (c *core) withoutContent(attrs []slog.Attr) []slog.Attr {
	isContent := func(a slog.Attr) bool { return a.Key == KeyInput || a.Key == KeyOutput }
	if !slices.ContainsFunc(attrs, isContent) {
		return attrs
	}
	out := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		if isContent(a) {
			if c.content == ContentNone {
				continue
			}
			a.Value = c.hashed(a.Value)
		}
		out = append(out, a)
	}
	return out
}

// hashed returns the length of v's JSON text in bytes and its HMAC-SHA-256. Equal
// values have equal hashes; without the key, nothing can be guessed from one.
func (c *core) hashed(v slog.Value) slog.Value {
	e := encode.New(&c.limits)
	defer e.Free()
	e.Value(v) // not redacted: the hash tells nothing
	mac := hmac.New(sha256.New, c.hashKey)
	mac.Write(e.Buf)
	return slog.GroupValue(slog.Int("bytes", len(e.Buf)), slog.String("hmac", hex.EncodeToString(mac.Sum(nil))))
}
