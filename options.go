package wfslog

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"slices"

	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/handlers/journal"
	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/ship"
)

// Options configure a [Handler]. The zero value means the documented defaults.
type Options struct {
	// Level is the minimum level of the operational log, read for every record;
	// a [*Levels] decides by logger name. nil means $WFSLOG_LEVEL in the form that
	// [ParseLevels] reads, else [slog.LevelInfo].
	Level slog.Leveler
	// JournalLevel is the minimum level of what is recorded. nil means
	// [LevelTrace], everything: then Debug calls below a span are paid for.
	JournalLevel slog.Leveler
	// Next is the operational log; nil means the console on standard error, and
	// [slog.DiscardHandler] none. slog's own default handler would wait for itself
	// once wfslog's is the default, and is replaced by the console. For JSON,
	// [jsonlog.New] costs least: what is recorded is encoded only once.
	Next slog.Handler
	// Dir is where journals and documents go: "" means $WFSLOG_DIR, else "logs".
	Dir string
	// Journal configures the journal files in Dir.
	Journal JournalOptions
	// Sink takes the event lines instead of a journal in Dir. Then nothing is
	// written to disk and no documents are saved. It gets whole lines, one or more
	// for each Write, from one goroutine at a time, and must not log to this
	// handler. The count that it returns decides line by line what was lost.
	Sink io.WriteCloser
	// Workflow is the name of the default run: "" means $WFSLOG_WORKFLOW, else the
	// base name of the program.
	Workflow string
	// SaveOn says when documents are written.
	SaveOn SavePolicy
	// AddSource adds the line of code that logged to the journal, and to the
	// operational log if Next is nil.
	AddSource bool
	// ReplaceAttr is called for each of the user's attributes, as
	// [slog.HandlerOptions] says, once for the journal and the operational log
	// together. It does not see fields that wfslog or slog adds.
	ReplaceAttr func(groups []string, a slog.Attr) slog.Attr
	// Content says what is kept of the attributes input and output. $WFSLOG_CONTENT
	// (full, hash or none) can only make it stricter; if it is none of the three,
	// nothing is kept of them.
	Content ContentPolicy
	// KeepSecrets leaves secrets in what is written. Otherwise "[REDACTED]" stands,
	// in the journal, the operational log and everything that is made of them, for the
	// values of attributes, members and headers with telling keys, such as
	// authorization, api_key or password, and for what looks like a key of a known
	// provider, a password in a URL or a private key, in any text. It is best effort:
	// a secret of no known form, under a key that tells nothing, is not found.
	KeepSecrets bool
	// Limits bound what one record may hold.
	Limits Limits
	// Forward gets what is recorded, read from the journal, so that it need not be
	// quick or even be there: see [Forwarder]. With a Sink there is no journal, and
	// nothing is forwarded. The handler closes them.
	Forward []Forwarder
	// OnError is told of failures to write events and documents and to forward, at
	// most once a second and from a goroutine of its own, for which Close waits up to
	// a second, and the call that failed first up to 100 ms. What it logs to this
	// handler may be lost as well.
	OnError func(error)
}

// A Forwarder sends events on, at least once: what was not delivered when the
// program ended is delivered by the next process of the program that has a forwarder
// of the same type at the same place in [Options.Forward]. Its methods are called by
// one goroutine at a time.
//
//	Forward(ctx context.Context, batch []Event) error
//	Close() error
//
// Forward must not change batch, but may retain it. Nil means that all of it is
// delivered; otherwise the same batch comes again, after a while.
type Forwarder = ship.Forwarder

// JournalOptions configure the files of a journal; see [journal.Options].
type JournalOptions = journal.Options

// Limits bound what one record may hold. Zero fields mean the defaults.
type Limits = encode.Limits

// SavePolicy says when a run's document is written. At the end of the run, on
// Save, Flush and Close it is always written, unless the policy is [SaveNever].
type SavePolicy int

// The policies.
const (
	SaveIterations   SavePolicy = iota // when an iteration ends
	SaveInteractions                   // when an iteration or an interaction ends
	SaveWorkflow                       // only at the end of the run
	SaveNever                          // only on Save
)

// ContentPolicy says what is kept of inputs and outputs, in the journal and in
// the operational log.
type ContentPolicy int

// The policies, the strictest last.
const (
	// ContentFull keeps them whole.
	ContentFull ContentPolicy = iota
	// ContentHash keeps the length of their JSON in bytes and a keyed hash, by which
	// equal contents can be told. The key is $WFSLOG_HASH_KEY, else random for each
	// handler.
	ContentHash
	// ContentNone leaves them out.
	ContentNone
)

// correct replaces what is wrong with the options by the defaults, and returns what
// it was.
func (o *Options) correct() (complaints []error) {
	complain := func(format string, args ...any) {
		complaints = append(complaints, fmt.Errorf("wfslog: Options."+format, args...))
	}
	if isNilPointer(o.Level) {
		complain("Level is a nil %T; using the default", o.Level)
		o.Level = nil
	}
	if isNilPointer(o.JournalLevel) {
		complain("JournalLevel is a nil %T; recording everything", o.JournalLevel)
		o.JournalLevel = nil
	}
	if isNilPointer(o.Sink) {
		complain("Sink is a nil %T; using a journal", o.Sink)
		o.Sink = nil
	}
	switch {
	case isNilPointer(o.Next):
		complain("Next is a nil %T; using the console", o.Next)
		o.Next = nil
	case fmt.Sprintf("%T", o.Next) == "*slog.defaultHandler":
		complain("Next is slog's own default handler, which would wait for itself; using the console")
		o.Next = nil
	}
	if len(o.Forward) > 0 && o.Sink != nil {
		complain("Forward needs a journal, and there is none with Options.Sink; nothing is forwarded")
	}
	for i, f := range o.Forward {
		if f == nil || isNilPointer(f) {
			complain("Forward[%d] is nil; it is left out", i)
			o.Forward = slices.Clone(o.Forward) // the caller's
			o.Forward[i] = nil
		}
	}
	if o.SaveOn < SaveIterations || o.SaveOn > SaveNever {
		complain("SaveOn is %d, which is no SavePolicy; using SaveIterations", o.SaveOn)
		o.SaveOn = SaveIterations
	}
	if o.Content < ContentFull || o.Content > ContentNone {
		complain("Content is %d, which is no ContentPolicy; using ContentFull", o.Content)
		o.Content = ContentFull
	}
	return complaints
}

// isNilPointer reports whether v is a nil pointer in an interface, as is left behind
// by a constructor that failed.
func isNilPointer(v any) bool {
	p := reflect.ValueOf(v)
	return p.Kind() == reflect.Pointer && p.IsNil()
}

// newConsole returns the operational log for options without Next. What it gets has
// passed their Level.
func newConsole(addSource bool) slog.Handler {
	const everything = event.LevelTrace - 1<<16
	return console.New(os.Stderr, &console.Options{Level: everything, AddSource: addSource})
}
