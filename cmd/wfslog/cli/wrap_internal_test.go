package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wfslog/wfslog"
)

func TestWrapCutsBetweenWords(t *testing.T) {
	tests := []struct {
		text  string
		width int
		want  []string
	}{
		{"one two three", 0, []string{"one two three"}},
		{"one two three", 13, []string{"one two three"}},
		{"one two three", 12, []string{"one two ", "three"}},
		{"a bcdefghijklmnop", 10, []string{"a bcdefghi", "jklmnop"}},
		{"日本語の長い文", 10, []string{"日本語の長", "い文"}},
		{"日本語の長い文", 11, []string{"日本語の長", "い文"}},
		{"", 10, []string{""}},
	}
	for _, tt := range tests {
		s := screen{width: tt.width}
		assert.Equal(t, tt.want, s.wrap(tt.text, 0), "%q in %d columns", tt.text, tt.width)
	}
}

func TestTableFitsItsWidth(t *testing.T) {
	table := table{columns: []column{{title: "A"}, {title: "NAME", shrink: 4}, {title: "X", rank: 1}, {title: "Y", right: true, rank: 2}}}
	table.add(cell{text: "1"}, cell{text: "漢字の名前"}, cell{text: "-"}, cell{text: "22"})
	tests := []struct {
		width int
		want  []string
	}{
		{0, []string{"A  NAME        X   Y", "1  漢字の名前  -  22"}},
		{18, []string{"A  NAME      X   Y", "1  漢字の…   -  22"}},
		{14, []string{"A  NAME  X   Y", "1  漢…   -  22"}},
		{13, []string{"A  NAME     Y", "1  漢字…   22"}},
		{8, []string{"A  NAME", "1  漢字…"}},
		{7, []string{"A  NAME", "1  漢…"}},
		{6, []string{"A", "1"}},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, table.lines(&screen{width: tt.width}, ""), "in %d columns", tt.width)
	}
}

func TestShortIDsAreUnique(t *testing.T) {
	a, b, c := wfslog.RunID{15: 1}, wfslog.RunID{15: 2}, wfslog.RunID{10: 1, 15: 1}
	assert.Equal(t, 8, shortIDs(nil))
	assert.Equal(t, 8, shortIDs([]wfslog.RunID{a, b}))
	assert.Equal(t, 11, shortIDs([]wfslog.RunID{a, b, c}))
}
