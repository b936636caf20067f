//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package ship

import (
	"os"
	"syscall"
)

// lockFile locks f until it is closed or the process ends, and reports whether
// that worked. It does not wait.
func lockFile(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		result = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
	})
	return err == nil && result == nil
}
