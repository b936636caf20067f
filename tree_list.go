package wfslog

// list is a list that grows without moving what it holds, so that a large one takes
// no more memory than its elements. Elements that were added before it was copied may
// be read from the copy while others are added to the original.
type list[T any] struct {
	chunks [][]T
	n      uint32
}

// listChunk is the number of elements of a chunk. The first chunk begins small.
const listChunk = 1 << 12

func (l *list[T]) add(v T) (index uint32) {
	if l.n%listChunk == 0 {
		var chunk []T
		if l.n > 0 {
			chunk = make([]T, 0, listChunk)
		}
		l.chunks = append(l.chunks, chunk)
	}
	last := len(l.chunks) - 1
	l.chunks[last] = append(l.chunks[last], v)
	l.n++
	return l.n - 1
}

func (l *list[T]) at(i uint32) *T { return &l.chunks[i/listChunk][i%listChunk] }

// snapshot returns a copy of l for reading.
func (l *list[T]) snapshot() list[T] { return list[T]{append([][]T(nil), l.chunks...), l.n} }
