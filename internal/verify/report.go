package verify

import (
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// Report says what was found.
type Report struct {
	// OK is false if anything is damaged, torn, missing, lost, contradictory or in an
	// unknown format, or a span can not end any more. Events that retention deleted
	// are none of that.
	OK bool `json:"ok"`
	// Summary says in a sentence whether the journal is whole.
	Summary string `json:"summary"`
	Counts
	Files   []*File   `json:"files"`
	Streams []*Stream `json:"streams"`
	// Damage are the first damaged places, and those where writers stopped within a
	// line.
	Damage []Damage `json:"damage,omitempty"`
	// Unended are the first spans that started and have not ended.
	Unended []Span `json:"unended,omitempty"`
	// UnknownTypes are the types of events that this version does not know.
	UnknownTypes map[string]uint64 `json:"unknown_types,omitempty"`
	// Limits says which limits kept something from being looked at.
	Limits []string `json:"limits,omitempty"`
}

// Counts are sums, of a stream or of all.
type Counts struct {
	Events uint64 `json:"events"` // distinct events that can be read
	// Damaged is the number of lines, and of runs of zero bytes, that cannot be read.
	Damaged uint64 `json:"damaged"`
	// Torn is the number of unfinished last lines whose writer is not at work.
	Torn uint64 `json:"torn"`
	// Writing is the number of unfinished last lines whose writer may be at work.
	Writing uint64 `json:"writing"`
	// Gaps is the number of events that are not there, although later ones of their
	// stream are.
	Gaps uint64 `json:"gaps"`
	// Lost is the number of events whose loss is stated, but for those pruned.
	Lost uint64 `json:"lost"`
	// Pruned is the number of events of which is stated that retention deleted them.
	Pruned uint64 `json:"pruned"`
	// Unaccounted is the number of events that are not there and of whose loss
	// nothing is stated.
	Unaccounted uint64 `json:"unaccounted"`
	// Missing is the number of events, and of starts of children, that the ends of
	// spans count and that are not there. They are among the gaps.
	Missing uint64 `json:"missing"`
	// Conflicts is the number of lines whose event is known by another line.
	Conflicts uint64 `json:"conflicts"`
	// Duplicates is the number of lines that were read before.
	Duplicates uint64 `json:"duplicates"`
	// Foreign is the number of lines that other handlers wrote. They fill no gaps.
	Foreign uint64 `json:"foreign"`
	// Unended is the number of spans that cannot end any more.
	Unended uint64 `json:"unended_spans"`
	// Open is the number of spans that have not ended and whose writer may be at work.
	Open uint64 `json:"open_spans"`
	// UnknownFormats is the number of segments in a format that this version does not
	// know.
	UnknownFormats uint64 `json:"unknown_formats"`
}

func (c *Counts) add(other *Counts) {
	for _, sum := range []struct{ to, from *uint64 }{
		{&c.Events, &other.Events},
		{&c.Damaged, &other.Damaged},
		{&c.Torn, &other.Torn},
		{&c.Writing, &other.Writing},
		{&c.Gaps, &other.Gaps},
		{&c.Lost, &other.Lost},
		{&c.Pruned, &other.Pruned},
		{&c.Unaccounted, &other.Unaccounted},
		{&c.Missing, &other.Missing},
		{&c.Conflicts, &other.Conflicts},
		{&c.Duplicates, &other.Duplicates},
		{&c.Foreign, &other.Foreign},
		{&c.Unended, &other.Unended},
		{&c.Open, &other.Open},
		{&c.UnknownFormats, &other.UnknownFormats},
	} {
		*sum.to = add(*sum.to, *sum.from)
	}
}

// File is a file, or standard input, that was read.
type File struct {
	Name    string `json:"file"`
	Bytes   int64  `json:"bytes"`
	Events  uint64 `json:"events"`  // lines that are events, also such as were read before
	Damaged uint64 `json:"damaged"` // as in [Counts]
	Torn    bool   `json:"torn,omitempty"`
}

// State says whether more events of a stream may come.
type State string

// The states.
const (
	StateClosed  State = "closed"  // it says so itself
	StateLive    State = "live"    // its writer may be at work
	StateDead    State = "dead"    // its writer ended without closing it
	StateUnknown State = "unknown" // nothing is known of the writer
)

// Stream is all events of one handler in one process.
type Stream struct {
	ID       string    `json:"stream"`
	State    State     `json:"state"`
	Program  string    `json:"program,omitempty"`
	Host     string    `json:"host,omitempty"`
	PID      int       `json:"pid,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Segments int       `json:"segments"` // whose beginning was read
	Last     uint64    `json:"last_seq"`
	Counts
	GapRanges []Range `json:"gap_ranges,omitempty"` // the first
	Causes    []Cause `json:"causes,omitempty"`
}

// Cause is what the loss events of a stream state with the same words.
type Cause struct {
	Cause  string `json:"cause"`
	Events uint64 `json:"events"`
	Bytes  uint64 `json:"bytes"`
}

// Damage is a place that cannot be read.
type Damage struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // from 1
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
	Why    string `json:"why"`
	Torn   bool   `json:"torn,omitempty"`
}

// Span is a span that has not ended.
type Span struct {
	Run     event.RunID `json:"run"`
	Span    string      `json:"span"`
	Kind    event.Kind  `json:"kind"`
	Name    string      `json:"name,omitempty"` // or the agent
	Stream  string      `json:"stream"`
	Started time.Time   `json:"started,omitzero"`
	Open    bool        `json:"open,omitempty"` // its writer may be at work
}
