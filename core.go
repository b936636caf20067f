package wfslog

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/handlers/jsonlog"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/hook"
	"github.com/wfslog/wfslog/internal/process"
	"github.com/wfslog/wfslog/internal/sequencer"
	"github.com/wfslog/wfslog/internal/ship"
)

// core is what a Handler and all handlers derived from it share: the options,
// completed, and the stream.
type core struct {
	level        slog.Leveler
	journalLevel slog.Leveler
	next         slog.Handler
	json         *jsonlog.Handler // next, if it is one that may get what is encoded
	dir          string
	workflow     string
	saveOn       SavePolicy
	addSource    bool
	replace      func([]string, slog.Attr) slog.Attr
	content      ContentPolicy
	hashKey      []byte
	limits       Limits
	redact       bool
	onError      func(error)

	recording bool
	tallies   bool                 // sums of usage are wanted: there is an operational log
	seq       *sequencer.Sequencer // never nil
	saver     *documentSaver       // nil if documents are not saved
	shippers  []*ship.Shipper      // of the forwarders

	redacted       atomic.Uint64
	withoutContext atomic.Uint64
	afterClose     atomic.Uint64
	notInjected    atomic.Uint64

	leftDefault bool // it records no default run any more; defaults.mu protects it

	closeOnce sync.Once
	closeErr  error

	reports reporter
}

// newCore completes the options, which it may change, and returns, besides the core,
// what is wrong with them.
func newCore(o *Options) (c *core, complaints []error) {
	complaints = o.correct()
	complain := func(err error) {
		if err != nil {
			complaints = append(complaints, err)
		}
	}
	c = &core{
		level: o.Level, journalLevel: o.JournalLevel, next: o.Next, saveOn: o.SaveOn, addSource: o.AddSource,
		redact: !o.KeepSecrets, content: o.Content, limits: o.Limits.WithDefaults(), onError: o.OnError,
		recording: true,
	}
	if _, ok := o.Sink.(hook.Sink); !ok { // of a test, which is the same everywhere
		recording, err := recordingFromEnv()
		complain(err)
		content, err := contentFromEnv()
		complain(err)
		c.recording, c.content = recording, max(c.content, content) // they are in the order of strictness
	}
	c.replace = c.redacting(o.ReplaceAttr)
	if c.next == nil {
		c.next = newConsole(o.AddSource)
	}
	if event.FitsOperational(&c.limits) {
		c.json, _ = c.next.(*jsonlog.Handler)
	}
	if c.level == nil {
		levels, err := levelsFromEnv()
		complain(err)
		c.level = levels
	}
	c.tallies = c.next != slog.DiscardHandler
	if c.journalLevel == nil {
		c.journalLevel = LevelTrace
	}
	c.workflow = cmp.Or(o.Workflow, os.Getenv("WFSLOG_WORKFLOW"), process.Name())
	dir := cmp.Or(o.Dir, os.Getenv("WFSLOG_DIR"), "logs")
	abs, err := filepath.Abs(dir)
	if err != nil {
		complain(fmt.Errorf("wfslog: directory %q: %w; it is taken as it is", dir, err))
		abs = dir
	}
	c.dir = abs
	if c.content == ContentHash {
		c.hashKey = []byte(os.Getenv("WFSLOG_HASH_KEY"))
		if len(c.hashKey) == 0 {
			c.hashKey = make([]byte, 32)
			_, _ = rand.Read(c.hashKey) // never fails: crypto/rand crashes the program instead
		}
	}
	c.openStream(o)
	return c, complaints
}

// openStream makes the sequencer with its output, neither of which does anything
// yet.
func (c *core) openStream(o *Options) {
	cfg := sequencer.Config{ID: sequencer.NewID(), Open: process.Describe(), OnError: c.report}
	if s, ok := o.Sink.(hook.Sink); ok {
		cfg.ID = s.IDs().Stream()
	}
	if o.Sink != nil {
		cfg.Output = &sinkOutput{w: o.Sink, redact: c.redactError}
		c.seq = sequencer.New(cfg)
		return
	}
	writer := journal.NewWriter(c.dir, cfg.Open.Program, cfg.ID, &o.Journal)
	cfg.Output = writer
	for i, f := range o.Forward {
		if f != nil {
			c.shippers = append(c.shippers, ship.New(ship.Config{
				Path: writer.SegmentPath, Forwarder: f, Place: i, OnError: c.report,
			}))
		}
	}
	var stream *savedStream
	cfg.OnWritten = func(segment int, lines []sequencer.Written) {
		for _, s := range c.shippers {
			s.Written(segment, lines)
		}
		c.saver.written(stream, segment, lines)
	}
	c.seq = sequencer.New(cfg)
	if c.recording {
		c.saver = acquireSaver(c.dir)
		stream = c.saver.stream(writer, c.seq, c.report)
	}
}

func (c *core) save(ctx context.Context) error {
	if c.saver == nil {
		return nil
	}
	return c.saver.saveAll(ctx)
}

func (c *core) flush(ctx context.Context) error {
	synced := make(chan error, 1)
	go func() { synced <- c.seq.Sync() }() // ends when the disk has answered
	var errs []error
	select {
	case err := <-synced:
		errs = append(errs, err)
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.saveOn != SaveNever {
		errs = append(errs, c.save(ctx))
	}
	for _, s := range c.shippers {
		errs = append(errs, s.Flush(ctx))
	}
	return errors.Join(errs...)
}

// closeWait is how long Close lets forwarders finish their batch.
const closeWait = 5 * time.Second

func (c *core) close() error {
	c.closeOnce.Do(func() {
		if root := leaveDefault(c); root != nil {
			c.endRoot(root)
		}
		errs := []error{c.seq.Close("closed")}
		ctx, cancel := context.WithTimeout(context.Background(), closeWait)
		defer cancel()
		closed := make(chan error)
		for _, s := range c.shippers {
			go func() { closed <- s.Close(ctx) }()
		}
		if c.saver != nil {
			if c.saveOn != SaveNever {
				errs = append(errs, c.saver.saveAll(context.Background()))
			}
			c.saver.release()
		}
		for range c.shippers {
			errs = append(errs, <-closed)
		}
		c.reports.wait()
		c.closeErr = errors.Join(errs...)
	})
	return c.closeErr
}

func (c *core) stats() Stats {
	n := c.seq.Counts()
	stats := Stats{
		Accepted: n.Accepted, Written: n.Written, Lost: n.Lost, Bytes: n.Bytes, Redacted: c.redacted.Load(),
		WithoutContext: c.withoutContext.Load(), AfterClose: c.afterClose.Load(), NotInjected: c.notInjected.Load(),
		LastError: c.reports.last(),
	}
	for _, s := range c.shippers {
		stats.Lag = max(stats.Lag, s.Stats().LagEvents)
	}
	return stats
}

// saveAfterEnd asks for the document of the run of s, which has ended, if that is
// due. The result is closed when it is saved, or nil if nobody shall wait.
func (c *core) saveAfterEnd(s *span) <-chan struct{} {
	if c.saver == nil {
		return nil
	}
	ends := s.parent == nil
	interaction := !ends && s.kind == KindInteraction && c.saveOn == SaveInteractions
	switch {
	case ends && c.saveOn != SaveNever:
	case s.kind == KindIteration && c.saveOn <= SaveInteractions:
	case interaction:
	default:
		return nil
	}
	_ = c.seq.Drain() // reported; the document has what could be written
	saved := c.saver.request(s.run.id, ends)
	if interaction {
		return nil
	}
	return saved
}

// warn says err in the operational log.
func (c *core) warn(err error) {
	ctx := context.Background()
	if !c.next.Enabled(ctx, slog.LevelWarn) {
		return
	}
	_ = c.next.Handle(ctx, slog.NewRecord(time.Now(), slog.LevelWarn, c.textOf(err.Error()), 0)) // there is nowhere else to say it
}
