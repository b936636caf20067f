package wfslog

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"weak"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/hook"
)

// Carrier is what takes a context to another process: the headers of a request or
// of a message. The TextMapCarrier of OpenTelemetry is one. Its keys are
// "traceparent" and "tracestate".
type Carrier interface {
	Get(key string) string // "" if there is none
	Set(key, value string)
}

// HeaderCarrier is a [Carrier] for headers such as http.Header and those of NATS.
// It must not be nil where something is to be set. It is as safe for concurrent
// use as the map.
type HeaderCarrier map[string][]string

var _ Carrier = HeaderCarrier(nil)

// Get returns the value of key, whatever the case of its letters. Several values
// are one list, separated by commas.
func (h HeaderCarrier) Get(key string) string {
	keys := h.keys(key)
	if len(keys) == 1 && len(h[keys[0]]) == 1 {
		return h[keys[0]][0]
	}
	var values []string
	for _, k := range keys {
		values = append(values, h[k]...)
	}
	return strings.Join(values, ",")
}

// Set replaces all values of key, whatever the case of its letters. A key that is
// not there yet is written as http.Header has it.
func (h HeaderCarrier) Set(key, value string) {
	keys := h.keys(key)
	name := canonicalKey(key)
	if len(keys) > 0 {
		name = keys[0]
		for _, k := range keys[1:] {
			delete(h, k)
		}
	}
	h[name] = []string{value}
}

// keys returns the keys that are key but for the case of their letters, in order.
func (h HeaderCarrier) keys(key string) (keys []string) {
	for k := range h {
		if strings.EqualFold(k, key) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// canonicalKey returns key as http.Header has it.
func canonicalKey(key string) string {
	b := []byte(strings.ToLower(key))
	for i := range b {
		if (i == 0 || b[i-1] == '-') && 'a' <= b[i] && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// The keys of carriers. Environment variables have the same names in capitals.
const (
	keyTraceparent = "traceparent"
	keyTracestate  = "tracestate"
)

// Inject writes to c where in a run the span of ctx is, so that another process can
// go on there: as a W3C trace context, whose tracestate says what other tracers do
// not have to know. What that process starts stands, in the document of the run, at
// the place among the children of the span that is taken with this call; if it
// starts nothing, nothing is missing.
//
// A context without a span changes nothing, unless it comes from the trace of
// another tracer, which is passed on then. A place that does not fit into 256 bytes
// is left out, and counted in [Stats].
func Inject(ctx context.Context, c Carrier) {
	t := inject(ctx)
	if t.parent == "" {
		return
	}
	c.Set(keyTraceparent, t.parent)
	if t.state != "" || c.Get(keyTracestate) != "" {
		c.Set(keyTracestate, t.state)
	}
}

// Extract returns a context that goes on where the one that [Inject] wrote to c was.
// Spans that are started with it are children of that span, and records that are
// logged with it belong to it, as do annotations; [End] does nothing, for it is not
// this process that has started it. Each call takes a place of its own, also if c is
// the same.
//
// A trace of another tracer does not become a run: the next run that is started with
// the context is linked to it, and [Span.TraceID] returns its id. What is malformed
// in c is ignored.
//
// Who can write to c can write to the run. Extract what comes from others only
// where they may.
func Extract(ctx context.Context, c Carrier) context.Context {
	return extract(ctx, traceText{parent: c.Get(keyTraceparent), state: c.Get(keyTracestate)})
}

// The names of environment variables.
const (
	envTraceparent = "TRACEPARENT"
	envTracestate  = "TRACESTATE"
)

// Env returns the environment for a process that is started within the span of ctx:
// base with the variables TRACEPARENT and TRACESTATE in place of those that it has.
// A nil base means the environment of this process, as for [exec.Cmd]:
//
//	cmd := exec.CommandContext(ctx, "worker")
//	cmd.Env = wfslog.Env(ctx, nil)
//
// The default run of the new process, if it uses wfslog, is a workflow in the run
// of ctx. Each process should have an environment of its own. Env does not change
// base.
func Env(ctx context.Context, base []string) []string {
	if base == nil {
		base = os.Environ()
	}
	env := make([]string, 0, len(base)+2)
	for _, v := range base {
		if name, _, _ := strings.Cut(v, "="); name != envTraceparent && name != envTracestate {
			env = append(env, v)
		}
	}
	t := inject(ctx)
	if t.parent != "" {
		env = append(env, envTraceparent+"="+t.parent)
	}
	if t.state != "" {
		env = append(env, envTracestate+"="+t.state)
	}
	return env
}

// Marshal is [Inject] for where there is one string, such as a member of what is put
// into a queue. It has printable ASCII characters only: the traceparent, and behind
// a semicolon the tracestate. Without anything to tell it is "".
func Marshal(ctx context.Context) string {
	t := inject(ctx)
	if t.state == "" {
		return t.parent
	}
	return t.parent + ";" + t.state
}

// Unmarshal is [Extract] for what [Marshal] returned.
func Unmarshal(ctx context.Context, s string) context.Context {
	parent, state, _ := strings.Cut(s, ";")
	return extract(ctx, traceText{parent: parent, state: state})
}

// remote makes a span the stand-in for one that a context does not carry, most often
// of another process.
type remote struct {
	ordinal uint32 // of all children here
	token   string // that tells them from those of others who extracted the same
	local   *span  // the span itself, if it is of this process
}

// injected are the spans of this process that another context may extract, as long as
// there are contexts that carry them.
var injected = struct {
	mu    sync.Mutex // protects spans
	spans map[spanAddress]weak.Pointer[span]
}{spans: map[spanAddress]weak.Pointer[span]{}}

// spanAddress tells a span from all others.
type spanAddress struct {
	run  RunID
	path string
}

// publish makes s known to those who extract what is injected of it.
func (s *span) publish() {
	injected.mu.Lock()
	defer injected.mu.Unlock()
	if s.published {
		return
	}
	s.published = true
	address := spanAddress{s.run.id, s.path}
	injected.spans[address] = weak.Make(s)
	runtime.AddCleanup(s, withdraw, address)
}

func withdraw(address spanAddress) {
	injected.mu.Lock()
	defer injected.mu.Unlock()
	delete(injected.spans, address)
}

// published returns the span of this process with the given address, nil if none is
// known.
func published(address spanAddress) *span {
	injected.mu.Lock()
	defer injected.mu.Unlock()
	return injected.spans[address].Value()
}

// inject returns what ctx says to another process, which takes a place for it.
func inject(ctx context.Context) traceText {
	s := *stateFrom(ctx)
	switch {
	case s.suppressed, s.span == nil && s.trace == nil:
		return traceText{}
	case s.span == nil:
		return formatTrace(s.trace.Trace, s.trace.Span, s.trace.flags, "", s.trace.vendors)
	}
	member, ordinal := s.span.reserve()
	if ordinal > 0 {
		op := operation{
			typ: event.TypeInject, span: s.span.holder(), time: time.Now(), level: slog.LevelDebug, ordinal: ordinal,
		}
		s.send(ctx, &op, "injected", nil)
	} else if member == "" {
		s.span.countTooLong()
	}
	span, _ := SpanFromContext(ctx)
	const sampled = 1
	return formatTrace(span.TraceID(), span.SpanID().String(), sampled, member, s.span.run.vendors)
}

// reserve takes a child ordinal for another process, and returns it with the member
// of a tracestate that says so. If that would be too long, it takes nothing and
// returns "". A stand-in for a span of another process has the ordinal that was taken
// there, for tokens keep apart all that go on at one place, and takes none.
func (s *span) reserve() (member string, ordinal uint32) {
	s = s.holder()
	at := place{run: s.run.id, path: s.path}
	if s.remote != nil {
		at.ordinal = s.remote.ordinal
		return at.member(), 0
	}
	for {
		given := s.kids.Load()
		at.ordinal = given + 1
		if member = at.member(); member == "" {
			return "", 0
		}
		if s.kids.CompareAndSwap(given, at.ordinal) {
			s.publish()
			return member, at.ordinal
		}
	}
}

// countTooLong counts in all handlers that know s that it could not be injected.
func (s *span) countTooLong() {
	for ss := s.streams.Load(); ss != nil; ss = ss.next {
		ss.core.notInjected.Add(1)
	}
}

// extract returns ctx as it goes on with t.
func extract(ctx context.Context, t traceText) context.Context {
	s := *stateFrom(ctx)
	if s.suppressed {
		return ctx
	}
	from, at, ok := t.parse()
	switch {
	case !ok:
		return ctx
	case at.ordinal == 0:
		s.trace = from
	default:
		s.span, s.trace = newRemote(from, at, hook.NewToken(ctx)), nil
	}
	s.op = nil // of middleware that extracts
	return s.with(ctx)
}

// newRemote returns a stand-in for the span at a place in a run.
func newRemote(from *trace, at place, token string) *span {
	r := newRun(at.run)
	r.vendors = from.vendors
	if from.Trace != r.text {
		r.foreign = &from.Link
	}
	return &span{
		run: r, path: at.path, place: event.NewPlace(at.run, at.path), depth: event.PathDepth(at.path),
		remote: &remote{ordinal: at.ordinal, token: token, local: published(spanAddress{at.run, at.path})},
	}
}

// origin is where in a run a process was started.
type origin struct {
	from  *trace
	at    place
	token string
}

// environment returns the origin that the environment of the process names, the same
// each time, or nil if it names none.
var environment = sync.OnceValue(func() *origin {
	t := traceText{parent: os.Getenv(envTraceparent), state: os.Getenv(envTracestate)}
	from, at, ok := t.parse()
	if !ok || at.ordinal == 0 {
		return nil
	}
	return &origin{from, at, hook.NewToken(context.Background())}
})
