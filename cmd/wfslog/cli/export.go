package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/workflowlogger"
)

// exportFormats are the formats that export writes: by name, the functions that write
// a document and return notes about what stands elsewhere in it, or does not.
var exportFormats = map[string]func(io.Writer, *wfslog.Document) (notes []string, err error){
	"workflowlogger": workflowlogger.Write,
}

func formatNames() []string { return slices.Sorted(maps.Keys(exportFormats)) }

// exportCommand is what the flags of export say.
type exportCommand struct {
	*app
	format string
	out    string // file; "" for standard output
}

func (a *app) newExport() *cobra.Command {
	c := exportCommand{app: a}
	cmd := &cobra.Command{
		Use:   "export --format FORMAT [RUN] [DIR|FILE…|-]",
		Short: "Write a run in the format of another program",
		Long: "Export writes the document of a run in another format:\n\n" +
			"  workflowlogger  what the WorkflowLogger for Python saved: metadata, iterations,\n" +
			"                  resources_used, final_status and error_log\n\n" +
			"What a format has no place for stands in an object \"wfslog\" in the metadata of\n" +
			"what it belongs to. Messages say what stands elsewhere than a reader of the format\n" +
			"would look for it, and what is left out.\n\n" + runHelp + "\n\n" + inputHelp,
		Example: "  wfslog export --format workflowlogger\n  wfslog export --format workflowlogger 5fb7b479 --out run.json",
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args) },
	}
	cmd.ValidArgsFunction = a.completeRuns
	cmd.Flags().StringVar(&c.format, "format", "", "write the format `FORMAT`: "+strings.Join(formatNames(), ", "))
	cmd.Flags().StringVar(&c.out, "out", "", "write into `FILE` instead of to standard output")
	err := cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formatNames(), cobra.ShellCompDirectiveNoFileComp))
	if err != nil {
		panic(err) // the flag is not there, or has one already
	}
	return cmd
}

func (c *exportCommand) run(ctx context.Context, args []string) error {
	write, known := exportFormats[c.format]
	switch names := strings.Join(formatNames(), ", "); {
	case c.format == "":
		return usageError{fmt.Errorf("which format? --format is one of: %s", names)}
	case !known:
		return usageError{fmt.Errorf("unknown format %q: --format is one of: %s", c.format, names)}
	}
	t, err := parseTarget(args, false)
	if err != nil {
		return err
	}
	doc, failed := c.load(ctx, &t)
	if doc == nil {
		return failed
	}
	var text bytes.Buffer
	notes, err := write(&text, doc)
	if err == nil {
		err = c.write(text.Bytes())
	}
	if err != nil {
		return errors.Join(failed, err)
	}
	for _, note := range notes {
		c.tell(note)
	}
	return failed
}

// write writes the whole text, or leaves a file as it was.
func (c *exportCommand) write(text []byte) error {
	if c.out == "" {
		_, err := c.app.stdout.Write(text)
		return err
	}
	switch info, err := os.Stat(c.out); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file: name another, or write to standard output", c.out)
	}
	return replaceFile(c.out, text)
}
