package hook

import (
	"io"

	"github.com/wfslog/wfslog/internal/event"
)

type writeTree = func(builder any, w io.Writer, run event.RunID, flat bool) (document any, iterations int, err error)

var treeWriter writeTree

// SetWriteTree gives [WriteTree] what it does, and returns something for a package
// variable. Package wfslog calls it when it is initialised.
func SetWriteTree(f writeTree) struct{} {
	treeWriter = f
	return struct{}{}
}

// WriteTree writes the document of a run of a [wfslog.TreeBuilder] to w, nested or
// flat, or only sums it up if w is nil. It returns the [wfslog.Document], which need not
// hold the nodes, and the number of its iterations.
//
// It is here because only the command has documents that are too large to be held in
// memory, and because this package imports nothing that could name those types.
func WriteTree(builder any, w io.Writer, run event.RunID, flat bool) (document any, iterations int, err error) {
	return treeWriter(builder, w, run, flat)
}
