package termtext

import (
	"io"
	"os"
)

// Escape sequences for the colours that wfslog's own output uses.
const (
	Reset  = "\x1b[0m"
	Faint  = "\x1b[2m"
	Red    = "\x1b[91m"
	Green  = "\x1b[92m"
	Yellow = "\x1b[93m"
	Cyan   = "\x1b[36m"
)

// Colors reports whether text written to w may be coloured: w is a terminal that
// knows colours, and $NO_COLOR is empty.
func Colors(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" {
		return false
	}
	if term := os.Getenv("TERM"); term == "" || term == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
