package wfslog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

// All agents have a logger of their own, and one TreeBuilder gets what they log.
// It can be asked at any time.
func ExampleOptions_sink() {
	tree := wfslog.NewTreeBuilder(nil)
	handler := wfslog.NewHandler(&wfslog.Options{Sink: tree, Next: slog.DiscardHandler})
	ctx := wfslog.WithLogger(context.Background(), slog.New(handler))
	ctx = wfslog.StartWorkflow(ctx, "review")

	agents := map[string]*slog.Logger{
		"writer": slog.New(handler).WithGroup("workflow.writer"),
		"critic": slog.New(handler).WithGroup("workflow.critic"),
	}
	agents["writer"].InfoContext(ctx, "wrote a draft", wfslog.Action("write"), wfslog.Tokens(40, 200))

	doc, err := tree.Document(tree.Runs()[0]) // while they work
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Status, len(doc.Agents), "agent,", *doc.Usage.OutputTokens, "tokens")

	agents["critic"].InfoContext(ctx, "read it", wfslog.Action("read"), wfslog.Tokens(200, 15))
	wfslog.End(ctx)
	if err := handler.Close(); err != nil {
		fmt.Println(err)
	}
	doc, err = tree.Document(tree.Runs()[0])
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Status, len(doc.Agents), "agents,", *doc.Usage.OutputTokens, "tokens")
	// Output:
	// open 1 agent, 200 tokens
	// ok 2 agents, 215 tokens
}

// teeSink gives a TreeBuilder what it keeps.
type teeSink struct {
	sink
	tree *wfslog.TreeBuilder
}

func (s *teeSink) Write(p []byte) (int, error) {
	_, _ = s.sink.Write(p) // never fails
	return s.tree.Write(p)
}

func (s *teeSink) Close() error { return s.tree.Close() }

// sums are counts of a document that can only grow while its run goes on.
type sums struct{ events, spans, ended, records, actions, calls, tokens, interactions uint64 }

// atLeast returns which sum is smaller than in before.
func (s sums) atLeast(before sums) error {
	for _, c := range []struct {
		name     string
		was, now uint64
	}{
		{"events", before.events, s.events},
		{"spans", before.spans, s.spans},
		{"ended", before.ended, s.ended},
		{"records", before.records, s.records},
		{"actions", before.actions, s.actions},
		{"calls", before.calls, s.calls},
		{"tokens", before.tokens, s.tokens},
		{"interactions", before.interactions, s.interactions},
	} {
		if c.now < c.was {
			return fmt.Errorf("%s went from %d to %d", c.name, c.was, c.now)
		}
	}
	return nil
}

// sumUp counts what is in doc, and returns what cannot be in a document of events
// that came in their order.
func sumUp(doc *wfslog.Document) (s sums, err error) {
	var errs []error
	fail := func(n *wfslog.Node, what string) { errs = append(errs, fmt.Errorf("span %q: %s", n.Span, what)) }
	var walk func(n *wfslog.Node)
	walk = func(n *wfslog.Node) {
		if n.Seq > 0 {
			s.records++
		} else {
			s.spans++
			switch {
			case n.Missing || n.StartedAt.IsZero():
				fail(n, "the start is missing")
			case n.Status == "ok" && !n.EndedAt.IsZero():
				s.ended++
			case n.Status != "open" || !n.EndedAt.IsZero():
				fail(n, "the status is "+n.Status)
			}
			if n.Late {
				fail(n, "late")
			}
		}
		for _, kids := range [][]*wfslog.Node{n.Iterations, n.Interactions, n.Actions, n.Logs} {
			for _, kid := range kids {
				if n.Status == "ok" && kid.Status == "open" {
					fail(kid, "open in a span that has ended")
				}
				walk(kid)
			}
		}
	}
	walk(&doc.Node)
	if doc.Usage != nil {
		s.calls, s.tokens = doc.Usage.Calls, *doc.Usage.InputTokens
	}
	for _, totals := range doc.Agents {
		s.actions += totals.Actions
		s.interactions += totals.Interactions
	}
	s.events = doc.Integrity.Events
	if want := s.spans + s.ended + s.records; s.events != want {
		errs = append(errs, fmt.Errorf("%d events, but %d starts, %d ends and %d records", s.events, s.spans, s.ended, s.records))
	}
	if i := doc.Integrity; i.Missing+i.Lost+i.Damaged+i.Conflicts+i.Late > 0 {
		errs = append(errs, fmt.Errorf("integrity: %+v", i))
	}
	return s, errors.Join(errs...)
}

func TestDocumentWhileAgentsLogConcurrentSafe(t *testing.T) {
	const agents, turns = 8, 40
	s := &teeSink{tree: wfslog.NewTreeBuilder(nil)}
	h := wfslog.NewHandler(&wfslog.Options{Sink: s, Next: slog.DiscardHandler})
	ctx := background(h)
	span, _ := wfslog.SpanFromContext(ctx)
	run := span.Run

	looked := make(chan struct{}) // closed when somebody has looked at what is half done
	var working sync.WaitGroup
	for i := range agents {
		name := fmt.Sprintf("agent%d", i)
		log := slog.New(h).WithGroup("workflow." + name)
		working.Go(func() {
			for n := range turns {
				turn := wfslog.StartInteraction(ctx, name, wfslog.Input(n))
				log.InfoContext(turn, "thought about it")
				log.InfoContext(turn, "asked the model", wfslog.Action("llm_call"), wfslog.Tokens(10, 1))
				act := wfslog.StartAction(turn, "search")
				if n == turns/2 {
					<-looked
				}
				wfslog.End(act)
				wfslog.End(turn)
			}
		})
	}
	all := make(chan struct{})
	go func() {
		defer close(all)
		working.Wait()
	}()

	var last sums
	look := func() *wfslog.Document {
		doc, err := s.tree.Document(run)
		require.NoError(t, err)
		now, err := sumUp(doc)
		require.NoError(t, err)
		require.NoError(t, now.atLeast(last))
		last = now
		return doc
	}
	documents := 0
	for done := false; !done; documents++ {
		look()
		if documents == 3 {
			close(looked)
		}
		select {
		case <-all:
			done = documents >= 3
		default:
		}
	}
	t.Logf("%d documents of a growing run", documents)

	wfslog.End(ctx)
	require.NoError(t, h.Close())
	doc := look()
	assert.True(t, doc.Complete)
	assert.Equal(t, sums{
		events: 2 + 6*agents*turns, spans: 1 + 2*agents*turns, ended: 1 + 2*agents*turns, records: 2 * agents * turns,
		actions: 2 * agents * turns, calls: agents * turns, tokens: 10 * agents * turns, interactions: agents * turns,
	}, last)

	var text strings.Builder
	_, err := doc.WriteTo(&text)
	require.NoError(t, err)
	lines := bytes.SplitAfter(s.Bytes(), []byte("\n"))
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	fold := wfslog.NewTreeBuilder(nil)
	_, err = fold.ReadFrom(bytes.NewReader(bytes.Join(lines, nil)))
	require.NoError(t, err)
	var folded strings.Builder
	require.NoError(t, fold.WriteDocument(&folded, run))
	assert.Equal(t, folded.String(), text.String(), "the fold of all lines is the expected one")
}
