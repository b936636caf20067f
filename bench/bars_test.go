package main

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
)

// steady is a group whose sides have the same value in each of ten rounds.
func steady(name string, sides map[string]float64) *group {
	g := &group{name: name}
	for range 10 {
		for side, v := range sides {
			g.add(side, v)
		}
	}
	return g
}

func TestBars(t *testing.T) {
	sides := map[string]float64{"ours": 45, "theirs": 100, "control": 40, "none": 0}
	tests := []struct {
		name        string
		bar         bar
		reached     string
		met, passed bool
	}{
		{"met", bar{side: "ours", peer: "theirs", limit: 0.45}, "0.45", true, true},
		{"within the gate", bar{side: "ours", peer: "theirs", limit: 0.35}, "0.45", false, true},
		{"missed", bar{side: "ours", peer: "theirs", limit: 0.3}, "0.45", false, false},
		{"no gate but the bar", bar{side: "ours", peer: "theirs", limit: 0.44, exact: true}, "0.45", false, false},
		{"times as fast", bar{side: "ours", peer: "theirs", how: faster, limit: 2}, "2.22×", true, true},
		{"almost as fast", bar{side: "ours", peer: "theirs", how: faster, limit: 2.5}, "2.22×", false, true},
		{"not as fast", bar{side: "ours", peer: "theirs", how: faster, limit: 3}, "2.22×", false, false},
		{"as much", bar{side: "theirs", peer: "ours", how: more, limit: 2}, "2.22×", true, true},
		{"not as much", bar{side: "theirs", peer: "ours", how: more, limit: 3}, "2.22×", false, false},
		{"by itself", bar{side: "ours", limit: 40}, "45", false, true},
		{"nothing", bar{side: "none", exact: true}, "0", true, true},
		{"as the machine does anyway", bar{side: "ours", limit: 1, control: "control"}, "45", false, true},
	}
	for _, tt := range tests {
		g := steady("g", sides)
		got := tt.bar.result(g, summarize(tt.bar.values(g)))
		assert.Equal(t, tt.reached, got.Reached, tt.name)
		assert.Equal(t, tt.met, got.Met, tt.name)
		assert.Equal(t, tt.passed, got.Passed, tt.name)
	}
}

func TestOnlyWhatWasMeasuredHasAResult(t *testing.T) {
	b := &bench{config: &config{run: regexp.MustCompile("span|escape")}}
	got, missing := b.results()
	assert.Empty(t, got)
	assert.Empty(t, missing, "only a part was to be measured")
	b.groups = []*group{
		steady("span/serial", map[string]float64{nameWfslog: 1, nameBatch: 10}),
		steady("escape/prose", map[string]float64{nameWfslog: 1}), // without its peer
		steady("build memory", map[string]float64{nameBuild: 1}),  // of a smaller journal
	}
	got, _ = b.results()
	if assert.Len(t, got, 1) {
		assert.Equal(t, "0.10", got[0].Reached)
		assert.Equal(t, "met", got[0].Verdict())
	}
	b.full = true
	got, _ = b.results()
	assert.Len(t, got, 2)
	b.run = regexp.MustCompile("")
	_, missing = b.results()
	assert.Len(t, missing, len(bars)-2, "a whole run has to measure all")
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 3: "3", 0.4: "0.40", 0.0123: "0.01", 0.00123: "0.0012", 12.34: "12.3", 123.4: "123", 1234567.8: "1234568",
	} {
		assert.Equal(t, want, number(v))
	}
	assert.Equal(t, "1,234,568", thousands(1234567.8))
	assert.Equal(t, "123", thousands(123))
}
