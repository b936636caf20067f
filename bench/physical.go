package main

import (
	"errors"

	"github.com/wfslog/wfslog"
)

// Names of what is measured.
const (
	nameCopy   = "copy in memory"
	nameBlocks = "write to the page cache, 256 KiB at once"
	nameWrites = "write to the page cache, each by itself"
)

// measurePhysical measures what moving the bytes of a record costs at least, in the
// same rounds as the record.
func measurePhysical(b *bench) (err error) {
	var open closers
	defer func() { err = errors.Join(err, open.close()) }()
	ours, err := b.openOurs(&open)
	if err != nil {
		return err
	}
	f, err := openFile(b.temp, "physical.bin")
	if err != nil {
		return err
	}
	open.add(f)
	for _, r := range records {
		g := b.group("physical/"+r.name, "ns")
		if g == nil {
			continue
		}
		size, err := b.lineBytes(r)
		if err != nil {
			return err
		}
		b.compare(g, modes[0], []side{
			{name: nameCopy, op: copyLoop(size)},
			{name: nameBlocks, op: blockLoop(f, size)},
			{name: nameWrites, op: writeLoop(f, size)},
			{nameWfslog, r.loop(ours.plain.span, ours.plain.agent), ours.plain.settle},
		})
	}
	return nil
}

const (
	copyBytes  = 8 << 20 // that are copied to and fro: more than the caches next to a core
	blockBytes = 256 << 10
)

// copyLoop copies n lines of the given size.
func copyLoop(size int) func(n int) {
	from, to := make([]byte, size), make([]byte, copyBytes)
	return func(n int) {
		at := 0
		for range n {
			if at+size > len(to) {
				at = 0
			}
			at += copy(to[at:], from)
		}
	}
}

// blockLoop writes as many bytes as n lines of the given size have, many at once.
func blockLoop(f *file, size int) func(n int) {
	block := make([]byte, blockBytes)
	return func(n int) {
		for left := n * size; left > 0; left -= len(block) {
			write(f, block[:min(left, len(block))])
		}
	}
}

// writeLoop writes n lines of the given size, one by one.
func writeLoop(f *file, size int) func(n int) {
	line := make([]byte, size)
	return func(n int) {
		for range n {
			write(f, line)
		}
	}
}

func write(f *file, p []byte) {
	if _, err := f.Write(p); err != nil {
		panic("bench: " + err.Error())
	}
}

// lineBytes returns how long the line of a record is in the journal.
func (b *bench) lineBytes(r record) (n int, err error) {
	rec := newRecorder(wfslog.Options{Sink: null{}})
	before := rec.h.Stats().Bytes
	r.log(rec.span, rec.agent)
	n = int(rec.h.Stats().Bytes - before)
	b.lines[r.name] = n
	return n, rec.Close()
}
