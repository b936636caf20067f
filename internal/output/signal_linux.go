package output

import (
	"os"
	"syscall"
)

// withoutSignal returns a file for the same output as f with which a write after
// the reader has gone is an error. For file descriptors 1 and 2, Go ends the
// program instead. If no duplicate is to be had, it returns f.
func withoutSignal(f *os.File) *os.File {
	conn, err := f.SyscallConn()
	if err != nil {
		return f
	}
	duplicate := f
	_ = conn.Control(func(fd uintptr) { // f is closed: the write will say so
		if fd != 1 && fd != 2 {
			return
		}
		const lowest = 3
		fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, lowest)
		if errno == 0 {
			duplicate = os.NewFile(fd, f.Name())
		}
	})
	return duplicate
}
