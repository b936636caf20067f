package wfslog_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/console"
)

// canary is a secret that is made for one place, and the part of it that nothing
// else has.
type canary struct{ place, secret, part string }

// canaryShapes are some of the forms that secrets have; all of them are tested where
// they are looked for. %s is the part that makes a canary out of it.
var canaryShapes = map[string]string{
	"openai": "sk-proj-%s", "anthropic": "sk-ant-api03-%s", "google": "AIzaSyD%s", "aws": "AKIA%.0s%s", "github": "ghp_%s",
	"slack": "xoxb-1234567890-%s", "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.%s", "bearer": "Bearer %s",
	"url": "https://example.org/v1/models?a=b&key=%s&c=d", "user info": "postgres://user:%s@db:5432/x", "json": `{"api_key":"%s"}`,
	"azure": "AccountName=a;AccountKey=%s", "header": "X-Api-Key: %s",
	"pem": "-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA%[1]s\n%[1]s\n-----END PRIVATE KEY-----",
}

// maxCanaryText is the length at which strings are cut.
const maxCanaryText = 4 << 10

// canaryPlaces are the places where a secret may be. Each logs one.
var canaryPlaces = map[string]func(ctx context.Context, log *slog.Logger, secret string){
	"message": func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "it is "+s) },
	"string":  func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", "k", s) },
	"input": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", wfslog.Action("a"), wfslog.Input(s))
	},
	"output": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", wfslog.Action("a"), wfslog.Output(s))
	},
	"err": func(ctx context.Context, log *slog.Logger, s string) {
		log.ErrorContext(ctx, "m", wfslog.Err(errors.New(s)))
	},
	"key": func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", s, 1) },
	"group": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", slog.Group("a", slog.Group("b", "k", s)))
	},
	"group key": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", slog.Group(s, "k", 1))
	},
	"bare group": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", slog.Group("", "k", s))
	},
	"map": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", map[string]any{"a": map[string]any{"b": s}})
	},
	"map key": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", map[string]any{s: 1})
	},
	"struct": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", struct{ A *struct{ B string } }{&struct{ B string }{s}})
	},
	"slice": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", []any{1, []string{s}})
	},
	"bytes":     func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", "k", []byte(s)) },
	"not UTF-8": func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", "k", "\xff "+s) },
	"error":     func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", "k", errors.New(s)) },
	"joined errors": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", errors.Join(errors.New("a"), fmt.Errorf("b: %w", errors.New(s))))
	},
	"url.Error": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", &url.Error{Op: "Get", URL: "https://example.org/" + s, Err: os.ErrClosed})
	},
	"LogValuer": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", valuer{slog.GroupValue(slog.Any("l", valuer{slog.StringValue(s)}))})
	},
	"Stringer": func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", "k", texter(s)) },
	"MarshalJSON": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", marshaler{map[string]any{"a": []string{s}}})
	},
	"bad JSON": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", rawMarshaler("{"+s))
	},
	"RawMessage": func(ctx context.Context, log *slog.Logger, s string) {
		text, _ := json.Marshal([]string{s})
		log.InfoContext(ctx, "m", "k", json.RawMessage(text))
	},
	"panic in value": func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", "k", panicking(s)) },
	"http.Header": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", http.Header{"X-Other": {s}})
	},
	"with": func(ctx context.Context, log *slog.Logger, s string) { log.With("k", s).InfoContext(ctx, "m") },
	"with in group": func(ctx context.Context, log *slog.Logger, s string) {
		log.WithGroup("g").With("k", map[string]string{"a": s}).InfoContext(ctx, "m", "n", 1)
	},
	"in group": func(ctx context.Context, log *slog.Logger, s string) {
		log.WithGroup("g").InfoContext(ctx, "m", "k", s)
	},
	"group name": func(ctx context.Context, log *slog.Logger, s string) { log.WithGroup(s).InfoContext(ctx, "m", "k", 1) },
	"logger name": func(ctx context.Context, log *slog.Logger, s string) {
		log.WithGroup("workflow.agent "+s).InfoContext(ctx, "m")
	},
	"cut string": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", strings.Repeat(" ", maxCanaryText-len(s)+8)+s)
	},
	"cut message": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, strings.Repeat(" ", maxCanaryText-len(s)+8)+s)
	},

	"workflow": func(ctx context.Context, _ *slog.Logger, s string) { wfslog.End(wfslog.StartWorkflow(ctx, "w "+s)) },
	"action":   func(ctx context.Context, _ *slog.Logger, s string) { wfslog.End(wfslog.StartAction(ctx, "a "+s)) },
	"agent":    func(ctx context.Context, _ *slog.Logger, s string) { wfslog.End(wfslog.StartInteraction(ctx, "a "+s)) },
	"open":     func(ctx context.Context, _ *slog.Logger, s string) { wfslog.StartInteraction(ctx, "a "+s) },
	"open and long": func(ctx context.Context, _ *slog.Logger, s string) {
		wfslog.StartInteraction(ctx, strings.Repeat("a", 220)+" "+s)
	},
	"start attr": func(ctx context.Context, _ *slog.Logger, s string) {
		wfslog.End(wfslog.StartAction(ctx, "a", slog.String("k", s)))
	},
	"end attr": func(ctx context.Context, _ *slog.Logger, s string) {
		wfslog.End(wfslog.StartAction(ctx, "a"), wfslog.Output(s))
	},
	"end error": func(ctx context.Context, _ *slog.Logger, s string) {
		err := errors.New(s)
		wfslog.EndErr(wfslog.StartAction(ctx, "a"), &err)
	},
	"panic": func(ctx context.Context, _ *slog.Logger, s string) {
		defer func() { _ = recover() }()
		defer wfslog.End(wfslog.StartAction(ctx, "a"))
		panic("oh " + s)
	},
	"panic error": func(ctx context.Context, _ *slog.Logger, s string) {
		defer func() { _ = recover() }()
		defer wfslog.End(wfslog.StartAction(ctx, "a"))
		panic(errors.New(s))
	},
	"panic value": func(ctx context.Context, _ *slog.Logger, s string) {
		for n := 300; n < 700; n += 10 { // cut at different places
			func() {
				defer func() { _ = recover() }()
				defer wfslog.End(wfslog.StartAction(ctx, "a"))
				panic([]string{strings.Repeat(" ", n) + s + strings.Repeat(" ", 1_000)})
			}()
		}
	},
	"annotation":    func(ctx context.Context, _ *slog.Logger, s string) { wfslog.Annotate(ctx, slog.Any("k", []string{s})) },
	"resource":      func(ctx context.Context, _ *slog.Logger, s string) { wfslog.AddResource(ctx, "corpus", "x:"+s) },
	"resource name": func(ctx context.Context, _ *slog.Logger, s string) { wfslog.AddResource(ctx, s, "x:y") },
	"resource attr": func(ctx context.Context, _ *slog.Logger, s string) {
		wfslog.AddResource(ctx, "n", "x:y", slog.String("k", s))
	},
	"no span": func(_ context.Context, log *slog.Logger, s string) { log.Info("m "+s, "k", s) },
	"suppressed": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(wfslog.Suppress(ctx), "m "+s, "k", s)
	},
}

// keyPlaces are where a secret that has no form stands under a telling key.
var keyPlaces = map[string]func(ctx context.Context, log *slog.Logger, secret string){
	"attr": func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", "api_key", s) },
	"any": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "Authorization", []any{s})
	},
	"group": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", slog.Group("credentials", "user", s))
	},
	"nested": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", slog.Group("a", "password", s))
	},
	"map": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", map[string]any{"clientSecret": s})
	},
	"struct": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", struct{ APIKey string }{s})
	},
	"tag": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", []any{struct {
			K *string `json:"private_key"`
		}{&s}})
	},
	"token": func(ctx context.Context, log *slog.Logger, s string) { log.InfoContext(ctx, "m", "token", s) },
	"LogValuer": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "secret", valuer{slog.StringValue(s)})
	},
	"LogValuer in": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", valuer{slog.GroupValue(slog.String("passwd", s))})
	},
	"MarshalJSON": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", marshaler{map[string]any{"access_token": []string{s}}})
	},
	"RawMessage": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", json.RawMessage(`{"tools":[{"type":"mcp","authorization":"`+s+`"}]}`))
	},
	"body": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", wfslog.Input(`{"tools":[{"type":"mcp","authorization":"`+s+`"}]}`))
	},
	"header": func(ctx context.Context, log *slog.Logger, s string) {
		log.InfoContext(ctx, "m", "k", http.Header{"X-Goog-Api-Key": {s}, "Accept": {"*/*"}})
	},
	"with": func(ctx context.Context, log *slog.Logger, s string) { log.With("api-key", s).InfoContext(ctx, "m") },
	"with in": func(ctx context.Context, log *slog.Logger, s string) {
		log.WithGroup("g").With("api-key", s).InfoContext(ctx, "m", "k", 1)
	},
	"in group": func(ctx context.Context, log *slog.Logger, s string) {
		log.WithGroup("secret").InfoContext(ctx, "m", "k", s)
	},
	"in groups": func(ctx context.Context, log *slog.Logger, s string) {
		log.WithGroup("secret").WithGroup("g").InfoContext(ctx, "m", "k", []string{s})
	},
	"with in group": func(ctx context.Context, log *slog.Logger, s string) {
		log.WithGroup("credentials").With("k", s).InfoContext(ctx, "m", "n", 1)
	},
	"start": func(ctx context.Context, _ *slog.Logger, s string) {
		wfslog.End(wfslog.StartAction(ctx, "a", slog.String("cookie", s)))
	},
	"annotate": func(ctx context.Context, _ *slog.Logger, s string) {
		wfslog.Annotate(ctx, wfslog.Metadata(slog.String("pwd", s)))
	},
	"no span": func(_ context.Context, log *slog.Logger, s string) { log.Info("m", "api_key", s) },
	"bare": func(_ context.Context, log *slog.Logger, s string) {
		slog.New(log.Handler().(*wfslog.Handler)).WithGroup("workflow").Info("m", "api_key", s)
	},
}

// texter writes itself as text.
type texter string

func (t texter) MarshalText() ([]byte, error) { return []byte(t), nil }
func (t texter) String() string               { return string(t) }

// rawMarshaler writes itself as if it were JSON.
type rawMarshaler string

func (m rawMarshaler) MarshalJSON() ([]byte, error) { return []byte(m), nil }

type marshaler struct{ v any }

func (m marshaler) MarshalJSON() ([]byte, error) { return json.Marshal(m.v) }

type panicking string

func (p panicking) MarshalJSON() ([]byte, error) { panic(strings.Repeat("x ", 250) + string(p)) }

// plant logs one canary of each shape in each place and returns them.
func plant(ctx context.Context, log *slog.Logger) (canaries []canary) {
	random := rand.New(rand.NewPCG(1, 2))
	newPart := func(n int) string {
		const chars = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
		part := []byte("Q7")
		for len(part) < n {
			part = append(part, chars[random.IntN(len(chars))])
		}
		return string(part)
	}
	for place, log1 := range canaryPlaces {
		for shape, format := range canaryShapes {
			part := newPart(36)
			secret := strings.ReplaceAll(format, "%s", part)
			switch shape {
			case "aws":
				part = newPart(16)
				secret = "AKIA" + part
			case "pem":
				secret = strings.ReplaceAll(format, "%[1]s", part)
			}
			log1(ctx, log, secret)
			canaries = append(canaries, canary{place + "/" + shape, secret, part})
		}
	}
	for place, log1 := range keyPlaces {
		part := newPart(24)
		log1(ctx, log, part)
		canaries = append(canaries, canary{"key/" + place, part, part})
	}
	for range 100 { // until there is another segment, which begins with the open spans
		log.InfoContext(ctx, "m", "k", strings.Repeat(" ", maxCanaryText))
	}
	return canaries
}

// in reports whether text has more than a few letters of the canary, also in base 64.
func (c canary) in(text string) bool {
	part := c.part[:12]
	if strings.Contains(text, part) {
		return true
	}
	return strings.HasPrefix(c.place, "bytes/") && strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(c.secret))) ||
		strings.HasPrefix(c.place, "not UTF-8/") && strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("\xff "+c.secret)))
}

// outputs are all that a handler and what is made of its journal has written.
type outputs struct {
	mu      sync.Mutex
	dir     string
	next    [3]bytes.Buffer
	errs    []error
	events  collector
	handler *wfslog.Handler
}

func newOutputs(tb testing.TB, dir string, opts wfslog.Options) *outputs {
	tb.Helper()
	o := &outputs{dir: dir}
	every := &slog.HandlerOptions{Level: wfslog.LevelTrace}
	opts.Dir, opts.Level, opts.Limits.StringBytes = dir, wfslog.LevelTrace, maxCanaryText
	opts.Journal.SegmentBytes = 256 << 10 // the first lines of segments name open spans
	opts.Forward = []wfslog.Forwarder{&o.events}
	opts.Next = slog.NewMultiHandler(slog.NewJSONHandler(&o.next[0], every), slog.NewTextHandler(&o.next[1], every),
		console.New(&o.next[2], &console.Options{Level: wfslog.LevelTrace, ValueLines: 1 << 10}))
	opts.OnError = func(err error) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.errs = append(o.errs, err)
	}
	o.handler = wfslog.NewHandler(&opts)
	return o
}

// texts returns all that was written, by name.
func (o *outputs) texts(tb testing.TB) map[string]string {
	tb.Helper()
	texts := map[string]string{"JSON": o.next[0].String(), "text": o.next[1].String(), "console": o.next[2].String()}
	b := wfslog.NewTreeBuilder(nil)
	require.NoError(tb, filepath.WalkDir(o.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		texts["names of files"] += filepath.Base(path)
		if filepath.Ext(path) == ".jsonl" {
			texts["journal"] += string(text)
			_, _ = b.ReadFrom(bytes.NewReader(text))
		} else {
			texts["documents"] += string(text)
		}
		return err
	}))
	for _, run := range b.Runs() {
		var flat bytes.Buffer
		require.NoError(tb, b.WriteFlat(&flat, run))
		texts["flat"] += flat.String()
	}
	forwarded, err := json.Marshal(o.events.events)
	require.NoError(tb, err)
	texts["forwarder"] = string(forwarded)
	o.mu.Lock()
	defer o.mu.Unlock()
	texts["errors"] = fmt.Sprintf("%+v %+v", o.errs, o.handler.Stats().LastError)
	return texts
}

func TestNoCanaryIsInAnyOutput(t *testing.T) {
	upper := func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindString && strings.HasPrefix(a.Value.String(), "leak") {
			a.Value = slog.StringValue("sk-ant-api03-" + strings.Repeat("Q7X2", 12))
		}
		return a
	}
	tests := []struct {
		name string
		opts wfslog.Options
		env  string
	}{
		{"journal", wfslog.Options{}, ""},
		{"ReplaceAttr", wfslog.Options{ReplaceAttr: upper}, ""},
		{"content hash", wfslog.Options{Content: wfslog.ContentHash}, ""},
		{"recording off", wfslog.Options{}, "off"},
		{"errors only", wfslog.Options{JournalLevel: slog.LevelError}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("WFSLOG", tt.env)
			o := newOutputs(t, t.TempDir(), tt.opts)
			ctx := wfslog.StartIteration(background(o.handler))
			log := slog.New(o.handler).WithGroup("workflow.agent1")
			log.InfoContext(ctx, "leak", "k", "leak")
			canaries := plant(ctx, log)
			wfslog.End(ctx)
			require.NoError(t, o.handler.Flush(t.Context()))
			require.NoError(t, o.handler.Close())
			texts := o.texts(t)
			for name, text := range texts {
				assert.NotContains(t, text, "Q7X2Q7X2", "from ReplaceAttr, in %s", name)
				for _, c := range canaries {
					if c.in(text) {
						t.Errorf("canary %s is in %s", c.place, name)
					}
				}
			}
			assert.Contains(t, texts["console"], "[REDACTED]")
			if tt.env == "" && tt.opts.JournalLevel == nil {
				assert.Contains(t, texts["journal"], "[REDACTED]")
				assert.Contains(t, texts["documents"], "[REDACTED]")
				assert.Contains(t, texts["flat"], "[REDACTED]")
				assert.Contains(t, texts["forwarder"], "[REDACTED]")
			}
			assert.NotZero(t, o.handler.Stats().Redacted)
		})
	}
}

func TestKeepSecretsKeepsThem(t *testing.T) {
	o := newOutputs(t, t.TempDir(), wfslog.Options{KeepSecrets: true})
	ctx := wfslog.StartIteration(background(o.handler))
	canaries := plant(ctx, slog.New(o.handler).WithGroup("workflow.agent1"))
	wfslog.End(ctx)
	require.NoError(t, o.handler.Close())
	texts := o.texts(t)
	for _, c := range canaries {
		switch place, _, _ := strings.Cut(c.place, "/"); {
		case c.place == "key/bare", place == "suppressed": // not recorded
			assert.True(t, c.in(texts["JSON"]), "canary %s", c.place)
		case place == "cut string", place == "cut message", place == "panic in value", place == "panic value":
		default:
			assert.True(t, c.in(texts["journal"]), "canary %s", c.place)
		}
	}
	assert.Zero(t, o.handler.Stats().Redacted)
}

func TestErrorsOfOutputsTellNoSecret(t *testing.T) {
	const secret = "sk-ant-api03-Q7Xb2LmP9aZk4RtY8vWc3NdF6hJs1Gu"
	synctest.Test(t, func(t *testing.T) {
		var told []string
		var next bytes.Buffer
		sink := &secretSink{secret: secret}
		h := wfslog.NewHandler(&wfslog.Options{
			Sink: sink, Next: slog.NewTextHandler(&next, nil), OnError: func(err error) { told = append(told, err.Error()) },
		})
		r := slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0)
		err := h.WithGroup("workflow.a").Handle(t.Context(), r)
		require.ErrorIs(t, err, errSecret)
		time.Sleep(time.Minute) // then it is tried again
		sink.works = true
		require.NoError(t, h.WithGroup("workflow.a").Handle(t.Context(), r))
		told = append(told, err.Error(), h.Stats().LastError.Error(), fmt.Sprint(h.Flush(t.Context())), fmt.Sprint(h.Close()), next.String(), sink.String())
		assert.Contains(t, told[0], "[REDACTED]")
		assert.NotContains(t, strings.Join(told, "\n"), secret[:20])
		assert.Contains(t, sink.String(), "[REDACTED]", "the cause of the loss")
	})
}

var errSecret = errors.New("cannot")

// secretSink fails with an error that tells a secret, until it works.
type secretSink struct {
	sink
	secret string
	works  bool
}

func (s *secretSink) Write(p []byte) (int, error) {
	if !s.works {
		return 0, fmt.Errorf("%w: %s", errSecret, s.secret)
	}
	return s.sink.Write(p)
}

func (s *secretSink) Close() error { return fmt.Errorf("%w: %s", errSecret, s.secret) }

func TestErrorsOfOthersTellNoSecret(t *testing.T) {
	const secret = "sk-ant-api03-Q7Xb2LmP9aZk4RtY8vWc3NdF6hJs1Gu"
	t.Setenv("WFSLOG_LEVEL", "info,"+secret)
	told := make(chan error, 1)
	var next bytes.Buffer
	h := wfslog.NewHandler(&wfslog.Options{
		Dir: t.TempDir(), Next: failingNext{slog.NewTextHandler(&next, nil), secret}, Forward: []wfslog.Forwarder{secretForwarder(secret)},
		OnError: func(err error) {
			select {
			case told <- err:
			default:
			}
		},
	})
	assert.Contains(t, next.String(), "WFSLOG_LEVEL", "the warning")
	err := h.Handle(background(h), slog.NewRecord(time.Now(), slog.LevelInfo, "m", 0))
	require.ErrorIs(t, err, errSecret, "of Next")
	texts := []string{err.Error(), (<-told).Error(), next.String(), h.Stats().LastError.Error(), fmt.Sprint(h.Close())}
	for _, text := range texts[:4] {
		assert.Contains(t, text, "[REDACTED]")
	}
	assert.NotContains(t, strings.Join(texts, "\n"), secret[:20])
}

// secretForwarder fails with an error that tells a secret.
type secretForwarder string

func (f secretForwarder) Forward(context.Context, []wfslog.Event) error {
	return fmt.Errorf("%w: %s", errSecret, string(f))
}

func (f secretForwarder) Close() error { return fmt.Errorf("%w: %s", errSecret, string(f)) }

// failingNext writes records, and fails for all but warnings.
type failingNext struct {
	slog.Handler
	secret string
}

func (f failingNext) Handle(ctx context.Context, r slog.Record) error {
	if err := f.Handler.Handle(ctx, r); err != nil || r.Level == slog.LevelWarn {
		return err
	}
	return fmt.Errorf("%w: %s", errSecret, f.secret)
}

func TestReplaceAttrSeesNoSecret(t *testing.T) {
	const secret = "ghp_Q7Xb2LmP9aZk4RtY8vWc3NdF6hJs1GuE5oTi"
	var seen []string
	h, s := newSink(t, wfslog.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		seen = append(seen, a.String())
		return a
	}})
	slog.New(h).With("a", secret).WithGroup("g").InfoContext(background(h), "m", secret, 1, "any", []string{secret}, "err", errors.New(secret),
		slog.Group("credentials", "n", 1, "ok", true), "password", 5, "plain", []int{1})
	assert.Equal(t, []string{
		"a=[REDACTED]", "[REDACTED]=1", `any=["[REDACTED]"]`, "err=[REDACTED]", "n=[REDACTED]", "ok=true", "password=[REDACTED]", "plain=[1]",
	}, seen)
	assert.NotContains(t, s.String(), secret)
}

func TestRedactedCountsEachSecretOnce(t *testing.T) {
	h, s := newSink(t, wfslog.Options{Next: slog.NewTextHandler(&bytes.Buffer{}, nil)})
	ctx := background(h)
	log := slog.New(h)
	count := func(f func()) uint64 {
		before := h.Stats().Redacted
		f()
		return h.Stats().Redacted - before
	}
	const key = "ghp_Q7Xb2LmP9aZk4RtY8vWc3NdF6hJs1GuE5oTi"
	assert.Equal(t, uint64(3), count(func() {
		log.InfoContext(ctx, key, "k", key, "api_key", 1, "secret", true, "password", "", "cookie", nil)
	}))
	assert.Equal(t, uint64(3), count(func() { log.Info(key, "k", key, "api_key", 1) }), "only for the operational log")
	with := log
	assert.Equal(t, uint64(1), count(func() { with = log.With("k", key) }))
	assert.Zero(t, count(func() { with.InfoContext(ctx, "m", "n", 1) }))
	assert.NotContains(t, s.String(), key)
	assert.Contains(t, s.String(), `"secret":true,"password":"","cookie":null`)
}

func TestOrdinaryKeysKeepTheirValues(t *testing.T) {
	h, s := newSink(t, wfslog.Options{})
	slog.New(h).InfoContext(background(h), "m", "input_tokens", 12, "max_tokens", 4096, "token", " the", "eos_token", "<|endoftext|>",
		"logprobs", []map[string]any{{"token": "Hello", "logprob": -0.1}}, "next_token_id", 5)
	assert.Contains(t, s.String(), `"attrs":{"input_tokens":12,"max_tokens":4096,"token":" the","eos_token":"<|endoftext|>","logprobs":[{"logprob":-0.1,"token":"Hello"}],"next_token_id":5}`)
	assert.Zero(t, h.Stats().Redacted)
}
