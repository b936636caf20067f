package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"math"
	"strings"
)

// Size of a picture and its margins, in pixels.
const (
	svgWidth, svgHeight                = 640, 300
	svgLeft, svgRight, svgTop, svgFoot = 70, 40, 60, 50
)

var svgColors = []string{"#1f6feb", "#d1242f", "#1a7f37", "#9a6700"}

// writeTo draws the curve as SVG: x in powers, y from 0, with a bar from the lowest
// to the highest value of each point, as far as that is in the picture.
func (c *curve) writeTo(w io.Writer) error {
	s := newScale(c)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12" fill="#24292f" role="img">`+"\n", svgWidth, svgHeight)
	fmt.Fprintf(&b, "<title>%s</title>\n", escapeXML(c.Title))
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", svgWidth, svgHeight)
	svgText(&b, svgLeft, 22, "start", c.Title, ` font-size="15" font-weight="bold"`)
	s.axes(&b, c)
	for i, line := range c.Lines {
		s.line(&b, i, line)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func svgText(b *strings.Builder, x, y float64, anchor, text, attrs string) {
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>`+"\n", x, y, anchor, attrs, escapeXML(text))
}

func escapeXML(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder never fails
	return b.String()
}

// scale maps values to places in the picture.
type scale struct {
	left, right float64 // logarithms of the lowest and the highest x
	top, step   float64 // the highest y, and the distance of lines across
}

func newScale(c *curve) scale {
	s := scale{left: math.Inf(1), right: math.Inf(-1)}
	highest := 0.0
	for _, line := range c.Lines {
		for _, p := range line.Points {
			s.left, s.right = min(s.left, math.Log10(p.X)), max(s.right, math.Log10(p.X))
			highest = max(highest, p.Y, min(p.Hi, 1.5*p.Y))
		}
	}
	if s.left > s.right { // no points
		s.left, s.right = 0, 0
	}
	if s.left == s.right {
		s.right++
	}
	s.step = niceStep(max(highest, 1) / 5)
	s.top = s.step * math.Ceil(max(highest, 1)/s.step)
	return s
}

// niceStep returns the next number from v on that is 1, 2 or 5 times a power of 10.
func niceStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= v {
			return f * power
		}
	}
	return 10 * power
}

func (s scale) x(v float64) float64 {
	return svgLeft + (math.Log10(v)-s.left)/(s.right-s.left)*(svgWidth-svgLeft-svgRight)
}

func (s scale) y(v float64) float64 {
	return svgHeight - svgFoot - v/s.top*(svgHeight-svgTop-svgFoot)
}

func (s scale) axes(b *strings.Builder, c *curve) {
	for i := 0; float64(i)*s.step <= s.top; i++ {
		v := float64(i) * s.step
		y := s.y(v)
		fmt.Fprintf(b, `<path d="M%d %.1fH%d" stroke="#d0d7de"/>`+"\n", svgLeft, y, svgWidth-svgRight)
		svgText(b, svgLeft-8, y+4, "end", thousands(v), "")
	}
	last := math.Inf(-1)
	for _, line := range c.Lines[:min(1, len(c.Lines))] {
		for _, p := range line.Points {
			if x := s.x(p.X); x-last >= 40 {
				svgText(b, x, svgHeight-svgFoot+18, "middle", thousands(p.X), "")
				last = x
			}
		}
	}
	svgText(b, (svgLeft+svgWidth-svgRight)/2, svgHeight-10, "middle", c.X, "")
	fmt.Fprintf(b, `<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n",
		(svgTop+svgHeight-svgFoot)/2, escapeXML(c.Y))
}

func (s scale) line(b *strings.Builder, i int, line curveLine) {
	color := svgColors[i%len(svgColors)]
	const legend = 170 // pixels for each name
	x := float64(svgLeft + i*legend)
	fmt.Fprintf(b, `<path d="M%.1f 40h18" stroke="%s" stroke-width="2"/>`+"\n", x, color)
	svgText(b, x+24, 44, "start", line.Name, "")
	var path strings.Builder
	for k, p := range line.Points {
		px, py := s.x(p.X), s.y(p.Y)
		fmt.Fprintf(&path, "%c%.1f %.1f", "ML"[min(k, 1)], px, py)
		fmt.Fprintf(b, `<path d="M%.1f %.1fV%.1f" stroke="%s" stroke-opacity="0.4" stroke-width="3"/>`+"\n", px, s.y(p.Lo), s.y(min(p.Hi, s.top)), color)
		fmt.Fprintf(b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", px, py, color)
	}
	fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", path.String(), color)
}

// thousands prints a whole number with commas.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
