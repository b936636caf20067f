package cli_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		{"no command", nil, 2, "", "wfslog: which command? ls, tree, show, build, export or verify\n"},
		{"unknown command", []string{"tre\x1be"}, 2, "", `wfslog: unknown command "tre\x1be"` + "\n"},
		{"unknown flag", []string{"tree", "--frob"}, 2, "", "wfslog: unknown flag: --frob\n"},
		{"flags that exclude each other", []string{"build", "--out", "x", "--stdout"}, 2, "", "wfslog: --out and --stdout exclude each other\n"},
		{"unknown color", []string{"ls", "--color", "pink"}, 2, "", `wfslog: --color "pink": want auto, always or never` + "\n"},
		{"unknown level", []string{"tree", "--level", "x"}, 2, "", `wfslog: --level "x": want iteration, interaction, action or log` + "\n"},
		{"unknown place", []string{"tree", "@x"}, 2, "", `wfslog: no run is called "@x": want @1 for the newest`},
		{"fewer runs than none", []string{"ls", "-n", "-2"}, 2, "", "wfslog: --number: want a number of runs\n"},
		{"fewer actions than none", []string{"tree", "--fold", "-2"}, 2, "", "wfslog: --fold: want a number of actions\n"},
		{"fewer columns than none", []string{"ls", "--width", "-2"}, 2, "", "wfslog: --width: want a number of columns\n"},
		{"fewer levels than none", []string{"tree", "--depth", "-1"}, 2, "", "wfslog: --depth: want a number of levels\n"},
		{"unknown time", []string{"ls", "--since", "x"}, 2, "", `wfslog: --since "x": want a duration such as 90m, 2h or 7d`},
		{"two runs", []string{"show", "@1", "@2"}, 2, "", "wfslog: more than one run: name one at a time\n"},
		{"two nodes", []string{"show", "@1#1", "#2"}, 2, "", "wfslog: more than one node: name one at a time\n"},
		{"raw and JSON", []string{"show", "--raw", "--json"}, 2, "", "wfslog: --raw and --json exclude each other\n"},
		{"raw of what", []string{"show", "--raw=x"}, 2, "", "wfslog: --raw=x: want input or output, or --raw alone for both\n"},
		{"JSON of documents", []string{"build", "--json", "--stdout"}, 2, "", "wfslog: --json and --stdout exclude each other"},
		{"no format", []string{"export"}, 2, "", "wfslog: which format? --format is one of: workflowlogger\n"},
		{"unknown format", []string{"export", "--format", "x\x1b"}, 2, "", `wfslog: unknown format "x\x1b": --format is one of: workflowlogger` + "\n"},
		{"nothing there", []string{"tree", "absent"}, 1, "", "wfslog: stat absent: no such file or directory; nor is it a run, such as @1"},
		{"nothing to list", []string{"ls", "absent"}, 1, "", "wfslog: stat absent: no such file or directory\n"},
		{"nothing to verify", []string{"verify", "absent"}, 1, "", "wfslog: stat absent: no such file or directory\n"},
		{"no run", []string{"tree", "-"}, 1, "", "wfslog: no run in the input: journals have their events\n"},
		{"empty", []string{"verify", "-"}, 0, "The journal is empty.\n", ""},
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
	for _, args := range [][]string{{"tree", "-"}, {"build", "-"}, {"ls", "-"}, {"show", "-"}, {"verify", "-"}, {"export", "--format", "workflowlogger", "-"}} {
		var stdout, stderr bytes.Buffer
		code := cli.Main(ctx, args, strings.NewReader("{}\n"), &stdout, &stderr)
		assert.Equal(t, 1, code, "exit code of %q", args)
		assert.Empty(t, stdout.String())
		assert.Equal(t, "wfslog: context canceled\n", stderr.String())
	}
}

// TestDocumentsWithHolesAreRefused reads documents in which null stands where a node
// should be, which no handler writes.
func TestDocumentsWithHolesAreRefused(t *testing.T) {
	for _, list := range []string{"iterations", "workflows", "interactions", "actions", "logs"} {
		t.Run(list, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "holes.json")
			text := `{"format": "wfslog/1", "workflow": "w", "run": "0123456789abcdef0123456789abcdef", "iterations": [{"span": "1", "` + list + `": [null]}]}`
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			for _, command := range []string{"ls", "tree", "show"} {
				var stdout, stderr bytes.Buffer
				code := cli.Main(t.Context(), []string{command, path}, strings.NewReader(""), &stdout, &stderr)
				assert.Equal(t, 1, code, command)
				assert.Empty(t, stdout.String(), command)
				assert.Equal(t, "wfslog: "+path+": null stands in it for a node\n", stderr.String(), command)
			}
		})
	}
}
