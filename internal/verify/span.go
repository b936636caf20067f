package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// spanKey names what one stream tells of a span.
type spanKey struct {
	run    event.RunID
	stream int // its index
	path   string
}

// span is what is kept of it.
type span struct {
	n, kids       uint64 // that were read
	wantN         uint64 // that the end counts
	wantKids      uint64
	started, done bool
	end           uint64 // its seq
	isDefault     bool
	kind          event.Kind
	name          string // until the end
	start         time.Time
}

// maxName bounds the name of a span that is kept.
const maxName = 200

func (c *Checker) span(s *stream, run event.RunID, path string) *span {
	key := spanKey{run, s.index, path}
	sp := c.spans[key]
	if sp == nil {
		if len(c.spans) >= c.limits.Spans {
			c.limit(fmt.Sprintf("more than %d spans: whether the others have ended is not looked at", c.limits.Spans))
			return &span{} // that nobody keeps
		}
		sp = &span{}
		c.spans[key] = sp
	}
	return sp
}

// ofSpan counts an event of a span.
func (c *Checker) ofSpan(s *stream, ev *event.Event) {
	sp := c.span(s, ev.Run, ev.Span)
	if !sp.done || ev.Seq < sp.end { // later ones are not in the end's count
		sp.n++
	}
	switch ev.Type {
	case event.TypeStart:
		sp.begin(ev.Kind, cmp.Or(ev.Name, ev.Agent), ev.Time)
		sp.isDefault = slices.Contains(ev.Flags, event.FlagDefault)
		if ev.Span == "" {
			return
		}
		if parent := c.span(s, ev.Run, event.ParentPath(ev.Span)); !parent.done || ev.Seq < parent.end {
			parent.kids++
		}
	case event.TypeEnd:
		sp.done, sp.end, sp.name = true, ev.Seq, ""
		sp.wantN, sp.wantKids = ev.N, ev.Kids
	}
}

// ref notes a span that an open event names.
func (c *Checker) ref(s *stream, r *event.SpanRef) {
	if sp := c.span(s, r.Run, r.Span); !sp.started {
		sp.begin(r.Kind, cmp.Or(r.Name, r.Agent), r.Time)
		sp.isDefault = r.Span == "" // perhaps: its flags are not told
	}
}

func (sp *span) begin(kind event.Kind, name string, start time.Time) {
	sp.started, sp.kind, sp.start = true, kind, start
	if !sp.done {
		sp.name = strings.ToValidUTF8(strings.Clone(name[:min(len(name), maxName)]), "")
	}
}

// finish counts what is missing of spans, and those that have not ended.
func (c *Checker) finish() {
	ended := map[spanKey]bool{} // by any stream: all have stream -1 here
	for key, sp := range c.spans {
		s := c.order[key.stream]
		if sp.done {
			ended[key.anywhere()] = true
			if !s.blind {
				s.Missing = add(s.Missing, add(sp.wantN-min(sp.n, sp.wantN), sp.wantKids-min(sp.kids, sp.wantKids)))
			}
		}
	}
	var unended []Span
	for key, sp := range c.spans {
		if !sp.started || sp.isDefault || ended[key.anywhere()] {
			continue
		}
		s := c.order[key.stream]
		unended = append(unended, Span{
			Run: key.run, Span: key.path, Kind: sp.kind, Name: sp.name, Stream: s.ID, Started: sp.start,
			Open: s.State == StateLive,
		})
	}
	slices.SortFunc(unended, func(a, b Span) int {
		return cmp.Or(bytes.Compare(a.Run[:], b.Run[:]), comparePaths(a.Span, b.Span), cmp.Compare(a.Stream, b.Stream))
	})
	for _, u := range unended {
		if s := c.streams[u.Stream]; u.Open {
			s.Open++
		} else {
			s.Unended++
		}
	}
	c.report.Unended = unended[:min(len(unended), c.limits.Listed)]
}

func (k spanKey) anywhere() spanKey { return spanKey{k.run, -1, k.path} }

// comparePaths orders paths as the tree shows them.
func comparePaths(a, b string) int {
	for a != "" && b != "" {
		var headA, headB string
		headA, a, _ = strings.Cut(a, "/")
		headB, b, _ = strings.Cut(b, "/")
		ordinal := cmp.Compare(event.LastElement(headA).Ordinal, event.LastElement(headB).Ordinal)
		if order := cmp.Or(ordinal, cmp.Compare(headA, headB)); order != 0 {
			return order
		}
	}
	return cmp.Compare(len(a), len(b))
}
