package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// goroutines is the question where goroutines are started, and who stops them.
type goroutines struct{}

func (goroutines) search(f *file) []finding {
	var found []finding
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		what := ""
		switch n := n.(type) {
		case *ast.GoStmt:
			what = "a goroutine is started with go"
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" && len(n.Args) == 1 {
				what = "a goroutine is started with " + types.ExprString(sel.X) + ".Go"
			}
		}
		if what != "" {
			at := f.place(n)
			found = append(found, finding{place: at, What: what, Code: f.code(at), Weight: 3})
		}
		return true
	})
	return found
}

func (goroutines) explain(ix *index, fd finding, _ bool) explanation {
	f := ix.files[fd.File]
	starter := ix.functionAt(f, fd.place)
	body, in := ix.goroutineBody(f, fd.place)
	var ex explanation
	if starter != nil {
		ex.Evidence = append(ex.Evidence, starter.place())
	}
	say := func(format string, args ...any) explanation {
		ex.Consequence = fmt.Sprintf(format, args...)
		if starter != nil {
			ex.Consequence += "; it is started by " + starter.name()
		}
		return ex
	}
	if body == nil {
		return say("what it runs is not declared here")
	}
	loop := in.endless(body)
	if loop == nil {
		return say("it ends by itself, unless a call in it hangs: it has no endless loop")
	}
	at := in.place(loop)
	ex.Evidence = append(ex.Evidence, at)
	if signal := stopSignal(loop); signal != "" {
		for _, other := range ix.sortedFiles() {
			if closing, ok := other.closes(signal); ok {
				ex.Evidence = append(ex.Evidence, closing)
				return say("its loop at %v ends when %s is closed at %v", at, signal, closing)
			}
		}
		return say("its loop at %v ends with %s", at, signal)
	}
	if leaves(loop) {
		return say("its loop at %v ends on a condition within", at)
	}
	return say("nothing was found that stops its loop at %v", at)
}

// goroutineBody returns what the goroutine started at a line runs, and the file
// that it stands in.
func (ix *index) goroutineBody(f *file, at place) (*ast.BlockStmt, *file) {
	var fun ast.Expr
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		if n == nil || fun != nil || f.place(n).Line != at.Line {
			return fun == nil
		}
		switch n := n.(type) {
		case *ast.GoStmt:
			fun = n.Call.Fun
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Go" && len(n.Args) == 1 {
				fun = n.Args[0]
			}
		}
		return true
	})
	var name *ast.Ident
	switch fun := fun.(type) {
	case *ast.FuncLit:
		return fun.Body, f
	case *ast.Ident:
		name = fun
	case *ast.SelectorExpr:
		name = fun.Sel
	default:
		return nil, nil
	}
	if obj, ok := f.info.Uses[name].(*types.Func); ok {
		if fn := ix.functions[obj.Origin().FullName()]; fn != nil {
			return fn.decl.Body, fn.file
		}
	}
	return nil, nil
}

// endless returns the first loop in body that has no condition, or that takes
// what comes from a channel.
func (f *file) endless(body *ast.BlockStmt) (loop ast.Stmt) {
	ast.Inspect(body, func(n ast.Node) bool {
		if loop != nil {
			return false
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ForStmt:
			if n.Cond == nil {
				loop = n
			}
		case *ast.RangeStmt:
			if t := f.info.Types[n.X].Type; t != nil {
				if _, ok := t.Underlying().(*types.Chan); ok {
					loop = n
				}
			}
		}
		return true
	})
	return loop
}

// stopSignal returns what a loop waits for in order to return: a channel that it
// receives from before it leaves, or whose elements it takes.
func stopSignal(loop ast.Stmt) (signal string) {
	if loop, ok := loop.(*ast.RangeStmt); ok {
		return types.ExprString(loop.X)
	}
	ast.Inspect(loop, func(n ast.Node) bool {
		clause, ok := n.(*ast.CommClause)
		if !ok || signal != "" {
			return signal == ""
		}
		expr, ok := clause.Comm.(*ast.ExprStmt)
		if !ok {
			return true
		}
		if receive, ok := expr.X.(*ast.UnaryExpr); ok && receive.Op == token.ARROW && leaves(clause) {
			signal = types.ExprString(receive.X)
		}
		return true
	})
	return signal
}

// leaves reports whether a return or a break is within n.
func leaves(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			found = true
		case *ast.BranchStmt:
			found = found || n.Tok == token.BREAK || n.Tok == token.GOTO
		}
		return !found
	})
	return found
}

// closes returns the place where f closes a channel with the last name of
// signal.
func (f *file) closes(signal string) (at place, ok bool) {
	last := func(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
	if f.syntax == nil || strings.HasSuffix(signal, ")") {
		return place{}, false
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		if ok || !isCall || len(call.Args) != 1 || types.ExprString(call.Fun) != "close" {
			return !ok
		}
		if last(types.ExprString(call.Args[0])) == last(signal) {
			at, ok = f.place(call), true
		}
		return !ok
	})
	return at, ok
}

func (goroutines) conclude(findings []finding) string {
	if len(findings) == 0 {
		return "No goroutine is started."
	}
	return fmt.Sprintf("Goroutines are started in %s.", count(len(findings), "place", "places"))
}
