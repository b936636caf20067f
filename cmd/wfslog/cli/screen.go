package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/clipperhouse/displaywidth"
	"golang.org/x/term"

	"github.com/wfslog/wfslog/internal/termtext"
)

// screen is where results go.
type screen struct {
	w     io.Writer
	tty   bool // somebody looks at it: what is short or relative reads better
	color bool
	ascii bool
	width int // columns that lines are cut to; 0: they are not
	now   time.Time
}

// checkFlags checks the flags that all commands have.
func (a *app) checkFlags() error {
	switch a.color {
	case "auto", "always", "never":
	default:
		return usageError{fmt.Errorf("--color %q: want auto, always or never", a.color)}
	}
	if a.width < -1 {
		return usageError{errors.New("--width: want a number of columns")}
	}
	return nil
}

// screen returns what is known of standard output.
func (a *app) screen() *screen {
	s := &screen{w: a.stdout, ascii: !termtext.IsUTF8(), now: a.now()}
	f, isFile := a.stdout.(*os.File)
	if isFile && term.IsTerminal(int(f.Fd())) {
		s.tty, s.width = true, terminalWidth(f)
	}
	if a.width >= 0 {
		s.width = a.width
	}
	s.color = a.color == "always" || a.color == "auto" && termtext.Colors(a.stdout)
	return s
}

// terminalWidth returns the number of columns of a terminal, or else what
// $COLUMNS says.
func terminalWidth(f *os.File) int {
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	if width, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && width > 0 {
		return width
	}
	return 80
}

// columns returns the number of columns that a text takes.
func columns(text string) int { return displaywidth.String(text) }

// Colours.
const (
	bold   = termtext.Bold
	faint  = termtext.Faint
	red    = termtext.Red
	green  = termtext.Green
	yellow = termtext.Yellow
	cyan   = termtext.Cyan
)

func (s *screen) paint(color, text string) string {
	if !s.color || color == "" || text == "" {
		return text
	}
	return color + text + termtext.Reset
}

// glyph returns a character, or what stands for it where there is only ASCII.
func (s *screen) glyph(unicode, ascii string) string {
	if s.ascii {
		return ascii
	}
	return unicode
}

// duration returns d with about three digits.
func (s *screen) duration(d time.Duration) string {
	text := termtext.Duration(d)
	if s.ascii {
		text = strings.ReplaceAll(text, "µ", "u")
	}
	return text
}

func (s *screen) ellipsis() string { return s.glyph("…", "...") }

// statusColor returns the colour of a status.
func statusColor(status string) string {
	switch status {
	case "ok", "closed":
		return green
	case "error":
		return red
	case "open", "live":
		return cyan
	case "":
		return ""
	}
	return yellow
}

// time returns when something was: for people in local time, and how long ago if
// it was not long.
func (s *screen) time(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case !s.tty:
		return t.UTC().Format(time.RFC3339)
	}
	switch ago := s.now.Sub(t); {
	case ago < 0:
	case ago < time.Minute:
		return fmt.Sprintf("%ds ago", int(ago.Seconds()))
	case ago < time.Hour:
		return fmt.Sprintf("%dm ago", int(ago.Minutes()))
	case ago < 24*time.Hour:
		return fmt.Sprintf("%dh ago", int(ago.Hours()))
	}
	if t = t.Local(); t.Year() == s.now.Year() {
		return t.Format("Jan _2 15:04")
	}
	return t.Format("2006-01-02")
}
