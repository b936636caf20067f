package journal

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/event"
)

// benchDir returns a real directory, in memory where there is one, so that the disk
// is not what is measured.
func benchDir(b *testing.B) string {
	b.Helper()
	const shm = "/dev/shm"
	if _, err := os.Stat(shm); err != nil {
		return b.TempDir()
	}
	dir, err := os.MkdirTemp(shm, "wfslog")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, os.RemoveAll(dir)) })
	return dir
}

// benchModes runs a benchmark in each of the modes.
func benchModes(b *testing.B, bench func(b *testing.B, m mode)) {
	for _, m := range modes {
		b.Run(m.name, func(b *testing.B) { bench(b, m) })
	}
}

func benchFixture(b *testing.B, m mode) (*fixture, []byte) {
	b.Helper()
	f := m.newFixture(osFileSystem{}, time.Now, benchDir(b), testID, Options{Sync: SyncNever, SegmentBytes: 16 << 20, MaxBytes: 64 << 20})
	b.Cleanup(func() { require.NoError(b, f.Close("")) })
	body := f.body("")
	body = f.body(strings.Repeat("x", 300-len(body)))
	require.Len(b, body, 300)
	return f, body
}

func BenchmarkAppend(b *testing.B) {
	benchModes(b, func(b *testing.B, m mode) {
		f, body := benchFixture(b, m)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Append(&f.root, event.TypeLog, body); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkAppendParallel(b *testing.B) {
	benchModes(b, func(b *testing.B, m mode) {
		f, body := benchFixture(b, m)
		b.ReportAllocs()
		b.SetParallelism(50)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := f.Append(&f.root, event.TypeLog, body); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkShortStream measures the life of a stream with few records, as a small
// program has it.
func BenchmarkShortStream(b *testing.B) {
	benchModes(b, func(b *testing.B, m mode) {
		dir := benchDir(b)
		var id [16]byte
		b.ReportAllocs()
		for b.Loop() {
			id[0]++
			f := m.newFixture(osFileSystem{}, time.Now, dir, id, Options{Sync: SyncNever})
			for range 3 {
				if err := f.log("a record"); err != nil {
					b.Fatal(err)
				}
			}
			if err := f.Close(""); err != nil {
				b.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, dirName)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// benchFile is the bare file to compare with. It is begun anew when it is as large
// as a segment.
func benchFile(b *testing.B) (f *os.File, line []byte) {
	b.Helper()
	f, err := os.OpenFile(filepath.Join(benchDir(b), "bare"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, f.Close()) })
	return f, []byte(strings.Repeat("x", 330) + "\n")
}

func BenchmarkBareWrite(b *testing.B) {
	f, line := benchFile(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := f.Write(line); err != nil {
			b.Fatal(err)
		}
		if n += len(line); n > 16<<20 {
			n = 0
			if err := f.Truncate(0); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkBareWriteParallel(b *testing.B) {
	f, line := benchFile(b)
	b.ReportAllocs()
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); {
			if _, err := f.Write(line); err != nil {
				b.Error(err)
				return
			}
			if n += len(line); n > 1<<20 {
				n = 0
				if err := f.Truncate(0); err != nil {
					b.Error(err)
					return
				}
			}
		}
	})
}
