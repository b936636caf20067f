package main

import (
	"context"
	"log/slog"
	"slices"

	"github.com/wfslog/wfslog"
)

// Sorter is what agents do.
//
//go:generate ../../bin/gowrap gen -g -p . -i Sorter -t ../../docs/gowrap.tmpl -o sorter_recorded.go -v turns=Sort
type Sorter interface {
	// Sort returns numbers in their order. It does not change them.
	Sort(ctx context.Context, numbers []int) ([]int, error)
}

// sorter is an agent with a logger of its own, the second way.
type sorter struct{ log *slog.Logger }

func (s sorter) Sort(ctx context.Context, numbers []int) ([]int, error) {
	s.log.DebugContext(ctx, "has numbers", "count", len(numbers))
	s.log.InfoContext(ctx, "compared", wfslog.Action("compare"), wfslog.Input(numbers), wfslog.Tokens(len(numbers), 1))
	return slices.Sorted(slices.Values(numbers)), nil
}
