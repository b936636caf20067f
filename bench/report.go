package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"text/template"
)

// report is what is told of a run.
type report struct {
	*bench
	Machine machine
	Date    string
	Command string
	Bars    []barResult
	Kills   []killResult
	Outputs []outputCheck
	Curves  []*curve
	Profile []profileResult
}

func (b *bench) report() (*report, error) {
	results, missing := b.results()
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s: %q was not measured in %s", missing[0].what, missing[0].side, missing[0].group)
	}
	return &report{
		bench: b, Machine: b.machine(), Date: b.start.UTC().Format("2 January 2006, 15:04 UTC"), Command: b.command,
		Bars: results, Kills: b.killed, Outputs: b.outputs, Curves: b.curves, Profile: b.profiles,
	}, nil
}

//go:embed *.md.tmpl
var templates embed.FS

// writeFiles writes performance.md into dir, and all figures and curves below it.
func (r *report) writeFiles(dir string) error {
	below := filepath.Join(dir, "performance")
	if err := os.MkdirAll(below, 0o777); err != nil {
		return err
	}
	for _, c := range r.Curves {
		var picture bytes.Buffer
		if err := c.writeTo(&picture); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(below, c.File()), picture.Bytes(), 0o666); err != nil {
			return err
		}
	}
	return errors.Join(
		r.writePage(filepath.Join(dir, "performance.md"), "performance.md.tmpl"),
		r.writePage(filepath.Join(below, "figures.md"), "figures.md.tmpl"))
}

// writePage writes what the template of that name says.
func (r *report) writePage(path, name string) error {
	t, err := template.New(name).Funcs(template.FuncMap{"number": number}).ParseFS(templates, name)
	if err != nil {
		return err
	}
	var page bytes.Buffer
	if err := t.Execute(&page, r); err != nil {
		return err
	}
	return os.WriteFile(path, page.Bytes(), 0o666)
}

// File returns the name of the picture.
func (c *curve) File() string { return strings.TrimPrefix(c.Name, "growth/") + ".svg" }

// writeText writes the bars and all groups for a terminal.
func (r *report) writeText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, g := range r.groups {
		if len(g.sides) == 0 {
			continue
		}
		ref := g.reference()
		fmt.Fprintf(t, "\n%s\t%s\tprocessor\tratio to %s\t[quartiles]\n", g.name, g.unit, ref.name)
		for _, s := range g.sides {
			v := summarize(ratios(s.values, ref.values))
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s%s\t%s\t%s\n",
				s.name, number(median(s.values)), number(median(s.cpu)), number(v.Median), interval(v), quartiles(v), s.note)
		}
	}
	for _, k := range r.Kills {
		fmt.Fprintf(t, "\nkill/%s\t%d kills\t%d acknowledged\t%d lost\tin %d runs, %d torn lines\n",
			k.Sink, k.Kills, k.Acknowledged, k.Lost, k.Runs, k.Torn)
	}
	fmt.Fprintf(t, "\nBars\tagainst\treached\tbar\tgate\t\n")
	for _, b := range r.Bars {
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\n", b.What, b.Against(), b.Reached, b.Bar, b.Gate, b.Verdict())
	}
	fmt.Fprintf(t, "\n%s\n", r.Noise())
	return t.Flush()
}

func quartiles(s summary) string {
	if s.N < 4 {
		return ""
	}
	return fmt.Sprintf("[%s–%s]", number(s.Q1), number(s.Q3))
}

// Against names the peer.
func (b barResult) Against() string {
	if b.Peer == "" {
		return "–"
	}
	return b.Peer
}

// Verdict says in a word how the bar was met.
func (b barResult) Verdict() string {
	switch {
	case b.Met:
		return "met"
	case b.Passed:
		return "missed, within the gate"
	default:
		return "missed"
	}
}

// reference is the side that the others of a group are compared with.
func (g *group) reference() *sideResult {
	for _, name := range []string{nameJSON, nameBatch, nameStructs, nameFirst, nameNoPause} {
		if s := g.side(name); s != nil {
			return s
		}
	}
	return g.sides[0]
}

// Noise says how quiet the machine was.
func (r *report) Noise() string {
	cores, share := r.noise()
	if r.measured == 0 {
		return "no rounds were measured"
	}
	return fmt.Sprintf("Other processes used %s cores (median of the rounds; more than %s in %.0f %% of them), the host of the machine took %s; "+
		"%d of %d rounds were measured anew because of others.",
		number(cores), number(r.busy), 100*share, number(median(r.stolen)), r.discarded, r.measured)
}

// Warning is not empty if the figures are not to be trusted.
func (r *report) Warning() string {
	var why []string
	if r.underLoad() {
		why = append(why, "others used the machine meanwhile")
	}
	if r.quick {
		why = append(why, "it was a quick run, with short rounds")
	}
	if r.run.String() != "" {
		why = append(why, "only a part was measured")
	}
	if why == nil {
		return ""
	}
	text := strings.Join(why, ", and ")
	return strings.ToUpper(text[:1]) + text[1:]
}

// Versions returns a line for each peer that is a module.
func (r *report) Versions() (lines []string) {
	for _, p := range peers {
		if v := versions(p.modules); v != "" {
			lines = append(lines, v)
		}
	}
	if v := versions(otelModules); v != "" {
		lines = append(lines, v)
	}
	return lines
}

// Busy returns the cores that others may use in a round.
func (r *report) Busy() float64 { return r.busy }

// Saves returns the number of iterations that are saved.
func (r *report) Saves() string { return thousands(float64(r.saves)) }

// Distances says how far records are from what only moving their bytes costs.
func (r *report) Distances() (sentences []string) {
	for _, rec := range records {
		g := r.find("physical/" + rec.name)
		if g == nil {
			continue
		}
		times := func(side string) string {
			return number(median(ratios(g.side(nameWfslog).values, g.side(side).values)))
		}
		sentences = append(sentences, fmt.Sprintf(
			"A record %q, of %s bytes in the journal, takes %s times as long as copying them, %s times as long as writing them "+
				"into the page cache with many others, and %s times as long as a system call to write them.",
			rec.name, thousands(float64(r.lines[rec.name])), times(nameCopy), times(nameBlocks), times(nameWrites)))
	}
	return sentences
}

// profileRow is a row of the table of a profile.
type profileRow struct{ Part, PartPercent, Function, FunctionPercent string }

// Rows returns parts and functions beside each other.
func (p profileResult) Rows() (rows []profileRow) {
	for i := range max(len(p.Parts), len(p.Functions)) {
		var row profileRow
		if i < len(p.Parts) {
			row.Part, row.PartPercent = p.Parts[i].Name, fmt.Sprintf("%.0f", p.Parts[i].Percent)
		}
		if i < len(p.Functions) {
			row.Function, row.FunctionPercent = "`"+p.Functions[i].Name+"`", fmt.Sprintf("%.0f", p.Functions[i].Percent)
		}
		rows = append(rows, row)
	}
	return rows
}
