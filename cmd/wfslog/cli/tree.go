package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/treetext"
)

func newTree() *cobra.Command {
	var run string
	var logs bool
	var opts treetext.Options
	cmd := &cobra.Command{
		Use:   "tree [DIR|FILE…|-]",
		Short: "Print the tree of a run",
		Long: "Tree prints a run as a tree: a line for each span and each action, with its\nstatus, duration, tokens and path.\n\n" +
			inputHelp,
		Example: "  wfslog tree\n  wfslog tree --run 5fb7b479 --logs logs",
		RunE: func(cmd *cobra.Command, args []string) error {
			b, failed := read(cmd, args)
			if len(b.Runs()) == 0 {
				return failed
			}
			id, err := chooseRun(b, run)
			if err != nil {
				return errors.Join(failed, err)
			}
			doc, err := b.Document(id)
			if err != nil {
				return errors.Join(failed, err)
			}
			if logs {
				opts.Level = treetext.LevelLog
			}
			opts.Color = termtext.Colors(cmd.OutOrStdout())
			return errors.Join(failed, treetext.Write(cmd.OutOrStdout(), doc, opts))
		},
	}
	cmd.Flags().StringVar(&run, "run", "", "the run whose id begins or ends with `REF`, instead of the newest")
	cmd.Flags().BoolVar(&logs, "logs", false, "show log records as well")
	cmd.Flags().IntVar(&opts.Fold, "fold", 0, "make more than `N` like actions in a row one line; 0: never")
	cmd.Flags().IntVar(&opts.Width, "width", 0, "cut lines to `N` columns; 0: never")
	return cmd
}
