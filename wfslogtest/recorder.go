package wfslogtest

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/hook"
	"github.com/wfslog/wfslog/internal/treetext"
)

// TB is what a recorder needs of a [testing.TB].
type TB interface {
	Name() string
	Helper()
	Cleanup(f func())
	Errorf(format string, args ...any)
}

// Options say what a recorder allows. The zero value allows nothing that may be a
// mistake.
type Options struct {
	// AllowOpen allows spans that have not ended when the test does.
	AllowOpen bool
	// AllowLost allows events that are missing.
	AllowLost bool
	// AllowBadValues allows values whose methods panic or fail, that JSON has no form
	// for, such as functions and channels, and those without a key.
	AllowBadValues bool
	// AllowCut allows values that are cut because they are beyond the handler's
	// Limits.
	AllowCut bool
	// AllowSecrets allows secrets, in whose place "[REDACTED]" is recorded.
	AllowSecrets bool
	// AllowNoContext allows spans and agents' records whose context carries no span.
	// They belong to the process's default run, which no method of [Recorder] shows.
	AllowNoContext bool

	// KeepTimes keeps the times of what happened in documents, as is useful in a
	// bubble of [testing/synctest], whose clock is the same each time.
	KeepTimes bool

	// Handler configures the handler that records, so that a test can try a program's
	// own Limits, Content, ReplaceAttr or levels. Sink, Dir and Forward are the
	// recorder's, and a nil Next means no operational log. $WFSLOG and
	// $WFSLOG_CONTENT do not count.
	Handler wfslog.Options
}

// Recorder records what one test does. Its methods are safe for concurrent use,
// but as [testing.T] says, not after the end of the test.
type Recorder struct {
	t       TB
	opts    Options
	handler *wfslog.Handler
	logger  *slog.Logger
	sink    *sink
	ctx     context.Context
	run     wfslog.RunID // of the workflow of the test
}

// New returns a recorder for a test, which allows nothing that [Options] could.
func New(t TB) *Recorder { return Options{}.New(t) }

// New returns a recorder with these options for a test.
func (o Options) New(t TB) *Recorder {
	ids := hook.NewIDs(t.Name())
	r := &Recorder{t: t, opts: o, sink: &sink{TreeBuilder: wfslog.NewTreeBuilder(nil), ids: ids, starts: map[spanAddress]uint64{}}}
	opts := o.Handler
	opts.Sink, opts.Dir, opts.Forward = r.sink, "", nil
	if opts.Next == nil {
		opts.Next = slog.DiscardHandler
	}
	if !o.AllowBadValues {
		opts.ReplaceAttr = markUnwritable(opts.ReplaceAttr)
	}
	r.handler = wfslog.NewHandler(&opts)
	r.logger = slog.New(r.handler)
	r.ctx = hook.With(wfslog.WithLogger(context.Background(), r.logger), ids)
	r.ctx = wfslog.StartWorkflow(r.ctx, t.Name())
	if span, ok := wfslog.SpanFromContext(r.ctx); ok {
		r.run = span.Run
	}
	t.Cleanup(r.finish)
	return r
}

// Logger returns the logger that records.
func (r *Recorder) Logger() *slog.Logger { return r.logger }

// Context returns a context that carries the workflow of the test and the
// recorder's logger. It is never cancelled.
func (r *Recorder) Context() context.Context { return r.ctx }

// Document returns the document of the test's workflow as it is now. That workflow
// counts as ended, since it ends with the test. If nothing is in it and other
// workflows were started, it is that of the first of those; see
// [Recorder.Documents].
func (r *Recorder) Document() *wfslog.Document { return r.Documents()[0] }

// Documents returns the documents of all workflows as they are now, in the order in
// which they were started: the test's own, unless nothing is in it and there are
// others, and those that the code under test started with [wfslog.StartWorkflow].
func (r *Recorder) Documents() []*wfslog.Document {
	docs, _ := r.snapshot()
	return docs
}

// Tree returns the text form of what was recorded until now, log records included:
// a line for each node, as the command wfslog tree draws it without colours.
func (r *Recorder) Tree() string { return draw(r.Documents()) }

func draw(docs []*wfslog.Document) string {
	var b strings.Builder
	for _, doc := range docs {
		opts := treetext.Options{Filter: treetext.Filter{Level: treetext.LevelLog}}
		_ = treetext.Write(&b, doc, opts) // a Builder does not fail
	}
	return b.String()
}

// sink keeps what the handler records, and notes the order in which spans start.
type sink struct {
	*wfslog.TreeBuilder
	ids *hook.IDs

	mu     sync.Mutex // protects following fields
	starts map[spanAddress]uint64
}

// spanAddress tells a span from all others.
type spanAddress struct {
	run  wfslog.RunID
	path string
}

var _ hook.Sink = (*sink)(nil)

func (s *sink) IDs() *hook.IDs { return s.ids }

// Write takes whole lines, as a handler writes them.
func (s *sink) Write(lines []byte) (int, error) {
	s.note(lines)
	return s.TreeBuilder.Write(lines)
}

func (s *sink) note(lines []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range bytes.Lines(lines) {
		ev, err := wfslog.ParseLine(bytes.TrimSuffix(line, []byte("\n")))
		if err == nil && ev.Type == event.TypeStart {
			s.starts[spanAddress{ev.Run, ev.Span}] = ev.Seq
		}
	}
}

// startOf returns the number of the event that started a span, 0 if there is none.
func (s *sink) startOf(run wfslog.RunID, path string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.starts[spanAddress{run, path}]
}
