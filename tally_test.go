package wfslog_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// ended is what the operational log is told of the end of a span.
type ended struct {
	Msg string
	WF  struct {
		Event string
		Usage map[string]int
		Cost  *float64 `json:"cost_usd"`
	}
}

// ends returns the ends of spans in the output of slog's JSONHandler, by message.
func ends(t *testing.T, buf *bytes.Buffer) map[string]ended {
	all := map[string]ended{}
	for line := range bytes.Lines(buf.Bytes()) {
		var e ended
		require.NoError(t, json.Unmarshal(line, &e), "%s", line)
		if e.WF.Event == "end" {
			all[e.Msg] = e
		}
	}
	return all
}

func TestEndsTellTheOperationalLogWhatWasUsed(t *testing.T) {
	var first, second bytes.Buffer
	a, _ := newSink(t, wfslog.Options{Next: slog.NewJSONHandler(&first, nil)})
	b, _ := newSink(t, wfslog.Options{Next: slog.NewJSONHandler(&second, nil)})
	log := slog.New(slog.NewMultiHandler(a, b))
	run := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), "w")
	iteration := wfslog.StartIteration(run)
	turn := wfslog.StartInteraction(iteration, "agent1")

	log.InfoContext(turn, "asked", wfslog.Action("llm_call"), wfslog.Tokens(100, 10), wfslog.Cost(0.25))
	log.InfoContext(turn, "no action", slog.String("k", "v"), slog.Int("action", 1), wfslog.Tokens(1000, 1000))
	log.InfoContext(turn, "not so", wfslog.Action("llm_call"), slog.Group("usage", "input_tokens", -1))
	log.WithGroup("g").InfoContext(turn, "in a group", wfslog.Action("llm_call"), wfslog.Tokens(1000, 1000))
	reports := wfslog.StartAction(turn, "reports")
	log.InfoContext(reports, "hidden", wfslog.Action("llm_call"), wfslog.Tokens(7, 7))
	wfslog.End(reports, wfslog.Tokens(20, 2))
	silent := wfslog.StartAction(turn, "silent")
	log.InfoContext(silent, "counts", wfslog.Action("llm_call"), wfslog.TokenUsage(wfslog.Usage{Input: 3, CacheRead: 5}))
	wfslog.End(silent)
	wfslog.End(turn)
	log.WithGroup("workflow.agent2").InfoContext(iteration, "implicit", wfslog.Action("llm_call"), wfslog.Tokens(1, 1))
	wfslog.End(iteration)
	wfslog.End(run)

	for _, buf := range []*bytes.Buffer{&first, &second} {
		got := ends(t, buf)
		type usage = map[string]int
		assert.Equal(t, usage{"input_tokens": 20, "output_tokens": 2}, got["action reports ended"].WF.Usage)
		assert.Equal(t, usage{"input_tokens": 3, "cache_read_tokens": 5}, got["action silent ended"].WF.Usage)
		inTurn := usage{"input_tokens": 123, "output_tokens": 12, "cache_read_tokens": 5}
		assert.Equal(t, inTurn, got["interaction agent1 ended"].WF.Usage)
		assert.InDelta(t, 0.25, *got["interaction agent1 ended"].WF.Cost, 0)
		all := usage{"input_tokens": 124, "output_tokens": 13, "cache_read_tokens": 5}
		assert.Equal(t, all, got["iteration 1 ended"].WF.Usage)
		assert.Equal(t, all, got["workflow w ended"].WF.Usage)
		assert.InDelta(t, 0.25, *got["workflow w ended"].WF.Cost, 0)
	}
}

// TestEndsTellWhatDocumentsSay reports usage in every way that documents know, and
// compares what the operational log is told with the document.
func TestEndsTellWhatDocumentsSay(t *testing.T) {
	tests := []struct {
		name string
		log  func(turn context.Context)
	}{
		{"twice in an end", func(turn context.Context) {
			wfslog.End(wfslog.StartAction(turn, "a"), wfslog.Tokens(1, 1), wfslog.Cost(5), wfslog.Tokens(30, 3), wfslog.Cost(2))
		}},
		{"in a start", func(turn context.Context) {
			wfslog.End(wfslog.StartAction(turn, "a", wfslog.Tokens(20, 2), wfslog.Cost(1)), wfslog.Cost(3))
		}},
		{"in annotations", func(turn context.Context) {
			a := wfslog.StartAction(turn, "a", wfslog.Tokens(1, 1))
			wfslog.Annotate(a, wfslog.TokenUsage(wfslog.Usage{Input: 10, CacheRead: 4}))
			wfslog.Annotate(a, wfslog.Cost(4))
			wfslog.End(wfslog.StartAction(a, "hidden", wfslog.Tokens(5, 5)))
			wfslog.End(a)
		}},
		{"of a turn", func(turn context.Context) { wfslog.Annotate(turn, wfslog.Tokens(1, 1)) }},
		{"as other integers", func(turn context.Context) {
			wfslog.End(wfslog.StartAction(turn, "a"), slog.Group("usage", slog.Uint64("input_tokens", 40)), slog.Int("cost_usd", 2))
		}},
		{"of no use", func(turn context.Context) {
			wfslog.End(wfslog.StartAction(turn, "a"), slog.Group("usage", "input_tokens", -1), slog.Int("cost_usd", -1))
			wfslog.End(wfslog.StartAction(turn, "b"), slog.Group("usage", "input_tokens", 1, "others", 2), slog.String("cost_usd", "much"))
			wfslog.End(wfslog.StartAction(turn, "c"), slog.Int("usage", 1))
		}},
		{"nothing", func(turn context.Context) {
			wfslog.End(wfslog.StartAction(turn, "a"), wfslog.Tokens(0, 0), wfslog.Cost(0))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var buf bytes.Buffer
			tree := wfslog.NewTreeBuilder(nil)
			h := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.NewJSONHandler(&buf, nil)})
			run := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), slog.New(h)), "w")
			turn := wfslog.StartInteraction(run, "agent1")
			tt.log(turn)
			wfslog.End(turn)
			wfslog.End(run)
			require.NoError(t, h.Close())

			doc, err := tree.Document(tree.Runs()[0])
			require.NoError(t, err)
			told := ends(t, &buf)
			for name, node := range map[string]*wfslog.Node{"workflow w ended": &doc.Node, "interaction agent1 ended": doc.Interactions[0]} {
				want := ended{Msg: name}
				want.WF.Event = "end"
				if u := node.Usage; u != nil {
					text, err := json.Marshal(u)
					require.NoError(t, err)
					require.NoError(t, json.Unmarshal(text, &want.WF)) // the cost
					require.NoError(t, json.Unmarshal(text, &want.WF.Usage))
					delete(want.WF.Usage, "calls")
					delete(want.WF.Usage, "cost_usd")
				}
				assert.Equal(t, want, told[name])
			}
		})
	}
}

func TestEndsWithoutUsageTellNone(t *testing.T) {
	var buf bytes.Buffer
	h, _ := newSink(t, wfslog.Options{Next: slog.NewJSONHandler(&buf, nil)})
	wfslog.End(wfslog.StartWorkflow(background(h), "w"))
	assert.NotContains(t, buf.String(), "usage")
}

func TestUsageConcurrentSafe(t *testing.T) {
	var buf bytes.Buffer
	h, _ := newSink(t, wfslog.Options{Next: slog.NewJSONHandler(&buf, nil)})
	run := wfslog.StartWorkflow(background(h), "w")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			turn := wfslog.StartInteraction(run, "agent")
			for range 100 {
				slog.New(h).InfoContext(turn, "asked", wfslog.Action("llm_call"), wfslog.Tokens(1, 2))
			}
			wfslog.End(turn)
		})
	}
	wg.Wait()
	wfslog.End(run)
	assert.Equal(t, map[string]int{"input_tokens": 800, "output_tokens": 1600}, ends(t, &buf)["workflow w ended"].WF.Usage)
}

func TestNamelessLoggersTellTheirAgent(t *testing.T) {
	var buf bytes.Buffer
	h, _ := newSink(t, wfslog.Options{Next: slog.NewJSONHandler(&buf, nil)})
	turn := wfslog.StartInteraction(background(h), "agent1")
	slog.New(h).InfoContext(turn, "by nobody")
	assert.Contains(t, buf.String(), `"agent":"agent1"`)
	buf.Reset()
	slog.New(h).WithGroup("workflow.agent2").InfoContext(turn, "by another")
	assert.NotContains(t, buf.String(), "agent1")
}
