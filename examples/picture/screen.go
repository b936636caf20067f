package main

import (
	"bytes"
	"strconv"
	"strings"
)

// style is how a terminal shows text. The zero value is the terminal's own.
type style struct {
	color  int // 1 + the number of one of the 16 colours
	bold   bool
	faint  bool
	italic bool
}

// piece is text in one style.
type piece struct {
	style
	text string
}

// parse returns the lines of what a program has written to a terminal. It knows
// colours and line ends; other sequences are left out.
func parse(text []byte) (lines [][]piece) {
	var now style
	text = bytes.TrimRight(text, "\r\n")
	for raw := range bytes.SplitSeq(text, []byte("\n")) {
		var line []piece
		rest := strings.TrimRight(string(raw), "\r")
		for rest != "" {
			plain, sequence, found := strings.Cut(rest, "\x1b[")
			if plain != "" {
				line = append(line, piece{now, plain})
			}
			if !found {
				break
			}
			end := strings.IndexFunc(sequence, func(r rune) bool { return r >= '@' && r <= '~' })
			if end < 0 {
				break
			}
			if sequence[end] == 'm' {
				now.apply(sequence[:end])
			}
			rest = sequence[end+1:]
		}
		lines = append(lines, line)
	}
	return lines
}

// apply changes the style as the parameters of a sequence say.
func (s *style) apply(parameters string) {
	for p := range strings.SplitSeq(parameters, ";") {
		n, err := strconv.Atoi(p)
		switch {
		case p == "" || err == nil && n == 0:
			*s = style{}
		case err != nil:
		case n == 1:
			s.bold = true
		case n == 2:
			s.faint = true
		case n == 3:
			s.italic = true
		case n == 22:
			s.bold, s.faint = false, false
		case n == 23:
			s.italic = false
		case n == 39:
			s.color = 0
		case n >= 30 && n <= 37:
			s.color = 1 + n - 30
		case n >= 90 && n <= 97:
			s.color = 1 + 8 + n - 90
		}
	}
}
