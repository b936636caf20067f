package cli_test

import (
	"bytes"
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/cmd/wfslog/cli"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/termtext"
)

// verify runs the command and returns its exit code and what it wrote.
func verify(t *testing.T, args ...string) (code int, stdout string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = cli.Main(t.Context(), append([]string{"verify"}, args...), strings.NewReader(""), &out, &errs)
	assert.Empty(t, errs.String())
	return code, out.String()
}

func TestVerifyWaitsForNobody(t *testing.T) {
	dir := t.TempDir()
	h := wfslog.NewHandler(&wfslog.Options{Dir: dir, Next: slog.DiscardHandler})
	ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), slog.New(h)), "w")
	wfslog.StartIteration(ctx)
	code, out := verify(t, dir)
	assert.Equal(t, 0, code, out)
	assert.Contains(t, out, "The journal is whole: 3 events in 1 stream, of which 1 is still being written.\n")
	assert.Contains(t, out, " live ")
	assert.Contains(t, out, "may go on")

	require.NoError(t, h.Close())
	code, out = verify(t, dir)
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "2 spans never ended")
}

func TestVerifyKnowsWhatRetentionDeleted(t *testing.T) {
	dir := t.TempDir()
	h := wfslog.NewHandler(&wfslog.Options{
		Dir: dir, Next: slog.DiscardHandler, SaveOn: wfslog.SaveNever,
		Journal: journal.Options{SegmentBytes: 2000, MaxBytes: 6000},
	})
	log := slog.New(h)
	for range 50 {
		ctx := wfslog.StartWorkflow(wfslog.WithLogger(context.Background(), log), "w")
		log.InfoContext(ctx, strings.Repeat("m", 200))
		wfslog.End(ctx)
	}
	require.NoError(t, h.Close())
	code, out := verify(t, dir)
	assert.Equal(t, 0, code, out)
	assert.Contains(t, out, "The journal is whole but for ")
	assert.Contains(t, out, " events that retention deleted: ")
	assert.Contains(t, out, ": pruned\n")
}

// TestListsKeepToTheWidth looks for lines that are too long for a terminal, however
// narrow that is.
func TestListsKeepToTheWidth(t *testing.T) {
	dir := hostileLogs(t, strings.Repeat("long ", 20))
	damageWith(t, dir, "damage")
	for _, command := range []string{"ls", "verify", "show"} {
		for _, width := range []int{30, 40, 60, 80, 200} {
			var out, errs bytes.Buffer
			cli.Main(t.Context(), []string{command, "--width", strconv.Itoa(width), dir}, strings.NewReader(""), &out, &errs)
			require.NotEmpty(t, out.String(), command)
			for line := range strings.Lines(out.String()) {
				line = strings.TrimRight(line, "\n")
				assert.LessOrEqual(t, termtext.Width([]byte(line)), width, "%s in %d columns: %q", command, width, line)
			}
		}
	}
}
