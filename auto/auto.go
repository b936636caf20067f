// Package auto makes wfslog the program's default logger, without a line of code:
//
//	import _ "github.com/wfslog/wfslog/auto"
//
// From then on [slog.Default] is a logger with a [wfslog.Handler], and what package
// [log] prints flows through it as well. The environment configures it:
//
//	WFSLOG_DIR       directory of journals and documents, else logs
//	WFSLOG_LEVEL     levels of the operational log as wfslog.ParseLevels reads them, else info
//	WFSLOG_OUTPUT    stdout or stderr: where the operational log goes, else stderr
//	WFSLOG_WORKFLOW  name of the default run, else the program's
//	WFSLOG_CONTENT   full, hash or none: what is kept of inputs and outputs, else full
//	WFSLOG_HASH_KEY  key of the hashes, else random
//	WFSLOG           off: nothing is recorded; the operational log goes on. Else on
//
// What is wrong in it is said once, as a warning in the operational log, and the
// default is taken; but no inputs and outputs are kept if WFSLOG_CONTENT is none of
// the three, and nothing is recorded if WFSLOG is neither on nor off.
//
// # What is recorded
//
// The records of loggers that are named as an agent,
//
//	slog.Default().WithGroup("workflow.agent1")
//
// and all below a context that carries a span. Everything else goes to the
// operational log only. Nothing is created on disk before something is recorded.
//
// Nothing has to be closed: after [os.Exit], a panic or kill -9 the journal holds
// every record whose call had returned, and the command wfslog shows the tree that
// they make. The document of the run is a file besides, and is written when an
// iteration ends. A program that starts none leaves the journal only, from which
// "wfslog build" makes the document.
//
// # The operational log
//
// It goes to standard error, or to standard output if WFSLOG_OUTPUT says so: as lines
// for people if that is a terminal, else as JSON, an object on each line, with levels as
// [wfslog.LevelName] says them, as package jsonlog writes it. Container runtimes collect
// standard error as they do standard output, and standard output is left to the program,
// whose data it may be; but some collectors take all of standard error for errors.
//
// A reader that has gone or does not read neither ends the program nor holds it up.
// When a write has not returned for a second, the program goes on, and up to 1 MiB of
// further records, on a terminal 64 KiB, wait for it. What does not fit is counted, and
// a record says so when there is a reader again. A record of level Error or above waits
// another second, once while the write hangs, until it is shown. What still waits when
// the program ends is not shown any more: nothing, if the reader was never away for a
// second. The journal does not depend on it.
//
// # Package log
//
// What [log.Print] and its like print has the level that [slog.SetLogLoggerLevel]
// sets, by default Info, and is dropped where WFSLOG_LEVEL says so, that of
// [log.Fatal] included. The prefix of [log.SetPrefix] stays in front of the text.
// The flags are set to 0, since records have a time: a program that sets flags
// later has the time in the text as well. Loggers of [log.New], and a program that
// calls [log.SetOutput], write where they are told to, as before.
//
// # Loggers in package variables
//
// A package that has a logger in a variable,
//
//	var log = slog.Default().WithGroup("workflow.agent1")
//
// must import auto as well. Otherwise Go may initialise it first, in the order of the
// packages' paths, and the logger is that of before: it prints through package log,
// arrives as text, and is not recorded. The first time this happens, a warning says so.
//
// A program that sets a default logger of its own later replaces this one, and with it
// what is recorded.
package auto

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/handlers/console"
	"github.com/wfslog/wfslog/handlers/jsonlog"
	"github.com/wfslog/wfslog/internal/termtext"
)

// handler is the default logger's.
var handler *wfslog.Handler

func init() {
	f, err := outputFile()
	next := operationalLog(f)
	if err != nil {
		// There is nowhere else to say that it could not be said.
		_ = next.Handle(context.Background(), slog.NewRecord(time.Now(), slog.LevelWarn, err.Error(), 0))
	}
	handler = wfslog.NewHandler(&wfslog.Options{Next: next})
	slog.SetDefault(slog.New(watch{handler, new(atomic.Bool)}))
	printed := log.Writer()
	slog.SetDefault(slog.New(handler))
	log.SetOutput(printed) // what package log prints is watched, and nothing else
}

// Levels returns the levels of the operational log, at first those of $WFSLOG_LEVEL, to
// show or change them while the program runs:
//
//	http.Handle("/debug/levels", wfshttp.Levels(auto.Levels()))
//
// What is recorded does not depend on them.
func Levels() *wfslog.Levels { return handler.Levels() }

// outputFile returns the file that $WFSLOG_OUTPUT names.
func outputFile() (*os.File, error) {
	text := os.Getenv("WFSLOG_OUTPUT")
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "stderr":
		return os.Stderr, nil
	case "stdout":
		return os.Stdout, nil
	}
	return os.Stderr, fmt.Errorf("wfslog: $WFSLOG_OUTPUT is %q: want stdout or stderr; using stderr", text)
}

// operationalLog returns a handler that writes to f for whoever reads there.
func operationalLog(f *os.File) slog.Handler {
	const everything = wfslog.LevelTrace - 1<<16 // wfslog's handler has decided
	if termtext.IsTerminal(f) {
		return console.New(f, &console.Options{Level: everything})
	}
	return jsonlog.New(f, &jsonlog.Options{Level: everything})
}
