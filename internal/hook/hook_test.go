package hook_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/hook"
)

func TestIDsDependOnSeedAndNumber(t *testing.T) {
	a, b, other := hook.NewIDs("a"), hook.NewIDs("a"), hook.NewIDs("b")
	assert.Equal(t, a.Stream(), b.Stream())
	assert.Equal(t, a.Stream(), a.Stream())
	assert.NotEqual(t, a.Stream(), other.Stream())
	seen := map[event.RunID]bool{}
	for i := range 100 {
		id := a.Run()
		assert.Equal(t, id, b.Run())
		assert.NotEqual(t, id, other.Run())
		assert.Equal(t, hook.Epoch.Add(time.Duration(i)*time.Millisecond), id.Time())
		assert.Equal(t, byte(0x70), id[6]&0xf0, "version of %v", id)
		assert.Equal(t, byte(0x80), id[8]&0xc0, "variant of %v", id)
		seen[id] = true
	}
	assert.Len(t, seen, 100)
}

func TestTokensAreValidAndDifferent(t *testing.T) {
	a, b, other := hook.NewIDs("a"), hook.NewIDs("a"), hook.NewIDs("b")
	ctx := hook.With(t.Context(), a)
	var none context.Context
	seen := map[string]bool{}
	for range 100 {
		token := b.Token()
		assert.Equal(t, token, hook.NewToken(ctx))
		for _, token := range []string{token, other.Token(), hook.NewToken(t.Context()), hook.NewToken(none)} {
			assert.True(t, event.ValidPath("1~"+token), token)
			seen[token] = true
		}
	}
	assert.Len(t, seen, 400)
}

func TestOnlyContextsWithIDsGetThem(t *testing.T) {
	ctx := hook.With(t.Context(), hook.NewIDs("a"))
	assert.Equal(t, hook.NewIDs("a").Run(), hook.NewRunID(context.WithoutCancel(ctx), time.Now()))
	for _, ctx := range []context.Context{t.Context(), nil} {
		id := hook.NewRunID(ctx, time.UnixMilli(12345))
		assert.Equal(t, time.UnixMilli(12345).UTC(), id.Time())
		assert.NotEqual(t, id, hook.NewRunID(ctx, time.UnixMilli(12345)), "random")
	}
}
