// Replay logs recorded runs of LLM agents as if they were happening now: each
// transcript becomes a run with its rounds, turns and messages, and stands in a
// document of its own. All files are replayed at the same time.
//
// Usage:
//
//	replay [-dir logs] file...
//
// A transcript is a JSON object with a list "history" of messages, in one of two
// forms: that of a team with an orchestrator, whose messages have a role such as
// "Orchestrator (-> WebSurfer)", and that of a group chat, whose messages have the
// name of their agent as well. The dataset Who&When has both. Of the object's other
// members, question, ground_truth, mistake_agent, mistake_step and mistake_reason
// are recorded too. A message of more than 1 MiB is cut, as all strings are that
// wfslog records.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/internal/termtext"
)

// maxFiles is how many files are replayed at the same time: it bounds the memory
// for what is read, and is more than there usually are.
const maxFiles = 64

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "Replay logs recorded runs of agents.\n\nUsage: replay [-dir logs] file...\n\n")
		flags.PrintDefaults()
	}
	dir := flags.String("dir", "", "`directory` of the journal and the documents (default $WFSLOG_DIR, else logs)")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() == 0:
		fmt.Fprintln(stderr, "replay: no files given")
		flags.Usage()
		return exitUsage
	}

	handler := wfslog.NewHandler(&wfslog.Options{
		Dir:   *dir,
		Level: messagesOnly(),
		Next:  console.New(stderr, &console.Options{Level: wfslog.LevelTrace}), // Level has decided
		// Who replays a recording wants it as it is, to the byte. What looks like a key
		// in it was somebody else's, long ago, and is in the file anyway.
		KeepSecrets: true,
	})
	slog.SetDefault(slog.New(handler))
	results := replayAll(ctx, flags.Args())
	err := handler.Close()

	code := exitOK
	fail := func(err error) {
		fmt.Fprintln(stderr, "replay:", termtext.String(err.Error()))
		code = exitFailed
	}
	for _, r := range results {
		if r.err != nil {
			fail(r.err)
		}
		if r.transcript == nil {
			continue // nothing was recorded
		}
		path, err := documentOf(handler.Dir(), r.run)
		if err != nil {
			fail(fmt.Errorf("%s: %w", r.transcript.path, err))
			continue
		}
		if _, err := fmt.Fprintf(stdout, "%s\n    %s\n", termtext.String(path), termtext.String(r.transcript.summary())); err != nil {
			fail(err)
		}
	}
	if err != nil {
		fail(err)
	}
	if stats := handler.Stats(); stats.Lost > 0 {
		fail(fmt.Errorf("%d events could not be written to %s: %w", stats.Lost, handler.Dir(), stats.LastError))
	}
	return code
}

// messagesOnly are levels with which the operational log has a line for each
// message. Those are logged by named loggers; the starts and ends of spans, which
// are not, are shown if they failed.
func messagesOnly() *wfslog.Levels {
	levels := new(wfslog.Levels)
	levels.Set("", slog.LevelWarn)
	levels.Set("workflow", slog.LevelInfo)
	return levels
}

// result is what became of a file.
type result struct {
	transcript *transcript // nil if it could not be read
	run        wfslog.RunID
	err        error
}

// replayAll replays files, each in a goroutine. It returns their results in the
// order of the files.
func replayAll(ctx context.Context, files []string) []result {
	results := make([]result, len(files))
	slots := make(chan struct{}, maxFiles)
	var wg sync.WaitGroup
	for i, path := range files {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			results[i] = replayFile(ctx, path)
		})
	}
	wg.Wait()
	return results
}

func replayFile(ctx context.Context, path string) result {
	t, err := readTranscript(path)
	if err != nil {
		return result{err: err}
	}
	run, err := t.replay(ctx)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return result{transcript: t, run: run, err: err}
}

// summary says in a line what the transcript holds.
func (t *transcript) summary() string {
	var agents []string
	seen := map[string]bool{}
	for _, m := range t.history {
		if !seen[m.agent] {
			seen[m.agent] = true
			agents = append(agents, m.agent)
		}
	}
	return fmt.Sprintf("%s: %s, %s, %s: %s", t.name, termtext.Counted(len(t.rounds), "iteration"),
		termtext.Counted(len(t.history), "message"), termtext.Counted(len(agents), "agent"), strings.Join(agents, ", "))
}

// documentOf returns the path of the run's document, whose name ends with the
// last 12 digits of the run.
func documentOf(dir string, run wfslog.RunID) (string, error) {
	id := run.String()
	found, err := fs.Glob(os.DirFS(dir), "*-"+id[len(id)-12:]+".json")
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d documents of run %s in %s", len(found), id, dir)
	}
	return filepath.Join(dir, found[0]), nil
}
