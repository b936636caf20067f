package console

import (
	"strings"
	"sync/atomic"

	"github.com/wfslog/wfslog/internal/termtext"
)

// agentColors are what agents are told apart by: those of the 16 colours that can
// be read on dark and on light backgrounds, without red and yellow, which are for
// what went wrong.
var agentColors = [...]string{"\x1b[36m", "\x1b[35m", "\x1b[32m", "\x1b[94m", "\x1b[95m", "\x1b[1;34m"}

// agentColor returns the colour of an agent, which depends on nothing but its name.
func agentColor(name string) string {
	hash := uint32(2166136261) // FNV-1a, which is the same everywhere
	for i := range len(name) {
		hash = (hash ^ uint32(name[i])) * 16777619
	}
	return agentColors[hash%uint32(len(agentColors))]
}

// shortName returns the agent of a logger.
func shortName(logger string) string { return strings.TrimPrefix(logger, "workflow.") }

// Bounds of the column of agents.
const (
	minAgent  = 8
	maxAgent  = 20
	stepAgent = 4 // it becomes wider by as much, so as not to do so for each name
)

// column is a column that becomes wider, never narrower.
type column struct{ width atomic.Int32 }

// fit returns the width of the column after it has been made wide enough for a
// name, if that is possible.
func (c *column) fit(name int) int {
	for {
		now := c.width.Load()
		if name <= int(now) || now >= maxAgent {
			return int(now)
		}
		want := min(max((name+stepAgent-1)/stepAgent*stepAgent, minAgent), maxAgent)
		if c.width.CompareAndSwap(now, int32(want)) {
			return want
		}
	}
}

// agent appends the column of agents, which begins at start, with a space behind it,
// and returns the width of both, 0 if there was no agent yet. Names that are too long
// for the column are cut on terminals, and are longer elsewhere.
func (l *line) agent(name string, start int) int {
	look := l.h.look
	most := maxKey
	if look.block {
		const minMessage = 2 // columns that are left on the narrowest terminals
		most = min(maxAgent, max(l.columns-start-1-markWidth-minMessage, minAgent/2))
	}
	n, width := termtext.Fit(name, most)
	if n < len(name) {
		n, width = termtext.Fit(name, most-1)
		width++
	}
	column := look.agents.fit(width)
	if column == 0 {
		return 0
	}
	column = min(column, most)
	if name != "" {
		if look.color {
			l.out = append(l.out, agentColor(name)...)
		}
		l.out = termtext.Append(l.out, name[:n])
		if n < len(name) {
			l.out = append(l.out, ellipsis...)
		}
		if look.color {
			l.out = append(l.out, termtext.Reset...)
		}
	}
	column = max(column, width)
	l.spaces(column - width + 1)
	return column + 1
}
