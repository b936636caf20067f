package main

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"sync"
)

// null takes everything and keeps nothing. It is no [io.Discard], for which some
// loggers do nothing at all.
type null struct{}

func (null) Write(p []byte) (int, error) { return len(p), nil }

func (null) Close() error { return nil }

// maxFileBytes is from where on a file is begun anew, so that the disk is not
// filled and its pages are not written back while others are measured.
const maxFileBytes = 32 << 20

// file writes each record as it comes, so that the kernel has it before the log call
// returns.
type file struct {
	mu      sync.Mutex // protects following fields
	f       *os.File
	written int64
}

func openFile(dir, name string) (*file, error) {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{f: f}, nil
}

func (f *file) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.f.Write(p)
	if f.written += int64(n); f.written > maxFileBytes {
		f.written = 0
		if err == nil {
			err = f.f.Truncate(0)
		}
	}
	return n, err
}

func (f *file) Close() error { return f.f.Close() }

// bufferBytes is what a buffered sink may lose.
const bufferBytes = 64 << 10

// buffered writes what has gathered to be 64 KiB, and locks, since not all handlers
// do. What it has not written is lost when the process is killed.
type buffered struct {
	mu sync.Mutex // protects following fields
	w  *bufio.Writer
	f  io.Closer
}

func openBuffered(dir, name string) (*buffered, error) {
	f, err := openFile(dir, name)
	if err != nil {
		return nil, err
	}
	return &buffered{w: bufio.NewWriterSize(f, bufferBytes), f: f}, nil
}

func (b *buffered) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.w.Write(p)
}

func (b *buffered) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.w.Flush(); err != nil {
		return err
	}
	return b.f.Close()
}
