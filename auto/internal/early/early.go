// Package early has a logger in a variable and does not import auto. Go initialises it
// first: of all packages whose imports are ready, it takes the one with the first path,
// and some of those that auto needs come after this one.
package early

import "log/slog"

// Log is a logger of before auto was initialised.
var Log = slog.Default().WithGroup("workflow.agent1")
