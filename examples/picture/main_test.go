package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseKnowsColoursAndLines(t *testing.T) {
	got := parse([]byte("plain \x1b[91mred\x1b[0m\r\n\x1b[1;36mbold\x1b[22m cyan\x1b[39m\x1b[2Kx\r\n\r\n"))
	want := [][]piece{
		{{style{}, "plain "}, {style{color: 10}, "red"}},
		{{style{color: 7, bold: true}, "bold"}, {style{color: 7}, " cyan"}, {style{}, "x"}},
	}
	assert.Equal(t, want, got)
}

func TestPictureShowsWhatAProgramWritesToATerminal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "picture.svg")
	var stderr bytes.Buffer
	script := `test -t 1 && printf '\033[32mon a <terminal> 漢字\033[0m of %s columns\nsecond\nthird\n' $(stty size | cut -d" " -f2)`
	code := run([]string{"-o", file, "-columns", "72", "-lines", "2", "-title", "A & B", "sh", "-c", script}, &stderr)
	require.Equal(t, 0, code, "%s", &stderr)
	picture, err := os.ReadFile(file)
	require.NoError(t, err)
	text := textOf(t, picture)
	assert.Contains(t, text, "on a <terminal> 漢字")
	assert.Contains(t, text, " of 72 columns")
	assert.Contains(t, text, "second")
	assert.NotContains(t, text, "third")
	assert.Contains(t, text, "A & B")
	assert.Contains(t, string(picture), palette[2])
}

// TestReadmesPicturesAreThere looks for words that the pictures' descriptions in
// README rely on.
func TestReadmesPicturesAreThere(t *testing.T) {
	root := filepath.Join("..", "..")
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	require.NoError(t, err)
	pictures := map[string][]string{
		"docs/console.svg": {"planner", "✓", "✗", "│", "INFO", "ERROR", "1/2/1"},
		"docs/tree.svg":    {"team", "iteration 1", "├─ ", "✓", "✗", "●", ":16", "→", "2 errors"},
	}
	for name, words := range pictures {
		assert.Contains(t, string(readme), "]("+name+")")
		picture, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		require.NoError(t, err)
		text := textOf(t, picture)
		for _, word := range words {
			assert.Contains(t, text, word, name)
		}
	}
}

func TestFailuresAreTold(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no program", []string{"-o", "x"}, 2, "want -o FILE and a program"},
		{"a program that fails", []string{"-o", "x", "sh", "-c", "echo no; exit 3"}, 1, "exit status 3: no"},
		{"no such program", []string{"-o", "x", "no-such-program"}, 1, "no-such-program"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			var stderr bytes.Buffer
			assert.Equal(t, tt.code, run(tt.args, &stderr))
			assert.Contains(t, stderr.String(), tt.want)
			assert.NoFileExists(t, "x")
		})
	}
}

// textOf returns the text of an SVG file, which must be well-formed XML.
func textOf(t *testing.T, picture []byte) string {
	var text bytes.Buffer
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		require.NoError(t, err)
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
}
