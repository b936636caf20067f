// Package store keeps notes in a file.
package store

import (
	"bufio"
	"os"
	"strconv"
	"sync"
)

// Store is a file of notes.
type Store struct {
	file *os.File
	quit chan struct{}
	done sync.WaitGroup
	adds chan string
}

// Open opens the notes at path.
func Open(path string) (*Store, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	s := &Store{file: file, quit: make(chan struct{}), adds: make(chan string)}
	s.done.Go(s.write)
	go s.watch()
	return s, nil
}

// write writes what is added until the store is closed.
func (s *Store) write() {
	w := bufio.NewWriter(s.file)
	for {
		select {
		case text := <-s.adds:
			w.WriteString(text + "\n")
		case <-s.quit:
			_ = w.Flush() // the store is closed: there is nobody to tell
			return
		}
	}
}

func (s *Store) watch() {
	for {
		s.sync()
	}
}

func (s *Store) sync() { s.file.Sync() }

// Add adds a note.
func (s *Store) Add(text string) { s.adds <- text }

// Count returns how many notes there are, as the file says.
func (s *Store) Count() int {
	text, err := os.ReadFile(s.file.Name())
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(string(text))
	return n
}

// Close closes the store.
func (s *Store) Close() error {
	close(s.quit)
	s.done.Wait()
	return s.file.Close()
}

// remover is called through an interface only.
type remover struct{ path string }

func (r remover) clean() { os.Remove(r.path) }

type cleaner interface{ clean() }

func cleanAll(all []cleaner) {
	for _, c := range all {
		c.clean()
	}
}

// Clean removes what is at path.
func Clean(path string) { cleanAll([]cleaner{remover{path}}) }
