package wfslog_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// A disk that is full must not cost the document that is there already.
func TestFullDiskLeavesTheDocumentBefore(t *testing.T) {
	disk := t.TempDir()
	err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=256k")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("not permitted to mount a tmpfs")
	}
	require.NoError(t, err)
	defer func() { assert.NoError(t, syscall.Unmount(disk, 0)) }()
	filler := filepath.Join(disk, "filler")

	for free := 4 << 10; free < 160<<10; free += 4 << 10 {
		require.NoError(t, os.WriteFile(filler, make([]byte, 256<<10-free), 0o600))
		dir := filepath.Join(disk, "logs")
		r := newRecorder(t, dir, wfslog.Options{})
		run := r.workflow("w")
		for i := range 100 {
			ctx := wfslog.StartIteration(run)
			r.log.InfoContext(ctx, strings.Repeat("x", 10*i))
			wfslog.End(ctx)
		}
		assert.Error(t, r.Close())
		documents, err := filepath.Glob(dir + "/*.json")
		require.NoError(t, err)
		for _, path := range documents {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.True(t, json.Valid(text), "%d bytes free, document of %d bytes", free, len(text))
		}
		require.NoError(t, os.RemoveAll(dir))
		require.NoError(t, os.Remove(filler))
	}
}
