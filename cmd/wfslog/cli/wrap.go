package cli

import (
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// wrap cuts a line so that its parts fit beside indent columns, between words where
// there are any.
func (s *screen) wrap(text string, indent int) (parts []string) {
	const minRoom = 10
	room := max(s.width-indent, minRoom)
	if s.width <= 0 || columns(text) <= room {
		return []string{text}
	}
	start, end, used := 0, 0, 0
	for g := displaywidth.StringGraphemes(text); g.Next(); {
		if used+g.Width() > room && end > start {
			cut := end
			if i := strings.LastIndexByte(text[start:end], ' ') + 1; 2*i > end-start {
				cut = start + i
			}
			parts = append(parts, text[start:cut])
			start, used = cut, columns(text[cut:end])
		}
		used += g.Width()
		end += len(g.Value())
	}
	return append(parts, text[start:])
}
