// Picture runs a program on a terminal of its own and draws what that shows as SVG.
// README's pictures are made with it, so that they show what the programs really
// write.
//
//	picture -o FILE [-columns N] [-lines N] [-title TEXT] PROGRAM [ARGUMENT…]
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"

	"github.com/creack/pty"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

// run does what the arguments say, and returns the exit code.
func run(args []string, stderr io.Writer) int {
	flags := flag.NewFlagSet("picture", flag.ContinueOnError)
	flags.SetOutput(stderr)
	out := flags.String("o", "", "write the picture to `FILE`")
	columns := flags.Int("columns", 100, "width of the terminal")
	lines := flags.Int("lines", 0, "draw at most `N` lines; 0 means all")
	title := flags.String("title", "", "what the picture shows, for those who cannot see it")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *out == "" || flags.NArg() == 0 || *columns < 1 {
		fmt.Fprintln(stderr, "picture: want -o FILE and a program; see picture -help")
		return 2
	}
	text, err := capture(flags.Args(), *columns)
	if err == nil {
		screen := parse(text)
		if *lines > 0 && len(screen) > *lines {
			screen = screen[:*lines]
		}
		err = os.WriteFile(*out, draw(screen, *title), 0o644)
	}
	if err != nil {
		fmt.Fprintln(stderr, "picture:", err)
		return 1
	}
	return 0
}

// capture returns what a program writes to a terminal with the given number of
// columns.
func capture(command []string, columns int) ([]byte, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=", fmt.Sprint("COLUMNS=", columns), "LC_ALL=C.UTF-8", "PAGER=cat")
	const lines = 1000 // so many that no pager is wanted
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(columns), Rows: lines})
	if err != nil {
		return nil, err
	}
	defer terminal.Close() // it was only read
	var text bytes.Buffer
	_, err = io.Copy(&text, terminal)
	if err != nil && !errors.Is(err, syscall.EIO) { // EIO: the program has closed it
		return nil, errors.Join(err, cmd.Wait())
	}
	if err := cmd.Wait(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", command[0], err, text.Bytes())
	}
	return text.Bytes(), nil
}
