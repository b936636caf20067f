package main

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wfslog/wfslog"
)

// searcher reads files and finds in them what the question asks for.
type searcher struct {
	agent
	root string
}

// searchResult is what a searcher brings back.
type searchResult struct {
	index    *index
	findings []finding
	read     []string
	unread   []unread
}

// search reads the files of the units. It ends the turn that ctx carries.
func (s *searcher) search(ctx context.Context, what topic, units []unit) searchResult {
	defer wfslog.End(ctx)
	result := searchResult{index: newIndex()}
	for _, u := range units {
		s.searchUnit(ctx, what, u, &result)
	}
	wfslog.Annotate(ctx, wfslog.Output(fmt.Sprintf("%d findings in %d files", len(result.findings), len(result.read))))
	return result
}

// searchUnit reads the files of a directory and searches them.
func (s *searcher) searchUnit(ctx context.Context, what topic, u unit, result *searchResult) {
	ctx = wfslog.StartAction(ctx, "search", wfslog.Input(u.dir))
	var failed error
	defer wfslog.EndErr(ctx, &failed)
	var files []*file
	fset := token.NewFileSet()
	for _, path := range u.files {
		f, err := s.readFile(fset, path)
		if err != nil {
			s.log.WarnContext(ctx, "could not read a file", wfslog.Action("read_file"), wfslog.Input(path), wfslog.Err(err))
			result.unread = append(result.unread, unread{path, err})
			failed = errors.Join(failed, err)
			continue
		}
		files = append(files, f)
	}
	checkTypes(s.root, u, files)
	found := 0
	for _, f := range files {
		result.index.addFile(f)
		result.read = append(result.read, f.path)
		hits := what.search(f)
		found += len(hits)
		result.findings = append(result.findings, hits...)
		if len(hits) > 0 {
			s.log.InfoContext(ctx, "found something", wfslog.Action("search_file"), wfslog.Input(f.path), wfslog.Output(len(hits)))
		}
	}
	wfslog.Annotate(ctx, wfslog.Output(found), slog.Int("files", len(files)))
}

// readFile reads a file, and parses it if it is Go.
func (s *searcher) readFile(fset *token.FileSet, name string) (*file, error) {
	text, err := readFile(s.root, name)
	if err != nil {
		return nil, err
	}
	f := &file{path: name, lines: strings.Split(string(text), "\n"), fset: fset}
	if path.Ext(name) == ".go" {
		f.info = &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
		}
		if f.syntax, err = parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// checkTypes finds out the types in the Go files of a directory, as far as they
// are built here. Of a package that does not compile, it is as much as can be
// known.
func checkTypes(root string, u unit, files []*file) {
	packages := make(map[string][]*file)
	for _, f := range files {
		dir, name := filepath.Join(root, filepath.FromSlash(u.dir)), path.Base(f.path)
		if f.syntax == nil || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if built, err := build.Default.MatchFile(dir, name); err != nil || !built {
			continue // written for another system
		}
		pkg := f.syntax.Name.Name
		packages[pkg] = append(packages[pkg], f)
	}
	for name, of := range packages {
		info := of[0].info // shared by the files of the package
		var syntax []*ast.File
		for _, f := range of {
			f.info = info
			syntax = append(syntax, f.syntax)
		}
		pkg := u.pkg
		if pkg == "" {
			pkg = path.Join(u.dir, name)
		}
		config := types.Config{
			Importer: importer.ForCompiler(of[0].fset, "gc", func(path string) (io.ReadCloser, error) {
				file, ok := u.export[path]
				if !ok {
					return nil, fmt.Errorf("no types for %s", path)
				}
				return os.Open(file)
			}),
			Error: func(error) {}, // go on
		}
		_, _ = config.Check(pkg, of[0].fset, syntax, info) // the compiler reports errors better
	}
}

func dirsOf(units []unit) []string {
	dirs := make([]string, len(units))
	for i, u := range units {
		dirs[i] = u.dir
	}
	slices.Sort(dirs)
	return dirs
}
