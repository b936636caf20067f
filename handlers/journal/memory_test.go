package journal

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wfslog/wfslog/internal/ring"
	"github.com/wfslog/wfslog/internal/sequencer/seqtest"
)

// memory is a file system in memory, of which any call can fail.
type memory struct {
	mu     sync.Mutex // protects following fields
	files  map[string]*memoryFile
	dirs   map[string]bool
	synced map[string]int // directories
	live   map[string]bool
	rings  map[string][]byte
	now    func() time.Time

	calls int
	fault func(call int, op string) *fault // nil: none
}

// fault is what happens instead of a call.
type fault struct {
	err   error
	part  float64 // of a write that is done
	bytes int     // of a write that are done, beside part
	lie   bool    // the write is said not to be done at all
	panic bool
}

func newMemory(now func() time.Time) *memory {
	return &memory{
		files: map[string]*memoryFile{}, dirs: map[string]bool{}, synced: map[string]int{}, live: map[string]bool{},
		rings: map[string][]byte{}, now: now,
	}
}

// next counts a call and returns its fault. m.mu must be held.
func (m *memory) next(op string) *fault {
	m.calls++
	if m.fault == nil {
		return nil
	}
	f := m.fault(m.calls, op)
	if f != nil && f.panic {
		panic("fault in " + op)
	}
	return f
}

func (m *memory) mkdirAll(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.next("mkdir"); f != nil && f.err != nil {
		return nil, f.err
	}
	m.dirs[dir] = true
	return []string{filepath.Dir(dir)}, nil
}

func (m *memory) create(path string) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.next("create"); f != nil && f.err != nil {
		return nil, f.err
	}
	if !m.dirs[filepath.Dir(path)] {
		return nil, fs.ErrNotExist
	}
	if m.files[path] != nil {
		return nil, fs.ErrExist
	}
	f := &memoryFile{m: m, linked: true, modified: m.now()}
	m.files[path] = f
	return f, nil
}

func (m *memory) open(path string) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.next("open"); f != nil && f.err != nil {
		return nil, f.err
	}
	f := m.files[path]
	if f == nil {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(slices.Clone(f.data))), nil
}

func (m *memory) remove(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.next("remove"); f != nil && f.err != nil {
		return f.err
	}
	m.unlinkLocked(path)
	return nil
}

// unlinkLocked deletes a file. m.mu must be held.
func (m *memory) unlinkLocked(path string) {
	if f := m.files[path]; f != nil {
		f.linked = false
		delete(m.files, path)
	}
}

func (m *memory) syncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.next("syncDir"); f != nil && f.err != nil {
		return f.err
	}
	m.synced[dir]++
	return nil
}

func (m *memory) list(dir string) ([]fileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.next("list"); f != nil && f.err != nil {
		return nil, f.err
	}
	var infos []fileInfo
	for path, f := range m.files {
		if filepath.Dir(path) == dir {
			infos = append(infos, fileInfo{name: filepath.Base(path), size: int64(len(f.data)), time: f.modified})
		}
	}
	return infos, nil
}

func (m *memory) exists(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next("exists")
	return m.files[path] != nil
}

func (m *memory) abandoned(path string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next("abandoned")
	return !m.live[path]
}

// memoryRingSize is so small that rings get full.
const memoryRingSize = 1 << 10

func (m *memory) createRing(path string, stream [8]byte) (crashRing, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.next("createRing"); f != nil && f.err != nil {
		return nil, f.err
	}
	if m.rings[path] != nil {
		return nil, fs.ErrExist
	}
	m.rings[path] = make([]byte, 4096+memoryRingSize)
	r, err := ring.New(m.rings[path], stream)
	return &memoryRing{r, m, path}, err
}

func (m *memory) recover(string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next("recover")
}

// memoryRing is a crash ring of a memory.
type memoryRing struct {
	*ring.Ring
	m    *memory
	path string
}

func (r *memoryRing) Check() error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if f := r.m.next("checkRing"); f != nil && f.err != nil {
		return f.err
	}
	return r.Err()
}

func (r *memoryRing) Close(needed bool) error {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	if !needed {
		delete(r.m.rings, r.path)
	}
	if f := r.m.next("closeRing"); f != nil && f.err != nil {
		return f.err
	}
	return nil
}

// paths returns the paths of all files in order. m.mu must be held.
func (m *memory) paths() []string {
	var paths []string
	for path := range m.files {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// read returns what can be read of all files.
func (m *memory) read() (*seqtest.Stream, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var readers []io.Reader
	for _, path := range m.paths() {
		readers = append(readers, bytes.NewReader(m.files[path].data))
	}
	s, err := seqtest.Read(readers...)
	for _, mem := range m.rings {
		_, lines, ringErr := ring.Read(bytes.NewReader(mem))
		s.AddMissing(lines)
		err = errors.Join(err, ringErr)
	}
	return s, err
}

func (m *memory) text() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var text strings.Builder
	for _, path := range m.paths() {
		text.WriteString("--- " + path + "\n" + string(m.files[path].data))
	}
	return text.String()
}

// memoryFile is a file of a memory, whose mutex protects it.
type memoryFile struct {
	m        *memory
	data     []byte
	linked   bool
	modified time.Time
	syncs    int
	closed   bool
}

func (f *memoryFile) Write(p []byte) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if f.closed {
		return 0, fs.ErrClosed
	}
	n, err := len(p), error(nil)
	fault := f.m.next("write")
	if fault != nil {
		n, err = int(fault.part*float64(len(p)-1))+fault.bytes, fault.err
	}
	f.data = append(f.data, p[:n]...)
	f.modified = f.m.now()
	if fault != nil && fault.lie {
		n = 0
	}
	return n, err
}

func (f *memoryFile) sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if fault := f.m.next("sync"); fault != nil && fault.err != nil {
		return fault.err
	}
	f.syncs++
	return nil
}

func (f *memoryFile) size() (int64, bool, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if fault := f.m.next("size"); fault != nil && fault.err != nil {
		return 0, false, fault.err
	}
	return int64(len(f.data)), f.linked, nil
}

func (f *memoryFile) Close() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	f.closed = true
	if fault := f.m.next("close"); fault != nil && fault.err != nil {
		return fault.err
	}
	return nil
}
