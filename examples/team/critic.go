package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/wfslog/wfslog"
)

// critic looks for what is wrong with a draft. It believes nobody: it reads the
// files again.
type critic struct {
	agent
	root string
}

// objection is something that must be done before the draft is good.
type objection struct {
	kind   objectionKind
	text   string
	claims []*claim
	files  []string
}

type objectionKind int

const (
	unreadFiles   objectionKind = iota // files could not be read, but perhaps now
	nothingFound                       // the question is about something that is not there
	unexplained                        // claims without what follows from them
	leftOpen                           // a reader left a question open
	wrongEvidence                      // a file says something else than the claim
)

// maxTries is how often it is tried to read a file.
const maxTries = 2

func (c *critic) review(ctx context.Context, d *draft) []objection {
	ctx = wfslog.StartInteraction(ctx, c.name, wfslog.Input(d.summary()))
	defer wfslog.End(ctx)

	var objections []objection
	object := func(kind objectionKind, n int, what string, o objection) {
		if n > 0 {
			o.kind, o.text = kind, fmt.Sprintf("%s: %d", what, n)
			objections = append(objections, o)
		}
	}
	files := c.checkCoverage(ctx, d)
	object(unreadFiles, len(files), "files that were not read", objection{files: files})
	if s, ok := d.topic.(symbol); ok && len(d.claims) == 0 {
		object(nothingFound, 1, "names that are not there ("+s.name+")", objection{})
	}
	var bare, open []*claim
	for _, cl := range d.claims {
		switch {
		case cl.Weight > 0 && cl.explained == 0:
			bare = append(bare, cl)
		case cl.Open != "" && cl.explained == 1:
			open = append(open, cl)
		}
	}
	object(unexplained, len(bare), "claims that do not say what follows", objection{claims: bare})
	object(leftOpen, len(open), "claims that leave a question open", objection{claims: open})
	files = c.checkEvidence(ctx, d)
	object(wrongEvidence, len(files), "files that do not say what is claimed of them", objection{files: files})

	verdict := "good"
	if len(objections) > 0 {
		verdict = "not good yet"
	}
	c.log.InfoContext(ctx, "reviewed the draft", wfslog.Action("review"), wfslog.Status(verdict), wfslog.Output(objectionTexts(objections)))
	wfslog.Annotate(ctx, wfslog.Output(verdict))
	return objections
}

// checkCoverage returns the files that should be tried once more.
func (c *critic) checkCoverage(ctx context.Context, d *draft) []string {
	var again []string
	for _, u := range d.unread {
		if d.tries[u.path] < maxTries {
			again = append(again, u.path)
		}
	}
	c.log.InfoContext(ctx, "compared what was read with what is there", wfslog.Action("check_coverage"),
		wfslog.Output(map[string]int{"read": len(d.index.files), "not read": len(d.unread)}))
	return again
}

// checkEvidence reads the lines that claims rest on once more, and returns the
// files that say something else.
func (c *critic) checkEvidence(ctx context.Context, d *draft) []string {
	ctx = wfslog.StartAction(ctx, "check_evidence")
	defer wfslog.End(ctx)
	texts := make(map[string][]string)
	var wrong []string
	checked := 0
	for _, cl := range d.claims {
		if cl.checked {
			continue
		}
		lines, ok := texts[cl.File]
		if !ok {
			text, err := readFile(c.root, cl.File)
			if err != nil {
				c.log.WarnContext(ctx, "could not read a file again", "file", cl.File, wfslog.Err(err))
			}
			lines = strings.Split(string(text), "\n")
			texts[cl.File] = lines
		}
		checked++
		cl.checked = cl.Line <= len(lines) && strings.TrimSpace(lines[cl.Line-1]) == cl.Code
		if !cl.checked && !slices.Contains(wrong, cl.File) {
			wrong = append(wrong, cl.File)
		}
	}
	wfslog.Annotate(ctx, wfslog.Output(map[string]int{"claims": checked, "wrong files": len(wrong)}))
	return wrong
}

func objectionTexts(objections []objection) []string {
	texts := make([]string, len(objections))
	for i, o := range objections {
		texts[i] = o.text
	}
	return texts
}
