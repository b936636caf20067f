package console

import "io"

// Colored reports whether h writes colours.
func (h *Handler) Colored() bool { return h.color }

// NewColored returns a handler that writes colours to any writer.
func NewColored(w io.Writer) *Handler { return newHandler(w, Options{}, true) }
