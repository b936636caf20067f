// Package event defines the lines of a wfslog journal: their fields, the words
// for them, how they are written and how they are read.
//
// A line is one JSON object. Its HEAD is what is known only when the line gets
// its place in its stream, its BODY everything else, and its crc covers both:
//
//	{"seq":42 ,"stream":"9f86d081884c7d65", … ,"attrs":{…} ,"crc":"1c291ca3"}
//	└─ HEAD ─┘└────────────────── BODY ───────────────────┘
package event

import (
	"encoding/json"
	"log/slog"
	"time"
)

// Format is the version of the line format that this package writes.
const Format = 1

// Type says what an event tells.
type Type string

// The types of events. A span's events carry run and span; the others speak of
// the stream itself.
const (
	TypeOpen   Type = "open"   // first line of a segment
	TypeStart  Type = "start"  // a span began
	TypeLog    Type = "log"    // a log record
	TypeSet    Type = "set"    // attributes or a resource added to a span
	TypeInject Type = "inject" // a child ordinal was reserved for another process
	TypeEnd    Type = "end"    // a span ended
	TypeLoss   Type = "loss"   // events that could not be written
	TypeClose  Type = "close"  // the stream ended
	TypeGone   Type = "gone"   // another stream's writer was proved dead
)

// OfSpan reports whether events of type t belong to a span.
func (t Type) OfSpan() bool {
	switch t {
	case TypeStart, TypeLog, TypeSet, TypeInject, TypeEnd:
		return true
	}
	return false
}

// Statuses that wfslog itself gives to a span. Any other text comes from the
// user.
const (
	StatusOK          = "ok"
	StatusError       = "error"
	StatusOpen        = "open"        // no end, and nothing says that none can come
	StatusInterrupted = "interrupted" // no end, and the writer is closed or dead
)

// Flags of an event.
const (
	FlagPartial = "partial" // a start made up from the context, without its attributes
	FlagDepth   = "depth"   // a span that was moved up to keep within [MaxDepth]
	FlagDefault = "default" // the root of a default run
	FlagUTF8    = "utf8"    // invalid UTF-8 in the message or a key was replaced
)

// Event is one line of a journal. Fields that a type of event does not have are
// zero and are not written.
type Event struct {
	// Seq numbers the events of a stream 1, 2, 3 … without gaps.
	Seq uint64 `json:"seq"`
	// N counts events: in an end those of its span in this stream up to and with
	// the end, in a close all of the stream, in a loss those lost.
	N uint64 `json:"n,omitempty"`
	// Kids counts, in an end, the children of the span whose start this stream
	// had written.
	Kids uint64 `json:"kids,omitempty"`

	Stream string     `json:"stream"` // 16 hex digits
	Time   time.Time  `json:"time,omitzero"`
	Level  slog.Level `json:"level"` // a name of the six, or a number; 0 (INFO) also for events of a stream
	Run    RunID      `json:"run,omitzero"`
	Span   string     `json:"span"` // path; "" is the root
	Type   Type       `json:"event"`

	Kind  Kind     `json:"kind,omitempty"`  // start
	Name  string   `json:"name,omitempty"`  // start
	Agent string   `json:"agent,omitempty"` // start
	Link  *Link    `json:"link,omitempty"`  // start of a root: the span it came from
	Flags []string `json:"flags,omitempty"`

	// After is the number of child ordinals that the record's span had given out.
	After uint32 `json:"after,omitempty"`
	// Ordinal is the child ordinal that an inject reserved.
	Ordinal uint32 `json:"ordinal,omitempty"`

	// Dur is the time from start to end by the monotonic clock, in nanoseconds.
	Dur      time.Duration `json:"dur,omitempty"`
	Status   string        `json:"status,omitempty"`   // end
	Error    string        `json:"error,omitempty"`    // end
	Resource *Resource     `json:"resource,omitempty"` // set

	Logger string  `json:"logger,omitempty"`
	Source *Source `json:"source,omitempty"`
	Msg    string  `json:"msg,omitempty"`
	// Attrs is a JSON object, or nil.
	Attrs json.RawMessage `json:"attrs,omitempty"`

	Open   *Open  `json:"open,omitempty"`   // open
	From   uint64 `json:"from,omitempty"`   // loss: first lost seq
	To     uint64 `json:"to,omitempty"`     // loss: last lost seq
	Bytes  uint64 `json:"bytes,omitempty"`  // loss: bytes lost
	Cause  string `json:"cause,omitempty"`  // loss
	Reason string `json:"reason,omitempty"` // close
	Gone   string `json:"gone,omitempty"`   // gone: the dead stream, 16 hex digits

	// Foreign is set for a line that wfslog did not write itself but passed on to
	// another handler: it has no crc, and Seq and Stream may be missing.
	Foreign bool `json:"-"`
}

// Link names a span outside the run: wfslog's own or that of another tracer.
type Link struct {
	Trace string `json:"trace"`          // 32 hex digits
	Span  string `json:"span,omitempty"` // 16 hex digits
}

// Resource is something that a span used or made.
type Resource struct {
	Name string `json:"name"`
	URI  string `json:"uri,omitempty"`
}

// Source is the line of code that logged a record.
type Source struct {
	Function string `json:"function,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}

// Open is what the first line of a segment says of its writer.
type Open struct {
	Format    int       `json:"format"`
	ID        string    `json:"id"` // the full stream id, 32 hex digits
	Segment   int       `json:"segment"`
	Host      string    `json:"host,omitempty"`
	PID       int       `json:"pid,omitempty"`
	Boot      string    `json:"boot,omitempty"`       // the kernel's boot id
	ProcStart string    `json:"proc_start,omitempty"` // the kernel's start time of the process
	Program   string    `json:"program,omitempty"`
	Go        string    `json:"go,omitempty"`
	Spans     []SpanRef `json:"spans,omitempty"` // the newest open spans
}

// SpanRef is what is known of a span without its start event.
type SpanRef struct {
	Run   RunID     `json:"run"`
	Span  string    `json:"span"`
	Kind  Kind      `json:"kind"`
	Name  string    `json:"name,omitempty"`
	Agent string    `json:"agent,omitempty"`
	Time  time.Time `json:"time,omitzero"`
}
