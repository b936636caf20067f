package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"path"
	"slices"
	"strings"
)

// place is a line of a file.
type place struct {
	File string // relative to the directory asked about, with slashes
	Line int
}

func (p place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

func (p place) compare(q place) int {
	if c := strings.Compare(p.File, q.File); c != 0 {
		return c
	}
	return p.Line - q.Line
}

// file is a file that a searcher has read.
type file struct {
	path   string
	lines  []string
	syntax *ast.File      // nil if it is not Go
	fset   *token.FileSet // of syntax
	info   *types.Info    // of the package; what could not be resolved is missing
}

func (f *file) place(n ast.Node) place {
	return place{File: f.path, Line: f.fset.Position(n.Pos()).Line}
}

// code returns the line at p without the space around it.
func (f *file) code(p place) string {
	if p.Line < 1 || p.Line > len(f.lines) {
		return ""
	}
	return strings.TrimSpace(f.lines[p.Line-1])
}

// comment returns the comment at the end of the line at p, or the one that ends
// just above it.
func (f *file) comment(p place) string {
	for _, group := range f.syntax.Comments {
		from, to := f.fset.Position(group.Pos()).Line, f.fset.Position(group.End()).Line
		if from == p.Line || to == p.Line-1 {
			return strings.Join(strings.Fields(group.Text()), " ")
		}
	}
	return ""
}

// function is a function or method declared in the directory.
type function struct {
	key     string // what go/types calls it, with the package's path
	decl    *ast.FuncDecl
	file    *file
	returns bool // an error, as its last result
}

// name returns the function's name as people write it: F, (*T).F.
func (fn *function) name() string {
	name := fn.decl.Name.Name
	if fn.decl.Recv == nil {
		return name
	}
	return "(" + types.ExprString(fn.decl.Recv.List[0].Type) + ")." + name
}

func (fn *function) place() place { return fn.file.place(fn.decl.Name) }

// isEntry reports whether the outside can call the function: main, init, and
// exported names of a library.
func (fn *function) isEntry() bool {
	name := fn.decl.Name.Name
	if fn.decl.Recv == nil && (name == "main" || name == "init") {
		return true
	}
	if fn.file.syntax.Name.Name == "main" || !fn.decl.Name.IsExported() {
		return false
	}
	if fn.decl.Recv == nil {
		return true
	}
	recv, _, _ := strings.Cut(strings.TrimPrefix(types.ExprString(fn.decl.Recv.List[0].Type), "*"), "[")
	return ast.IsExported(recv)
}

// call is a place where a function is called or its value taken.
type call struct {
	place
	in string // key of the function around it; "" in a variable's initial value
}

// index is what the searchers know of all Go files together.
type index struct {
	files     map[string]*file
	functions map[string]*function
	calls     map[string][]call // by the key of the function that is called
}

func newIndex() *index {
	return &index{files: map[string]*file{}, functions: map[string]*function{}, calls: map[string][]call{}}
}

// add takes over what other knows.
func (ix *index) add(other *index) {
	maps.Copy(ix.files, other.files)
	maps.Copy(ix.functions, other.functions)
	for key, calls := range other.calls {
		all := append(ix.calls[key], calls...)
		slices.SortFunc(all, func(a, b call) int { return a.compare(b.place) })
		ix.calls[key] = slices.Compact(all)
	}
}

// addFile notes the functions that f declares and the calls it makes.
func (ix *index) addFile(f *file) {
	ix.files[f.path] = f
	if f.syntax == nil {
		return
	}
	for _, decl := range f.syntax.Decls {
		in := ""
		if fn := f.declared(decl); fn != nil {
			ix.functions[fn.key] = fn
			in = fn.key
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				if used, ok := f.info.Uses[id].(*types.Func); ok {
					key := used.Origin().FullName()
					ix.calls[key] = append(ix.calls[key], call{place: f.place(id), in: in})
				}
			}
			return true
		})
	}
}

// declared returns the function that decl declares, nil if it is something else.
func (f *file) declared(decl ast.Decl) *function {
	d, ok := decl.(*ast.FuncDecl)
	if !ok {
		return nil
	}
	fn := &function{decl: d, file: f, key: f.path + ":" + d.Name.Name}
	if obj, ok := f.info.Defs[d.Name].(*types.Func); ok {
		fn.key = obj.FullName()
		fn.returns = lastIsError(obj.Signature().Results())
	}
	return fn
}

// functionAt returns the function around a line.
func (ix *index) functionAt(f *file, at place) *function {
	for _, decl := range f.syntax.Decls {
		from, to := f.fset.Position(decl.Pos()).Line, f.fset.Position(decl.End()).Line
		if from <= at.Line && at.Line <= to {
			if fn := f.declared(decl); fn != nil {
				return ix.functions[fn.key]
			}
		}
	}
	return nil
}

// wayOut follows callers from the function with the given key to a function that
// the outside calls, and returns the shortest way. It is nil if there is none.
func (ix *index) wayOut(key string) []*function {
	type step struct {
		fn   *function
		from *step
	}
	start := ix.functions[key]
	if start == nil {
		return nil
	}
	seen := map[string]bool{key: true}
	for queue := []*step{{fn: start}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at.fn.isEntry() {
			var way []*function
			for ; at != nil; at = at.from {
				way = append(way, at.fn)
			}
			return way
		}
		for _, c := range ix.calls[at.fn.key] {
			if fn := ix.functions[c.in]; fn != nil && !seen[c.in] {
				seen[c.in] = true
				queue = append(queue, &step{fn: fn, from: at})
			}
		}
	}
	return nil
}

// namesake returns a place where a method of the same name as fn is called through
// an interface, and which, or "".
func (ix *index) namesake(fn *function) (at place, through string) {
	if fn.decl.Recv == nil {
		return place{}, ""
	}
	for _, key := range slices.Sorted(maps.Keys(ix.calls)) {
		if ix.functions[key] == nil && strings.HasSuffix(key, ")."+fn.decl.Name.Name) {
			return ix.calls[key][0].place, short(key)
		}
	}
	return place{}, ""
}

// sortedFiles returns the files in the order of their paths.
func (ix *index) sortedFiles() []*file {
	files := make([]*file, 0, len(ix.files))
	for _, path := range slices.Sorted(maps.Keys(ix.files)) {
		files = append(files, ix.files[path])
	}
	return files
}

// short returns the name of a function as go/types has it without the path of
// its package: (*os.File).Close, fmt.Fprintf.
func short(fullName string) string {
	if recv, method, ok := strings.Cut(fullName, ")."); ok {
		star := ""
		recv = strings.TrimPrefix(recv, "(")
		if strings.HasPrefix(recv, "*") {
			star, recv = "*", recv[1:]
		}
		return "(" + star + path.Base(recv) + ")." + method
	}
	return path.Base(fullName)
}

var errorType = types.Universe.Lookup("error").Type()

func lastIsError(results *types.Tuple) bool {
	return results != nil && results.Len() > 0 && types.Identical(results.At(results.Len()-1).Type(), errorType)
}
