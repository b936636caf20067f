package console

import "io"

// Colored reports whether h writes colours.
func (h *Handler) Colored() bool { return h.look.color }

// OnTerminal reports whether h lays out lines for a terminal.
func (h *Handler) OnTerminal() bool { return h.look.block }

// Looks are how lines can look.
type Looks struct {
	Terminal, Color, ASCII bool
	Columns                int
}

// NewLooking returns a handler whose lines look as given, on any writer.
func NewLooking(w io.Writer, opts Options, looks Looks) *Handler {
	l := &look{block: looks.Terminal, color: looks.Color, ascii: looks.ASCII}
	if looks.Columns > 0 {
		l.columns = func() int { return looks.Columns }
	}
	return newHandler(w, opts, l)
}
