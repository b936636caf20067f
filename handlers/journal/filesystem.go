package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// fileSystem is what a [Writer] needs of the operating system. Tests have one
// that fails.
type fileSystem interface {
	// mkdirAll makes dir and what is missing above it, and returns the directories
	// that got a new entry.
	mkdirAll(dir string) (changed []string, err error)
	// create makes a new file, open for appending. That is an error that wraps
	// fs.ErrExist if anything has this name.
	create(path string) (file, error)
	open(path string) (io.ReadCloser, error)
	remove(path string) error
	syncDir(dir string) error
	list(dir string) ([]fileInfo, error)
	// exists reports false only if path surely names nothing.
	exists(path string) bool
	// abandoned reports whether it is sure that no process has the segment at path
	// open to write to it.
	abandoned(path string) bool
	// createRing makes a crash ring in a new file.
	createRing(path string, stream [8]byte) (crashRing, error)
	// recover brings what ended processes have left in their crash rings in dir into
	// segments, as far as that is soon done.
	recover(dir string)
}

// file is a segment that is open for appending.
type file interface {
	io.Writer
	// sync makes the content safe against power loss.
	sync() error
	// size returns the length, and whether the file still has a name, whichever.
	size() (n int64, linked bool, err error)
	Close() error
}

// fileInfo is what list says of a file.
type fileInfo struct {
	name string
	size int64
	time time.Time // of the last write
}

// osFileSystem is the operating system's.
type osFileSystem struct{}

const (
	dirMode  = 0o700
	fileMode = 0o600
)

func (osFileSystem) mkdirAll(dir string) (changed []string, err error) {
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(d); !errors.Is(err, fs.ErrNotExist) || filepath.Dir(d) == d {
			break
		}
		changed = append(changed, filepath.Dir(d))
	}
	return changed, os.MkdirAll(dir, dirMode)
}

func (osFileSystem) create(path string) (file, error) {
	// With O_EXCL no link is followed. Files of package os are closed on exec.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL|noFollow, fileMode)
	if err != nil {
		return nil, err
	}
	_ = f.Chmod(fileMode) // whatever the umask has taken away; some file systems know no modes
	lockSegment(f)
	return osFile{f}, nil
}

func (osFileSystem) open(path string) (io.ReadCloser, error) { return openSegment(path) }

func (osFileSystem) remove(path string) error { return os.Remove(path) }

func (osFileSystem) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

func (osFileSystem) list(dir string) ([]fileInfo, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make([]fileInfo, 0, len(entries))
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue // deleted meanwhile
		}
		files = append(files, fileInfo{name: e.Name(), size: info.Size(), time: info.ModTime()})
	}
	return files, nil
}

func (osFileSystem) exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func (osFileSystem) abandoned(path string) bool {
	f, err := openSegment(path)
	if err != nil {
		return false
	}
	defer f.Close() // it was only looked at
	return segmentUnlocked(f)
}

// osFile is a segment of the operating system.
type osFile struct{ f *os.File }

func (f osFile) Write(p []byte) (int, error) { return f.f.Write(p) }

func (f osFile) sync() error { return syncData(f.f) }

func (f osFile) size() (n int64, linked bool, err error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, false, err
	}
	return info.Size(), hasName(info), nil
}

func (f osFile) Close() error { return f.f.Close() }
