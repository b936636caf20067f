package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// errNoRun says that there is nothing to show or to build.
var errNoRun = errors.New("no run in the input: journals have their events")

// input is a reader with a name that ends when its context is done.
type input struct {
	ctx  context.Context
	r    io.Reader
	name string
}

// Name is told with what cannot be read.
func (in input) Name() string { return in.name }

func (in input) Read(p []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	return in.r.Read(p)
}

// damage tells of lines that are no events.
type damage struct {
	app  *app // nil: they were told before
	seen uint64
}

// maxTold is the number of damaged lines that are told one by one.
const maxTold = 20

func (d *damage) add(err error) {
	if d.seen++; d.app != nil && d.seen <= maxTold {
		d.app.tell(err.Error() + ": the line is left out")
	}
}

// end says how many were not told.
func (d *damage) end() {
	if d.app != nil && d.seen > maxTold {
		d.app.tell(fmt.Sprintf("%d more lines are no events and are left out; wfslog verify says where", d.seen-maxTold))
	}
}
