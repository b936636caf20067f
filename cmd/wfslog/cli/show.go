package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog"
)

// showCommand is what the flags of show say.
type showCommand struct {
	*app
	raw   string
	force bool
	json  bool
}

func (a *app) newShow() *cobra.Command {
	c := showCommand{app: a}
	cmd := &cobra.Command{
		Use:   "show [RUN][#NODE] [DIR|FILE…|-]",
		Short: "Show all of a run or of one node",
		Long: "Show prints all that was recorded of a node: its fields, its whole input and\n" +
			"output, its attributes, and what is in it. NODE is an address that tree shows: the\n" +
			"path of a span such as 1/2/3 or 1/@agent1, or the number of a record such as\n" +
			":14. Without it, show prints the run itself: its sums, agents and errors.\n" +
			"Shells want quotes around a word that begins with #.\n\n" +
			"Texts stand behind a line, and what a terminal could take for more than text is\n" +
			"escaped. --raw writes the input and the output as they are, byte for byte.\n\n" + runHelp + "\n\n" + inputHelp,
		Example: "  wfslog show\n  wfslog show @1#1/2\n  wfslog show :14 logs\n  wfslog show 5fb7b479#1/2/1 --raw=output >answer.txt",
		RunE:    func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), args) },
	}
	cmd.ValidArgsFunction = a.completeRuns
	cmd.Flags().StringVar(&c.raw, "raw", "", "write the input and the output, or only the `PART` input or output, as they are")
	cmd.Flags().Lookup("raw").NoOptDefVal = "all"
	cmd.Flags().BoolVar(&c.force, "force", false, "let --raw write to a terminal")
	cmd.Flags().BoolVar(&c.json, "json", false, "write the node, or the document, as a line of JSON")
	return cmd
}

func (c *showCommand) run(ctx context.Context, args []string) error {
	s := c.screen()
	if err := c.checkRaw(s); err != nil {
		return err
	}
	t, err := parseTarget(args, true)
	if err != nil {
		return err
	}
	doc, failed := c.load(ctx, &t)
	if doc == nil {
		return failed
	}
	f, err := findNode(doc, t.node)
	if err != nil {
		return errors.Join(failed, err)
	}
	switch {
	case c.raw != "":
		return errors.Join(failed, c.writeRaw(s, f.node))
	case c.json && f.parent == nil:
		return errors.Join(failed, writeJSON(s.w, doc))
	case c.json:
		return errors.Join(failed, writeJSON(s.w, f.node))
	}
	p := page{screen: s, doc: doc}
	if f.parent == nil {
		p.run()
	} else {
		p.node(f)
	}
	return errors.Join(failed, p.write())
}

func (c *showCommand) checkRaw(s *screen) error {
	switch c.raw {
	case "", "all", "input", "output":
	default:
		return usageError{fmt.Errorf("--raw=%s: want input or output, or --raw alone for both", c.raw)}
	}
	switch {
	case c.raw != "" && c.json:
		return usageError{errors.New("--raw and --json exclude each other")}
	case c.raw != "" && s.tty && !c.force:
		return usageError{errors.New("--raw to a terminal: the text may hold escape sequences; write it to a file, or use --force")}
	}
	return nil
}

// writeRaw writes the texts of a node: strings as they are, all else as JSON.
func (c *showCommand) writeRaw(s *screen, n *wfslog.Node) error {
	var text []byte
	for _, part := range []struct {
		name  string
		value json.RawMessage
	}{{"input", n.Input}, {"output", n.Output}} {
		if len(part.value) > 0 && (c.raw == "all" || c.raw == part.name) {
			text = append(text, plain(part.value)...)
		}
	}
	if len(text) == 0 {
		what := c.raw
		if what == "all" {
			what = "input and no output"
		}
		return fmt.Errorf("the node has no %s", what)
	}
	_, err := s.w.Write(text)
	return err
}

// plain returns the text of a JSON string, and other JSON as it is.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return string(value)
	}
	return text
}

// pretty returns the text of a JSON string, and other JSON indented.
func pretty(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	var b bytes.Buffer
	if json.Indent(&b, value, "", "  ") != nil {
		return string(value)
	}
	return strings.TrimSpace(b.String())
}
