package treetext_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/treetext"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample() *wfslog.Document {
	in, out := uint64(1200), uint64(85)
	same := func() *wfslog.Node { return &wfslog.Node{Name: "read_file", Status: "ok", DurationMS: "0.2"} }
	return &wfslog.Document{
		Workflow: "research",
		Run:      wfslog.RunID{1, 2, 3},
		Complete: true,
		Node: wfslog.Node{
			Status: "ok", DurationMS: "8123.4", Usage: &wfslog.UsageTotals{InputTokens: &in, OutputTokens: &out, CostUSD: "0.12"},
			Iterations: []*wfslog.Node{
				{
					Span: "1", Number: 1, Status: "ok", DurationMS: "4011.2",
					Interactions: []*wfslog.Node{{
						Span: "1/1", Agent: "agent1", Status: "ok", DurationMS: "812.0",
						Actions: []*wfslog.Node{
							{Span: "1/1/1", Name: "llm_call", Status: "ok", DurationMS: "700.5", Usage: &wfslog.UsageTotals{InputTokens: &in, OutputTokens: &out}, CostUSD: "0.12"},
							same(), same(), same(), same(), same(),
							{Name: "tool_call", Status: "error", Error: "no such file"},
							{Name: "grep", Status: "ok", Msg: "called", Input: []byte(`"errors\n"`), Output: []byte(`{"lines":3}`)},
						},
						Logs: []*wfslog.Node{{Level: "INFO", Msg: "done"}},
					}},
				},
				{Span: "2", Number: 2, Status: "open", Interactions: []*wfslog.Node{{Span: "2/1", Missing: true, Agent: "agent2"}}},
			},
		},
	}
}

func TestWriteDrawsTheTree(t *testing.T) {
	tests := []struct {
		name string
		opts treetext.Options
	}{
		{"all", treetext.Options{}},
		{"logs", treetext.Options{Logs: true}},
		{"fold", treetext.Options{Fold: 2}},
		{"width", treetext.Options{Fold: 2, Width: 86}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			require.NoError(t, treetext.Write(&b, sample(), tt.opts))
			golden := filepath.Join("testdata", tt.name+".txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(b.String()), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), b.String())
		})
	}
}

func TestWriteAlignsColumns(t *testing.T) {
	var b strings.Builder
	require.NoError(t, treetext.Write(&b, sample(), treetext.Options{Fold: 2}))
	column := -1
	for line := range strings.Lines(b.String()) {
		if before, _, ok := strings.Cut(line, " ok "); ok {
			runes := len([]rune(before))
			if column < 0 {
				column = runes
			}
			assert.Equal(t, column, runes, "status column in\n%s", b.String())
		}
	}
}

func TestWriteSaysWhatIsMissing(t *testing.T) {
	doc := sample()
	doc.Complete, doc.Integrity.Missing, doc.Integrity.Lost = false, 2, 1
	var b strings.Builder
	require.NoError(t, treetext.Write(&b, doc, treetext.Options{}))
	assert.Contains(t, b.String(), "not complete: 2 events missing, 1 lost, 0 damaged\n")

	doc.Integrity.Missing, doc.Integrity.Lost = 0, 0
	b.Reset()
	require.NoError(t, treetext.Write(&b, doc, treetext.Options{}))
	assert.Contains(t, b.String(), "not complete: not everything has ended\n")
}

func TestWriteIsSafeOnTerminals(t *testing.T) {
	const hostile = "a\x1b[2J\x1b]52;c;aGk=\a\r\nb\u009b\u202e\u2028\U000e0041\xff" + `\x1b`
	node := func() *wfslog.Node {
		return &wfslog.Node{
			Span: hostile, Name: hostile, Agent: hostile, Status: hostile, Error: hostile, Msg: hostile, Level: hostile,
			DurationMS: hostile, CostUSD: hostile, Usage: &wfslog.UsageTotals{CostUSD: hostile},
		}
	}
	doc := &wfslog.Document{Workflow: hostile, Node: *node()}
	doc.Iterations = []*wfslog.Node{node()}
	doc.Workflows = []*wfslog.Node{node()}
	doc.Interactions = []*wfslog.Node{node()}
	doc.Actions = []*wfslog.Node{node()}
	doc.Logs = []*wfslog.Node{node()}
	var b strings.Builder
	require.NoError(t, treetext.Write(&b, doc, treetext.Options{Logs: true}))
	assert.Equal(t, 1+5+1, strings.Count(b.String(), "\n"), "lines of\n%q", b.String())
	for _, r := range strings.ReplaceAll(b.String(), "\n", "") {
		assert.False(t, unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar,
			"%U came through", r)
	}
}

func TestWriteColors(t *testing.T) {
	var b strings.Builder
	require.NoError(t, treetext.Write(&b, sample(), treetext.Options{Color: true}))
	assert.Contains(t, b.String(), termtext.Green+"ok"+termtext.Reset)
	assert.Contains(t, b.String(), termtext.Red+"error"+termtext.Reset)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteReturnsTheErrorOfTheWriter(t *testing.T) {
	errDisk := errors.New("disk full")
	assert.ErrorIs(t, treetext.Write(failingWriter{errDisk}, sample(), treetext.Options{}), errDisk)
}
