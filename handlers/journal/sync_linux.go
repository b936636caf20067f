package journal

import (
	"cmp"
	"os"
	"syscall"
)

// syncData leaves out the times of the file, which nobody needs to be safe.
func syncData(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		for result = syscall.EINTR; result == syscall.EINTR; {
			result = syscall.Fdatasync(int(fd))
		}
	})
	return cmp.Or(err, result)
}
