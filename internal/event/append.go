package event

import (
	"encoding/json"
	"strconv"

	"github.com/wfslog/wfslog/internal/encode"
)

// AppendBody appends the body of ev up to its attributes: all that its fields
// say but for the head and Attrs. An empty Type is an error of the caller.
func (ev *Event) AppendBody(e *encode.Encoder) { ev.AppendBodyAt(e, "", &Parts{}) }

// Parts says where in a buffer parts of an event of a span are, for those who want
// their bytes a second time.
type Parts struct {
	Time     int // of ,"time":"…","level":"…"; the time may be missing
	Place    int // of ,"run":"…","span":"…"
	PlaceEnd int
	Text     int // of a log: of ,"logger":"…","source":{…},"msg":"…"; the first two may be missing
	TextEnd  int
	Attrs    int // of the attributes object, with the name in front of it if there is any
	AttrsEnd int
}

// AppendBodyAt is AppendBody for an event whose Run and Span are those of place,
// unless that is empty. It sets the parts up to the attributes.
func (ev *Event) AppendBodyAt(e *encode.Encoder, place Place, p *Parts) {
	e.Buf = append(e.Buf, `,"stream":"`...)
	e.Buf = append(e.Buf, ev.Stream...)
	e.Buf = append(e.Buf, '"')
	p.Time = len(e.Buf)
	if !ev.Time.IsZero() {
		e.Buf = append(e.Buf, `,"time":`...)
		e.Time(ev.Time)
	}
	if ev.Type.OfSpan() {
		e.Buf = append(e.Buf, `,"level":`...)
		e.Buf = AppendLevel(e.Buf, ev.Level)
		if place == "" {
			place = NewPlace(ev.Run, ev.Span)
		}
		p.Place = len(e.Buf)
		e.Buf = append(e.Buf, place...)
		p.PlaceEnd = len(e.Buf)
	}
	e.Buf = append(e.Buf, `,"event":"`...)
	e.Buf = append(e.Buf, ev.Type...)
	e.Buf = append(e.Buf, '"')
	switch ev.Type {
	case TypeLog:
		if ev.After > 0 {
			e.Buf = append(e.Buf, `,"after":`...)
			e.Buf = strconv.AppendUint(e.Buf, uint64(ev.After), 10)
		}
		p.Text = len(e.Buf)
		ev.AppendText(e)
		p.TextEnd = len(e.Buf)
	case TypeStart:
		ev.appendStart(e)
	case TypeEnd:
		e.Buf = append(e.Buf, `,"dur":`...)
		e.Buf = strconv.AppendInt(e.Buf, int64(max(ev.Dur, 0)), 10)
		appendText(e, `,"status":`, ev.Status)
		appendText(e, `,"error":`, ev.Error)
	case TypeSet:
		if r := ev.Resource; r != nil {
			e.Buf = append(e.Buf, `,"resource":{"name":`...)
			e.Text(r.Name)
			appendText(e, `,"uri":`, r.URI)
			e.Buf = append(e.Buf, '}')
		}
	case TypeInject:
		e.Buf = append(e.Buf, `,"ordinal":`...)
		e.Buf = strconv.AppendUint(e.Buf, uint64(ev.Ordinal), 10)
	default:
		ev.appendStreamFields(e)
	}
}

// AppendText appends who logs the record and what it says: logger, source and message.
func (ev *Event) AppendText(e *encode.Encoder) {
	appendText(e, `,"logger":`, ev.Logger)
	if s := ev.Source; s != nil {
		e.Buf = append(e.Buf, `,"source":{"function":`...)
		e.Text(s.Function)
		appendText(e, `,"file":`, s.File)
		e.Buf = append(e.Buf, `,"line":`...)
		e.Buf = strconv.AppendInt(e.Buf, int64(s.Line), 10)
		e.Buf = append(e.Buf, '}')
	}
	e.Buf = append(e.Buf, `,"msg":`...)
	e.Text(ev.Msg)
}

func (ev *Event) appendStart(e *encode.Encoder) {
	e.Buf = append(e.Buf, `,"kind":"`...)
	e.Buf = append(e.Buf, ev.Kind...)
	e.Buf = append(e.Buf, '"')
	appendText(e, `,"name":`, ev.Name)
	appendText(e, `,"agent":`, ev.Agent)
	if l := ev.Link; l != nil {
		e.Buf = append(e.Buf, `,"link":{"trace":`...)
		e.Text(l.Trace)
		appendText(e, `,"span":`, l.Span)
		e.Buf = append(e.Buf, '}')
	}
	AppendFlags(e, ev.Flags)
}

// AppendFlags appends the flags of an event, if it has any.
func AppendFlags(e *encode.Encoder, flags []string) {
	for i, flag := range flags {
		if i == 0 {
			e.Buf = append(e.Buf, `,"flags":[`...)
		} else {
			e.Buf = append(e.Buf, ',')
		}
		e.Text(flag)
	}
	if len(flags) > 0 {
		e.Buf = append(e.Buf, ']')
	}
}

func (ev *Event) appendStreamFields(e *encode.Encoder) {
	ev.appendOpen(e)
	if ev.Type == TypeLoss {
		e.Buf = append(e.Buf, `,"from":`...)
		e.Buf = strconv.AppendUint(e.Buf, ev.From, 10)
		e.Buf = append(e.Buf, `,"to":`...)
		e.Buf = strconv.AppendUint(e.Buf, ev.To, 10)
		e.Buf = append(e.Buf, `,"bytes":`...)
		e.Buf = strconv.AppendUint(e.Buf, ev.Bytes, 10)
	}
	appendText(e, `,"cause":`, ev.Cause)
	appendText(e, `,"reason":`, ev.Reason)
	appendText(e, `,"gone":`, ev.Gone)
}

// appendText appends a member unless its text is empty.
func appendText(e *encode.Encoder, name, text string) {
	if text == "" {
		return
	}
	e.Buf = append(e.Buf, name...)
	e.Text(text)
}

// appendOpen appends the open member, which is rare: encoding/json writes it, and
// what is unsafe in its strings is escaped by compacting it through the encoder.
func (ev *Event) appendOpen(e *encode.Encoder) {
	if ev.Open == nil {
		return
	}
	text, err := json.Marshal(ev.Open)
	if err != nil {
		return // cannot happen: it has only strings, numbers and times in range
	}
	e.Buf = append(e.Buf, `,"open":`...)
	e.Any(json.RawMessage(text))
}
