package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog/internal/treetext"
)

// treeCommand is what the flags of tree say.
type treeCommand struct {
	*app
	filter treetext.Filter
	level  string
	logs   bool
	fold   int
	json   bool
}

func (a *app) newTree() *cobra.Command {
	t := treeCommand{app: a}
	cmd := &cobra.Command{
		Use:   "tree [RUN] [DIR|FILE…|-]",
		Short: "Print the tree of a run",
		Long: "Tree prints a run as a tree: a line for each span and each action, with its\n" +
			"status (✓ ok, ✗ error, ▶ open, ● another, which is named), duration, tokens in\n" +
			"and out, cost, the address by which show knows it, and what it was about: the\n" +
			"first line of the error, the beginnings of input and output, or the message.\n" +
			"On a terminal, lines are cut to its width, and actions that are alike are one\n" +
			"line; elsewhere nothing is left out.\n\n" + runHelp + "\n\n" + inputHelp,
		Example: "  wfslog tree\n  wfslog tree 5fb7b479 --logs\n  wfslog tree logs @2 --errors",
		RunE:    func(cmd *cobra.Command, args []string) error { return t.run(cmd.Context(), args) },
	}
	cmd.ValidArgsFunction = a.completeRuns
	flags := cmd.Flags()
	flags.IntVar(&t.filter.Depth, "depth", 0, "show `N` levels; 0: all")
	flags.StringVar(&t.level, "level", "", "show nodes down to `KIND`: iteration, interaction, action or log (default action)")
	flags.BoolVar(&t.logs, "logs", false, "show log records as well, as --level log does")
	flags.BoolVar(&t.filter.Errors, "errors", false, "show only what failed, and the way to it")
	flags.StringVar(&t.filter.Agent, "agent", "", "show only what `AGENT` did, and the way to it")
	flags.StringVar(&t.filter.Match, "match", "", "show only nodes that have `TEXT` somewhere, and the way to them")
	flags.IntVar(&t.fold, "fold", -1, "make more than `N` like actions in a row one line; 0: never; otherwise 3 on a terminal and never elsewhere")
	flags.Lookup("fold").DefValue = noDefault
	flags.BoolVar(&t.json, "json", false, "write a line of JSON for each node, log records among them")
	return cmd
}

// defaultFold is how many like actions have lines of their own on a terminal.
const defaultFold = 3

func (t *treeCommand) run(ctx context.Context, args []string) error {
	if err := t.readFlags(); err != nil {
		return err
	}
	target, err := parseTarget(args, false)
	if err != nil {
		return err
	}
	doc, failed := t.load(ctx, &target)
	if doc == nil {
		return failed
	}
	s := t.screen()
	if t.json {
		return errors.Join(failed, treetext.Prune(doc, t.filter).WriteFlat(s.w))
	}
	opts := treetext.Options{
		Filter: t.filter, Color: s.color, ASCII: s.ascii, Fold: t.fold, Width: s.width, Columns: columns, Short: s.tty,
	}
	if s.tty {
		opts.Time = func(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
	}
	if t.fold < 0 {
		opts.Fold = 0
		if s.tty {
			opts.Fold = defaultFold
		}
	}
	return errors.Join(failed, treetext.Write(s.w, doc, opts))
}

// readFlags checks the flags, and sets the filter's level from them.
func (t *treeCommand) readFlags() error {
	if t.filter.Depth < 0 {
		return usageError{errors.New("--depth: want a number of levels")}
	}
	if t.fold < -1 {
		return usageError{errors.New("--fold: want a number of actions")}
	}
	if t.logs {
		t.filter.Level = treetext.LevelLog
	}
	if t.level == "" {
		if t.json && !t.logs {
			t.filter.Level = treetext.LevelLog // programs leave out what they do not need
		}
		return nil
	}
	level, ok := treetext.ParseLevel(t.level)
	if !ok {
		return usageError{fmt.Errorf("--level %q: want iteration, interaction, action or log", t.level)}
	}
	t.filter.Level = level
	return nil
}
