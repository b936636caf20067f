package main

import (
	"context"
	"errors"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUseToolTriesAgainWhatMayPass(t *testing.T) {
	errBroken := errors.New("broken")
	tests := []struct {
		name     string
		errs     []error // of the attempts
		attempts int
		want     error
	}{
		{"works", []error{nil}, 1, nil},
		{"works at last", []error{context.DeadlineExceeded, errNothing, nil}, 3, nil},
		{"never works", []error{errNothing, errNothing, errNothing, nil}, 3, errNothing},
		{"cannot work", []error{fs.ErrPermission, nil}, 1, fs.ErrPermission},
		{"other errors", []error{context.DeadlineExceeded, errBroken, nil}, 2, errBroken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			attempts := 0
			_, err := useTool(t.Context(), "tool", nil, func(_ context.Context, attempt int) (int, error) {
				attempts++
				assert.Equal(t, attempts, attempt)
				return 0, tt.errs[attempt-1]
			})
			assert.Equal(t, tt.attempts, attempts, "attempts")
			assert.ErrorIs(t, err, tt.want)
		})
	}
}

func TestUseToolStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	attempts := 0
	_, err := useTool(ctx, "tool", nil, func(context.Context, int) (int, error) {
		attempts++
		cancel()
		return 0, errNothing
	})
	assert.ErrorIs(t, err, errNothing)
	assert.Equal(t, 1, attempts)
}
