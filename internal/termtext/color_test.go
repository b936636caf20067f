package termtext_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/ptytest"
	"github.com/wfslog/wfslog/internal/termtext"
)

// setenv sets the variables that decide about colours, those not in env to nothing.
func setenv(t *testing.T, env map[string]string) {
	t.Helper()
	for _, name := range []string{"NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "TERM", "COLUMNS", "LC_ALL", "LC_CTYPE", "LANG"} {
		t.Setenv(name, env[name])
	}
}

func TestColorsOnlyOnTerminals(t *testing.T) {
	terminal, _ := ptytest.Open(t, 80)
	file, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer file.Close()
	tests := []struct {
		name                   string
		env                    map[string]string
		terminal, file, buffer bool
	}{
		{"a terminal", map[string]string{"TERM": "xterm"}, true, false, false},
		{"no TERM", nil, false, false, false},
		{"TERM=dumb", map[string]string{"TERM": "dumb"}, false, false, false},
		{"NO_COLOR", map[string]string{"TERM": "xterm", "NO_COLOR": "0"}, false, false, false},
		{"NO_COLOR comes first", map[string]string{"TERM": "xterm", "NO_COLOR": "1", "FORCE_COLOR": "1"}, false, false, false},
		{"FORCE_COLOR", map[string]string{"FORCE_COLOR": "1"}, true, true, false},
		{"FORCE_COLOR is off", map[string]string{"FORCE_COLOR": "0"}, false, false, false},
		{"CLICOLOR_FORCE", map[string]string{"TERM": "dumb", "CLICOLOR_FORCE": "yes"}, true, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			setenv(t, tt.env)
			assert.Equal(t, tt.terminal, termtext.Colors(terminal), "a terminal")
			assert.Equal(t, tt.file, termtext.Colors(file), "a file")
			assert.Equal(t, tt.buffer, termtext.Colors(&bytes.Buffer{}), "a buffer")
		})
	}
}

func TestDevicesAreNoTerminals(t *testing.T) {
	_, _ = ptytest.Open(t, 80) // skips where the difference is not known
	setenv(t, map[string]string{"TERM": "xterm"})
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	assert.False(t, termtext.IsTerminal(null))
}

func TestIsUTF8(t *testing.T) {
	tests := []struct {
		env  map[string]string
		want bool
	}{
		{nil, true},
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "C.utf8"}, true},
		{map[string]string{"LANG": "C"}, false},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "POSIX"}, false},
		{map[string]string{"LANG": "C", "LC_CTYPE": "C.UTF-8"}, true},
	}
	for _, tt := range tests {
		setenv(t, tt.env)
		assert.Equal(t, tt.want, termtext.IsUTF8(), "%v", tt.env)
	}
}
