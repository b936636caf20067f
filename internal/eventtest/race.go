//go:build race

package eventtest

// Race reports whether the race detector is on, which makes programs ten times
// slower.
const Race = true
