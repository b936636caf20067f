package wfslog

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// FileName returns the name of the file that d is saved in, within the directory
// of its journal: the workflow's name in small letters and digits, the time of the
// run's start in UTC, and the end of the run's id.
func (d *Document) FileName() string {
	start := d.StartedAt
	if start.IsZero() {
		start = d.Run.Time()
	}
	id := d.Run.String()
	return fileSlug(d.Workflow) + "-" + start.UTC().Format("20060102T150405Z") + "-" + id[len(id)-12:] + ".json"
}

// maxFileSlug is the length of the longest workflow's part of a file's name.
const maxFileSlug = 40

// fileSlug returns a workflow's name as part of the name of a file, whatever the
// name holds.
func fileSlug(workflow string) string {
	var slug strings.Builder
	for _, r := range strings.ToLower(workflow) {
		if slug.Len() == maxFileSlug {
			break
		}
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			slug.WriteByte(byte(r))
		} else if s := slug.String(); s != "" && s[len(s)-1] != '-' {
			slug.WriteByte('-')
		}
	}
	if s := strings.TrimRight(slug.String(), "-"); s != "" {
		return s
	}
	return "run"
}

// documentFile is the file of a run's document, as it was last left. It is not
// held open: a program may have more runs than it may open files.
type documentFile struct {
	path string
	info os.FileInfo // nil before the first write
	size int64       // -1 if nobody knows it, after a write that failed
}

// Errors of [documentFile.write].
var (
	// errFileTaken says that there is a file of this name that was not written
	// here.
	errFileTaken = errors.New("the document's file was not made by this handler")
	// errFileChanged says that the file is not what was written last.
	errFileChanged = errors.New("the document's file was changed")
)

const (
	documentDirMode  = 0o700
	documentFileMode = 0o600
)

// write makes text the rest of the file from offset at on, with what is before
// that as it is. If there is no room for it, the file stays as it was.
func (f *documentFile) write(at int64, text []byte) (err error) {
	created := f.info == nil
	file, err := f.open()
	if err != nil {
		return err
	}
	f.size, err = replaceRest(file, f.size, at, text)
	var statErr error
	f.info, statErr = file.Stat()
	err = errors.Join(err, statErr, file.Close())
	if err != nil && created {
		return errors.Join(err, f.remove())
	}
	return err
}

// replaceRest makes text the rest of a file of the given size from offset at on. It
// returns the size of the file then. A size of -1 means that nobody knows it.
//
// Room is taken, and given back, while it holds spaces: so the file is a valid
// document before and after each step, for whoever reads it meanwhile.
func replaceRest(file *os.File, size, at int64, text []byte) (int64, error) {
	end := at + int64(len(text))
	if err := appendSpaces(file, size, end); err != nil {
		if truncateErr := file.Truncate(size); truncateErr != nil {
			return -1, errors.Join(err, truncateErr)
		}
		return size, err
	}
	if size > end {
		text = append(text, bytes.Repeat([]byte{' '}, int(size-end))...)
	}
	if _, err := file.WriteAt(text, at); err != nil {
		return -1, err
	}
	if size > end || size < 0 {
		if err := file.Truncate(end); err != nil {
			return -1, err
		}
	}
	return end, nil
}

// appendSpaces makes a document longer.
func appendSpaces(file *os.File, size, end int64) error {
	if size <= 0 {
		return nil // there is no document
	}
	spaces := bytes.Repeat([]byte{' '}, int(min(max(end-size, 0), 64<<10)))
	for size < end {
		n, err := file.WriteAt(spaces[:min(end-size, int64(len(spaces)))], size)
		if err != nil {
			return err
		}
		size += int64(n)
	}
	return nil
}

// open opens the file. What has taken its place since the last write is not
// touched.
func (f *documentFile) open() (*os.File, error) {
	if f.info == nil {
		return f.create()
	}
	// A FIFO, or a link to one, would hold the open up.
	if info, err := os.Lstat(f.path); err != nil || !os.SameFile(info, f.info) {
		return nil, errFileChanged
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && (!os.SameFile(info, f.info) || f.size >= 0 && info.Size() != f.size) {
		err = errFileChanged
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// create creates the file. With O_EXCL no link is followed.
func (f *documentFile) create() (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL
	file, err := os.OpenFile(f.path, flags, documentFileMode)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(f.path), documentDirMode); err == nil {
			file, err = os.OpenFile(f.path, flags, documentFileMode)
		}
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil, errFileTaken
	case err != nil:
		return nil, err
	}
	f.size = 0
	f.info, err = file.Stat()
	if err == nil {
		err = file.Chmod(documentFileMode) // whatever the umask
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// remove makes the next write create the file. What has that name was an older
// state of the same document.
func (f *documentFile) remove() error {
	f.info, f.size = nil, 0
	err := os.Remove(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
