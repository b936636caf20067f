package ring

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"
)

// File is a ring in a file.
type File struct {
	*Ring
	f    *os.File
	path string
}

const fileMode = 0o600

// The file systems on which blocks that a file has can be overwritten whatever the
// state of the disk. Those that copy on write need new blocks for it, and those on a
// network may lose their server: there a mapping is no place for what must not be
// lost.
var fileSystems = map[uint32]bool{
	0xef53:     true, // ext2, ext3, ext4
	0x58465342: true, // xfs
	0x01021994: true, // tmpfs
}

// errFileSystem is returned by Create where no ring can be.
var errFileSystem = errors.New("no file system for a crash ring")

// Create makes a ring of size bytes, a multiple of the size of a page, in a new file,
// which is locked until it is closed, or the process ends. It fails if anything has
// this name, or if the file system is none for it.
func Create(path string, stream [8]byte, size int) (*File, error) {
	// With O_EXCL no link is followed. Files of package os are closed on exec.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, fmt.Errorf("make crash ring: %w", err)
	}
	r := &File{f: f, path: path}
	if err := r.begin(stream, headerSize+size); err != nil {
		if r.isNamed() {
			_ = os.Remove(path) // whoever finds it removes it
		}
		_ = f.Close() // there is nothing in it
		return nil, fmt.Errorf("make crash ring: %w", err)
	}
	return r, nil
}

// begin allocates and maps the file.
func (r *File) begin(stream [8]byte, size int) error {
	_ = r.f.Chmod(fileMode) // whatever the umask has taken away
	var mem []byte
	err := r.control(func(fd int) error {
		var fs syscall.Statfs_t
		if err := syscall.Fstatfs(fd, &fs); err != nil {
			return err
		}
		if !fileSystems[uint32(fs.Type)] {
			return errFileSystem
		}
		// Whoever finds a ring without a lock takes it for one whose writer is dead, and
		// removes it. Nobody does after this.
		if err := lock(fd); err != nil {
			return err
		}
		if !r.isNamed() {
			return os.ErrNotExist
		}
		if err := syscall.Fallocate(fd, 0, 0, int64(size)); err != nil {
			return err
		}
		var err error
		mem, err = syscall.Mmap(fd, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
		return err
	})
	if err != nil {
		return err
	}
	populate(mem)
	r.Ring, err = New(mem, stream)
	if err != nil {
		_ = syscall.Munmap(mem)
	}
	return err
}

const (
	lockTries = 100
	lockPause = time.Millisecond
)

// lock locks the file. Who looks just now whether it is locked has a lock on it, for a
// moment.
func lock(fd int) (err error) {
	for range lockTries {
		if err = syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		time.Sleep(lockPause)
	}
	return err
}

// populate makes all pages present and writable, so that no Put has to wait for a
// page. Where that is not possible, each page waits for its first Put.
func populate(mem []byte) {
	const madvPopulateWrite = 23 // since Linux 5.14; package syscall does not know it
	_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(unsafe.Pointer(&mem[0])), uintptr(len(mem)), madvPopulateWrite)
}

func (r *File) control(f func(fd int) error) error {
	conn, err := r.f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) { result = f(int(fd)) })
	return cmp.Or(err, result)
}

// isNamed reports whether the file still has its name.
func (r *File) isNamed() bool {
	named, err := os.Lstat(r.path)
	if err != nil {
		return false
	}
	info, err := r.f.Stat()
	return err == nil && os.SameFile(named, info)
}

// Check returns why the ring is not safe any more, nil if it is.
func (r *File) Check() error {
	if err := r.Err(); err != nil {
		return err
	}
	info, err := r.f.Stat()
	switch {
	case err != nil: // says nothing about the file
		return nil
	case info.Size() < int64(headerSize+r.size):
		return errors.New("the crash ring was truncated")
	case !r.isNamed():
		return errors.New("the crash ring was moved or deleted")
	}
	return nil
}

// Close ends the use of the ring. The file is removed if nothing in it is needed.
func (r *File) Close(needed bool) error {
	if !needed && r.isNamed() {
		_ = os.Remove(r.path) // who finds it later removes it
	}
	var err error
	if mem := r.close(); mem != nil {
		err = syscall.Munmap(mem)
	}
	return errors.Join(err, r.f.Close())
}
