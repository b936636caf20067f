package wfslog

import (
	"fmt"
	"os"
	"strings"
)

// What the environment says of privacy fails closed: with an error, less is recorded,
// not more.

// recordingFromEnv reports whether $WFSLOG lets anything be recorded.
func recordingFromEnv() (bool, error) {
	text := os.Getenv("WFSLOG")
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, fmt.Errorf("wfslog: $WFSLOG is %q: want on or off; nothing is recorded", text)
}

// contentFromEnv returns what $WFSLOG_CONTENT lets be kept of inputs and outputs.
func contentFromEnv() (ContentPolicy, error) {
	text := os.Getenv("WFSLOG_CONTENT")
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "full":
		return ContentFull, nil
	case "hash":
		return ContentHash, nil
	case "none":
		return ContentNone, nil
	}
	return ContentNone, fmt.Errorf("wfslog: $WFSLOG_CONTENT is %q: want full, hash or none; inputs and outputs are not kept", text)
}

// levelsFromEnv returns the levels of $WFSLOG_LEVEL, with an error the default.
func levelsFromEnv() (*Levels, error) {
	levels, err := parseLevels(os.Getenv("WFSLOG_LEVEL"))
	if err != nil {
		return &Levels{}, fmt.Errorf("wfslog: $WFSLOG_LEVEL is ignored: %w", err)
	}
	return levels, nil
}
