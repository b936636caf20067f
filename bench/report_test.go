package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTables(t *testing.T) {
	b := &bench{config: &config{run: regexp.MustCompile("")}, groups: []*group{
		steady("latency/p50", map[string]float64{nameWfslog: 1500}),
		steady("latency/p99", map[string]float64{nameWfslog: 2500}),
		steady("escape/prose", map[string]float64{nameJSON: 10}),
	}}
	b.groups[1].add(nameTint, 7)
	b.groups[2].add(nameWfslog, 5)
	r := &report{bench: b}
	for name, want := range map[string]string{
		"latency": "|  | p50,  | p99,  |\n| --- | --: | --: |\n| wfslog | 1500 | 2500 |\n| tint |  | 7 |\n",
		"escape":  "|  | prose,  | ratio |\n| --- | --: | --: |\n| slog.JSONHandler | 10 | 1 [1–1] |\n| wfslog | 5 | 0.50  |\n",
		"span":    "",
	} {
		got, err := r.Table(name)
		require.NoError(t, err)
		assert.Equal(t, want, got, name)
	}
	_, err := r.Table("no such table")
	assert.Error(t, err)
}

func TestPictureHasAllPoints(t *testing.T) {
	c := &curve{Title: `a <title> & "more"`, X: "spans", Y: "ns", Lines: []curveLine{
		{"one", []point{{1, 10, 9, 11}, {10, 20, 19, 1000}, {100, 30, 29, 31}}},
		{"two", []point{{1, 5, 5, 5}}},
	}}
	var text bytes.Buffer
	require.NoError(t, c.writeTo(&text))
	assert.Equal(t, 4, bytes.Count(text.Bytes(), []byte("<circle")))
	assert.Contains(t, text.String(), "a &lt;title&gt; &amp;")
	for _, path := range regexp.MustCompile(`c[xy]="([-0-9.]+)"`).FindAllStringSubmatch(text.String(), -1) {
		assert.NotContains(t, path[1], "-", "outside of the picture")
	}
	text.Reset()
	require.NoError(t, (&curve{Title: "nothing"}).writeTo(&text), "without points")
	assert.NotContains(t, text.String(), "NaN")
}

func TestNiceStep(t *testing.T) {
	for v, want := range map[float64]float64{1: 1, 1.1: 2, 3: 5, 6: 10, 430: 500, 0.2: 0.2} {
		assert.InEpsilon(t, want, niceStep(v), 1e-9, v)
	}
}

func TestProfileSharesByPart(t *testing.T) {
	stack := func(names ...string) *profile.Sample {
		s := &profile.Sample{Value: []int64{1, 0}}
		for _, name := range names {
			s.Location = append(s.Location, &profile.Location{Line: []profile.Line{{Function: &profile.Function{Name: name}}}})
		}
		return s
	}
	encode := "github.com/wfslog/wfslog/internal/encode.(*Encoder).Object"
	got := newProfileResult("six", &profile.Profile{Sample: []*profile.Sample{
		stack("runtime.memmove", encode, "log/slog.(*Logger).logAttrs", "main.logSix"),
		stack(encode, "main.logSix"),
		stack("runtime.memmove", "log/slog.(*Logger).logAttrs", "main.logSix"),
		stack("runtime.futex", "runtime.schedule"),
	}})
	assert.Equal(t, profileResult{
		Record:    "six",
		Parts:     []share{{"encoding", 50}, {scheduling, 25}, {"slog in front of the handler", 25}},
		Functions: []share{{"runtime.memmove", 50}, {encode, 25}, {"runtime.futex", 25}},
	}, got)
	assert.Len(t, got.Rows(), 3)
}
