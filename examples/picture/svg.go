package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// Sizes in pixels. A character is as wide as most monospaced fonts have it at this
// size; where another font is used, textLength makes it fit.
const (
	fontSize   = 14
	charWidth  = 8.4
	lineHeight = 19
	margin     = 16
)

// Colours: those of a calm dark terminal, and its 16.
const (
	background = "#1b1f27"
	foreground = "#d5d9e2"
)

var palette = [16]string{
	"#4c5566", "#e06c75", "#98c379", "#d7ba7d", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
	"#7b8496", "#f28b94", "#b5e08d", "#f0d197", "#8cc7ff", "#dda0f0", "#7fd8e2", "#ffffff",
}

// draw returns a picture of the lines.
func draw(lines [][]piece, title string) []byte {
	columns := 0
	for _, line := range lines {
		columns = max(columns, widthOf(line))
	}
	var b bytes.Buffer
	width, height := float64(columns)*charWidth+2*margin, len(lines)*lineHeight+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" role="img">`+"\n",
		width, height, width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n", escape(title))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", background)
	fmt.Fprintf(&b, `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d" fill="%s" xml:space="preserve">`+"\n",
		fontSize, foreground)
	for i, line := range lines {
		y := margin + (i+1)*lineHeight - 5 // the letters' base
		column := 0
		for _, p := range line {
			n := displaywidth.String(p.text)
			if strings.TrimSpace(p.text) != "" {
				fmt.Fprintf(&b, `<text x="%.1f" y="%d" textLength="%.1f" lengthAdjust="spacingAndGlyphs"%s>%s</text>`+"\n",
					margin+float64(column)*charWidth, y, float64(n)*charWidth, p.attributes(), escape(p.text))
			}
			column += n
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

func widthOf(line []piece) (columns int) {
	for _, p := range line {
		columns += displaywidth.String(p.text)
	}
	return columns
}

// attributes returns the style as attributes of SVG.
func (s style) attributes() string {
	var b strings.Builder
	if s.color > 0 {
		fmt.Fprintf(&b, ` fill="%s"`, palette[s.color-1])
	}
	if s.bold {
		b.WriteString(` font-weight="bold"`)
	}
	if s.italic {
		b.WriteString(` font-style="italic"`)
	}
	if s.faint {
		b.WriteString(` opacity="0.6"`)
	}
	return b.String()
}

func escape(text string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(text)) // a buffer takes everything
	return b.String()
}
