//go:build !linux

package ring

import "errors"

// File is a ring in a file. On this system there is none.
type File struct{ *Ring }

// Create fails.
func Create(string, [8]byte, int) (*File, error) { return nil, errors.ErrUnsupported }

// Check is never called.
func (r *File) Check() error { return r.Err() }

// Close is never called.
func (r *File) Close(bool) error { return nil }
