package termtext

import (
	"io"
	"os"
	"strings"
)

// Escape sequences for the colours that wfslog's own output uses: those of the 16
// that can be read on dark and on light backgrounds.
const (
	Reset   = "\x1b[0m"
	Bold    = "\x1b[1m"
	Faint   = "\x1b[2m"
	Red     = "\x1b[31m"
	Green   = "\x1b[32m"
	Yellow  = "\x1b[33m"
	Cyan    = "\x1b[36m"
	BoldRed = "\x1b[1;91m"
)

// Colors reports whether text written to w may be coloured: w is a terminal (see
// [IsTerminal]), or a file of any kind and $FORCE_COLOR or $CLICOLOR_FORCE is set
// and not 0; and $NO_COLOR, which comes first, is empty.
func Colors(w io.Writer) bool {
	if os.Getenv("NO_COLOR") != "" {
		return false
	}
	for _, name := range []string{"FORCE_COLOR", "CLICOLOR_FORCE"} {
		if v := os.Getenv(name); v != "" && v != "0" {
			_, ok := w.(*os.File)
			return ok
		}
	}
	return IsTerminal(w)
}

// IsTerminal reports whether w is a terminal that can do more than print text one
// line after the other: $TERM is neither empty nor dumb.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	if term := os.Getenv("TERM"); term == "" || term == "dumb" {
		return false
	}
	return isTerminal(f)
}

// IsUTF8 reports whether the locale, if there is one, has UTF-8.
func IsUTF8() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(os.Getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}
