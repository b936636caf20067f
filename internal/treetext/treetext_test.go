package treetext_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/treetext"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample() *wfslog.Document {
	in, cached, out := uint64(1200), uint64(40_000), uint64(85)
	same := func() *wfslog.Node {
		return &wfslog.Node{Name: "read_file", Status: "ok", DurationMS: "0.2", CostUSD: "0.0003"}
	}
	return &wfslog.Document{
		Workflow: "research",
		Agents:   map[string]*wfslog.AgentTotals{"agent1": {}, "agent2": {}},
		Run:      wfslog.RunID{1, 2, 3},
		Node: wfslog.Node{
			Status: "open", StartedAt: time.Date(2026, 11, 22, 6, 14, 5, 0, time.UTC), Usage: &wfslog.UsageTotals{InputTokens: &in, OutputTokens: &out, CostUSD: "0.12"},
			Iterations: []*wfslog.Node{
				{
					Span: "1", Number: 1, Status: "ok", DurationMS: "4011.2",
					Interactions: []*wfslog.Node{{
						Span: "1/1", Agent: "agent1", Status: "ok", DurationMS: "812.0",
						Actions: []*wfslog.Node{
							{Span: "1/1/1", Name: "llm_call", Status: "ok", DurationMS: "700.5", Usage: &wfslog.UsageTotals{InputTokens: &in, CacheReadTokens: &cached, OutputTokens: &out}, CostUSD: "0.12"},
							same(), same(), same(), same(), same(),
							{Name: "tool_call", Tool: "open_file", Status: "error", Error: "no such file\nin a second line", Seq: 12},
							{Name: "grep", Status: "ok", Msg: "called", Input: []byte(`"errors\n"`), Output: []byte(`{"lines":3}`)},
						},
						Logs: []*wfslog.Node{{Level: "INFO", Msg: "done", Seq: 13}, {Level: "ERROR", Msg: "not so good", Stream: "abc", Seq: 1}},
					}},
				},
				{Span: "2", Number: 2, Status: "open", Interactions: []*wfslog.Node{
					{Span: "2/1", Missing: true, Agent: "agent2", Status: "interrupted"},
					{Span: "2/2", Agent: "研究员", Status: "not good yet", Actions: []*wfslog.Node{{Span: "2/2/1", Name: "検索する", Msg: "日本語のとても長いテキストです。端末の幅で切られます。"}}},
				}},
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
		{"logs", treetext.Options{Filter: treetext.Filter{Level: treetext.LevelLog}}},
		{"fold", treetext.Options{Fold: 2, Short: true}},
		{"ascii", treetext.Options{Fold: 2, Short: true, ASCII: true}},
		{"width80", treetext.Options{Fold: 2, Short: true, Width: 80, Columns: wide}},
		{"width40", treetext.Options{Fold: 2, Short: true, Width: 40, Columns: wide}},
		{"errors", treetext.Options{Filter: treetext.Filter{Errors: true}}},
		{"agent", treetext.Options{Filter: treetext.Filter{Agent: "workflow.agent1"}}},
		{"match", treetext.Options{Filter: treetext.Filter{Match: "DONE"}}},
		{"depth", treetext.Options{Filter: treetext.Filter{Depth: 1}}},
		{"level", treetext.Options{Filter: treetext.Filter{Level: treetext.LevelInteraction}}},
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

// wide counts two columns for what is not Latin.
func wide(text string) (n int) {
	for _, r := range text {
		n++
		if r >= 0x3000 {
			n++
		}
	}
	return n
}

func TestWriteStaysWithinTheWidth(t *testing.T) {
	for width := 1; width < 200; width++ {
		for _, color := range []bool{false, true} {
			var b strings.Builder
			opts := treetext.Options{Width: width, Columns: wide, Color: color, Filter: treetext.Filter{Level: treetext.LevelLog}}
			require.NoError(t, treetext.Write(&b, sample(), opts))
			for line := range strings.Lines(b.String()) {
				line = withoutColors(strings.TrimSuffix(line, "\n"))
				assert.LessOrEqual(t, wide(line), max(width, 20), "width %d: %q", width, line)
			}
		}
	}
}

var colors = strings.NewReplacer(
	termtext.Reset, "", termtext.Faint, "", termtext.Red, "", termtext.Green, "", termtext.Yellow, "", termtext.Cyan, "", termtext.Bold, "",
)

func withoutColors(text string) string { return colors.Replace(text) }

func TestColorsChangeNothingElse(t *testing.T) {
	for _, width := range []int{0, 60, 80} {
		var plain, colored strings.Builder
		require.NoError(t, treetext.Write(&plain, sample(), treetext.Options{Width: width}))
		require.NoError(t, treetext.Write(&colored, sample(), treetext.Options{Width: width, Color: true}))
		assert.Equal(t, plain.String(), withoutColors(colored.String()))
		assert.Contains(t, colored.String(), termtext.Green+"✓"+termtext.Reset)
		assert.Contains(t, colored.String(), termtext.Red+"✗"+termtext.Reset)
	}
}

func TestPruneKeepsWhatTheTreeShows(t *testing.T) {
	doc := sample()
	got := treetext.Prune(doc, treetext.Filter{Errors: true})
	require.Len(t, got.Iterations, 1)
	require.Len(t, got.Iterations[0].Interactions, 1)
	agent := got.Iterations[0].Interactions[0]
	require.Len(t, agent.Actions, 1)
	assert.Equal(t, "tool_call", agent.Actions[0].Name)
	require.Len(t, agent.Logs, 1)
	assert.Equal(t, "not so good", agent.Logs[0].Msg)
	assert.Equal(t, sample(), doc, "the document itself is as it was")
	assert.Equal(t, doc, treetext.Prune(doc, treetext.Filter{Level: treetext.LevelLog}), "nothing is left out")
}

func TestWriteSaysWhatIsMissing(t *testing.T) {
	doc := sample()
	doc.Integrity.Missing, doc.Integrity.Lost = 2, 1
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
			Tool: hostile, Model: hostile, Event: hostile, Stream: hostile,
			DurationMS: hostile, CostUSD: hostile, Usage: &wfslog.UsageTotals{CostUSD: hostile},
		}
	}
	doc := &wfslog.Document{Workflow: hostile, Node: *node()}
	doc.Iterations = []*wfslog.Node{node()}
	doc.Workflows = []*wfslog.Node{node()}
	doc.Interactions = []*wfslog.Node{node()}
	doc.Actions = []*wfslog.Node{node()}
	doc.Logs = []*wfslog.Node{node()}
	for _, short := range []bool{false, true} {
		for _, width := range []int{0, 100} {
			var b strings.Builder
			opts := treetext.Options{Filter: treetext.Filter{Level: treetext.LevelLog}, Short: short, Width: width}
			require.NoError(t, treetext.Write(&b, doc, opts))
			assert.Equal(t, 1+5+1, strings.Count(b.String(), "\n"), "lines of\n%q", b.String())
			for _, r := range strings.ReplaceAll(b.String(), "\n", "") {
				assert.False(t, unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar,
					"%U came through", r)
			}
		}
	}
}

func TestCutKeepsWithinColumns(t *testing.T) {
	tests := []struct {
		text    string
		columns int
		want    string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "ab…"},
		{"日本語", 6, "日本語"},
		{"日本語", 5, "日本…"},
		{"日本語", 4, "日…"},
		{"日本語", 1, "…"},
		{"日本語", 0, ""},
		{"ab  cd", 5, "ab…"},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, treetext.Cut(tt.text, tt.columns, "…", wide), "%q in %d columns", tt.text, tt.columns)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteReturnsTheErrorOfTheWriter(t *testing.T) {
	errDisk := errors.New("disk full")
	assert.ErrorIs(t, treetext.Write(failingWriter{errDisk}, sample(), treetext.Options{}), errDisk)
}

func TestFiltersLookEverywhere(t *testing.T) {
	tests := []struct {
		name   string
		filter treetext.Filter
		node   wfslog.Node
		want   bool
	}{
		{"a status", treetext.Filter{Errors: true}, wfslog.Node{Status: "error"}, true},
		{"an error text", treetext.Filter{Errors: true}, wfslog.Node{Status: "odd", Error: "no"}, true},
		{"no error", treetext.Filter{Errors: true}, wfslog.Node{Status: "odd"}, false},
		{"a tool", treetext.Filter{Match: "needle"}, wfslog.Node{Tool: "Needle"}, true},
		{"a status with the text", treetext.Filter{Match: "needle"}, wfslog.Node{Status: "no needle"}, true},
		{"an input", treetext.Filter{Match: "a\nneedle"}, wfslog.Node{Input: []byte(`"A\nNeedle"`)}, true},
		{"an output", treetext.Filter{Match: "needle"}, wfslog.Node{Output: []byte(`{"a":["needle"]}`)}, true},
		{"metadata", treetext.Filter{Match: "needle"}, wfslog.Node{Metadata: []byte(`{"needle":1}`)}, true},
		{"attributes", treetext.Filter{Match: "needle"}, wfslog.Node{Attrs: []byte(`{"k":"needle"}`)}, true},
		{"hay", treetext.Filter{Match: "needle"}, wfslog.Node{Msg: "need", Input: []byte(`"le"`)}, false},
	}
	for _, tt := range tests {
		node := tt.node
		node.Span = "1"
		doc := &wfslog.Document{Node: wfslog.Node{Actions: []*wfslog.Node{&node}}}
		assert.Equal(t, tt.want, len(treetext.Prune(doc, tt.filter).Actions) == 1, tt.name)
	}
}

func TestUnknownNumbersAreNotZero(t *testing.T) {
	n := uint64(1200)
	assert.Equal(t, "1.2k→?", treetext.Tokens(&wfslog.UsageTotals{CacheReadTokens: &n}, true, "→"))
	assert.Equal(t, "?→1200", treetext.Tokens(&wfslog.UsageTotals{ReasoningTokens: &n}, false, "→"))
	assert.Empty(t, treetext.Tokens(&wfslog.UsageTotals{}, false, "→"))

	action := func() *wfslog.Node { return &wfslog.Node{Name: "a", Status: "ok"} }
	var b strings.Builder
	doc := &wfslog.Document{Node: wfslog.Node{Actions: []*wfslog.Node{action(), action()}}}
	require.NoError(t, treetext.Write(&b, doc, treetext.Options{Fold: 1}))
	assert.Contains(t, b.String(), "└─ ✓ a ×2  2 calls\n", "neither a duration nor a cost")
}
