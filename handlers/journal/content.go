package journal

import (
	"bytes"
	"io"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/sequencer"
)

// content is what a stream remembers of the events in a segment, so that it can
// say what is lost when the file is.
type content struct {
	bytes int64
	seqs  seqSet

	// What the loss events among them state: it has to be stated again.
	stated   seqRange
	statedBy uint64
}

// add adds a whole line, if it holds an event.
func (c *content) add(line []byte) {
	seq, rest := event.SeqOf(line)
	if seq == 0 {
		return
	}
	c.seqs.add(seq)
	if isLoss(rest) {
		if ev, err := event.ParseLine(line); err == nil {
			c.addLoss(&ev)
		}
	}
}

func (c *content) addLoss(ev *event.Event) {
	c.stated = c.stated.join(seqRange{ev.From, ev.To})
	c.statedBy += ev.N
}

// isLoss reports whether rest is of a loss event. No field before its type holds
// anything that a user chose.
func isLoss(rest []byte) bool {
	if !bytes.HasPrefix(rest, []byte(`,"n":`)) {
		return false
	}
	_, typ, _ := bytes.Cut(rest, []byte(`"event":"`))
	return bytes.HasPrefix(typ, []byte(event.TypeLoss))
}

// loss returns the loss of all of c.
func (c *content) loss(cause string) sequencer.Loss {
	all := c.stated.join(c.seqs.span())
	return sequencer.Loss{
		From: all.from, To: all.to, N: c.seqs.n + c.statedBy, Again: c.statedBy, Bytes: uint64(c.bytes), Cause: cause,
	}
}

// without returns what of c is not in left, which is part of it.
func (c *content) without(left *content) content {
	rest := content{bytes: max(c.bytes-left.bytes, 0), seqs: c.seqs.without(&left.seqs)}
	if left.statedBy < c.statedBy {
		rest.stated, rest.statedBy = c.stated, c.statedBy-left.statedBy
	}
	return rest
}

// readBack returns what of c can still be read from r.
func (c *content) readBack(r io.Reader, stream string) (left content, err error) {
	lines := event.NewScanner(r)
	for lines.Scan() {
		ev, err := event.ParseLine(lines.Line())
		if err != nil || !lines.Whole() || ev.Stream != stream || !c.seqs.has(ev.Seq) || left.seqs.has(ev.Seq) {
			continue
		}
		left.bytes += lines.Size() + 1
		left.seqs.add(ev.Seq)
		if ev.Type == event.TypeLoss {
			left.addLoss(&ev)
		}
	}
	return left, lines.Err()
}
