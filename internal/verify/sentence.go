package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/wfslog/wfslog/internal/termtext"
)

// Report returns what was found in all that was read. The checker must not be used
// any more.
func (c *Checker) Report() *Report {
	r := &c.report
	for _, s := range c.order {
		if s.State == "" {
			s.State = cmp.Or(c.states[s.ID], StateUnknown)
		}
		s.account(c.limits.Listed)
	}
	c.finish()
	for _, s := range c.order {
		r.Counts.add(&s.Counts)
		r.Streams = append(r.Streams, &s.Stream)
	}
	slices.SortStableFunc(r.Streams, func(a, b *Stream) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID))
	})
	r.OK = len(r.wrong()) == 0 && r.Counts.Unended == 0
	r.Summary = r.sentence()
	return r
}

// sentence says in a sentence whether the journal is whole.
func (r *Report) sentence() string {
	wrong := r.wrong()
	if r.Events+r.Damaged+r.Torn+r.Writing+r.Foreign == 0 {
		return "The journal is empty."
	}
	if r.Events+r.Foreign == 0 && r.Damaged > 0 {
		return "This is no journal: nothing in it is an event."
	}
	if len(wrong) > 0 {
		if n := r.Counts.Unended; n > 0 {
			wrong = append(wrong, termtext.Counted(n, "span")+" never ended")
		}
		return "The journal is not whole: " + strings.Join(wrong, ", ") + "."
	}
	all := fmt.Sprintf("%s in %s", termtext.Counted(r.Events, "event"), termtext.Counted(uint64(len(r.Streams)), "stream"))
	if n := r.Counts.Unended; n > 0 {
		return fmt.Sprintf("The journal is whole, %s, but %s never ended: the program ended before.", all, termtext.Counted(n, "span"))
	}
	text := "The journal is whole: " + all
	if r.Pruned > 0 {
		text = fmt.Sprintf("The journal is whole but for %s that retention deleted: %s", termtext.Counted(r.Pruned, "event"), all)
	}
	if live := r.live(); live > 0 {
		verb := "is"
		if live > 1 {
			verb = "are"
		}
		text += fmt.Sprintf(", of which %d %s still being written", live, verb)
	}
	return text + "."
}

func (r *Report) live() (n uint64) {
	for _, s := range r.Streams {
		if s.State == StateLive {
			n++
		}
	}
	return n
}

// wrong says what of the journal is not as it was written.
func (r *Report) wrong() (wrong []string) {
	say := func(n uint64, format, noun string) {
		if n > 0 {
			wrong = append(wrong, fmt.Sprintf(format, termtext.Counted(n, noun)))
		}
	}
	say(r.Damaged, "%s damaged", "line")
	say(r.Torn, "%s torn", "line")
	say(r.Unaccounted, "%s missing without a word", "event")
	say(r.Lost, "%s stated lost", "event")
	if r.Gaps == 0 {
		say(r.Missing, "%s less than spans count", "event")
	}
	say(r.Conflicts, "%s contradicting others", "line")
	say(r.UnknownFormats, "%s in a format that this version does not know", "segment")
	return wrong
}
