// Package hook lets package wfslogtest decide on the ids of what it records, so
// that they are the same each time. It holds no state of its own: everything
// belongs to one [IDs], which one recorder has.
package hook

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"io"
	"sync/atomic"
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// IDs gives out ids that depend only on a seed and on how many were given out
// before. It is safe for concurrent use.
type IDs struct {
	seed   string
	runs   atomic.Uint64
	tokens atomic.Uint64
}

// NewIDs returns ids for a seed.
func NewIDs(seed string) *IDs { return &IDs{seed: seed} }

// Epoch is when the first run of an [IDs] starts, by its id; each further one
// starts a millisecond later.
var Epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// Run returns the id of the next run.
func (ids *IDs) Run() event.RunID {
	n := ids.runs.Add(1) - 1
	id := event.NewRunID(Epoch.Add(time.Duration(n) * time.Millisecond))
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("run "+ids.seed+"\x00"), n))
	id[7] = sum[7]
	copy(id[9:], sum[9:16])
	id[6] &= 0xf0 // the rest of what is random
	id[8] &= 0xc0
	return id
}

// Stream returns the id of the stream.
func (ids *IDs) Stream() (id [16]byte) {
	sum := sha256.Sum256([]byte("stream " + ids.seed))
	copy(id[:], sum[:])
	return id
}

// Token returns the next token.
func (ids *IDs) Token() string {
	n := ids.tokens.Add(1) - 1
	sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("token "+ids.seed+"\x00"), n))
	return tokenOf([tokenSize]byte(sum[:tokenSize]))
}

// tokenSize is the number of random bytes in a token: 40 bits keep apart the
// processes that share one place in a run.
const tokenSize = 5

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

func tokenOf(random [tokenSize]byte) string { return tokenEncoding.EncodeToString(random[:]) }

type key struct{}

// With returns a context whose runs get their ids from ids.
func With(ctx context.Context, ids *IDs) context.Context {
	return context.WithValue(ctx, key{}, ids)
}

// NewRunID returns the id of a run that is started at now with ctx, which may be
// nil.
func NewRunID(ctx context.Context, now time.Time) event.RunID {
	if ctx != nil {
		if ids, ok := ctx.Value(key{}).(*IDs); ok {
			return ids.Run()
		}
	}
	return event.NewRunID(now)
}

// NewToken returns the token of what is started with ctx, which may be nil, for
// another process: 8 characters of [a-z2-7].
func NewToken(ctx context.Context) string {
	if ctx != nil {
		if ids, ok := ctx.Value(key{}).(*IDs); ok {
			return ids.Token()
		}
	}
	var random [tokenSize]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand crashes the program instead
	return tokenOf(random)
}

// Sink is a sink that decides on the id of its stream. What goes to it is
// recorded also where recording is switched off.
type Sink interface {
	io.WriteCloser
	IDs() *IDs
}
