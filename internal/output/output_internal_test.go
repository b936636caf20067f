package output

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const maxPending = 1000

func note(dropped int) string { return fmt.Sprintf("… %d records not shown\n", dropped) }

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

func TestOutputWaitsNoLongerThanItsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{take: make(chan struct{})}
		out := New(reader, maxPending, note)
		out.opened = true // as a pipe

		start := time.Now()
		for range 3 {
			_, err := out.Write([]byte("line\n"))
			require.NoError(t, err)
		}
		assert.Equal(t, patience, time.Since(start), "only the first record waited")

		close(reader.take)
		synctest.Wait()
		assert.Equal(t, "line\nline\nline\n", reader.text.String(), "what waited is shown")
		_, err := out.Write([]byte("more\n"))
		require.NoError(t, err)
		assert.Equal(t, "line\nline\nline\nmore\n", reader.text.String(), "nothing waits any more")
	})
}

func TestOutputDropsWhatDoesNotFit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{take: make(chan struct{})}
		out := New(reader, maxPending, note)
		out.opened = true // as a pipe
		for _, text := range []string{"one\n", "two\n"} {
			_, err := out.Write([]byte(text))
			require.NoError(t, err)
		}
		_, err := out.Write(make([]byte, maxPending))
		require.ErrorIs(t, err, ErrStalled)
		_, err = out.Write([]byte("out of order\n"))
		require.ErrorIs(t, err, ErrStalled, "a record after one that was dropped")

		close(reader.take)
		synctest.Wait()
		assert.Equal(t, "one\ntwo\n… 2 records not shown\n", reader.text.String())
		_, err = out.Write([]byte("three\n"))
		require.NoError(t, err)
		assert.Equal(t, "one\ntwo\n… 2 records not shown\nthree\n", reader.text.String())
	})
}

// TestFlushWaitsForWhatIsPending has records before and behind the one that is waited
// for, and a reader that comes back.
func TestFlushWaitsForWhatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{take: make(chan struct{})}
		out := New(reader, maxPending, note)
		out.opened = true // as a pipe
		out.Flush()       // nothing is pending
		for _, text := range []string{"one\n", "two\n"} {
			_, err := out.Write([]byte(text))
			require.NoError(t, err)
		}
		flushed := make(chan string)
		go func() {
			out.Flush()
			flushed <- reader.text.String()
		}()
		synctest.Wait()
		_, err := out.Write([]byte("three\n"))
		require.NoError(t, err)

		start := time.Now()
		reader.take <- struct{}{}
		synctest.Wait()
		assert.Empty(t, flushed, "only the first record is shown")
		reader.take <- struct{}{}
		assert.Equal(t, "one\ntwo\nthree\n", <-flushed)
		assert.Zero(t, time.Since(start))
		out.Flush()
	})
}

func TestFlushWaitsOnceForAReaderThatHasStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{take: make(chan struct{})}
		out := New(reader, maxPending, note)
		out.opened = true // as a pipe
		write := func() (took time.Duration) {
			start := time.Now()
			_, err := out.Write([]byte("error\n"))
			require.NoError(t, err)
			out.Flush()
			return time.Since(start)
		}
		assert.Equal(t, []time.Duration{2 * patience, 0, 0}, []time.Duration{write(), write(), write()})
		reader.take <- struct{}{}
		synctest.Wait()
		assert.Equal(t, []time.Duration{patience, 0}, []time.Duration{write(), write()}, "another stall")
		close(reader.take)
		synctest.Wait()
		assert.Zero(t, write())
		assert.Equal(t, strings.Repeat("error\n", 6), reader.text.String())
	})
}

func TestOutputWaitsForABusyReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := &slowReader{take: make(chan struct{}, 1)}
		out := New(reader, maxPending, note)
		out.opened = true // as a pipe
		time.AfterFunc(patience/2, func() { reader.take <- struct{}{} })
		_, err := out.Write([]byte("one\n"))
		require.NoError(t, err)
		assert.Equal(t, "one\n", reader.text.String())
	})
}
