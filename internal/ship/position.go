package ship

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// position is a place in a stream. The zero position is before its first segment.
type position struct {
	Segment int   `json:"segment"`
	Offset  int64 `json:"offset"` // in bytes
}

// positionFile holds a position. As long as it is locked, no other process takes
// care of the stream.
type positionFile struct {
	path   string
	locked *os.File // nil if there is no lock
}

const (
	positionExt  = "position"
	maxName      = 64      // length of the forwarder's part of a name
	maxPosition  = 1 << 10 // of a file that can be a position
	positionMode = 0o600
)

// forwarderName returns the part of a file name that stands for a forwarder, e.g.
// "0-redis-Forwarder".
func forwarderName(place int, f Forwarder) string {
	typ := strings.TrimLeft(fmt.Sprintf("%T", f), "*")
	name := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' {
			return r
		}
		return '-'
	}, typ)
	name = fmt.Sprintf("%d-%s", place, name)
	return name[:min(len(name), maxName)]
}

// save replaces the file. It is not synced: after a power failure, some events may
// be sent again. The new file is locked before it gets its name, so that the
// position is at no time anybody else's.
func (p *positionFile) save(at position) error {
	text, err := json.Marshal(at)
	if err != nil {
		return err // cannot happen: it holds only numbers
	}
	temp := p.path + ".new"
	_ = os.Remove(temp) // of a save that was interrupted; otherwise there is none
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, positionMode)
	if err != nil {
		return fmt.Errorf("wfslog: save position: %w", err)
	}
	locked := lockFile(f)
	_, err = f.Write(append(text, '\n'))
	if !locked { // some systems rename no open file
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = os.Rename(temp, p.path)
	}
	if err != nil {
		_ = f.Close()       // no matter: the old file stays
		_ = os.Remove(temp) // likewise
		return fmt.Errorf("wfslog: save position: %w", err)
	}
	p.unlock()
	if locked {
		p.locked = f
	}
	return nil
}

// claim locks the file at path and returns the position in it. It is not ok if
// somebody else has it, or nobody can know.
func claim(path string) (p positionFile, at position, ok bool) {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // NFS locks only files that are open for writing
	if err != nil {
		return p, at, false
	}
	// The file may have been replaced or removed since it was opened.
	if !lockFile(f) || !names(path, f) {
		_ = f.Close() // it was only looked at
		return p, at, false
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPosition))
	if err != nil || json.Unmarshal(text, &at) != nil || at.Segment < 0 || at.Offset < 0 {
		at = position{} // everything is sent again
	}
	return positionFile{path, f}, at, true
}

// names reports whether path is the name of f.
func names(path string, f *os.File) bool {
	named, err := os.Lstat(path)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(named, info)
}

// remove deletes the file, whether or not it exists.
func (p *positionFile) remove() error {
	_ = os.Remove(p.path + ".new") // of a save that was interrupted; otherwise there is none
	if err := os.Remove(p.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("wfslog: remove position: %w", err)
	}
	return nil
}

// unlock lets others have the file.
func (p *positionFile) unlock() {
	if p.locked != nil {
		_ = p.locked.Close() // nothing is left to be written
		p.locked = nil
	}
}
