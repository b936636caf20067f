// Package ptytest opens terminals for tests.
package ptytest

import (
	"os"
	"strconv"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// Open returns a new terminal with the given number of columns, and the side of it
// where its user sits: what is written to terminal is read from user. When user is
// closed, the terminal is gone. Both are closed at the end of the test at the latest.
func Open(t *testing.T, columns int) (terminal, user *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = user.Close() }) // the test may have closed it
	var number, unlocked uint32
	control(t, user, syscall.TIOCSPTLCK, unsafe.Pointer(&unlocked))
	control(t, user, syscall.TIOCGPTN, unsafe.Pointer(&number))
	size := struct{ rows, columns, width, height uint16 }{rows: 24, columns: uint16(columns)}
	control(t, user, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	terminal, err = os.OpenFile("/dev/pts/"+strconv.FormatUint(uint64(number), 10), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = terminal.Close() }) // the test may have closed it
	return terminal, user
}

func control(t *testing.T, f *os.File, request uintptr, argument unsafe.Pointer) {
	t.Helper()
	conn, err := f.SyscallConn()
	require.NoError(t, err)
	var errno syscall.Errno
	require.NoError(t, conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(argument))
	}))
	require.Zero(t, errno, "ioctl %#x: %v", request, errno)
}
