package wfslog_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"log/slog"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
)

// A model reads lines in the simplest way that can be thought of, and tells what
// a document of them has to say.

// modelEvent is an event with what tells which of several of the same identity is
// the one that counts.
type modelEvent struct {
	wfslog.Event
	line      string
	conflicts uint64
}

// ofRun reports whether ev is in the document of run.
func (ev *modelEvent) ofRun(run wfslog.RunID) bool {
	switch ev.Type {
	case event.TypeOpen, event.TypeLoss, event.TypeClose, event.TypeGone:
		return false
	}
	return ev.Run == run
}

// readModel returns the events in lines in the order of (stream, seq, bytes), and
// the distinct lines that are none.
func readModel(lines [][]byte) (events []*modelEvent, bad []string) {
	variants := map[string]map[string]wfslog.Event{}
	seen := map[string]bool{}
	for _, line := range lines {
		text := strings.TrimSuffix(string(line), "\n")
		for text := range strings.SplitSeq(text, "\n") { // damage may have made two of one
			ev, err := wfslog.ParseLine([]byte(text))
			switch {
			case text == "":
			case err != nil && !seen[text]:
				seen[text] = true
				bad = append(bad, text)
			case err == nil:
				id := ev.Stream + "/" + strconv.FormatUint(ev.Seq, 10)
				if ev.Stream == "" {
					id = text
				}
				if variants[id] == nil {
					variants[id] = map[string]wfslog.Event{}
				}
				variants[id][text] = ev
			}
		}
	}
	for _, of := range variants {
		native := maps.Clone(of)
		maps.DeleteFunc(native, func(_ string, ev wfslog.Event) bool { return ev.Foreign })
		if len(native) > 0 {
			of = native
		}
		first := slices.Min(slices.Collect(maps.Keys(of)))
		events = append(events, &modelEvent{of[first], first, uint64(len(of) - 1)})
	}
	slices.SortFunc(events, func(a, b *modelEvent) int {
		return cmp.Or(cmp.Compare(a.Stream, b.Stream), cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.line, b.line))
	})
	return events, bad
}

// model is what is expected of the document of a run.
type model struct {
	events    []*modelEvent // of the run
	integrity wfslog.Integrity
	starts    map[string]*modelEvent // the best of each span
	ended     map[string]bool
	paths     map[string]bool // of all spans, ancestors included
	gone      map[string]bool // streams
	named     map[string]bool // spans in open events
}

func newModel(run wfslog.RunID, all []*modelEvent, bad []string) *model {
	m := &model{
		starts: map[string]*modelEvent{}, ended: map[string]bool{}, paths: map[string]bool{"": true},
		gone: map[string]bool{}, named: map[string]bool{},
	}
	m.integrity.Streams = []string{}
	for _, ev := range all {
		switch {
		case ev.Type == event.TypeClose:
			m.gone[ev.Stream] = true
		case ev.Type == event.TypeGone:
			m.gone[ev.Gone] = true
		case ev.ofRun(run):
			m.events = append(m.events, ev)
			m.integrity.Conflicts += ev.conflicts
			if ev.Stream != "" && !slices.Contains(m.integrity.Streams, ev.Stream) {
				m.integrity.Streams = append(m.integrity.Streams, ev.Stream)
			}
		}
	}
	for _, line := range bad {
		if strings.Contains(line, `"run":"`+run.String()+`"`) {
			m.integrity.Damaged++
		}
	}
	m.integrity.Events = uint64(len(m.events))
	for i, ev := range m.events {
		for path := ev.Span; path != ""; path = event.ParentPath(path) {
			m.paths[path] = true
		}
		before := m.events[:i]
		late := slices.ContainsFunc(before, func(o *modelEvent) bool {
			return o.Type == event.TypeEnd && o.Span == ev.Span && o.Stream == ev.Stream && ev.Stream != ""
		})
		if late {
			m.integrity.Late++
		}
		switch ev.Type {
		case event.TypeStart:
			old := m.starts[ev.Span]
			if old == nil || startRank(ev) < startRank(old) {
				m.starts[ev.Span] = ev
			}
		case event.TypeEnd:
			m.ended[ev.Span] = true
			if !late {
				m.integrity.Missing += missingBefore(before, ev)
			}
		}
	}
	for _, ev := range all {
		if ev.Type == event.TypeLoss && m.loses(ev) {
			m.integrity.Lost += ev.N
		}
		if ev.Type == event.TypeOpen && ev.Open != nil && slices.Contains(m.integrity.Streams, ev.Stream) {
			for _, ref := range ev.Open.Spans {
				m.named[ref.Span] = m.named[ref.Span] || ref.Run == run
			}
		}
	}
	return m
}

func startRank(ev *modelEvent) (rank int) {
	if ev.Foreign {
		rank += 2
	}
	if slices.Contains(ev.Flags, event.FlagPartial) {
		rank++
	}
	return rank
}

// missingBefore returns how much end counts that is not among the events before it.
func missingBefore(before []*modelEvent, end *modelEvent) (missing uint64) {
	n, kids := uint64(1), map[string]bool{}
	for _, ev := range before {
		switch {
		case ev.Stream != end.Stream:
		case ev.Span == end.Span:
			n++
		case ev.Type == event.TypeStart && event.ParentPath(ev.Span) == end.Span && ev.Span != "":
			kids[ev.Span] = true
		}
	}
	if end.N > n {
		missing = end.N - n
	}
	if k := uint64(len(kids)); end.Kids > k {
		missing += end.Kids - k
	}
	return missing
}

// loses reports whether the loss came while the run went on in its stream.
func (m *model) loses(loss *modelEvent) bool {
	from, to := uint64(math.MaxUint64), uint64(0)
	for _, ev := range m.events {
		if ev.Stream == loss.Stream {
			from, to = min(from, ev.Seq), max(to, ev.Seq)
		}
	}
	return to > 0 && (loss.To >= from || m.starts[""] == nil) && (loss.From <= to || !m.ended[""])
}

// folds reports whether the status of a span is that of its children: it is a default
// run, and has no end.
func (m *model) folds(path string) bool {
	start := m.starts[path]
	return start != nil && !m.ended[path] && slices.Contains(start.Flags, event.FlagDefault)
}

// isRecord reports whether ev is a node of its own.
func (ev *modelEvent) isRecord() bool { return ev.Type == event.TypeLog || !ev.Type.OfSpan() }

// status returns the status of a span that has no end.
func (m *model) status(path string) []string {
	start := m.starts[path]
	switch {
	case start == nil && m.named[path]:
		return []string{event.StatusOpen, event.StatusInterrupted} // depends on who names it
	case start != nil && m.gone[start.Stream]:
		return []string{event.StatusInterrupted}
	}
	return []string{event.StatusOpen}
}

func TestDocumentsSayWhatTheModelSays(t *testing.T) {
	checkProperty(t, func(t *rapid.T) {
		lines := drawLines(t)
		all, bad := readModel(lines)
		b := wfslog.NewTreeBuilder(nil)
		_, err := b.Write(bytes.Join(lines, nil))
		require.NoError(t, err)
		stats := b.Stats()
		require.EqualValues(t, len(all), stats.Events)
		require.EqualValues(t, len(bad), stats.Bad)
		for _, run := range b.Runs() {
			d, err := b.Document(run)
			require.NoError(t, err)
			m := newModel(run, all, bad)
			require.Equal(t, m.integrity, d.Integrity)
			c := documentCheck{T: t, m: m, d: d, paths: map[string]bool{"": true}}
			c.check()
		}
	})
}

// documentCheck walks through a document.
type documentCheck struct {
	*rapid.T
	m *model
	d *wfslog.Document

	paths   map[string]bool
	records int
	errors  []string // places of what failed, in document order
	agents  map[string]*wfslog.AgentTotals
	open    bool
}

func (c *documentCheck) check() {
	d := c.d
	c.agents = map[string]*wfslog.AgentTotals{}
	c.bounds(&d.Node, "")
	if d.Status == event.StatusError && !c.m.folds("") {
		c.errors = append(c.errors, "")
	}
	sum := c.inside(&d.Node, "", "", false)
	require.Equal(c, sum.totals(), d.Usage)
	require.Equal(c, c.m.paths, c.paths, "spans")
	records := 0
	for _, ev := range c.m.events {
		if ev.isRecord() {
			records++
		}
	}
	require.Equal(c, records, c.records, "records")
	require.EqualValues(c, len(c.errors), d.ErrorsTotal)
	var listed []string
	for _, e := range d.Errors {
		listed = append(listed, e.Span)
	}
	require.Equal(c, c.errors, listed, "errors are listed in document order")
	i := &d.Integrity
	require.Equal(c, !c.open && i.Missing == 0 && i.Lost == 0 && i.Damaged == 0, d.Complete)
	for name, a := range d.Agents {
		require.Equal(c, *c.agents[name], wfslog.AgentTotals{Interactions: a.Interactions, Actions: a.Actions, Errors: a.Errors}, name)
	}
	require.Len(c, c.agents, len(d.Agents))
}

// bounds checks what the start and the end of the span at path say of it.
func (c *documentCheck) bounds(n *wfslog.Node, path string) {
	start := c.m.starts[path]
	require.Equal(c, start == nil, n.Missing, path)
	if start != nil {
		require.Equal(c, start.Flags, n.Flags, path)
	}
	if c.m.folds(path) {
		c.foldsWorst(n)
		return
	}
	if !c.m.ended[path] {
		c.open = true
		require.Contains(c, c.m.status(path), n.Status, path)
		require.Empty(c, n.DurationMS)
		return
	}
	require.NotContains(c, []string{"", event.StatusOpen, event.StatusInterrupted}, n.Status, path)
}

// foldsWorst checks that the status of n is the worst that its children have.
func (c *documentCheck) foldsWorst(n *wfslog.Node) {
	has := map[string]bool{}
	for _, kid := range slices.Concat(n.Iterations, n.Workflows, n.Interactions, n.Actions) {
		has[kid.Status] = has[kid.Status] || kid.Span != ""
	}
	want := event.StatusOK
	for _, status := range []string{event.StatusError, event.StatusOpen, event.StatusInterrupted} {
		if has[status] {
			want = status
		}
	}
	require.Equal(c, want, n.Status, n.Span)
}

// inside checks what is in n, a span at path in an interaction of the given agent,
// and returns the usage of it. It is hidden if an action around it reports usage.
func (c *documentCheck) inside(n *wfslog.Node, path, agent string, hidden bool) (sum modelUsage) {
	for i, kid := range n.Iterations {
		require.Equal(c, i+1, kid.Number)
	}
	for _, list := range [][]*wfslog.Node{n.Iterations, n.Workflows, n.Interactions, n.Actions, n.Logs} {
		var last *siblingPlace
		for _, kid := range list {
			place := c.place(kid)
			require.True(c, last == nil || last.compare(place) <= 0, "%s: %+v is behind %+v", path, place, last)
			last = place
		}
	}
	for i, list := range [][]*wfslog.Node{n.Iterations, n.Workflows, n.Interactions} {
		for _, kid := range list {
			within := agent
			if i == 2 {
				within = kid.Agent
				c.agent(within).Interactions++
			}
			c.span(kid, path, within)
			u := c.inside(kid, kid.Span, within, hidden)
			require.Equal(c, u.totals(), kid.Usage, kid.Span)
			sum.add(&u)
		}
	}
	for _, kid := range n.Actions {
		c.agent(agent).Actions++
		u := reportedUsage(kid)
		if kid.Span == "" {
			c.record(kid, path, agent)
		} else {
			c.span(kid, path, agent)
			if below := c.inside(kid, kid.Span, agent, hidden || u.calls > 0); u.calls == 0 {
				u = below
			}
		}
		if !hidden {
			sum.add(&u)
		}
	}
	for _, kid := range n.Logs {
		c.record(kid, path, agent)
	}
	return sum
}

func (c *documentCheck) span(n *wfslog.Node, parent, agent string) {
	if !strings.Contains(n.Span, "@") {
		require.Equal(c, parent, event.ParentPath(n.Span))
		require.False(c, c.paths[n.Span], "%s is there twice", n.Span)
		c.paths[n.Span] = true
		c.bounds(n, n.Span)
		if n.Status == event.StatusError && !c.m.folds(n.Span) {
			c.failed(n.Span, agent)
		}
	}
}

func (c *documentCheck) record(n *wfslog.Node, path, agent string) {
	c.records++
	level := wfslog.LevelCritical
	if n.Level != "CRITICAL" {
		require.NoError(c, level.UnmarshalText([]byte(n.Level)))
	}
	if level >= slog.LevelError || n.Status == event.StatusError {
		c.failed(path, agent)
	}
}

func (c *documentCheck) failed(path, agent string) {
	c.errors = append(c.errors, path)
	c.agent(agent).Errors++
}

func (c *documentCheck) agent(name string) *wfslog.AgentTotals {
	if name == "" {
		return &wfslog.AgentTotals{}
	}
	if c.agents[name] == nil {
		c.agents[name] = &wfslog.AgentTotals{}
	}
	return c.agents[name]
}

// siblingPlace is what siblings are sorted by.
type siblingPlace struct {
	number  uint32 // ordinal or after
	record  int    // 1 for a record, behind a span
	token   string
	counter uint32
	stream  string
	seq     uint64
}

func (p *siblingPlace) compare(o *siblingPlace) int {
	return cmp.Or(cmp.Compare(p.number, o.number), cmp.Compare(p.record, o.record), cmp.Compare(p.token, o.token),
		cmp.Compare(p.counter, o.counter), cmp.Compare(p.stream, o.stream), cmp.Compare(p.seq, o.seq))
}

func (c *documentCheck) place(n *wfslog.Node) *siblingPlace {
	if strings.Contains(n.Span, "@") { // it stands where its first record does
		var first *siblingPlace
		for _, r := range slices.Concat(n.Actions, n.Logs) {
			if place := c.place(r); first == nil || place.compare(first) < 0 {
				first = place
			}
		}
		return first
	}
	if n.Span != "" {
		e := event.LastElement(n.Span)
		return &siblingPlace{number: e.Ordinal, token: e.Token, counter: e.Counter}
	}
	stream := n.Stream
	if start := c.m.starts[""]; stream == "" && n.Seq > 0 && start != nil {
		stream = start.Stream
	}
	for _, ev := range c.m.events {
		if ev.Stream == stream && ev.Seq == n.Seq && (stream != "" || ev.Msg == n.Msg && ev.Time.Equal(n.Time)) {
			return &siblingPlace{number: ev.After, record: 1, stream: ev.Stream, seq: ev.Seq}
		}
	}
	require.Fail(c, "no such event", "stream %q, seq %d", stream, n.Seq)
	return nil
}

// modelUsage is a sum of usage.
type modelUsage struct {
	calls  uint64
	tokens map[string]*big.Int
	cost   *big.Int // in 1e-9 USD, nil if none is known
}

// reportedUsage returns what an action reports.
func reportedUsage(n *wfslog.Node) (u modelUsage) {
	u.tokens = usageOf(n.Usage)
	if n.Usage != nil || n.CostUSD != "" {
		u.calls = 1
	}
	if cost, ok := new(big.Rat).SetString(string(n.CostUSD)); ok {
		cost.Mul(cost, big.NewRat(1e9, 1))
		cost.Add(cost, big.NewRat(1, 2))
		if nanos := new(big.Int).Quo(cost.Num(), cost.Denom()); nanos.IsInt64() {
			u.cost = nanos
		}
	}
	return u
}

func usageOf(t *wfslog.UsageTotals) map[string]*big.Int {
	buckets := map[string]*big.Int{}
	if t == nil {
		return buckets
	}
	for name, n := range map[string]*uint64{
		"in": t.InputTokens, "out": t.OutputTokens, "read": t.CacheReadTokens, "write": t.CacheWriteTokens, "think": t.ReasoningTokens,
	} {
		if n != nil {
			buckets[name] = new(big.Int).SetUint64(*n)
		}
	}
	return buckets
}

func (u *modelUsage) add(o *modelUsage) {
	u.calls += o.calls
	for name, n := range o.tokens {
		if u.tokens == nil {
			u.tokens = map[string]*big.Int{}
		}
		if u.tokens[name] == nil {
			u.tokens[name] = new(big.Int)
		}
		u.tokens[name] = new(big.Int).Add(u.tokens[name], n)
	}
	if o.cost != nil {
		if u.cost == nil {
			u.cost = new(big.Int)
		}
		u.cost = new(big.Int).Add(u.cost, o.cost)
	}
}

// totals returns u as documents have it. No sum is above the largest number.
func (u *modelUsage) totals() *wfslog.UsageTotals {
	if u.calls == 0 {
		return nil
	}
	t := &wfslog.UsageTotals{Calls: u.calls}
	for name, to := range map[string]**uint64{
		"in": &t.InputTokens, "out": &t.OutputTokens, "read": &t.CacheReadTokens, "write": &t.CacheWriteTokens, "think": &t.ReasoningTokens,
	} {
		if sum := u.tokens[name]; sum != nil {
			n := uint64(math.MaxUint64)
			if sum.IsUint64() {
				n = sum.Uint64()
			}
			*to = &n
		}
	}
	if u.cost != nil {
		text := new(big.Rat).SetFrac(u.cost, big.NewInt(1e9)).FloatString(9)
		t.CostUSD = json.Number(strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
	}
	return t
}
