package console

import (
	"strconv"
	"strings"

	"github.com/wfslog/wfslog/internal/termtext"
)

// block appends a value below its record, with the key in the column of agents that
// begins at start and is agents wide, and a gutter in front of each of its lines.
func (l *line) block(start, agents int, f *field) {
	var name []byte
	if key := f.group + f.key; key != "" { // it is "" for the rest of a message
		name = termtext.AppendValue(nil, l.short(key))
	}
	width := termtext.Width(name)
	gutter := start + max(agents, minAgent+1, width+1)
	if l.columns-gutter-markWidth < minRoom {
		gutter = start
		if width > 0 {
			l.out = append(l.out, '\n')
			l.spaces(start)
			l.paint(termtext.Faint, string(name))
			width = 0
		}
	}
	rest := strings.TrimRight(f.text, "\r\n")
	room := max(l.columns-gutter-markWidth, minRoom)
	color := ""
	if f.failed {
		color = termtext.Red
	}
	for i := 0; ; i++ {
		l.out = append(l.out, '\n')
		if i == 0 && width > 0 {
			l.spaces(start)
			l.paint(termtext.Faint, string(name))
			l.spaces(gutter - start - width)
		} else {
			l.spaces(gutter)
		}
		if l.h.look.ascii {
			l.out = append(l.out, "| "...)
		} else {
			l.paint(termtext.Faint, "│")
			l.out = append(l.out, ' ')
		}
		if i >= l.h.look.valueLines && !fits(rest, room) {
			l.paint(termtext.Faint, remainder(rest, f.text))
			return
		}
		head, more := rest, ""
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			head, more = rest[:i], rest[i+1:]
		}
		head = strings.TrimSuffix(head, "\r")
		n, _, broken := row(head, room, false)
		if l.h.look.color && color != "" {
			l.out = append(l.out, color...)
		}
		l.out = termtext.AppendLine(l.out, head[:n])
		if l.h.look.color && color != "" {
			l.out = append(l.out, termtext.Reset...)
		}
		if broken {
			rest = strings.TrimLeft(rest[n:], " ")
		} else if rest = skipBlank(more); rest == "" {
			return
		}
	}
}

// fits reports whether text is one line of at most room columns.
func fits(text string, room int) bool {
	n, _ := termtext.Fit(text, room)
	return n == len(text) && !strings.Contains(text, "\n")
}

// skipBlank leaves one of several blank lines.
func skipBlank(text string) string {
	for strings.HasPrefix(text, "\n\n") {
		text = text[1:]
	}
	return text
}

// remainder says how much of text the rest is.
func remainder(rest, text string) string {
	isLineStart := strings.HasSuffix(text[:len(strings.TrimRight(text, "\r\n"))-len(rest)], "\n")
	lines := strings.Count(rest, "\n")
	if isLineStart {
		lines++
	}
	switch {
	case lines == 1:
		return ellipsis + " 1 more line"
	case lines > 1:
		return ellipsis + " " + strconv.Itoa(lines) + " more lines"
	}
	return ellipsis + " " + string(termtext.AppendCount(nil, uint64(len(rest)))) + " more bytes"
}
