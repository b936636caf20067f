package main

import (
	"context"
	"fmt"

	"github.com/wfslog/wfslog"
)

// reader finds out what follows from findings.
type reader struct{ agent }

// read explains claims, and ends the turn that ctx carries. Nobody else may be at
// work on the same claims.
func (r *reader) read(ctx context.Context, d *draft, claims []*claim) {
	defer wfslog.End(ctx)
	open := 0
	for _, c := range claims {
		c.explanation = d.topic.explain(d.index, c.finding, c.explained > 0)
		c.explained++
		if c.Open != "" {
			open++
		}
		r.log.DebugContext(ctx, "explained a claim", wfslog.Action("explain"),
			wfslog.Input(c.place.String()+": "+c.What), wfslog.Output(c.Consequence))
	}
	wfslog.Annotate(ctx, wfslog.Output(fmt.Sprintf("%d explained, %d with a question left open", len(claims), open)))
}
