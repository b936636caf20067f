package hook

import (
	"io"

	"github.com/wfslog/wfslog/internal/event"
)

// WriteTree writes the document of a run of a [wfslog.TreeBuilder] to w, nested or
// flat, or only sums it up if w is nil. Package wfslog sets it. It returns the
// [wfslog.Document], which need not hold the nodes, and the number of its iterations.
//
// It is here because the root package imports nothing that could name its types, and
// because only the command has documents that are too large to be held in memory.
var WriteTree func(builder any, w io.Writer, run event.RunID, flat bool) (document any, iterations int, err error)
