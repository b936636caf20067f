package console

import (
	"log/slog"
	"math"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/termtext"
)

const (
	// markWidth is the width of a mark and the space behind it.
	markWidth = 2
	// maxInline is how many columns a value takes at most before it stands below
	// its record.
	maxInline = 80
	// minRoom is what is left for text on a line, however narrow the terminal is
	// and however wide the columns in front are.
	minRoom = 20
	// narrowIndent is the indent if the usual one leaves less than minText.
	narrowIndent = 4
	minText      = 40
	// unlimited is more columns than any terminal has.
	unlimited = math.MaxInt
)

// text returns what stands behind the time and level of r: the rest of its line, and
// the lines below that.
func (l *line) text(r *slog.Record) string {
	look := l.h.look
	l.settle()
	l.columns = look.columns()
	if l.columns < unlimited {
		l.columns-- // the last one stays free: terminals differ in what they do there
	}
	start := levelWidth + 1 // where the agents stand
	if !r.Time.IsZero() {
		start += look.timeWidth
	}
	name := shortName(l.logger)
	if name == "" {
		name = l.told.agent
	}
	agents := l.agent(name, start)
	l.column = start + agents + max(len(event.LevelName(r.Level))-levelWidth, 0)
	l.indent = start + agents
	if look.marks() && agents > 0 {
		l.indent += markWidth
	}
	if l.columns-l.indent < minText {
		l.indent = narrowIndent
		start = narrowIndent
	}
	l.fresh = true

	message, below := l.mark(r.Message, agents > 0), ""
	if look.block {
		message = strings.TrimRight(message, "\r\n")
		message, below, _ = strings.Cut(message, "\n")
		message = strings.TrimSuffix(message, "\r")
	}
	l.message(message)
	l.figures()
	if l.failure != "" {
		l.fields = append(l.fields, field{key: keyError, text: l.failure, failed: true})
	}
	for i := range l.fields {
		l.inline(&l.fields[i])
	}
	if look.source {
		l.source(r.PC)
	}
	l.place()
	if below != "" {
		l.block(start, agents, &field{text: below})
	}
	for i := range l.fields {
		if l.fields[i].below {
			l.block(start, agents, &l.fields[i])
		}
	}
	return string(l.out)
}

// mark appends the mark of a record that tells of a span, and returns the message
// without what the mark says. With a column of agents, marks are in a column, too.
func (l *line) mark(message string, isColumn bool) string {
	if !l.h.look.marks() {
		return message
	}
	var mark, color string
	switch l.event {
	case "start":
		mark, color = "▸", termtext.Faint
		message = strings.TrimSuffix(message, " started")
	case "end":
		mark, color = "✓", termtext.Green
		if l.status == "error" {
			mark, color = "✗", termtext.Red
		}
		message = strings.TrimSuffix(message, " ended")
	}
	switch {
	case mark != "":
		l.paint(color, mark)
		l.out = append(l.out, ' ')
		l.column += markWidth
	case isColumn:
		l.spaces(markWidth)
		l.column += markWidth
	}
	return message
}

// message appends a message, broken between words.
func (l *line) message(text string) {
	text, cut := termtext.Cut(text, maxMessage)
	for {
		n, width, more := row(text, l.columns-l.column, l.column > l.indent)
		l.out = termtext.Append(l.out, text[:n])
		l.column += width
		l.fresh = l.fresh && n == 0
		if !more {
			break
		}
		text = strings.TrimLeft(text[n:], " ")
		l.newline()
	}
	if cut {
		l.out = append(l.out, ellipsis...)
		l.column++
	}
}

// row returns how many bytes of text stand on a line that has room columns left, how
// wide they are, and whether there is more. It breaks text between words, and a word
// that is longer than the line, which is never left empty, unless mayBeEmpty.
func row(text string, room int, mayBeEmpty bool) (n, width int, more bool) {
	n, width = termtext.Fit(text, room)
	if n == len(text) {
		return n, width, false
	}
	if text[n] == ' ' {
		return n, width, true
	}
	if space := strings.LastIndexByte(text[:n], ' '); space > n/2 && strings.Trim(text[:space], " ") != "" {
		n, width = termtext.Fit(text[:space], room)
		return n, width, true
	}
	if mayBeEmpty {
		return 0, 0, true
	}
	if n == 0 { // not even one character fits
		n, width = termtext.Fit(text, minRoom)
	}
	return n, width, true
}

// figures appends what a span or an action took.
func (l *line) figures() {
	look := l.h.look
	if l.event == "end" {
		if isShown := l.status != "ok" && l.status != "error"; isShown || !look.marks() {
			color := termtext.Green
			switch {
			case l.status == "error":
				color = termtext.Red
			case isShown:
				color = ""
			}
			status := l.short(l.status)
			l.begin()
			l.paintUnit(color, func() { l.unit = termtext.AppendValue(l.unit, status) })
			l.put()
		}
		l.begin()
		l.unit = append(l.unit, termtext.Duration(l.took)...)
		l.put()
	}
	if l.usage != (usage{}) {
		arrow := "→"
		if look.ascii {
			arrow = "->"
		}
		l.begin()
		l.unit = l.usage.append(l.unit, arrow)
		l.put()
	}
	if l.hasCost {
		l.begin()
		l.unit = termtext.AppendCost(l.unit, l.cost)
		l.put()
	}
}

// inline appends a field to the line, unless it is to stand below, which it then
// notes.
func (l *line) inline(f *field) {
	isText := l.h.look.block && (f.kind == fieldText || f.kind == fieldJSON)
	if isText && isLong(f.text) {
		f.below = true
		return
	}
	l.begin()
	l.paintUnit(termtext.Faint, func() {
		l.unit = termtext.AppendValue(l.unit, l.short(f.group+f.key))
		l.unit = append(l.unit, '=')
	})
	color := ""
	if f.failed {
		color = termtext.Red
	}
	l.paintUnit(color, func() { l.value(f) })
	if isText && unitWidth(l.unit) > l.columns-l.indent {
		f.below = true
		return
	}
	l.put()
}

// isLong reports whether text has several lines, or is too long for one.
func isLong(text string) bool {
	if i := strings.IndexByte(text, '\n'); i >= 0 && i < len(text)-1 {
		return true
	}
	n, _ := termtext.Fit(text, maxInline)
	return n < len(text)
}

// value appends the value of a field to the unit.
func (l *line) value(f *field) {
	switch f.kind {
	case fieldDigits:
		l.unit = append(l.unit, l.digits[f.from:f.to]...)
		return
	case fieldPlain:
		l.unit = append(l.unit, f.text...)
		return
	}
	most := maxValue
	if f.failed {
		most = maxError
	}
	text, cut := termtext.Cut(f.text, most)
	if f.kind == fieldJSON {
		l.unit = termtext.Append(l.unit, text)
	} else {
		l.unit = termtext.AppendValue(l.unit, text)
	}
	if cut {
		l.unit = append(l.unit, ellipsis...)
	}
}

// short returns the beginning of a name, so short that a line has room for more
// even if it is quoted.
func (l *line) short(name string) string {
	most := min(maxKey, max(l.columns-l.indent, minRoom)/2) - len(`""`)
	if strings.ContainsAny(name, `"\`) {
		most /= 2 // if they are escaped
	}
	if n, _ := termtext.Fit(name, most); n == len(name) {
		return name
	}
	n, _ := termtext.Fit(name, most-1)
	return name[:n] + ellipsis
}

// source appends where in the code a record was logged.
func (l *line) source(pc uintptr) {
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	if frame.File == "" {
		return
	}
	dir, file := filepath.Split(frame.File)
	at := filepath.Join(filepath.Base(dir), file) + ":" + strconv.Itoa(frame.Line)
	l.begin()
	l.paintUnit(termtext.Faint, func() { l.unit = termtext.Append(l.unit, l.short(at)) })
	l.put()
}

// place appends the path of the span.
func (l *line) place() {
	if l.run == "" {
		return
	}
	path := l.span
	if path == "" {
		path = "/"
	}
	l.begin()
	l.paintUnit(termtext.Faint, func() { l.unit = termtext.Append(l.unit, l.short(path)) })
	if l.h.look.block && !l.fresh && l.column+len("  ")+unitWidth(l.unit) <= l.columns {
		l.spaces(1) // one more, away from what is the record's own
		l.column++
	}
	l.put()
}

// begin begins a unit, which is kept together on a line.
func (l *line) begin() { l.unit = l.unit[:0] }

// put appends the unit to the line, or to the next one.
func (l *line) put() {
	width, space := 0, 1
	if l.columns < unlimited {
		width = unitWidth(l.unit)
	}
	if l.fresh {
		space = 0
	}
	if l.column+space+width > l.columns && l.column > l.indent {
		l.newline()
		space = 0
	}
	l.spaces(space)
	l.column += space
	l.out = append(l.out, l.unit...)
	l.column += width
	l.fresh = false
}

// unitWidth returns the width of text with our own escape sequences in it.
func unitWidth(unit []byte) (width int) {
	for len(unit) > 0 {
		end := 0
		for end < len(unit) && unit[end] != '\x1b' {
			end++
		}
		width += termtext.Width(unit[:end])
		for end < len(unit) && unit[end] != 'm' {
			end++
		}
		unit = unit[min(end+1, len(unit)):]
	}
	return width
}

// newline begins another line of the same record.
func (l *line) newline() {
	l.out = append(l.out, '\n')
	l.spaces(l.indent)
	l.column = l.indent
	l.fresh = true
}

func (l *line) spaces(n int) {
	const some = "                                        "
	for ; n > len(some); n -= len(some) {
		l.out = append(l.out, some...)
	}
	l.out = append(l.out, some[:max(n, 0)]...)
}

// paint appends text in a colour, if colours are on.
func (l *line) paint(color, text string) {
	if !l.h.look.color {
		l.out = append(l.out, text...)
		return
	}
	l.out = append(l.out, color...)
	l.out = append(l.out, text...)
	l.out = append(l.out, termtext.Reset...)
}

// paintUnit has what add appends to the unit in a colour, if colours are on and
// color is not "".
func (l *line) paintUnit(color string, add func()) {
	if !l.h.look.color || color == "" {
		add()
		return
	}
	l.unit = append(l.unit, color...)
	add()
	l.unit = append(l.unit, termtext.Reset...)
}
