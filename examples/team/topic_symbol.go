package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// symbol is the question where a name is defined and used.
type symbol struct {
	qualifier string // the package or the type in front of the name, if given
	name      string
}

// is reports whether id is the name that is asked for, as far as that is known.
func (s symbol) is(f *file, id *ast.Ident) bool {
	if id.Name != s.name || s.qualifier == "" {
		return id.Name == s.name
	}
	obj := f.info.Uses[id]
	if obj == nil {
		obj = f.info.Defs[id]
	}
	switch obj := obj.(type) {
	case nil, *types.Var: // a field does not know its struct
		return true
	case *types.Func:
		recv := obj.Signature().Recv()
		if recv == nil {
			break
		}
		named, _ := strings.CutPrefix(types.TypeString(recv.Type(), (*types.Package).Name), "*")
		return slices.Contains(strings.Split(named, "."), s.qualifier)
	}
	return obj.Pkg() != nil && obj.Pkg().Name() == s.qualifier
}

func (s symbol) search(f *file) []finding {
	defined := make(map[*ast.Ident]string)
	note := func(id *ast.Ident, what string) {
		if s.is(f, id) {
			defined[id] = what
		}
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			what := "function"
			if n.Recv != nil {
				what = "method"
			}
			note(n.Name, what)
		case *ast.TypeSpec:
			note(n.Name, "type")
		case *ast.ValueSpec:
			for _, id := range n.Names {
				note(id, "variable or constant")
			}
		case *ast.Field:
			for _, id := range n.Names {
				note(id, "field or parameter")
			}
		}
		return true
	})
	var found []finding
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || !s.is(f, id) {
			return true
		}
		at := f.place(id)
		fd := finding{place: at, Code: f.code(at), What: "it is used", Weight: 2}
		if what, ok := defined[id]; ok {
			fd.What, fd.Weight, fd.reason = what+" "+s.name+" is defined", 4, f.comment(at)
		}
		found = append(found, fd)
		return true
	})
	return found
}

func (s symbol) explain(ix *index, fd finding, _ bool) explanation {
	fn := ix.functionAt(ix.files[fd.File], fd.place)
	if fd.Weight > 2 {
		if first, _, ok := strings.Cut(fd.reason, ". "); ok || first != "" {
			return explanation{Consequence: strings.TrimSuffix(first, ".")}
		}
		return explanation{Consequence: "it has no comment"}
	}
	if fn == nil {
		return explanation{Consequence: "in a declaration of the package"}
	}
	return explanation{Consequence: "in " + fn.name(), Evidence: []place{fn.place()}}
}

func (s symbol) conclude(findings []finding) string {
	definitions := 0
	for _, f := range findings {
		if f.Weight > 2 {
			definitions++
		}
	}
	return fmt.Sprintf("%s is defined in %s and used in %d.", s.name, count(definitions, "place", "places"), len(findings)-definitions)
}
