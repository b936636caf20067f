package main

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wfslog/wfslog"
)

// planner decides what is to be done next.
type planner struct{ agent }

// tasks are what the planner wants done in a round.
type tasks struct {
	search  []unit
	explain shares[*claim]
}

// shares is work that can be dealt out.
type shares[T any] []T

// share returns the i-th of n shares, as even as possible.
func (s shares[T]) share(i, n int) []T {
	return s[len(s)*i/n : len(s)*(i+1)/n]
}

// plan returns the tasks for a round: at first to look at everything, later what
// the critic's objections ask for.
func (p *planner) plan(ctx context.Context, root string, d *draft, objections []objection) (todo tasks, err error) {
	ctx = wfslog.StartInteraction(ctx, p.name, wfslog.Input(objectionTexts(objections)))
	defer wfslog.EndErr(ctx, &err)
	if d.topic == nil {
		if err := p.survey(ctx, root, d); err != nil {
			return tasks{}, err
		}
		todo.search = d.units
	}
	for _, o := range objections {
		switch o.kind {
		case nothingFound:
			d.forget(text{words: keywords(d.question)})
			todo.search = d.units
		case unreadFiles, wrongEvidence:
			todo.search = append(todo.search, unitsWith(d.units, o.files)...)
		case unexplained, leftOpen:
			todo.explain = append(todo.explain, o.claims...)
		}
	}
	p.log.InfoContext(ctx, "planned the round", wfslog.Action("plan"),
		wfslog.Output(map[string]int{"directories to search": len(todo.search), "claims to explain": len(todo.explain)}))
	return todo, nil
}

// survey looks at what there is, and chooses the topic.
func (p *planner) survey(ctx context.Context, root string, d *draft) error {
	files, err := listFiles(ctx, root)
	if err != nil {
		return err
	}
	isGo := slices.ContainsFunc(files, func(f string) bool { return path.Ext(f) == ".go" })
	d.topic = topicFor(d.question, isGo)
	if _, isText := d.topic.(text); isText {
		isGo = false // every file counts, and types do not matter
	}
	list := listing{dirs: map[string]string{}, exports: map[string]string{}}
	if isGo {
		list = p.listModules(ctx, root, files)
	}
	d.units = p.divide(root, files, isGo, d, list)
	p.log.InfoContext(ctx, "chose what to look for", wfslog.Action("choose_topic"),
		wfslog.Input(d.question), wfslog.Output(topicName(d.topic)), slog.Int("directories", len(d.units)))
	return nil
}

// listModules asks the go command about each module. Without an answer, only
// what a package says of itself is known.
func (p *planner) listModules(ctx context.Context, root string, files []string) listing {
	dirs := []string{"."}
	for _, f := range files {
		dir := path.Dir(f)
		isGo := func(f string) bool { return strings.HasPrefix(f, dir+"/") && path.Ext(f) == ".go" }
		if path.Base(f) == "go.mod" && dir != "." && slices.ContainsFunc(files, isGo) {
			dirs = append(dirs, dir)
		}
	}
	all := listing{dirs: map[string]string{}, exports: map[string]string{}}
	for _, dir := range dirs {
		list, err := goList(ctx, root, dir)
		if err != nil {
			p.log.WarnContext(ctx, "going on without the types of imported packages", "module", dir, wfslog.Err(err))
			continue
		}
		maps.Copy(all.dirs, list.dirs)
		maps.Copy(all.exports, list.exports)
	}
	return all
}

// divide puts the files of each directory into a unit.
func (p *planner) divide(root string, files []string, isGo bool, d *draft, list listing) []unit {
	byDir := make(map[string]*unit)
	var units []*unit
	for _, f := range files {
		if isGo && path.Ext(f) != ".go" {
			continue
		}
		if _, everywhere := d.topic.(symbol); isGo && !everywhere && strings.HasSuffix(f, "_test.go") {
			d.leftOut++
			continue
		}
		dir := path.Dir(f)
		u := byDir[dir]
		if u == nil {
			u = &unit{dir: dir, pkg: list.dirs[dir], export: list.exports}
			byDir[dir] = u
			units = append(units, u)
		}
		u.files = append(u.files, f)
		if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(f))); err == nil { // otherwise the searcher will say so
			u.size += info.Size()
		}
	}
	result := make([]unit, len(units))
	for i, u := range units {
		result[i] = *u
	}
	return result
}

// split deals the units out so that all have about the same to read.
func split(units []unit, n int) [][]unit {
	shares, sizes := make([][]unit, n), make([]int64, n)
	bySize := slices.Clone(units)
	slices.SortStableFunc(bySize, func(a, b unit) int {
		if a.size != b.size {
			return int(b.size - a.size)
		}
		return strings.Compare(a.dir, b.dir)
	})
	for _, u := range bySize {
		least := slices.Index(sizes, slices.Min(sizes))
		shares[least] = append(shares[least], u)
		sizes[least] += u.size + 1
	}
	return shares
}

// unitsWith returns the units that hold one of the files.
func unitsWith(units []unit, files []string) []unit {
	var with []unit
	for _, u := range units {
		if slices.ContainsFunc(u.files, func(f string) bool { return slices.Contains(files, f) }) {
			with = append(with, u)
		}
	}
	return with
}

func topicName(t topic) string {
	switch t := t.(type) {
	case ignoredErrors:
		return "ignored errors"
	case goroutines:
		return "goroutines"
	case symbol:
		return "the name " + t.name
	case text:
		return "the words " + strings.Join(t.words, ", ")
	}
	return ""
}
