package termtext_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/ptytest"
	"github.com/wfslog/wfslog/internal/termtext"
)

func TestColumns(t *testing.T) {
	setenv(t, map[string]string{"COLUMNS": "91"})
	terminal, _ := ptytest.Open(t, 132)
	assert.Equal(t, 132, termtext.Columns(terminal), "what the terminal says")
	unknown, _ := ptytest.Open(t, 0)
	assert.Equal(t, 91, termtext.Columns(unknown), "$COLUMNS")
	t.Setenv("COLUMNS", "wide")
	assert.Equal(t, 80, termtext.Columns(unknown), "neither")
	closed, err := os.Open(os.DevNull)
	require.NoError(t, err)
	require.NoError(t, closed.Close())
	assert.Equal(t, 80, termtext.Columns(closed), "no file")
}

func TestFit(t *testing.T) {
	tests := []struct {
		text     string
		columns  int
		n, width int
	}{
		{"abc", 2, 2, 2},
		{"abc", 3, 3, 3},
		{"a\x1bb", 5, 5 - 3, 5},
		{"a\x1bb", 4, 1, 1},
		{"日本", 3, 3, 2},
		{"日本", 4, 6, 4},
		{"e\u0301x", 2, 4, 2},
		{"\xff\xff", 7, 1, 4},
		{"a\tb", 5, 2, 5},
		{"☁\ufe0fx", 2, 6, 2},
		{"x", 0, 0, 0},
		{"", 3, 0, 0},
	}
	for _, tt := range tests {
		n, width := termtext.Fit(tt.text, tt.columns)
		assert.Equal(t, tt.n, n, "bytes of %q in %d columns", tt.text, tt.columns)
		assert.Equal(t, tt.width, width, "columns of %q in %d columns", tt.text, tt.columns)
	}
}

func TestMarksWithoutEndDoNotFit(t *testing.T) {
	marks := "a" + strings.Repeat("\u0301", 1000)
	n, _ := termtext.Fit(marks, 10)
	assert.Less(t, n, 100)
}
