//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package journal

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	noFollow = syscall.O_NOFOLLOW // links
	noWait   = syscall.O_NONBLOCK // for the other end of a pipe
)

// lockSegment marks a segment as being written, until it is closed or the process
// ends. Unlike a process id, a lock is right in containers too.
//
// The writer's lock is the exclusive one because NFS gives that only to a file that
// is open for writing, and a shared one only to a file that is open for reading.
//
// Who looks just now whether the new segment is locked has a lock on it, for a
// moment. A writer that gave up then would count as dead.
func lockSegment(f *os.File) {
	for range lockTries {
		if err := flock(f, syscall.LOCK_EX); !errors.Is(err, syscall.EWOULDBLOCK) {
			return // where there are no locks, segmentUnlocked never knows
		}
		time.Sleep(lockPause)
	}
}

const (
	lockTries = 100
	lockPause = time.Millisecond
)

func segmentUnlocked(f *os.File) bool {
	return flock(f, syscall.LOCK_SH) == nil
}

// lockRing reports whether it has locked a crash ring, so that it is surely nobody
// else's.
func lockRing(f *os.File) bool { return flock(f, syscall.LOCK_EX) == nil }

// flock takes a lock, or fails at once.
func flock(f *os.File, how int) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		result = syscall.Flock(int(fd), how|syscall.LOCK_NB)
	})
	return cmp.Or(err, result)
}

// hasName reports whether a file has a name left.
func hasName(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return !ok || st.Nlink > 0
}
