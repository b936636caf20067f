package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/wfslog/wfslog"
)

// target is what the arguments of a command name.
type target struct {
	inputs []string // directories, files, and - for standard input
	named  bool     // they were given as arguments
	runs   bool     // an argument may also refer to a run
	ref    string   // to a run; "" for the newest
	node   string   // of the run; "" for the run itself
}

// defaultDir is the directory that is read if none is named.
func defaultDir() string { return cmp.Or(os.Getenv("WFSLOG_DIR"), "logs") }

// parsePaths takes all arguments for inputs.
func parsePaths(args []string) target {
	if len(args) == 0 {
		return target{inputs: []string{defaultDir()}}
	}
	return target{inputs: args, named: true}
}

// parseTarget takes arguments for references to a run, or else for inputs. With
// nodes set, a node may stand behind either.
func parseTarget(args []string, nodes bool) (t target, err error) {
	t.runs = true
	for _, arg := range args {
		head, node, hasNode := arg, "", false
		if nodes && !exists(arg) {
			head, node, hasNode = strings.Cut(arg, "#")
			if strings.HasPrefix(arg, ":") { // the number of a record: shells take # for a comment
				head, node, hasNode = "", arg, true
			}
		}
		if hasNode {
			if t.node != "" {
				return target{}, usageError{errors.New("more than one node: name one at a time")}
			}
			t.node = node
		}
		switch {
		case head == "" && hasNode: // of the newest run
		case head == "-" || exists(head):
			t.inputs = append(t.inputs, head)
			t.named = true
		case isRef(head):
			if t.ref != "" {
				return target{}, usageError{errors.New("more than one run: name one at a time")}
			}
			t.ref = head
		case strings.HasPrefix(head, "@"):
			return target{}, usageError{fmt.Errorf("no run is called %q: want @1 for the newest, @2 for the one before, …", head)}
		default:
			t.inputs = append(t.inputs, head) // whoever opens it says that it is not there
			t.named = true
		}
	}
	if len(t.inputs) == 0 {
		t.inputs = []string{defaultDir()}
	}
	return t, nil
}

// hint adds to the error of an input that is not there what to name instead.
func (t *target) hint(err error) error {
	switch {
	case !t.named:
		return fmt.Errorf("%w: name a directory of logs as an argument or in $WFSLOG_DIR", err)
	case t.runs:
		return fmt.Errorf("%w; nor is it a run, such as @1 or digits of an id that wfslog ls shows", err)
	}
	return err
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// minRef is the number of digits that a reference has at least.
const minRef = 2

// isRef reports whether text refers to a run: by its place among all, or by the
// beginning or the end of its id.
func isRef(text string) bool {
	if _, ok := place(text); ok {
		return true
	}
	if len(text) < minRef || len(text) > 2*len(wfslog.RunID{}) {
		return false
	}
	return strings.Trim(strings.ToLower(text), "0123456789abcdef") == ""
}

// place returns the number in @1, @2, ….
func place(text string) (n int, ok bool) {
	digits, found := strings.CutPrefix(text, "@")
	if !found {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil && n > 0
}

// chooseRun returns the run of runs, which are ordered from the oldest to the
// newest, that ref names.
func chooseRun(runs []wfslog.RunID, ref string) (wfslog.RunID, error) {
	if len(runs) == 0 {
		return wfslog.RunID{}, errNoRun
	}
	if ref == "" {
		ref = "@1"
	}
	if n, ok := place(ref); ok {
		if n > len(runs) {
			return wfslog.RunID{}, fmt.Errorf("no run %s: there are %d; see wfslog ls", ref, len(runs))
		}
		return runs[len(runs)-n], nil
	}
	var found []wfslog.RunID
	lower := strings.ToLower(ref)
	for _, run := range runs {
		if id := run.String(); strings.HasPrefix(id, lower) || strings.HasSuffix(id, lower) {
			found = append(found, run)
		}
	}
	switch len(found) {
	case 0:
		return wfslog.RunID{}, fmt.Errorf("no run %q in the input; see wfslog ls", ref)
	case 1:
		return found[0], nil
	}
	const maxShown = 3
	var ids []string
	for _, run := range found[:min(len(found), maxShown)] {
		ids = append(ids, run.String())
	}
	if len(found) > maxShown {
		ids = append(ids, "…")
	}
	return wfslog.RunID{}, usageError{fmt.Errorf("%d runs begin or end with %q: %s; give more digits", len(found), ref, strings.Join(ids, ", "))}
}

// minShort is the number of digits that short ids have at least. Ids begin with
// the time, so that runs of one day have the same beginning; the end is random.
const minShort = 8

// shortIDs returns the number of last digits by which runs can be told apart.
func shortIDs(runs []wfslog.RunID) int {
	const all = 2 * len(wfslog.RunID{})
	for n := minShort; n < all; n++ {
		seen := make(map[string]struct{}, len(runs))
		for _, run := range runs {
			seen[run.String()[all-n:]] = struct{}{}
		}
		if len(seen) == len(runs) {
			return n
		}
	}
	return all
}
