package cli

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
)

// replacement is a file that is being written, to take the place of another at once:
// whoever opens that sees its old content or its new one.
type replacement struct {
	f *os.File
	w *bufio.Writer
}

// newReplacement creates a file in dir, which is created as well if it is not there.
func newReplacement(dir string) (*replacement, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, ".wfslog-*") // with mode 0600
	if err != nil {
		return nil, err
	}
	return &replacement{f, bufio.NewWriterSize(f, 256<<10)}, nil
}

func (r *replacement) Write(p []byte) (int, error) { return r.w.Write(p) }

// rename gives the file its name.
func (r *replacement) rename(path string) error {
	err := errors.Join(r.w.Flush(), r.f.Sync(), r.f.Close())
	if err == nil {
		err = os.Rename(r.f.Name(), path)
	}
	return err
}

// discard removes the file, if it has not been renamed.
func (r *replacement) discard() error {
	_ = r.f.Close() // perhaps it was closed before
	return os.Remove(r.f.Name())
}

// replaceFile writes a file so that it is there with either its old or its new
// content.
func replaceFile(path string, text []byte) error {
	r, err := newReplacement(filepath.Dir(path))
	if err != nil {
		return err
	}
	if _, err = r.Write(text); err == nil {
		err = r.rename(path)
	}
	if err != nil {
		err = errors.Join(err, r.discard())
	}
	return err
}
