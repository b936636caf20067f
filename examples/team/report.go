package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/wfslog/wfslog/internal/termtext"
)

const (
	maxShown = 20 // claims in full
	maxPlain = 60 // claims of which only the place is given

	maxCode = 200 // runes of a line that is quoted
)

// writeAnswer writes the answer for people to read.
func (d *draft) writeAnswer(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", d.question, d.topic.conclude(d.findings()))
	var shown, plain []*claim
	for _, c := range d.claims {
		switch {
		case c.Weight == 0:
		case len(shown) < maxShown:
			shown = append(shown, c)
		default:
			plain = append(plain, c)
		}
	}
	for i, c := range shown {
		fmt.Fprintf(&b, "\n%2d. %v: %s\n", i+1, c.place, c.What)
		fmt.Fprintf(&b, "      %s\n", shorten(c.Code))
		if c.Consequence != "" {
			fmt.Fprintf(&b, "    → %s\n", c.Consequence)
		}
		if len(c.Evidence) > 0 {
			fmt.Fprintf(&b, "      see %s\n", joinPlaces(c.Evidence))
		}
	}
	if len(plain) > 0 {
		fmt.Fprintf(&b, "\nand %d more, of less weight:\n", len(plain))
		for _, c := range plain[:min(len(plain), maxPlain)] {
			fmt.Fprintf(&b, "    %v: %s\n", c.place, c.What)
		}
		if rest := len(plain) - maxPlain; rest > 0 {
			fmt.Fprintf(&b, "    … and %d more\n", rest)
		}
	}
	fmt.Fprintf(&b, "\nLooked at %s in %s", count(len(d.index.files), "file", "files"), count(len(d.units), "directory", "directories"))
	if d.leftOut > 0 {
		fmt.Fprintf(&b, "; left out %s of tests", count(d.leftOut, "file", "files"))
	}
	b.WriteString(".\n")
	for _, u := range d.unread {
		fmt.Fprintf(&b, "Could not read %s: %v\n", u.path, u.err)
	}
	for _, o := range d.objections {
		fmt.Fprintf(&b, "The critic still objects: %s.\n", o.text)
	}
	_, err := io.WriteString(w, printable(b.String()))
	return err
}

// shorten returns the beginning of a line: some have a whole file in them.
func shorten(code string) string {
	head, cut := termtext.Cut(code, maxCode)
	if cut {
		head += string(termtext.Ellipsis)
	}
	return head
}

// printable replaces what could do harm on a terminal: the answer quotes files.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func joinPlaces(places []place) string {
	texts := make([]string, len(places))
	for i, p := range places {
		texts[i] = p.String()
	}
	return strings.Join(texts, ", ")
}

// count returns n and the noun in its number.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
