//go:build !linux

package termtext

import "os"

// isTerminal reports whether f is a terminal, or another device of which one
// character can be read or written at a time.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// columns does not know the width of terminals on this system.
func columns(*os.File) (n int, ok bool) { return 0, false }
