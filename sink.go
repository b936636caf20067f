package wfslog

import (
	"io"

	"github.com/wfslog/wfslog/internal/sequencer"
)

// sinkOutput makes an output of a user's writer: one segment that never ends.
type sinkOutput struct {
	w       io.WriteCloser
	redact  func(error) error // what comes of errors, which the stream tells of
	written int64
}

var _ sequencer.Output = (*sinkOutput)(nil)

func (o *sinkOutput) Prepare(int) (sequencer.Place, error) {
	return sequencer.Place{Segment: 1, Fresh: o.written == 0, Offset: o.written}, nil
}

func (o *sinkOutput) Write(lines []byte, _, _ uint64) (int, error) {
	n, err := o.w.Write(lines)
	o.written += int64(max(n, 0))
	return n, o.redact(err)
}

func (o *sinkOutput) Sync() error { return nil }

func (o *sinkOutput) Close() error { return o.redact(o.w.Close()) }
