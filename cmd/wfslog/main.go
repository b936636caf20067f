// Wfslog reads the journals that wfslog's handler writes: it shows the tree of a
// run and builds documents.
package main

import (
	"context"
	"os"
	"os/signal"

	"github.com/wfslog/wfslog/cmd/wfslog/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
