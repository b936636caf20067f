package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/linefile"
)

// Names of what is measured.
const (
	nameStructs  = "encoding/json into structs"
	nameIndex    = "tree index"
	nameDocument = "whole document"
	nameNewlines = "search for newlines"
	nameBuild    = "wfslog build"
)

// lineStruct is what a reader without wfslog would decode a line into.
type lineStruct struct {
	Seq    uint64          `json:"seq"`
	Stream string          `json:"stream"`
	Time   time.Time       `json:"time"`
	Level  string          `json:"level"`
	Run    string          `json:"run"`
	Span   string          `json:"span"`
	Event  string          `json:"event"`
	After  uint32          `json:"after"`
	Logger string          `json:"logger"`
	Msg    string          `json:"msg"`
	Attrs  json.RawMessage `json:"attrs"`
	CRC    string          `json:"crc"`
}

// readStructs decodes all lines with encoding/json, and keeps them.
func readStructs(dir string) (lines []lineStruct, err error) {
	err = eachSegment(dir, func(r io.Reader) error {
		in := bufio.NewReaderSize(r, 1<<20)
		for {
			text, err := in.ReadBytes('\n')
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
			var line lineStruct
			if err := json.Unmarshal(text, &line); err != nil {
				return err
			}
			lines = append(lines, line)
		}
	})
	return lines, err
}

// indexJournal reads the journal in dir, with its checksums, as far as "wfslog ls"
// and "wfslog tree" without bodies need it. It returns what they keep. This is the one
// place that says how they do it.
func indexJournal(dir string) (index any, err error) {
	b := wfslog.NewTreeBuilder(nil)
	err = readSegments(b, dir)
	if err == nil && (len(b.Runs()) != 1 || b.Stats().Bad > 0) {
		err = errors.New("the index does not have what was written")
	}
	return b, err
}

// readSegments adds the events of the journal in dir to b, and leaves them in the files,
// as the command does.
func readSegments(b *wfslog.TreeBuilder, dir string) error {
	segments, err := journal.Segments(dir)
	if err != nil {
		return err
	}
	for _, s := range segments {
		f := linefile.New(context.Background(), s.Path, s.Open)
		_, failed := b.ReadFrom(f)
		if err := errors.Join(failed, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// buildDocument reads the journal in dir and writes the document of its run into a
// file, as "wfslog build" does.
func buildDocument(dir, path string) (err error) {
	b := wfslog.NewTreeBuilder(nil)
	if err := readSegments(b, dir); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	for _, run := range b.Runs() {
		if err := b.WriteDocument(w, run); err != nil {
			return err
		}
	}
	return w.Flush()
}

// countNewlines is the least that any reader does.
func countNewlines(dir string) (n int, err error) {
	buf := make([]byte, 1<<20)
	err = eachSegment(dir, func(r io.Reader) error {
		for {
			k, err := r.Read(buf)
			n += bytes.Count(buf[:k], []byte{'\n'})
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
	return n, err
}

// measureRebuild compares ways to read a journal, which is in the page cache.
func measureRebuild(b *bench) error {
	for _, kind := range journalKinds {
		g := b.group("rebuild/"+kind.name, "MB/s")
		memory := b.group("index memory/"+kind.name, "B per event")
		if g == nil && memory == nil {
			continue
		}
		dir, err := os.MkdirTemp(b.temp, "rebuild")
		if err != nil {
			return err
		}
		w, err := writeJournal(dir, b.journal/kind.share, kind.log)
		if err != nil {
			return err
		}
		if g != nil {
			if err := b.rebuild(g, dir); err != nil {
				return err
			}
		}
		if memory != nil {
			if err := b.indexMemory(memory, dir, w.events); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) rebuild(g *group, dir string) (err error) {
	size, err := dirBytes(dir)
	if err != nil {
		return err
	}
	document := filepath.Join(b.temp, "document.json")
	ways := []struct {
		name string
		read func() error
	}{
		{nameStructs, func() error { _, err := readStructs(dir); return err }},
		{nameIndex, func() error { _, err := indexJournal(dir); return err }},
		{nameDocument, func() error { return buildDocument(dir, document) }},
		{nameNewlines, func() error { _, err := countNewlines(dir); return err }},
	}
	b.inRounds(g, func(round int) func() {
		speeds := make([]float64, len(ways))
		for k := range ways {
			if err != nil {
				break
			}
			i := (k + round) % len(ways)
			runtime.GC()
			start := time.Now()
			err = ways[i].read()
			speeds[i] = float64(size) / 1e6 / time.Since(start).Seconds()
		}
		return func() {
			for i, v := range speeds {
				g.add(ways[i].name, v)
			}
		}
	})
	return errors.Join(err, os.Remove(document))
}

// indexMemory measures the heap that what was read keeps in use.
func (b *bench) indexMemory(g *group, dir string, events uint64) error {
	ways := []struct {
		name string
		read func() (any, error)
	}{
		{nameStructs, func() (any, error) { return readStructs(dir) }},
		{nameIndex, func() (any, error) { return indexJournal(dir) }},
	}
	for range 3 {
		for _, w := range ways {
			before := heapInUse()
			kept, err := w.read()
			if err != nil {
				return err
			}
			g.add(w.name, max(0, heapInUse()-before)/float64(events))
			runtime.KeepAlive(kept)
		}
	}
	return nil
}

// heapInUse returns the bytes of objects that are reachable.
func heapInUse() float64 {
	runtime.GC()
	runtime.GC() // what was in a pool is kept for one collection
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
