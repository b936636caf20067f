package cli

import (
	"slices"
	"strings"

	"github.com/wfslog/wfslog/internal/treetext"
)

// table is text in aligned columns.
type table struct {
	columns []column
	rows    [][]cell
}

// column is a column of a table.
type column struct {
	title string
	right bool
	// rank says which columns are left out first where there is no room: those with
	// the highest. Those with rank 0 are left out when no others are left, from the
	// last on; the first is always there.
	rank int
	// shrink is the width down to which the column is cut before others are left out;
	// 0 means that it is not.
	shrink int
}

// cell is safe to show.
type cell struct {
	text  string
	color string
}

// add adds a row.
func (t *table) add(cells ...cell) { t.rows = append(t.rows, cells) }

// lines returns the table for a screen. Without titles there is no line of them.
func (t *table) lines(s *screen, indent string) []string {
	widths := make([]int, len(t.columns))
	titled := false
	for i, c := range t.columns {
		widths[i] = columns(c.title)
		titled = titled || c.title != ""
		for _, row := range t.rows {
			widths[i] = max(widths[i], columns(row[i].text))
		}
	}
	widths = t.fit(widths, s.width-columns(indent), s.width > 0)
	var lines []string
	if titled {
		titles := make([]cell, len(t.columns))
		for i, c := range t.columns {
			titles[i] = cell{c.title, faint}
		}
		lines = append(lines, indent+t.line(s, titles, widths))
	}
	for _, row := range t.rows {
		lines = append(lines, indent+t.line(s, row, widths))
	}
	return lines
}

// fit makes the table as narrow as it has to be: -1 is the width of a column that is
// left out.
func (t *table) fit(widths []int, room int, limited bool) []int {
	excess := func() int {
		n := -2 - room
		for _, w := range widths {
			if w >= 0 {
				n += w + 2
			}
		}
		return n
	}
	shrink := func() {
		for i, c := range t.columns {
			if over := excess(); over > 0 && c.shrink > 0 && widths[i] > c.shrink {
				widths[i] = max(c.shrink, widths[i]-over)
			}
		}
	}
	for limited {
		before := slices.Clone(widths)
		shrink()
		if excess() <= 0 {
			break
		}
		drop, rank := -1, 0
		for i, c := range t.columns {
			of := c.rank
			if of > 0 && t.isEmpty(i) { // before all that say something
				of += len(t.columns)
			}
			if widths[i] >= 0 && of > rank {
				drop, rank = i, of
			}
		}
		for i := len(widths) - 1; drop < 0 && i > 0; i-- {
			if widths[i] >= 0 {
				drop = i
			}
		}
		if drop < 0 {
			break
		}
		copy(widths, before)
		widths[drop] = -1
	}
	return widths
}

// isEmpty reports whether a column says nothing.
func (t *table) isEmpty(column int) bool {
	return !slices.ContainsFunc(t.rows, func(row []cell) bool {
		text := row[column].text
		return text != "" && text != "-"
	})
}

// line returns a row whose columns have the given widths.
func (t *table) line(s *screen, row []cell, widths []int) string {
	var b strings.Builder
	pending := 0 // spaces that are only there if something follows
	for i, c := range t.columns {
		if widths[i] < 0 {
			continue
		}
		text := row[i].text
		if columns(text) > widths[i] {
			text = treetext.Cut(text, widths[i], s.ellipsis(), columns)
		}
		gap := widths[i] - columns(text)
		if c.right {
			pending += gap
			gap = 0
		}
		if text != "" {
			b.WriteString(strings.Repeat(" ", pending))
			b.WriteString(s.paint(row[i].color, text))
			pending = 0
		}
		pending += gap + 2
	}
	return b.String()
}
