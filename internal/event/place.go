package event

import (
	"encoding/hex"
	"strconv"
)

// Place is the address of a span as its events have it: ,"run":"…","span":"…".
// To make it once for each span, together with the path in it, makes a small record
// a twentieth cheaper.
type Place string

const (
	placeRun  = `,"run":"`
	placeSpan = `","span":"`
	// placePath is where the path begins.
	placePath = len(placeRun) + 2*len(RunID{}) + len(placeSpan)
)

// NewPlace returns the place of the span of run at path.
func NewPlace(run RunID, path string) Place {
	b := make([]byte, 0, placePath+len(path)+1)
	b = append(b, placeRun...)
	b = hex.AppendEncode(b, run[:])
	b = append(b, placeSpan...)
	b = append(b, path...)
	return Place(append(b, '"'))
}

// Child returns the place of the child with the given ordinal.
func (p Place) Child(ordinal uint32) Place {
	b := make([]byte, 0, 128) // on the stack, for most paths
	b = append(b, p[:len(p)-1]...)
	if len(b) > placePath {
		b = append(b, '/')
	}
	b = strconv.AppendUint(b, uint64(ordinal), 10)
	return Place(append(b, '"'))
}

// Path returns the path of the span.
func (p Place) Path() string { return string(p[placePath : len(p)-1]) }
