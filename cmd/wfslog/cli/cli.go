// Package cli is the wfslog command: its subcommands, flags and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog/internal/termtext"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitLimit  = 3
)

// usageError is an error of whoever called the command.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }

func (e usageError) Unwrap() error { return e.err }

// limitError says that a limit kept something from being looked at.
type limitError struct{ text string }

func (e limitError) Error() string { return "limit: " + e.text }

// errSilent is the error of a command that has said already what failed.
var errSilent = errors.New("")

// app is what all commands share.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	now    func() time.Time
	color  string // flag
	width  int    // flag
}

// Main runs the command with the given arguments, without the name of the
// program, and returns its exit code: 0 if all was done, 1 if something failed or
// is damaged, 2 for wrong usage, 3 if a limit kept something from being read.
// Results go to stdout, messages to stderr.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	root := a.newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(safeWriter{stdout}) // for what cobra itself writes
	root.SetErr(safeWriter{stderr})
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	for _, err := range flatten(err) {
		if err != errSilent {
			a.tell(err.Error())
		}
	}
	if _, ok := errors.AsType[usageError](err); ok {
		a.tell(`"wfslog help" says more`)
		return exitUsage
	}
	if _, ok := errors.AsType[limitError](err); ok {
		return exitLimit
	}
	return exitFailed
}

// tell writes a message.
func (a *app) tell(text string) {
	text = strings.TrimPrefix(text, "wfslog: ")
	_, _ = fmt.Fprintf(a.stderr, "wfslog: %s\n", termtext.String(text)) // there is nowhere else to say it
}

// flatten returns the errors that err joins, so that each gets a line of its own.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, err := range joined.Unwrap() {
		all = append(all, flatten(err)...)
	}
	return all
}

// safeWriter escapes what is not printable, but for newlines and tabs.
type safeWriter struct{ w io.Writer }

func (s safeWriter) Write(p []byte) (int, error) {
	var safe []byte
	for line := range strings.Lines(string(p)) {
		text, ended := strings.CutSuffix(line, "\n")
		for i, field := range strings.Split(text, "\t") {
			if i > 0 {
				safe = append(safe, '\t')
			}
			safe = termtext.Append(safe, field)
		}
		if ended {
			safe = append(safe, '\n')
		}
	}
	if _, err := s.w.Write(safe); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (a *app) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "wfslog",
		Short: "Read what the agents of a workflow did",
		Long: "Wfslog reads the journals that programs with the wfslog library write, and the\n" +
			"documents made of them.\n\n" + inputHelp,
		Example:       "  wfslog ls\n  wfslog tree @1\n  wfslog show @1#1/2\n  wfslog verify",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("which command? ls, tree, show, build, export or verify")}
			}
			return usageError{fmt.Errorf("unknown command %q", args[0])}
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&a.color, "color", "auto", "colour the output `WHEN`: auto, always or never; $NO_COLOR turns auto off")
	flags.IntVar(&a.width, "width", -1, "cut lines to `N` columns, 0: never; otherwise to the width of a terminal, and what is piped never")
	flags.Lookup("width").DefValue = noDefault
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.checkFlags() }
	root.AddCommand(a.newLs(), a.newTree(), a.newShow(), a.newBuild(), a.newExport(), a.newVerify())
	return root
}

// noDefault keeps the help from showing a default that is no number of anything.
const noDefault = "0"

const inputHelp = `The input is one or more directories of logs, journal files, documents, or - for
standard input. Without any it is $WFSLOG_DIR, or else the directory logs.`

const runHelp = `RUN is the beginning or the end of a run's id, such as the digits that ls shows
or those at the end of a document's name, or @1 for the newest run, @2 for the
one before, and so on. Without it, it is the newest.`
