package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/hook"
	"github.com/wfslog/wfslog/internal/termtext"
	"github.com/wfslog/wfslog/internal/treetext"
)

// lsCommand is what the flags of ls say.
type lsCommand struct {
	*app
	since  string
	status string
	agent  string
	n      int
	json   bool
}

func (a *app) newLs() *cobra.Command {
	l := lsCommand{app: a}
	cmd := &cobra.Command{
		Use:   "ls [DIR|FILE…|-]",
		Short: "List runs, the newest first",
		Long: "Ls prints a line for each run: the last digits of its id, by which the other\n" +
			"commands know it, its workflow, status and start, how long it took, its\n" +
			"iterations and agents, the calls that reported tokens or cost, the tokens that\n" +
			"went into models and came out of them, the cost, the errors, and whether all of\n" +
			"it is there. On a terminal, columns that find no room are left out.\n\n" +
			"The texts of the runs stay in their files: about 50 bytes of each event and 60 of\n" +
			"each span are kept in memory.\n\n" + inputHelp,
		Example:           "  wfslog ls\n  wfslog ls logs --since 2h --status error\n  wfslog ls --json | jq -r 'select(.errors > 0).run'",
		RunE:              func(cmd *cobra.Command, args []string) error { return l.run(cmd.Context(), args) },
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
	}
	cmd.Flags().StringVar(&l.since, "since", "", "only runs that started within `TIME`, such as 90m, 2h or 7d, or since a date or time such as 2026-11-22")
	cmd.Flags().StringVar(&l.status, "status", "", "only runs with `STATUS`: ok, error, open, interrupted or another word")
	cmd.Flags().StringVar(&l.agent, "agent", "", "only runs in which `AGENT` took part")
	cmd.Flags().IntVarP(&l.n, "number", "n", -1, "at most `N` runs; 0: all; otherwise 20 on a terminal and all elsewhere")
	cmd.Flags().Lookup("number").DefValue = noDefault
	cmd.Flags().BoolVar(&l.json, "json", false, "write a line of JSON for each run")
	return cmd
}

// defaultListed is how many runs are listed on a terminal.
const defaultListed = 20

func (l *lsCommand) run(ctx context.Context, args []string) error {
	since, err := parseSince(l.since, l.now())
	if err != nil {
		return usageError{fmt.Errorf("--since %q: want a duration such as 90m, 2h or 7d, or a date or time such as 2026-11-22", l.since)}
	}
	if l.n < -1 {
		return usageError{errors.New("--number: want a number of runs")}
	}
	s := l.screen()
	n := l.n
	if n < 0 {
		n = 0
		if s.tty && !l.json {
			n = defaultListed
		}
	}
	t := parsePaths(args)
	docs := newDocuments()
	b, failed := l.readAll(ctx, &t, docs)
	since = since.Truncate(time.Millisecond)
	all := slices.DeleteFunc(docs.allRuns(b.Runs()), func(run wfslog.RunID) bool { return run.Time().Before(since) })
	rows, more, err := l.rows(ctx, b, docs, all, n)
	failed = errors.Join(failed, err)
	if ctx.Err() != nil {
		return failed
	}
	if l.json {
		return errors.Join(failed, writeRuns(s, rows))
	}
	return errors.Join(failed, l.write(s, rows, all, more))
}

// rows looks at runs, the newest first, until there are n that are wanted, and reports
// whether there are more; n = 0 means all.
func (l *lsCommand) rows(ctx context.Context, b *wfslog.TreeBuilder, docs *documents, runs []wfslog.RunID, n int) (rows []*listedRun, more bool, failed error) {
	for _, run := range slices.Backward(runs) {
		if ctx.Err() != nil {
			return nil, false, failed
		}
		doc, iterations, err := sums(b, docs, run)
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case !l.wants(doc):
		case n > 0 && len(rows) == n:
			return rows, true, failed
		default:
			rows = append(rows, newListedRun(doc, iterations))
		}
	}
	return rows, false, failed
}

// sums returns the document of a run, which need not hold the nodes, and the number of
// its iterations.
func sums(b *wfslog.TreeBuilder, docs *documents, run wfslog.RunID) (doc *wfslog.Document, iterations int, err error) {
	made, iterations, err := hook.WriteTree(b, nil, run, false)
	if errors.Is(err, wfslog.ErrNoRun) {
		if doc, err = docs.open(run); err == nil {
			iterations = len(doc.Iterations)
		}
		return doc, iterations, err
	}
	doc, _ = made.(*wfslog.Document)
	return doc, iterations, err
}

// wants reports whether a run is one of those asked for.
func (l *lsCommand) wants(doc *wfslog.Document) bool {
	if l.status != "" && doc.Status != l.status {
		return false
	}
	return l.agent == "" || doc.Agents[strings.TrimPrefix(l.agent, "workflow.")] != nil
}

// parseSince returns the time that text names.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("no time")
}

// listedRun is what ls tells of a run.
type listedRun struct {
	Run        wfslog.RunID        `json:"run"`
	Workflow   string              `json:"workflow,omitempty"`
	Status     string              `json:"status"`
	StartedAt  time.Time           `json:"started_at,omitzero"`
	EndedAt    time.Time           `json:"ended_at,omitzero"`
	DurationMS json.Number         `json:"duration_ms,omitempty"`
	Duration   time.Duration       `json:"-"`
	Iterations int                 `json:"iterations"`
	Agents     int                 `json:"agents"`
	Usage      *wfslog.UsageTotals `json:"usage,omitempty"`
	Errors     uint64              `json:"errors"`
	Complete   bool                `json:"complete"`
	Integrity  wfslog.Integrity    `json:"integrity"`
	File       string              `json:"file"` // name of its document
}

func newListedRun(doc *wfslog.Document, iterations int) *listedRun {
	started := doc.StartedAt
	if started.IsZero() {
		started = doc.Run.Time()
	}
	return &listedRun{
		Run: doc.Run, Workflow: doc.Workflow, Status: doc.Status, StartedAt: started, EndedAt: doc.EndedAt,
		DurationMS: doc.DurationMS, Duration: doc.Duration(), Iterations: iterations, Agents: len(doc.Agents),
		Usage: doc.Usage, Errors: doc.ErrorsTotal, Complete: doc.Complete, Integrity: doc.Integrity, File: doc.FileName(),
	}
}

func writeRuns(s *screen, rows []*listedRun) error {
	for _, r := range rows {
		if err := writeJSON(s.w, r); err != nil {
			return err
		}
	}
	return nil
}

// write writes rows, which are some of all runs.
func (l *lsCommand) write(s *screen, rows []*listedRun, all []wfslog.RunID, more bool) error {
	if len(rows) == 0 {
		if s.tty {
			l.tell("no runs that match")
		}
		return nil
	}
	digits := shortIDs(all)
	t := table{columns: []column{
		{title: "RUN"},
		{title: "WORKFLOW", shrink: 12},
		{title: "STATUS"},
		{title: "STARTED"},
		{title: "TOOK", right: true, rank: 1},
		{title: "ITER", right: true, rank: 6},
		{title: "AGENTS", right: true, rank: 7},
		{title: "CALLS", right: true, rank: 8},
		{title: "TOKENS", right: true, rank: 5},
		{title: "COST", right: true, rank: 4},
		{title: "ERRORS", right: true, rank: 2},
		{title: "COMPLETE", rank: 3},
	}}
	for _, r := range rows {
		t.add(l.cells(s, r, digits)...)
	}
	lines := t.lines(s, "")
	if more {
		lines = append(lines, s.paint(faint, "there are more: -n 0 lists all"))
	}
	return s.writeLines(lines)
}

// cells returns the row of a run, whose id is shown by its last digits.
func (l *lsCommand) cells(s *screen, r *listedRun, digits int) []cell {
	id := r.Run.String()
	status := termtext.String(r.Status)
	none := func(text string) cell {
		if text == "" {
			return cell{"-", faint}
		}
		return cell{text: text}
	}
	number := func(n uint64) cell { return none(strings.TrimPrefix(strconv.FormatUint(n, 10), "0")) }
	took := ""
	switch {
	case r.DurationMS != "":
		took = s.duration(r.Duration)
	case s.tty && r.Status == "open" && s.now.After(r.StartedAt):
		took = s.duration(s.now.Sub(r.StartedAt).Round(time.Second)) + "+"
	}
	tokens, cost, calls := "", "", uint64(0)
	if u := r.Usage; u != nil {
		tokens, calls = treetext.Tokens(u, s.tty, s.glyph("→", "->")), u.Calls
		cost = treetext.Cost(u.CostUSD, s.tty)
	}
	errorsCell := number(r.Errors)
	if r.Errors > 0 {
		errorsCell.color = red
	}
	complete := cell{text: "yes"}
	if !r.Complete {
		complete = cell{incomplete(&r.Integrity), yellow}
	}
	return []cell{
		{id[len(id)-digits:], cyan},
		none(termtext.String(r.Workflow)),
		{treetext.Mark(r.Status, s.ascii) + " " + status, statusColor(r.Status)},
		none(s.time(r.StartedAt)),
		none(took),
		number(uint64(r.Iterations)),
		number(uint64(r.Agents)),
		number(calls),
		none(tokens),
		none(cost),
		errorsCell,
		complete,
	}
}

// incomplete says what is not there of a run.
func incomplete(in *wfslog.Integrity) string {
	var parts []string
	for _, part := range []struct {
		n    uint64
		word string
	}{
		{in.Missing, "missing"},
		{in.Lost, "lost"},
		{in.Damaged, "damaged"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	if len(parts) == 0 {
		return "not ended"
	}
	return strings.Join(parts, ", ")
}

// writeLines writes lines.
func (s *screen) writeLines(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	_, err := s.w.Write([]byte(strings.Join(lines, "\n") + "\n"))
	return err
}
