// Package cli is the wfslog command: its subcommands, flags and exit codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog/internal/termtext"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error of whoever called the command.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }

func (e usageError) Unwrap() error { return e.err }

// Main runs the command with the given arguments, without the name of the
// program, and returns its exit code: 0 if all was done, 1 if something failed,
// 2 for wrong usage. Results go to stdout, messages to stderr.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	for _, err := range flatten(err) {
		tell(stderr, err.Error())
	}
	if _, ok := errors.AsType[usageError](err); ok {
		tell(stderr, `"wfslog help" says more`)
		return exitUsage
	}
	return exitFailed
}

// tell writes a message.
func tell(stderr io.Writer, text string) {
	text = strings.TrimPrefix(text, "wfslog: ")
	_, _ = fmt.Fprintf(stderr, "wfslog: %s\n", termtext.String(text)) // there is nowhere else to say it
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

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "wfslog",
		Short:         "Read what the agents of a workflow did",
		Long:          "Wfslog reads the journals that programs with the wfslog library write.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("which command? tree or build")}
			}
			return usageError{fmt.Errorf("unknown command %q", args[0])}
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newTree(), newBuild())
	return root
}

const inputHelp = `The input is one or more directories of logs, journal files, or - for standard
input. Without arguments it is $WFSLOG_DIR, or else the directory logs.`
