package treetext

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/termtext"
)

const (
	maxLabel   = 100 // runes of a name
	maxAgent   = 20  // columns of agents' names that turns are aligned behind
	maxText    = 500 // runes of a message or an error
	maxContent = 50  // runes of an input or an output
)

// row is a line of the tree in columns.
type row struct {
	tree   string // lines that lead to the node
	mark   string
	color  string // of the mark
	label  string
	took   string
	tokens string
	cost   string
	ref    string // the node's address in its run
	note   string
	noted  string // colour of the note
}

// describe returns the row of an item, whose siblings' agents take the given
// number of columns.
func (d *drawer) describe(it *item, agents int) row {
	n := it.node
	r := row{took: d.duration(n), tokens: d.tokens(n), cost: d.cost(n), ref: Ref(n)}
	r.mark, r.color = d.mark(n.Status)
	switch it.kind {
	case kindWorkflow:
		r.label = "workflow " + d.label(n.Name)
	case kindIteration:
		r.label = "iteration " + strconv.Itoa(n.Number)
	case kindInteraction:
		agent := d.label(n.Agent)
		r.label = agent + spaces(agents-d.columns(agent)) + " turn " + strconv.Itoa(it.turn)
	case kindAction:
		r.label = d.label(cmp.Or(n.Name, n.Event))
		if n.Tool != "" && n.Tool != n.Name {
			r.label += " " + d.label(n.Tool)
		}
	default:
		r.mark, r.color = d.glyphs.log, levelColor(n.Level)
		r.label = d.label(cmp.Or(n.Level, n.Event))
	}
	var notes []string
	switch n.Status {
	case "", "ok", "error":
	default:
		notes = append(notes, d.label(n.Status))
	}
	switch {
	case n.Missing:
		notes = append(notes, "its start is missing")
	case n.Error != "":
		notes, r.noted = append(notes, d.firstLine(n.Error)), red
	case it.kind == kindAction && len(n.Output) > 0:
		text := strings.TrimPrefix(d.content(n.Input)+" "+d.glyphs.arrow+" "+d.content(n.Output), " ")
		notes = append(notes, text)
	case it.kind == kindAction && len(n.Input) > 0:
		notes = append(notes, d.content(n.Input))
	case n.Msg != "":
		notes = append(notes, d.text(n.Msg, maxText))
	}
	if n.Model != "" {
		notes = append(notes, d.label(n.Model))
	}
	if it.logs > 0 && !d.opts.selects() {
		notes = append(notes, d.glyphs.hidden+" "+termtext.Counted(it.logs, "log"))
	}
	r.note = strings.Join(notes, "  ")
	return r
}

// folded returns the row of actions that are one.
func (d *drawer) folded(items []*item) row {
	var sum time.Duration
	timed, cost, priced := 0, 0.0, false
	var usage wfslog.UsageTotals
	for _, it := range items {
		if it.node.DurationMS != "" {
			sum += it.node.Duration()
			timed++
		}
		if usd, err := costOf(it.node).Float64(); err == nil {
			cost, priced = cost+usd, true
		}
		if u := it.node.Usage; u != nil {
			usage.InputTokens, usage.OutputTokens = plus(usage.InputTokens, tokensIn(u)), plus(usage.OutputTokens, tokensOut(u))
		}
	}
	if priced {
		usage.CostUSD = json.Number(strconv.FormatFloat(math.Round(cost*1e9)/1e9, 'f', -1, 64)) // as exact as sums in documents
	}
	r := d.describe(&item{kind: kindAction, node: &wfslog.Node{
		Name: items[0].node.Name, Tool: items[0].node.Tool, Status: "ok", Usage: &usage,
	}}, 0)
	r.label += " " + d.glyphs.times + strconv.Itoa(len(items))
	r.note = termtext.Counted(len(items), "call")
	r.ref = Ref(items[0].node)
	if timed > 0 {
		r.took = d.format(sum)
		r.note += ", " + d.format(sum/time.Duration(timed)) + " on average"
	}
	return r
}

// Ref returns the address of a node in its run: the path of a span, or a colon and
// the number of a record, behind its stream if that is not the root's. It is safe
// to show.
func Ref(n *wfslog.Node) string {
	switch {
	case n.Span != "":
		return termtext.String(n.Span)
	case n.Seq > 0:
		return termtext.String(n.Stream) + ":" + strconv.FormatUint(n.Seq, 10)
	}
	return ""
}

// mark returns the glyph of a status and its colour.
func (d *drawer) mark(status string) (glyph, color string) { return d.glyphs.mark(status) }

// Mark returns the character that stands for a status in trees.
func Mark(status string, ascii bool) string {
	glyph, _ := glyphsOf(ascii).mark(status)
	return glyph
}

func (g *glyphs) mark(status string) (glyph, color string) {
	switch status {
	case "ok":
		return g.ok, green
	case "error":
		return g.failed, red
	case "open":
		return g.open, cyan
	case "":
		return g.log, faint
	}
	return g.other, yellow
}

func levelColor(level string) string {
	switch level {
	case "ERROR", "CRITICAL":
		return red
	case "WARN":
		return yellow
	}
	return faint
}

func (d *drawer) duration(n *wfslog.Node) string {
	if n.DurationMS == "" {
		return ""
	}
	return d.format(n.Duration())
}

func (d *drawer) format(took time.Duration) string {
	text := termtext.Duration(took)
	if d.opts.ASCII {
		text = strings.ReplaceAll(text, "µ", "u")
	}
	return text
}

// tokens returns what went into models and what came out of them.
func (d *drawer) tokens(n *wfslog.Node) string {
	if n.Usage == nil {
		return ""
	}
	return Tokens(n.Usage, d.opts.Short, d.glyphs.arrow)
}

// Tokens returns the tokens that went into models, from a cache or not, and those
// that came out of them, with an arrow between; "" if both are unknown.
func Tokens(u *wfslog.UsageTotals, short bool, arrow string) string {
	in, out := tokensIn(u), tokensOut(u)
	if in == nil && out == nil {
		return ""
	}
	format := func(n *uint64) string {
		switch {
		case n == nil:
			return "?"
		case short:
			return string(termtext.AppendCount(nil, *n))
		}
		return strconv.FormatUint(*n, 10)
	}
	return format(in) + arrow + format(out)
}

func tokensIn(u *wfslog.UsageTotals) *uint64 {
	return plus(plus(u.InputTokens, u.CacheReadTokens), u.CacheWriteTokens)
}

func tokensOut(u *wfslog.UsageTotals) *uint64 { return plus(u.OutputTokens, u.ReasoningTokens) }

// plus adds numbers of which nil is unknown.
func plus(a, b *uint64) *uint64 {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	sum := *a + *b
	if sum < *a {
		sum = math.MaxUint64
	}
	return &sum
}

func (d *drawer) cost(n *wfslog.Node) string { return Cost(costOf(n), d.opts.Short) }

// costOf returns what a node reports, or the sum of what is in it.
func costOf(n *wfslog.Node) json.Number {
	if n.Usage != nil && n.Usage.CostUSD != "" {
		return n.Usage.CostUSD
	}
	return n.CostUSD
}

// Cost returns money with a dollar sign, with fewer digits if short is set; "" for "".
func Cost(usd json.Number, short bool) string {
	if usd == "" {
		return ""
	}
	if f, err := usd.Float64(); short && err == nil {
		return string(termtext.AppendCost(nil, f))
	}
	return "$" + termtext.String(string(usd))
}

// firstLine returns the first line of a text, and that there are more.
func (d *drawer) firstLine(text string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	first = d.text(strings.TrimSuffix(first, "\r"), maxText)
	if rest != "" {
		first += " " + d.glyphs.ellipsis
	}
	return first
}

// content returns the beginning of an input or an output.
func (d *drawer) content(value json.RawMessage) string { return d.begin(plain(value), maxContent) }

// label returns a name, safe to show, of which lines of a limited width have the
// beginning.
func (d *drawer) label(name string) string { return d.text(name, maxLabel) }

// text returns a text, safe to show, of which lines of a limited width have the
// beginning.
func (d *drawer) text(text string, maxRunes int) string {
	if d.opts.Width <= 0 {
		return termtext.String(text)
	}
	return d.begin(text, maxRunes)
}

// begin returns the beginning of a text, safe to show.
func (d *drawer) begin(text string, maxRunes int) string {
	head, wasCut := termtext.Cut(text, maxRunes)
	head = termtext.String(head)
	if wasCut {
		head += d.glyphs.ellipsis
	}
	return head
}
