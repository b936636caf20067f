package console

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// slowReader is a writer whose reader takes what is written when told to.
type slowReader struct {
	text strings.Builder
	take chan struct{} // nil: at once
}

func (r *slowReader) Write(p []byte) (int, error) {
	if r.take != nil {
		<-r.take
	}
	return r.text.Write(p)
}

func TestOutputDropsWhileAWriteHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{take: make(chan struct{})}
		out := newOutput(reader)
		out.opened = true // as a pipe

		start := time.Now()
		_, err := out.Write([]byte("one\n"))
		require.ErrorIs(t, err, errStalled)
		assert.Equal(t, patience, time.Since(start), "how long the first line waited")
		for range 2 {
			_, err = out.Write([]byte("two\n"))
			require.ErrorIs(t, err, errStalled)
		}
		assert.Equal(t, patience, time.Since(start), "how long the next lines waited")

		close(reader.take)
		synctest.Wait()
		assert.Equal(t, "one\n… 2 lines not shown\n", reader.text.String())

		n, err := out.Write([]byte("three\n"))
		require.NoError(t, err)
		assert.Equal(t, len("three\n"), n)
		assert.Equal(t, "one\n… 2 lines not shown\nthree\n", reader.text.String())
	})
}

func TestOutputWaitsForABusyReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{take: make(chan struct{}, 1)}
		out := newOutput(reader)
		out.opened = true // as a pipe
		time.AfterFunc(patience/2, func() { reader.take <- struct{}{} })
		_, err := out.Write([]byte("one\n"))
		require.NoError(t, err)
		assert.Equal(t, "one\n", reader.text.String())
	})
}
