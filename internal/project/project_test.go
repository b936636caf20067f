package project_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// source is a parsed Go file of the repository.
type source struct {
	path string // from the root of the repository
	file *ast.File
	fset *token.FileSet
}

func (s source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

func (s source) isTest() bool { return strings.HasSuffix(s.path, "_test.go") }

// sources parses all Go files of all modules of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	root := filepath.Join("..", "..")
	require.FileExists(t, filepath.Join(root, "go.work"))
	var found []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || d.Name() == "bin"):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		found = append(found, source{path: filepath.ToSlash(rel), file: file, fset: fset})
		return err
	})
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

func TestEveryPackageHasAComment(t *testing.T) {
	packages := make(map[string]bool) // directory and name of package → has a comment
	for _, s := range sources(t) {
		if s.isTest() {
			continue
		}
		key := filepath.Dir(s.path) + ": package " + s.file.Name.Name
		packages[key] = packages[key] || s.file.Doc.Text() != ""
	}
	for key, ok := range packages {
		assert.True(t, ok, "%s has no package comment", key)
	}
}

func TestEveryExportedNameIsDocumented(t *testing.T) {
	for _, s := range sources(t) {
		if s.isTest() || s.file.Name.Name == "main" {
			continue
		}
		for _, decl := range s.file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				obvious := decl.Recv != nil && (decl.Name.Name == "Error" || decl.Name.Name == "Unwrap")
				if decl.Name.IsExported() && receiverIsExported(decl) && !obvious {
					assert.NotEmpty(t, decl.Doc.Text(), "%s:%d: %s has no doc comment", s.path, s.line(decl), decl.Name)
				}
			case *ast.GenDecl:
				checkSpecs(t, s, decl)
			}
		}
	}
}

// TestOnlyPackageAutoHasAnInit keeps imports of anything else without effect.
func TestOnlyPackageAutoHasAnInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if ok && f.Recv == nil && f.Name.Name == "init" && !s.isTest() {
				assert.Equal(t, "auto/auto.go", s.path, "has a func init")
			}
		}
	}
}

// receiverIsExported reports whether decl is a function or a method of an
// exported type.
func receiverIsExported(decl *ast.FuncDecl) bool {
	if decl.Recv == nil {
		return true
	}
	typ := decl.Recv.List[0].Type
	for {
		switch x := typ.(type) {
		case *ast.StarExpr:
			typ = x.X
		case *ast.IndexExpr:
			typ = x.X
		case *ast.IndexListExpr:
			typ = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// checkSpecs checks types, constants and variables. In a group, a comment on the
// group, above the name or behind it will do for constants and variables.
func checkSpecs(t *testing.T, s source, decl *ast.GenDecl) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() {
				assert.NotEmpty(t, decl.Doc.Text()+spec.Doc.Text(), "%s:%d: %s has no doc comment", s.path, s.line(spec), spec.Name)
			}
		case *ast.ValueSpec:
			documented := decl.Doc.Text()+spec.Doc.Text()+spec.Comment.Text() != ""
			if slices.ContainsFunc(spec.Names, (*ast.Ident).IsExported) {
				assert.True(t, documented, "%s:%d: %s has no doc comment", s.path, s.line(spec), spec.Names[0])
			}
		}
	}
}

func TestEverySkipSaysWhatIsMissing(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, method.Sel.Name) {
				return true
			}
			if recv, ok := method.X.(*ast.Ident); ok && (recv.Name == "t" || recv.Name == "b" || recv.Name == "f") {
				assert.NotEmpty(t, call.Args, "%s:%d: a skip without a reason", s.path, s.line(call))
			}
			return true
		})
	}
}

// maxLines is the length from which on a file is better split.
const maxLines = 600

func TestNoFileIsTooLong(t *testing.T) {
	for _, s := range sources(t) {
		end := s.fset.Position(s.file.FileEnd).Line
		assert.LessOrEqual(t, end, maxLines, "%s is too long", s.path)
	}
}
