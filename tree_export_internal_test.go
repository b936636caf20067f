package wfslog

import "unsafe"

// SetPartSize makes b fold runs in parts of about n bytes of memory.
func (b *TreeBuilder) SetPartSize(n int64) { b.partSize = n }

// Sizes of what the index of a TreeBuilder holds for each event and each span.
const (
	EntrySize = int(unsafe.Sizeof(treeEntry{}))
	SpanSize  = int(unsafe.Sizeof(treeSpan{}))
	PageSize  = int(unsafe.Sizeof(entryPage{})) / pageSize
)
