package wfslog_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// FuzzTreeBuilder checks that any bytes are read without a panic, whatever the
// places at which they are split, and give documents that are valid and canonical.
func FuzzTreeBuilder(f *testing.F) {
	for _, lines := range goldens {
		f.Add(bytes.Join(lines(), nil), 100)
	}
	f.Fuzz(func(t *testing.T, input []byte, split int) {
		b := wfslog.NewTreeBuilder(nil)
		split = min(max(split, 0), len(input))
		for _, part := range [][]byte{input[:split], input[split:]} {
			_, err := b.Write(part)
			require.NoError(t, err)
		}
		require.NoError(t, b.Close())
		whole := wfslog.NewTreeBuilder(nil)
		_, err := whole.ReadFrom(bytes.NewReader(input))
		require.NoError(t, err)
		require.Equal(t, whole.Stats(), b.Stats())
		for _, run := range b.Runs() {
			var text, again bytes.Buffer
			require.NoError(t, b.WriteDocument(&text, run))
			require.NoError(t, whole.WriteDocument(&again, run))
			require.Equal(t, again.String(), text.String())
			require.True(t, json.Valid(text.Bytes()))
			assertCanonical(t, text.Bytes())
		}
	})
}
