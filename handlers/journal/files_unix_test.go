//go:build unix

package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFilesAndDirectoriesArePrivate(t *testing.T) {
	for _, mask := range []int{0, 0o077, 0o777} {
		t.Run(fmt.Sprintf("umask %03o", mask), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "deep", "logs")
			require.NoError(t, os.MkdirAll(dir, 0o700)) // with mask 0777 nothing could be made in it
			require.NoError(t, os.MkdirAll(filepath.Join(dir, dirName), 0o700))
			old := syscall.Umask(mask)
			c := newClock()
			f := newFixture(osFileSystem{}, c.Now, dir, testID, Options{})
			err := f.log("private")
			syscall.Umask(old)
			require.NoError(t, err)
			require.NoError(t, f.Close(""))
			for _, path := range files(t, dir) {
				info, err := os.Stat(path)
				require.NoError(t, err)
				assert.Equal(t, os.FileMode(0o600), info.Mode())
			}
		})
	}
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "deep", "logs")
	f := newFixture(osFileSystem{}, newClock().Now, dir, testID, Options{})
	require.NoError(t, f.log("private"))
	require.NoError(t, f.Close(""))
	for _, d := range []string{filepath.Dir(dir), dir, filepath.Join(dir, dirName)} {
		info, err := os.Stat(d)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700)|os.ModeDir, info.Mode(), d)
	}
}

func TestNameThatIsTakenIsPassedOver(t *testing.T) {
	tests := map[string]func(path, secret string) error{
		"regular file": func(path, _ string) error { return os.WriteFile(path, nil, 0o600) },
		"symlink":      func(path, secret string) error { return os.Symlink(secret, path) },
		"dangling":     func(path, secret string) error { return os.Symlink(secret+"x", path) },
		"pipe":         func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
		"directory":    func(path, _ string) error { return os.Mkdir(path, 0o700) },
	}
	for name, plant := range tests {
		t.Run(name, func(t *testing.T) {
			f, dir, _ := osFixture(t, Options{})
			secret := filepath.Join(t.TempDir(), "secret")
			require.NoError(t, os.WriteFile(secret, nil, 0o600))
			require.NoError(t, os.Mkdir(filepath.Join(dir, dirName), 0o700))
			require.NoError(t, plant(f.w.SegmentPath(1), secret))
			require.NoError(t, f.log("a"))
			require.NoError(t, f.Close(""))
			text, err := os.ReadFile(f.w.SegmentPath(2))
			require.NoError(t, err)
			assert.Contains(t, string(text), `"segment":2`)
			text, err = os.ReadFile(secret)
			require.NoError(t, err)
			assert.Empty(t, text)
			assert.NoFileExists(t, secret+"x")
		})
	}
}

func TestOpenTakesOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	open := func() error {
		f, err := Segment{Path: path}.Open()
		if err == nil {
			_ = f.Close() // the test fails anyway
		}
		_ = os.Remove(path) // not always there
		return err
	}
	assert.ErrorIs(t, open(), os.ErrNotExist)
	require.NoError(t, os.Symlink("/etc/passwd", path))
	assert.ErrorIs(t, open(), syscall.ELOOP)
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	assert.ErrorIs(t, open(), os.ErrInvalid, "and does not wait for a writer")
	require.NoError(t, os.Mkdir(path, 0o700))
	assert.ErrorIs(t, open(), os.ErrInvalid)
}
