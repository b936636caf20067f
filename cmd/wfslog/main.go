// Wfslog reads the journals that wfslog's handler writes: it shows the tree of a
// run and builds documents.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"

	"github.com/wfslog/wfslog/cmd/wfslog/cli"
)

// gcPercent is lower than usual: most of the memory is the index of a journal, which the
// collector need not look through, so that it may run more often and leave less behind.
// For a journal of 2 GB it makes 216 MB of 316.
const gcPercent = 20

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
