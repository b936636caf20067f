package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// ignoredErrors is the question where errors are ignored, and what would break.
type ignoredErrors struct{}

func (ignoredErrors) search(f *file) []finding {
	var found []finding
	add := func(n ast.Node, call *ast.CallExpr, how string) {
		at := f.place(n)
		callee := f.callee(call)
		fd := finding{
			place: at, What: how + " of " + short(callee) + " is ignored", Code: f.code(at),
			callee: callee, reason: f.comment(at), Weight: weightOf(callee),
		}
		switch {
		case f.cannotFail(call, callee):
			fd.Weight = 0
		case fd.reason != "":
			fd.Weight = 1
		}
		found = append(found, fd)
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok && f.failsWithError(call) {
				add(n, call, "the error")
			}
		case *ast.DeferStmt:
			if f.failsWithError(n.Call) {
				add(n, n.Call, "the error of the deferred call")
			}
		case *ast.GoStmt:
			if f.failsWithError(n.Call) {
				add(n, n.Call, "the error of the goroutine")
			}
		case *ast.AssignStmt:
			if call := f.blankError(n); call != nil {
				add(n, call, "the error")
			}
		}
		return true
	})
	return append(found, f.swallowed()...)
}

// failsWithError reports whether the last result of call is an error.
func (f *file) failsWithError(call *ast.CallExpr) bool {
	switch t := f.info.Types[call].Type.(type) {
	case *types.Tuple:
		return lastIsError(t)
	case nil:
		return false
	default:
		return types.Identical(t, errorType)
	}
}

// blankError returns the call whose error n assigns to the blank identifier.
func (f *file) blankError(n *ast.AssignStmt) *ast.CallExpr {
	for i, left := range n.Lhs {
		id, ok := left.(*ast.Ident)
		if !ok || id.Name != "_" {
			continue
		}
		if len(n.Rhs) == len(n.Lhs) {
			if call, ok := n.Rhs[i].(*ast.CallExpr); ok && f.failsWithError(call) {
				return call
			}
		} else if call, ok := n.Rhs[0].(*ast.CallExpr); ok && i == len(n.Lhs)-1 && f.failsWithError(call) {
			return call
		}
	}
	return nil
}

// callee returns the full name of the function that is called, or its
// expression if that is a value.
func (f *file) callee(call *ast.CallExpr) string {
	var id *ast.Ident
	switch fun := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		id = fun
	case *ast.SelectorExpr:
		id = fun.Sel
	}
	if id != nil {
		if fn, ok := f.info.Uses[id].(*types.Func); ok {
			return fn.Origin().FullName()
		}
	}
	if _, ok := call.Fun.(*ast.FuncLit); ok {
		return "a function literal"
	}
	return types.ExprString(call.Fun)
}

// inMemory are types whose methods return errors only to satisfy an interface.
var inMemory = []string{"bytes.Buffer", "strings.Builder", "hash.Hash", "maphash.Hash", "hash.Hash32", "hash.Hash64"}

// cannotFail reports whether nobody expects the error to be looked at: printing
// to the console, and writing to memory.
func (f *file) cannotFail(call *ast.CallExpr, callee string) bool {
	switch {
	case strings.HasPrefix(callee, "fmt.Print"), callee == "crypto/rand.Read":
		return true
	case strings.HasPrefix(callee, "fmt.Fprint") && len(call.Args) > 0:
		to := call.Args[0]
		text := types.ExprString(to)
		return text == "os.Stderr" || text == "os.Stdout" || f.isInMemory(to)
	}
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		return f.isInMemory(sel.X)
	}
	return false
}

func (f *file) isInMemory(x ast.Expr) bool {
	t := f.info.Types[x].Type
	if t == nil {
		return false
	}
	name := strings.TrimPrefix(types.TypeString(t, (*types.Package).Name), "*")
	return slices.Contains(inMemory, name)
}

// swallowed finds ifs that see an error and go on as though there were none.
func (f *file) swallowed() []finding {
	var found []finding
	for _, decl := range f.syntax.Decls {
		fn := f.declared(decl)
		if fn == nil || fn.decl.Body == nil {
			continue
		}
		ast.Inspect(fn.decl.Body, func(n ast.Node) bool {
			if _, ok := n.(*ast.FuncLit); ok {
				return false // its results are its own
			}
			if n, ok := n.(*ast.IfStmt); ok && f.testsError(n.Cond) && swallows(n.Body, fn.returns) {
				at := f.place(n)
				fd := finding{place: at, What: "an error is seen and not passed on", Code: f.code(at), Weight: 3, reason: f.commentIn(n.Body)}
				if fd.reason != "" {
					fd.Weight = 1
				}
				found = append(found, fd)
			}
			return true
		})
	}
	return found
}

// testsError reports whether cond is err != nil for some error.
func (f *file) testsError(cond ast.Expr) bool {
	b, ok := cond.(*ast.BinaryExpr)
	if !ok || b.Op != token.NEQ || types.ExprString(b.Y) != "nil" {
		return false
	}
	t := f.info.Types[b.X].Type
	return t != nil && types.Identical(t, errorType)
}

// swallows reports whether body does nothing but leave without an error.
func swallows(body *ast.BlockStmt, returnsError bool) bool {
	for _, stmt := range body.List {
		switch stmt := stmt.(type) {
		case *ast.BranchStmt:
		case *ast.ReturnStmt:
			if len(stmt.Results) == 0 {
				return !returnsError
			}
			return returnsError && types.ExprString(stmt.Results[len(stmt.Results)-1]) == "nil"
		default:
			return false
		}
	}
	return true
}

// commentIn returns the first comment from the line of body's brace to its end.
func (f *file) commentIn(body *ast.BlockStmt) string {
	for _, group := range f.syntax.Comments {
		if body.Lbrace < group.Pos() && group.Pos() <= body.Rbrace {
			return strings.Join(strings.Fields(group.Text()), " ")
		}
	}
	return f.comment(f.place(body))
}

// effect says what goes wrong if a function fails unnoticed.
type effect struct {
	verbs  []string // beginnings of the function's name, in lower case
	weight int
	text   string
}

var effects = []effect{
	{[]string{"write", "fprint", "copy", "flush", "sync", "save", "send", "publish", "encode", "truncate"}, 5, "what was to be written is missing or cut short, and nobody is told"},
	{[]string{"remove", "rename", "mkdir", "chmod", "link", "symlink", "create", "move"}, 4, "files stay, or are missing, where the code counts on the opposite"},
	{[]string{"parse", "decode", "unmarshal", "read", "scan", "atoi", "lookup", "get", "load", "open", "stat"}, 4, "an empty or half-filled value is used as though it had been read"},
	{[]string{"start", "run", "serve", "listen", "connect", "dial", "exec", "wait"}, 4, "the code goes on as though it were running or done"},
	{[]string{"close", "shutdown", "stop", "release"}, 2, "what the last flush on closing could not write is lost, or the resource stays in use"},
	{[]string{"seek", "setdeadline", "setreaddeadline", "setwritedeadline"}, 3, "what follows works at the wrong position, or without the time limit"},
}

func effectOf(callee string) effect {
	name := strings.ToLower(callee[strings.LastIndexByte(callee, '.')+1:])
	for _, e := range effects {
		if slices.ContainsFunc(e.verbs, func(verb string) bool { return strings.HasPrefix(name, verb) }) {
			return e
		}
	}
	return effect{weight: 3, text: "the code goes on as though it had worked"}
}

func weightOf(callee string) int { return effectOf(callee).weight }

func (ignoredErrors) explain(ix *index, fd finding, deeper bool) explanation {
	f := ix.files[fd.File]
	var said []string
	text := effectOf(fd.callee).text
	if fd.callee == "" {
		text = "the failure looks like success, or like nothing being there"
	}
	if strings.HasSuffix(fd.callee, "os.File).Close") && f.openedForReading(fd.place) {
		text = "little: the file was opened for reading"
	}
	said = append(said, text)
	if fd.reason != "" {
		said = append(said, fmt.Sprintf("the code says why: %q", fd.reason))
	}
	var evidence []place
	fn := ix.functionAt(f, fd.place)
	switch {
	case fn == nil:
	case fn.decl.Recv == nil && fn.decl.Name.Name == "main":
		said = append(said, "the program ends with status 0 all the same")
	case fn.returns:
		said = append(said, fn.name()+" returns an error and could pass it on")
	default:
		said = append(said, fn.name()+" has no error result, so its callers cannot know")
	}
	if fn != nil {
		evidence = append(evidence, fn.place())
		calls := ix.calls[fn.key]
		if len(calls) > 0 {
			said = append(said, fmt.Sprintf("it is called in %s, first at %v", count(len(calls), "place", "places"), calls[0].place))
			evidence = append(evidence, calls[0].place)
		}
		way := ix.wayOut(fn.key)
		if len(way) > 1 {
			names := make([]string, len(way))
			for i, step := range way {
				names[i] = step.name()
			}
			said = append(said, "it is reached by "+strings.Join(names, " → "))
			evidence = append(evidence, way[0].place())
		}
		if len(way) == 0 && !deeper {
			return explanation{Consequence: strings.Join(said, "; "), Evidence: evidence, Open: "who reaches " + fn.name()}
		}
		if len(way) == 0 {
			if at, through := ix.namesake(fn); through != "" {
				said = append(said, fmt.Sprintf("it may be reached through %s, called at %v", through, at))
				evidence = append(evidence, at)
			} else {
				said = append(said, "nothing that the outside calls was found to reach it")
			}
		}
	}
	return explanation{Consequence: strings.Join(said, "; "), Evidence: evidence}
}

// openedForReading reports whether the file that is closed at a line comes from
// [os.Open] in the same function.
func (f *file) openedForReading(at place) bool {
	closed := strings.TrimPrefix(strings.TrimPrefix(f.code(at), "defer "), "_ = ")
	name, _, _ := strings.Cut(closed, ".")
	found := false
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok || len(assign.Lhs) != 2 || f.place(n).Line > at.Line {
			return true
		}
		if types.ExprString(assign.Lhs[0]) == name {
			call, ok := assign.Rhs[0].(*ast.CallExpr)
			found = ok && f.callee(call) == "os.Open" // the last one above the line counts
		}
		return true
	})
	return found
}

func (ignoredErrors) conclude(findings []finding) string {
	var open, explained, harmless int
	for _, f := range findings {
		switch {
		case f.Weight == 0:
			harmless++
		case f.reason != "":
			explained++
		default:
			open++
		}
	}
	if open+explained == 0 {
		return fmt.Sprintf("No error is ignored, but for %d of printing and of writing to memory.", harmless)
	}
	return fmt.Sprintf("Errors are ignored in %d places without a word, in %d with a reason beside it, and in %d where only printing or memory could fail.",
		open, explained, harmless)
}
