// Package gone proves that the writers of streams are dead, and says so in events,
// so that the spans they have left open count as interrupted.
package gone

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/process"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// program is who writes the events, in the names of segments too.
const program = "wfslog"

// Streams returns the streams of the journal in dir that have not been closed and
// whose writers are surely dead: they were started since this machine was, and hold
// no lock on their newest segment any more. Streams of which a gone event tells
// already are left out. Segments that cannot be read prove nothing, and one that
// another process made of a crash ring does not tell when its writer was started.
func Streams(dir string) ([]string, error) {
	segments, err := journal.Segments(dir)
	if err != nil {
		return nil, err
	}
	done := map[string]bool{} // streams that nothing has to be said of
	for _, s := range segments {
		if s.Program == program {
			for _, stream := range goneIn(s) {
				done[stream] = true
			}
		}
	}
	boot := process.BootID()
	for i, s := range segments {
		newest := i+1 == len(segments) || segments[i+1].Stream != s.Stream
		if newest && !done[s.Stream] && (boot == "" || bootOfStream(segments[:i+1]) != boot || isClosed(s)) {
			done[s.Stream] = true
		}
	}
	return journal.Abandoned(slices.DeleteFunc(segments, func(s journal.Segment) bool { return done[s.Stream] })), nil
}

// bootOfStream returns the boot id that the newest segment tells that tells one, of
// the stream of the last of segments.
func bootOfStream(segments []journal.Segment) string {
	stream := segments[len(segments)-1].Stream
	for _, s := range slices.Backward(segments) {
		if s.Stream != stream {
			break
		}
		if boot := bootOf(s); boot != "" {
			return boot
		}
	}
	return ""
}

// bootOf returns the boot id that a segment's first line tells.
func bootOf(s journal.Segment) string {
	f, err := s.Open()
	if err != nil {
		return ""
	}
	defer f.Close() // it was only read
	lines := event.NewScanner(f)
	if !lines.Scan() {
		return ""
	}
	ev, err := event.ParseLine(lines.Line())
	if err != nil || ev.Open == nil {
		return ""
	}
	return ev.Open.Boot
}

// maxLastLine is above the length of the line that closes a stream.
const maxLastLine = 4 << 10

// isClosed reports whether the last whole line of a segment closes its stream.
func isClosed(s journal.Segment) bool {
	f, err := s.Open()
	if err != nil {
		return false
	}
	defer f.Close() // it was only read
	info, err := f.Stat()
	if err != nil {
		return false
	}
	tail := make([]byte, min(info.Size(), maxLastLine))
	if _, err := f.ReadAt(tail, info.Size()-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return false
	}
	tail = bytes.TrimSuffix(tail, []byte("\n"))
	ev, err := event.ParseLine(tail[bytes.LastIndexByte(tail, '\n')+1:])
	return err == nil && ev.Type == event.TypeClose
}

// goneIn returns the streams that the gone events in a segment name.
func goneIn(s journal.Segment) (streams []string) {
	f, err := s.Open()
	if err != nil {
		return nil
	}
	defer f.Close() // it was only read
	for lines := event.NewScanner(f); lines.Scan(); {
		if ev, err := event.ParseLine(lines.Line()); err == nil && ev.Type == event.TypeGone {
			streams = append(streams, ev.Gone)
		}
	}
	return streams
}

// Append writes a stream to out that says that the writers of the given streams are
// dead, and closes out.
func Append(out sequencer.Output, id [16]byte, streams []string) error {
	open := process.Describe()
	open.Program = program
	seq := sequencer.New(sequencer.Config{ID: id, Output: out, Open: open})
	var errs []error
	for _, stream := range streams {
		errs = append(errs, seq.AppendGone(stream))
	}
	return errors.Join(append(errs, seq.Close("done"))...)
}

// Record appends to the journal in dir what dead streams have left in their crash
// rings, and that their writers are dead.
func Record(dir string) error {
	recovered := journal.Recover(dir)
	if errors.Is(recovered, fs.ErrNotExist) {
		return recovered
	}
	return errors.Join(recovered, record(dir))
}

func record(dir string) error {
	streams, err := Streams(dir)
	if err != nil || len(streams) == 0 {
		return err
	}
	id := sequencer.NewID()
	if err := Append(journal.NewWriter(dir, program, id, nil), id, streams); err != nil {
		return fmt.Errorf("wfslog: say in the journal that writers are dead: %w", err)
	}
	return nil
}
