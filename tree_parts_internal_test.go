package wfslog

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/eventtest"
)

// TestPartsTakeLittleMemory counts what is held of a run while its document is written:
// the nodes of one part, however many there are. The small part has no room for an
// iteration, which is then folded in parts itself.
func TestPartsTakeLittleMemory(t *testing.T) {
	for _, size := range []int64{40 << 10, 200 << 10} {
		var held []int
		for _, iterations := range []int{30, 300} {
			var journal bytes.Buffer
			_, err := eventtest.Journal(&journal, iterations, 500)
			require.NoError(t, err)
			b := NewTreeBuilder(nil)
			b.partSize = size
			_, err = b.ReadFrom(&journal)
			require.NoError(t, err)
			for _, flat := range []bool{false, true} {
				tree, err := b.tree(b.Runs()[0])
				require.NoError(t, err)
				_, counted, err := tree.write(nil, flat)
				require.NoError(t, err)
				assert.Equal(t, iterations, counted)
				_, _, err = tree.write(io.Discard, flat)
				require.NoError(t, err)
				assert.LessOrEqual(t, len(tree.free), maxAhead+1)
				for _, b := range tree.free {
					nodes := 0
					for _, chunk := range b.memory.nodes.chunks {
						nodes += len(chunk)
					}
					assert.Less(t, nodes, int(size)/nodeSize)
					held = append(held, nodes)
				}
			}
		}
		assert.Len(t, slices.Compact(held), 1, "nodes that are held of 30 and of 300 iterations")
	}
}

func TestSlabsKeepValuesApart(t *testing.T) {
	const n = 10_000
	var s slab[int]
	var chunks int
	for range 2 {
		values := make([]*int, n)
		for i := range values {
			values[i] = s.add()
			*values[i] = i
		}
		for i, v := range values {
			require.Equal(t, i, *v)
		}
		s.reuse()
		if chunks > 0 {
			assert.Len(t, s.chunks, chunks, "used again")
		}
		chunks = len(s.chunks)
	}
}
