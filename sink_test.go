package wfslog_test

import (
	"fmt"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// shortSink takes only so many bytes at each write.
type shortSink struct {
	sink
	room int
}

func (s *shortSink) Write(p []byte) (int, error) {
	if len(p) <= s.room {
		return s.sink.Write(p)
	}
	n, _ := s.sink.Write(p[:s.room]) // never fails
	return n, errDisk
}

func TestSinkSaysByItsCountWhatIsLost(t *testing.T) {
	s := &shortSink{room: 1 << 20}
	h := wfslog.NewHandler(&wfslog.Options{Sink: s, Next: slog.DiscardHandler})
	log := slog.New(h).WithGroup("workflow.a")
	log.Info("taken")
	s.room = 10
	assert.ErrorIs(t, log.Handler().Handle(t.Context(), slog.Record{Message: "cut"}), errDisk)
	s.room = 1 << 20
	require.NoError(t, h.Close())
	stats := h.Stats()
	assert.NotZero(t, stats.Lost)
	assert.Equal(t, stats.Accepted, stats.Written+stats.Lost)
	assert.ErrorIs(t, stats.LastError, errDisk)
	assert.Contains(t, s.String(), `"msg":"taken"`)
	assert.NotContains(t, s.String(), `"msg":"cut"`)
	assert.Contains(t, s.String(), fmt.Sprintf(`"n":%d,`, stats.Lost), "the loss is stated")
}

// lyingSink takes everything and returns a wrong count.
type lyingSink struct {
	sink
	count int
}

func (s *lyingSink) Write(p []byte) (int, error) {
	_, _ = s.sink.Write(p) // never fails
	return s.count, nil
}

func TestSinkMayReturnAnyCount(t *testing.T) {
	for _, count := range []int{-1, 0, math.MaxInt} {
		s := &lyingSink{count: count}
		h := wfslog.NewHandler(&wfslog.Options{Sink: s, Next: slog.DiscardHandler})
		for range 3 {
			slog.New(h).WithGroup("workflow.a").Info("m")
		}
		_ = h.Close() // depends on the count
		stats := h.Stats()
		assert.Equal(t, stats.Accepted, stats.Written+stats.Lost, "count %d", count)
	}
}
