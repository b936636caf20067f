package event

import (
	"log/slog"
	"strconv"
	"unicode/utf8"

	"github.com/wfslog/wfslog/internal/encode"
)

// Operational is a log record on its way to the operational log, after it was recorded.
type Operational struct {
	// Body holds the body of its event, without keys outside of groups for which
	// ReservedKey has a name, and without anything that was changed to make it harmless.
	// More may be appended.
	Body   *encode.Encoder
	Parts  Parts
	Source bool // Body has the source, if anything is known of it

	Level  slog.Level
	Agent  string // of the span, unless the logger tells it
	Stream string
	Seq    uint64
	After  uint32
}

// OperationalLimits are those of what is written to the operational log in JSON.
var OperationalLimits = encode.Limits{}.WithDefaults()

// FitsOperational reports whether what is encoded within the limits l, and was not cut,
// is as it would be within OperationalLimits. What is cut from keys is not told.
func FitsOperational(l *encode.Limits) bool {
	o := &OperationalLimits
	return l.KeyBytes == o.KeyBytes &&
		l.Depth <= o.Depth && l.Nodes <= o.Nodes && l.Attrs <= o.Attrs && l.StringBytes <= o.StringBytes
}

// maxShort is the length of a body and a text that no limits cut.
const (
	maxShort     = 1 << 20
	maxShortText = 256
)

// CanAppend reports whether AppendLine appends what would be written of the record if
// Body were not there. Its limits must fit.
func (o *Operational) CanAppend() bool {
	return !o.Body.CutText && len(o.Body.Buf) <= maxShort && hasName(o.Level) &&
		len(o.Agent) <= maxShortText && utf8.ValidString(o.Agent)
}

// AppendLine appends the record to Body as a JSON object: time and level, logger,
// source and message, attributes, and the group wf.
func (o *Operational) AppendLine() {
	b, p := o.Body.Buf, &o.Parts
	b = append(b, '{')
	b = append(b, b[p.Time+len(","):p.Place]...)
	b = append(b, b[p.Text:p.TextEnd]...)
	if p.Attrs < p.AttrsEnd {
		b = append(b, ',')
		b = append(b, b[p.Attrs+len("{"):p.AttrsEnd-len("}")]...)
	}
	b = append(b, `,"wf":{`...)
	b = append(b, b[p.Place+len(","):p.PlaceEnd]...)
	if o.Agent != "" {
		b = append(b, `,"agent":`...)
		b = encode.AppendText(b, o.Agent)
	}
	b = append(b, `,"stream":"`...)
	b = append(b, o.Stream...)
	b = append(b, `","seq":`...)
	b = strconv.AppendUint(b, o.Seq, 10)
	b = append(b, `,"after":`...)
	b = strconv.AppendUint(b, uint64(o.After), 10)
	o.Body.Buf = append(b, "}}"...)
}

// ReservedKey returns what a user's attribute with the given key is called where an
// operational log in JSON has members of its own beside it, "" if nothing else.
func ReservedKey(key string) string {
	switch key {
	case "time":
		return "!time"
	case "level":
		return "!level"
	case "logger":
		return "!logger"
	case "source":
		return "!source"
	case "msg":
		return "!msg"
	case "wf", "!wf": // package wfslog has escaped the second
		return "!wf"
	}
	return ""
}
