package wfslog_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

func TestWorkflowAttrs(t *testing.T) {
	tests := []struct {
		name string
		attr slog.Attr
		want string
	}{
		{"action", wfslog.Action("llm_call"), `{"action":"llm_call"}`},
		{"input", wfslog.Input("q"), `{"input":"q"}`},
		{"structured input", wfslog.Input(map[string]any{"q": []int{1, 2}}), `{"input":{"q":[1,2]}}`},
		{"output", wfslog.Output(nil), `{"output":null}`},
		{"model", wfslog.Model("m1"), `{"model":"m1"}`},
		{"provider", wfslog.Provider("p"), `{"provider":"p"}`},
		{"tool", wfslog.Tool("grep"), `{"tool":"grep"}`},
		{"tokens", wfslog.Tokens(1200, 0), `{"usage":{"input_tokens":1200,"output_tokens":0}}`},
		{
			"usage", wfslog.TokenUsage(wfslog.Usage{Input: 1, Output: 2, CacheRead: 3, CacheWrite: 4, Reasoning: 5}),
			`{"usage":{"input_tokens":1,"output_tokens":2,"cache_read_tokens":3,"cache_write_tokens":4,"reasoning_tokens":5}}`,
		},
		{"unknown buckets are absent", wfslog.TokenUsage(wfslog.Usage{Output: 2, Reasoning: -1}), `{"usage":{"output_tokens":2}}`},
		{"no bucket is known", wfslog.TokenUsage(wfslog.Usage{}), ``},
		{"cost", wfslog.Cost(0.0125), `{"cost_usd":0.0125}`},
		{"finish reason", wfslog.FinishReason("stop"), `{"finish_reason":"stop"}`},
		{"status", wfslog.Status("rejected"), `{"status":"rejected"}`},
		{"error", wfslog.Err(errors.New("boom")), `{"error":"boom"}`},
		{"no error", wfslog.Err(nil), ``},
		{"metadata", wfslog.Metadata(wfslog.Model("not a field")), `{"metadata":{"model":"not a field"}}`},
		{"no metadata", wfslog.Metadata(), ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h, s := newSink(t, wfslog.Options{})
			slog.New(h).WithGroup("workflow.a").Info("m", tt.attr)
			logs := s.logs(t)
			require.Len(t, logs, 1)
			assert.Equal(t, tt.want, string(logs[0].Attrs))
		})
	}
}
