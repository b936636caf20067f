package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/cmd/wfslog/cli"
	"github.com/wfslog/wfslog/internal/hostiletest"
	"github.com/wfslog/wfslog/internal/termtext"
)

// hostileLogs records a run with text wherever text can be, and returns the
// directory.
func hostileLogs(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler})
	log := slog.New(h)
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), text, slog.String(text, text))
	wfslog.AddResource(ctx, text, text)
	iteration := wfslog.StartIteration(ctx, slog.Group(text, text, text))
	turn := wfslog.StartInteraction(iteration, text, wfslog.Input(text), wfslog.Model(text), wfslog.Provider(text))
	action := wfslog.StartAction(turn, text, wfslog.Tool(text), wfslog.Input(map[string]string{text: text}))
	log.WithGroup("workflow.").WithGroup(text).ErrorContext(action, text, text, text, "error", errors.New(text))
	wfslog.End(action, wfslog.Output(text), wfslog.FinishReason(text), wfslog.Err(errors.New(text)))
	log.WithGroup("workflow."+text).ErrorContext(iteration, text, wfslog.Action(text), wfslog.Status(text),
		wfslog.Input(text), wfslog.Output([]string{text}), wfslog.Metadata(slog.String(text, text)))
	err := errors.New(text)
	wfslog.EndErr(turn, &err, wfslog.Output(text), wfslog.Status(text))
	wfslog.StartInteraction(ctx, text) // never ends
	wfslog.End(iteration)
	wfslog.End(ctx, wfslog.Status(text))
	require.NoError(t, h.Close())
	damageWith(t, dir, text)
	return dir
}

// damageWith appends a line with text, which is no event, to the journal.
func damageWith(t *testing.T, dir, text string) {
	t.Helper()
	segments, err := filepath.Glob(filepath.Join(dir, "journal", "*.jsonl"))
	require.NoError(t, err)
	require.NotEmpty(t, segments)
	f, err := os.OpenFile(segments[0], os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(strings.ReplaceAll(text, "\n", " ") + "\n")
	require.NoError(t, errors.Join(err, f.Close()))
}

// TestNothingHostileReachesTheTerminal runs every command on journals, documents,
// file names and arguments with harmful texts.
func TestNothingHostileReachesTheTerminal(t *testing.T) {
	for _, payload := range hostiletest.Payloads {
		t.Run(payload.Name, func(t *testing.T) {
			text := payload.Text
			dir := hostileLogs(t, text)
			documents, err := filepath.Glob(filepath.Join(dir, "*.json"))
			require.NoError(t, err)
			require.NotEmpty(t, documents)
			raw := rawDocument(t, text)

			commands := [][]string{{"ls", dir}, {"verify", dir}, {"build", dir}, {"build", "--stdout", dir}, {"build", "--stdout", "--flat", dir}}
			for _, source := range []string{dir, documents[0], raw} {
				commands = append(commands, []string{"tree", source}, []string{"tree", "--logs", source},
					[]string{"tree", "--match", "a", source}, []string{"tree", "--errors", source}, []string{"show", source},
					[]string{"export", "--format", "workflowlogger", source})
				for seq := range 20 {
					commands = append(commands, []string{"show", fmt.Sprintf("%s#:%d", source, seq)})
				}
				for _, span := range []string{"1", "1/1", "1/1/1", "2"} {
					commands = append(commands, []string{"show", source + "#" + span})
				}
			}
			// Names and arguments.
			named := filepath.Join(t.TempDir(), strings.ReplaceAll(text, "\x00", ""))
			require.NoError(t, os.MkdirAll(filepath.Dir(named), 0o700)) // the payload may hold slashes
			require.NoError(t, os.CopyFS(named, os.DirFS(dir)))
			for _, command := range []string{"ls", "tree", "show", "verify", "build", "export"} {
				for _, arg := range []string{text, named, text + "#" + text, dir + "#" + text, "@" + text, "--" + text, "--color=" + text, "--width=" + text} {
					commands = append(commands, []string{command, arg})
				}
			}
			commands = append(commands, []string{text}, []string{"help", text}, []string{"completion", text}, []string{"__complete", text},
				[]string{"__complete", "tree", text}, []string{"ls", "--since", text}, []string{"ls", "--status", text, dir},
				[]string{"ls", "--agent", text, dir}, []string{"tree", "--level", text}, []string{"tree", "--agent", text, dir},
				[]string{"show", "--raw=" + text}, []string{"build", "--out", named + text, dir}, []string{"export", "--format", text},
				[]string{"export", "--format", "workflowlogger", text}, []string{"export", "--format", "workflowlogger", named},
				[]string{"export", "--format", "workflowlogger", "--out", named + text + ".json", dir})

			for _, args := range commands {
				for _, more := range [][]string{nil, {"--json"}, {"--color=always", "--width=60"}, {"--color=always", "--width=7"}} {
					checkSafe(t, append(args[:len(args):len(args)], more...))
				}
			}
		})
	}
}

// rawDocument writes a document that no handler has written: nothing in it is
// escaped that JSON lets pass.
func rawDocument(t *testing.T, text string) string {
	t.Helper()
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false)
	require.NoError(t, e.Encode(text))
	q := strings.TrimSpace(quoted.String())
	for _, r := range "\u2028\u2029" {
		q = strings.ReplaceAll(q, fmt.Sprintf(`\u%04x`, r), string(r))
	}
	path := filepath.Join(t.TempDir(), "raw.json")
	node := strings.ReplaceAll(`"name": Q, "agent": Q, "msg": Q, "error": Q, "status": Q, "tool": Q, "model": Q, "level": Q, "logger": Q,
		"provider": Q, "finish_reason": Q, "event": Q, "flags": [Q], "input": {Q: Q}, "output": Q, "metadata": {Q: [Q]}, "attrs": {Q: Q},
		"resources": [{"name": Q, "uri": Q}], "source": {"function": Q, "file": Q, "line": 1}, "link": {"trace": Q, "span": Q}`, "Q", q)
	doc := `{"format": "wfslog/1", "workflow": Q, "run": "0123456789abcdef0123456789abcdef", N,
		"iterations": [{"span": "1", "number": 1, N, "interactions": [{"span": "1/1", N, "actions": [{"span": Q, N}, {"seq": 4, "stream": Q, N}]}],
		"logs": [{"seq": 5, N}]}],
		"agents": {Q: {"interactions": 1}}, "errors": [{"span": Q, "stream": Q, "seq": 3, "level": Q, "msg": Q, "error": Q}, {"span": Q}],
		"errors_total": 1, "integrity": {"streams": [Q]}}`
	doc = strings.ReplaceAll(strings.ReplaceAll(doc, "N", node), "Q", q)
	require.NoError(t, os.WriteFile(path, []byte(doc), 0o600))
	return path
}

var ownColors = strings.NewReplacer(
	termtext.Reset, "", termtext.Faint, "", termtext.Red, "", termtext.Green, "", termtext.Yellow, "", termtext.Cyan, "", termtext.Bold, "",
)

// checkSafe runs a command and looks for anything that is more than text, and for
// lines that were forged.
func checkSafe(t *testing.T, args []string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cli.Main(t.Context(), args, strings.NewReader(""), &stdout, &stderr)
	for _, out := range []string{ownColors.Replace(stdout.String()), stderr.String()} {
		require.True(t, utf8.ValidString(out), "invalid UTF-8 from %q:\n%q", args, out)
		for _, r := range out {
			bad := unicode.IsControl(r) && r != '\n' || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
			if r == '\t' && args[0] != "tree" && args[0] != "show" { // between a completion and what it is
				bad = false
			}
			require.False(t, bad, "%U from %q:\n%q", r, args, out)
		}
		for line := range strings.Lines(out) {
			assert.False(t, strings.HasPrefix(line, "06:14:05.123 INFO"), "a forged line from %q:\n%s", args, out)
			assert.False(t, strings.HasPrefix(line, "FAKE"), "a forged line from %q:\n%s", args, out)
		}
	}
}
