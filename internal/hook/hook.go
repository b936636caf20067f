// Package hook lets package wfslogtest decide on the ids of what it records, so
// that they are the same each time. It holds no state of its own: everything
// belongs to one [IDs], which one recorder has.
package hook

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"sync/atomic"
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// IDs gives out ids that depend only on a seed and on how many were given out
// before. It is safe for concurrent use.
type IDs struct {
	seed string
	runs atomic.Uint64
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

// Sink is a sink that decides on the id of its stream. What goes to it is
// recorded also where recording is switched off.
type Sink interface {
	io.WriteCloser
	IDs() *IDs
}
