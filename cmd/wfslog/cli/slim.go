package cli

import (
	"strings"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/jsonscan"
)

// slimmer makes lines without the texts of what agents said: all that sums need.
type slimmer struct{ limits encode.Limits }

func newSlimmer() *slimmer { return &slimmer{encode.Limits{}.WithDefaults()} }

// Lengths that slim lines keep to.
const (
	slimLine   = 256 // bytes of a line that is kept as it is
	slimName   = 256 // bytes of a name
	slimValue  = 512 // bytes of an attribute
	slimAtMost = 64 << 10
)

// sumKeys are the attributes that sums are made of.
var sumKeys = map[string]bool{
	wfslog.KeyAction: true, wfslog.KeyUsage: true, wfslog.KeyCost: true, wfslog.KeyStatus: true, wfslog.KeyError: true,
}

// line returns the line of the same event without its texts, nil for a line that
// is no event but needs not be kept. Lines that other handlers wrote are left as
// they are, unless they are very long.
func (s *slimmer) line(l *line) []byte {
	switch {
	case l.ev == nil || l.ev.Foreign:
		return l.text[:min(len(l.text), slimAtMost)]
	case len(l.text) <= slimLine:
		return l.text
	}
	ev := *l.ev
	if !ofRun(&ev) {
		if ev.Type == event.TypeOpen && ev.Open != nil && len(l.text) > slimAtMost {
			return nil // names of spans whose starts are read anyway
		}
		return l.text
	}
	if !ev.Type.OfSpan() {
		ev.Type = event.TypeLog // it counts like one
	}
	ev.Source, ev.Resource, ev.Msg = nil, nil, ""
	for _, text := range []*string{&ev.Name, &ev.Agent, &ev.Logger, &ev.Status, &ev.Error} {
		if len(*text) > slimName {
			*text = strings.ToValidUTF8((*text)[:slimName], "")
		}
	}
	e := encode.New(&s.limits)
	defer e.Free()
	ev.AppendBody(e)
	e.Buf = appendSums(e.Buf, ev.Attrs)
	slim := event.AppendLine(nil, ev.Type, ev.Seq, ev.N, ev.Kids, e.Buf, event.Checksum(e.Buf))
	return slim[:len(slim)-1]
}

// appendSums appends the attributes that sums are made of.
func appendSums(buf []byte, attrs []byte) []byte {
	if len(attrs) == 0 {
		return buf
	}
	sep := `,"attrs":{`
	for rawKey, value := range jsonscan.Members(attrs) {
		key, _ := jsonscan.String(rawKey)
		if !sumKeys[key] {
			continue
		}
		if len(value) > slimValue { // text, of which only the presence counts
			if value[0] != '"' {
				continue
			}
			value = []byte(`"…"`)
		}
		buf = append(buf, sep...)
		buf = append(buf, rawKey...)
		buf = append(buf, ':')
		buf = append(buf, value...)
		sep = ","
	}
	if sep == "," {
		buf = append(buf, '}')
	}
	return buf
}
