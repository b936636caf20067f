// Package verify reads journals to find out whether they are whole: whether every
// line can be read, every event that was given a number is there or stated lost,
// and every span has ended.
//
// It keeps no text of the events: four bytes of each event that comes in order, and
// less than a kilobyte of each span. Beyond [Limits] it looks no closer and says so.
package verify

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/wfslog/wfslog/internal/event"
)

// Limits bound what a [Checker] keeps. The zero value means the documented
// defaults.
type Limits struct {
	Spans   int // 0 means 1 000 000
	Streams int // 0 means 10 000
	Loose   int // events that come out of order; 0 means 4 000 000
	Listed  int // of damages, gaps of a stream, and spans that have not ended; 0 means 1 000
}

// Input is where lines come from.
type Input struct {
	// Name is that of the file.
	Name string
	// Stream is the stream that the file belongs to by its name, "" if that is not
	// known.
	Stream string
	// State is that of the stream's writer: [StateLive], [StateDead], or
	// [StateUnknown].
	State State
	// Newest is set for the segment that the stream's writer writes, if it is at work.
	Newest bool
}

// Checker reads journals. It is not safe for concurrent use.
type Checker struct {
	limits  Limits
	loose   int // room for events that come out of order
	report  Report
	streams map[string]*stream
	order   []*stream
	states  map[string]State
	spans   map[spanKey]*span
	limited map[string]bool
}

// New returns a checker that has read nothing.
func New(l Limits) *Checker {
	for _, field := range []struct {
		n       *int
		without int
	}{
		{&l.Spans, 1_000_000},
		{&l.Streams, 10_000},
		{&l.Loose, 4_000_000},
		{&l.Listed, 1_000},
	} {
		if *field.n <= 0 {
			*field.n = field.without
		}
	}
	return &Checker{
		limits: l, loose: l.Loose, streams: map[string]*stream{}, states: map[string]State{}, spans: map[spanKey]*span{},
		limited: map[string]bool{},
	}
}

// Read reads r to its end. The error is that of r; what was read before counts.
func (c *Checker) Read(r io.Reader, in Input) error {
	f := &File{Name: in.Name}
	c.report.Files = append(c.report.Files, f)
	if in.Stream != "" && in.State != "" {
		c.states[in.Stream] = in.State
	}
	lines := event.NewScanner(r)
	for lines.Scan() {
		c.line(lines, f, &in)
		f.Bytes = lines.Offset() + lines.Size()
		if lines.Whole() {
			f.Bytes++
		}
	}
	return lines.Err()
}

// AddMissing adds those of the given lines, of a crash ring, whose events were not
// read before. All segments of the stream must have been read.
func (c *Checker) AddMissing(lines []byte, in Input) {
	f := &File{Name: in.Name}
	for line := range bytes.Lines(lines) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		ev, err := event.ParseLine(line)
		if err != nil {
			continue // whoever has read the ring has looked
		}
		if s := c.stream(ev.Stream); s != nil {
			if _, known := s.numbers.find(ev.Seq); known {
				continue
			}
		}
		f.Events++
		f.Bytes += int64(len(line)) + 1
		c.event(&ev, crc32.ChecksumIEEE(line))
	}
	if f.Events > 0 {
		c.report.Files = append(c.report.Files, f)
	}
}

// line reads one line, or bytes that are none.
func (c *Checker) line(lines *event.Scanner, f *File, in *Input) {
	d := Damage{File: in.Name, Line: lines.Number(), Offset: lines.Offset(), Size: lines.Size()}
	if err := lines.Problem(); err != nil {
		c.damaged(f, in, d, err)
		return
	}
	ev, err := event.ParseLine(lines.Line())
	switch {
	case !lines.Whole(): // also if it could be read: its newline is part of it
		c.torn(f, in, d)
	case err != nil:
		c.damaged(f, in, d, err)
	default:
		f.Events++
		c.event(&ev, crc32.ChecksumIEEE(lines.Line()))
	}
}

func (c *Checker) damaged(f *File, in *Input, d Damage, err error) {
	if parse, ok := errors.AsType[*event.ParseError](err); ok {
		err = parse.Err
		if parse.Field != "" && !errors.Is(err, event.ErrChecksum) {
			err = fmt.Errorf("field %q: %w", parse.Field, err)
		}
	}
	d.Why = err.Error()
	f.Damaged++
	c.counts(in).Damaged++
	c.list(d)
}

// torn notes an unfinished line, or one that ends in zero bytes.
func (c *Checker) torn(f *File, in *Input, d Damage) {
	f.Torn = true
	if in.State == StateLive && in.Newest {
		c.counts(in).Writing++
		return
	}
	d.Torn, d.Why = true, "unfinished line"
	c.counts(in).Torn++
	c.list(d)
}

func (c *Checker) list(d Damage) {
	if len(c.report.Damage) < c.limits.Listed {
		c.report.Damage = append(c.report.Damage, d)
	}
}

// counts returns the counts of the stream that a file belongs to, or those of all
// if that is not known.
func (c *Checker) counts(in *Input) *Counts {
	if s := c.stream(in.Stream); s != nil {
		return &s.Counts
	}
	return &c.report.Counts
}

// stream returns what is kept of a stream, nil if that would be too many, or if id
// is "".
func (c *Checker) stream(id string) *stream {
	s := c.streams[id]
	if s == nil && id != "" {
		if len(c.streams) == c.limits.Streams {
			c.limit(fmt.Sprintf("more than %d streams: the events of the others are not looked at", c.limits.Streams))
			return nil
		}
		s = &stream{Stream: Stream{ID: id}, index: len(c.order)}
		c.streams[id] = s
		c.order = append(c.order, s)
	}
	return s
}

func (c *Checker) limit(text string) {
	if !c.limited[text] {
		c.limited[text] = true
		c.report.Limits = append(c.report.Limits, text)
	}
}

// event counts an event, once however often it comes.
func (c *Checker) event(ev *event.Event, sum uint32) {
	if ev.Foreign {
		c.report.Foreign++
		return
	}
	s := c.stream(ev.Stream)
	if s == nil {
		return
	}
	fresh, same, ok := s.numbers.add(ev.Seq, sum, &c.loose)
	switch {
	case !ok:
		c.limit(fmt.Sprintf("more than %d events out of order: the others are not looked at", c.limits.Loose))
		s.blind = true
		return
	case !fresh && same:
		s.Duplicates++
		return
	case !fresh:
		s.Conflicts++
		return
	}
	s.Events++
	switch ev.Type {
	case event.TypeOpen:
		s.open(ev, c)
	case event.TypeLoss:
		s.loss(ev)
	case event.TypeClose:
		s.State = StateClosed
	case event.TypeGone:
		if c.states[ev.Gone] != StateLive {
			c.states[ev.Gone] = StateDead
		}
	default:
		if ev.Run.IsZero() || !ev.Type.OfSpan() {
			c.unknownType(string(ev.Type))
		}
		if !ev.Run.IsZero() {
			c.ofSpan(s, ev)
		}
	}
}

// maxUnknownTypes bounds how many types of events are told apart that are not
// known.
const maxUnknownTypes = 100

func (c *Checker) unknownType(name string) {
	const maxName = 64
	if len(name) > maxName {
		name = name[:maxName]
	}
	if _, known := c.report.UnknownTypes[name]; !known {
		if len(c.report.UnknownTypes) >= maxUnknownTypes {
			name = "others"
		}
		if c.report.UnknownTypes == nil {
			c.report.UnknownTypes = map[string]uint64{}
		}
	}
	c.report.UnknownTypes[name]++
}
