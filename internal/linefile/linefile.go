// Package linefile lets a TreeBuilder leave event lines in the files that it has read,
// and read them again when it makes a document, rather than keep them in memory.
package linefile

import (
	"context"
	"os"
)

// File is a file of event lines. A TreeBuilder whose ReadFrom gets one remembers where
// in the file its events stand. The file may grow; what was read of it must stay there.
type File struct {
	ctx  context.Context
	name string
	open func() (*os.File, error)
	read *os.File // nil until the first Read
}

// New returns the file that open opens, as often as that is called. It is told of by
// its name. Reading it fails once ctx is done.
func New(ctx context.Context, name string, open func() (*os.File, error)) *File {
	return &File{ctx: ctx, name: name, open: open}
}

// Name returns the name of the file.
func (f *File) Name() string { return f.name }

// Open opens the file anew.
func (f *File) Open() (*os.File, error) {
	if err := f.ctx.Err(); err != nil {
		return nil, err
	}
	return f.open()
}

// Read reads the file from its beginning on.
func (f *File) Read(p []byte) (n int, err error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	if f.read == nil {
		if f.read, err = f.open(); err != nil {
			return 0, err
		}
	}
	return f.read.Read(p)
}

// Close ends the reading. What a TreeBuilder reads again, it opens itself.
func (f *File) Close() error {
	if f.read == nil {
		return nil
	}
	err := f.read.Close()
	f.read = nil
	return err
}
