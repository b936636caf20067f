package cli

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// completeRuns completes references to runs from the names of the documents in the
// default directory, which are made of nothing but letters, digits and dashes. It
// reads no file.
func (a *app) completeRuns(_ *cobra.Command, _ []string, toComplete string) ([]cobra.Completion, cobra.ShellCompDirective) {
	entries, err := os.ReadDir(defaultDir())
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	type run struct{ id, workflow, start string }
	var runs []run
	for _, e := range entries {
		if name := documentName.FindStringSubmatch(e.Name()); name != nil {
			start := strings.TrimPrefix(e.Name(), name[1]+"-")
			runs = append(runs, run{name[2], name[1], start[:len("20060102T150405Z")]})
		}
	}
	slices.SortFunc(runs, func(a, b run) int { return strings.Compare(b.start, a.start) })
	var found []cobra.Completion
	for _, r := range runs {
		if strings.HasPrefix(r.id, toComplete) {
			found = append(found, cobra.CompletionWithDesc(r.id, r.workflow+" "+r.start))
		}
	}
	return found, cobra.ShellCompDirectiveKeepOrder // files and directories if there is none
}
