package wfslogtest_test

import (
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/wfslogtest"
)

func TestAssertions(t *testing.T) {
	type query = wfslogtest.Query
	action := func(agent, name string) query { return query{Kind: wfslog.KindAction, Agent: agent, Name: name} }
	tests := []struct {
		name   string
		assert func(rec *wfslogtest.Recorder) bool
		want   string // "" if it holds
	}{
		{"action", func(r *wfslogtest.Recorder) bool { return r.AssertAction("agent1", "llm_call") }, ""},
		{"action that is a record", func(r *wfslogtest.Recorder) bool {
			return r.AssertAction("workflow.planner", "plan", wfslog.Output([]string{"a", "b"}))
		}, ""},
		{"attributes", func(r *wfslogtest.Recorder) bool {
			return r.AssertAction("agent1", "llm_call", wfslog.Model("m1"), wfslog.Input(2), wfslog.Tokens(12, 2), wfslog.Cost(0.25))
		}, ""},
		{"status", func(r *wfslogtest.Recorder) bool { return r.AssertAction("agent1", "llm_call", wfslog.Status("ok")) }, ""},
		{"no such action", func(r *wfslogtest.Recorder) bool { return r.AssertAction("agent1", "plan") }, "no action \"plan\" of agent1\n"},
		{
			"other attributes", func(r *wfslogtest.Recorder) bool {
				return r.AssertAction("planner", "plan", wfslog.Output([]string{"a"}), slog.Int("n", 1))
			},
			"no action \"plan\" of planner with output=[\"a\"], n=1\n  :1 has output=[\"a\",\"b\"], no n\n",
		},
		{"interaction", func(r *wfslogtest.Recorder) bool {
			return r.AssertInteraction("agent2", wfslog.Output(42))
		}, ""},
		{"no such interaction", func(r *wfslogtest.Recorder) bool { return r.AssertInteraction("agent3") }, "no interaction of agent3\n"},
		{"count", func(r *wfslogtest.Recorder) bool { return r.AssertCount(6, action("", "llm_call")) }, ""},
		{"count in a path", func(r *wfslogtest.Recorder) bool { return r.AssertCount(4, query{Path: "1/2"}) }, ""},
		{"count logs", func(r *wfslogtest.Recorder) bool {
			return r.AssertCount(1, query{Kind: wfslogtest.KindLog, Path: "1/2/3", Attrs: []slog.Attr{slog.Int("chunk", 2)}})
		}, ""},
		{"count none", func(r *wfslogtest.Recorder) bool { return r.AssertCount(0, query{Path: "1/22"}) }, ""},
		{
			"other count", func(r *wfslogtest.Recorder) bool { return r.AssertCount(1, query{Kind: wfslog.KindInteraction}) },
			"3 of interaction, want 1\n  1/1\n  1/2\n  1/3\n",
		},
		{"order", func(r *wfslogtest.Recorder) bool {
			return r.AssertOrder(query{Kind: wfslog.KindIteration}, action("planner", "plan"), action("agent1", "llm_call"), action("agent1", "llm_call"))
		}, ""},
		{
			"other order", func(r *wfslogtest.Recorder) bool {
				return r.AssertOrder(action("agent1", "llm_call"), action("planner", "plan"))
			},
			"no action \"plan\" of planner after action \"llm_call\" of agent1\n",
		},
		{
			"order of what is not there", func(r *wfslogtest.Recorder) bool { return r.AssertOrder(action("nobody", "")) },
			"no action of nobody\n",
		},
		{"errors", func(r *wfslogtest.Recorder) bool { return r.AssertErrors("gave up", "up: no network") }, ""},
		{"other errors", func(r *wfslogtest.Recorder) bool { return r.AssertErrors() }, "2 errors, want 0\n  gave up: no network\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			test := &fakeTest{}
			rec := wfslogtest.New(test)
			work(rec)
			assert.Equal(t, tt.want == "", tt.assert(rec))
			failures := test.end()
			if tt.want == "" {
				assert.Empty(t, failures, "failures")
				return
			}
			require.Len(t, failures, 1)
			assert.Contains(t, failures[0], tt.want)
			assert.Contains(t, failures[0], "├─ ✓ planner turn 1", "the tree")
		})
	}
}

func TestOrderIsThatOfBeginning(t *testing.T) {
	rec := wfslogtest.New(t)
	ctx := rec.Context()
	record := func(name string) { rec.Logger().InfoContext(ctx, "m", wfslog.Action(name)) }
	record("first")
	outer := wfslog.StartAction(ctx, "second")
	rec.Logger().WithGroup("workflow.agent1").InfoContext(ctx, "m", wfslog.Action("third"))
	record("fourth")
	wfslog.End(wfslog.StartInteraction(outer, "agent2"))
	wfslog.End(outer)
	record("last")
	var names []string
	for _, n := range rec.Find(wfslogtest.Query{}) {
		names = append(names, n.Name+n.Agent)
	}
	assert.Equal(t, []string{"first", "second", "agent1", "third", "fourth", "agent2", "last"}, names)
}

// level evaluates itself.
type level struct{}

func (level) LogValue() slog.Value { return slog.StringValue("high") }

func TestAttributesAreComparedAsRecorded(t *testing.T) {
	rec := wfslogtest.New(t)
	rec.Logger().InfoContext(rec.Context(), "m", slog.Group("g", "a", 1, "b", 2.0), "list", []int{1, 2}, "nil", nil, "n", uint64(1<<63),
		"at", slog.AnyValue(level{}), "price", json.RawMessage("1.50"))
	span := wfslog.StartInteraction(rec.Context(), "agent1", wfslog.Metadata(slog.String("k", "v")), slog.Bool("top", true))
	wfslog.End(span)
	log := func(attrs ...slog.Attr) wfslogtest.Query {
		return wfslogtest.Query{Kind: wfslogtest.KindLog, Attrs: attrs}
	}
	for _, a := range []slog.Attr{
		slog.Group("g", "a", 1), slog.Any("g", map[string]float64{"b": 2}), slog.Any("list", []int{1, 2}), slog.Any("nil", nil),
		slog.Uint64("n", 1<<63), slog.Any("at", level{}), slog.String("at", "high"), slog.Float64("price", 1.5),
	} {
		rec.AssertCount(1, log(a))
	}
	for _, a := range []slog.Attr{
		slog.Group("g", "a", 2), slog.Group("g", "c", 1), slog.Any("list", []int{1}), slog.Any("list", []int{1, 3}), slog.String("n", "1"),
		slog.Uint64("n", 1<<63+1), slog.Any("g", nil), slog.Any("absent", nil), slog.Group("list", "a", 1), slog.Any("g", []int{1}),
		slog.Float64("price", 1.51), slog.Int("price", 1),
		{},
	} {
		rec.AssertCount(0, log(a))
	}
	rec.AssertInteraction("agent1", wfslog.Metadata(slog.String("k", "v")), slog.String("k", "v"), slog.Bool("top", true))
}
