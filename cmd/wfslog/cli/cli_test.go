package cli_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/wfslog/wfslog/cmd/wfslog/cli"
)

func TestMainReturnsTheExitCode(t *testing.T) {
	tests := []struct {
		name   string
		args   []string
		want   int
		stdout string // what it begins with
		stderr string
	}{
		{"no command", nil, 2, "", "wfslog: which command? tree or build\n"},
		{"unknown command", []string{"tre\x1be"}, 2, "", `wfslog: unknown command "tre\x1be"` + "\n"},
		{"unknown flag", []string{"tree", "--frob"}, 2, "", "wfslog: unknown flag: --frob\n"},
		{"flags that exclude each other", []string{"build", "--out", "x", "--stdout"}, 2, "", "wfslog: --out and --stdout exclude each other\n"},
		{"nothing there", []string{"tree", "absent"}, 1, "", "wfslog: stat absent: no such file or directory\n"},
		{"no run", []string{"tree", "-"}, 1, "", "wfslog: no run in the input: journals, not documents, have their events\n"},
		{"help", []string{"help"}, 0, "Wfslog reads the journals", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := cli.Main(t.Context(), tt.args, strings.NewReader(""), &stdout, &stderr)
			assert.Equal(t, tt.want, code, "exit code; stderr: %s", &stderr)
			assert.Truef(t, strings.HasPrefix(stdout.String(), tt.stdout), "stdout: %s", &stdout)
			assert.Truef(t, strings.HasPrefix(stderr.String(), tt.stderr), "stderr: %s", &stderr)
			if tt.want == 0 {
				assert.Empty(t, stderr.String())
			} else {
				assert.Empty(t, stdout.String())
			}
		})
	}
}

func TestMainStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, args := range [][]string{{"tree", "-"}, {"build", "-"}} {
		var stdout, stderr bytes.Buffer
		code := cli.Main(ctx, args, strings.NewReader("{}\n"), &stdout, &stderr)
		assert.Equal(t, 1, code, "exit code of %q", args)
		assert.Empty(t, stdout.String())
		assert.Equal(t, "wfslog: context canceled\n", stderr.String())
	}
}
