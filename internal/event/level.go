package event

import (
	"log/slog"
	"strconv"
)

// Levels beside slog's four.
const (
	LevelTrace    slog.Level = -8
	LevelCritical slog.Level = 12
)

// LevelName returns the name of one of the six levels, and for any other level
// what slog says, "INFO+1" for example.
func LevelName(l slog.Level) string {
	switch l {
	case LevelTrace:
		return "TRACE"
	case LevelCritical:
		return "CRITICAL"
	}
	return l.String()
}

// AppendLevel appends l as a JSON string for one of the six levels, and as a
// number for any other.
func AppendLevel(buf []byte, l slog.Level) []byte {
	if !hasName(l) {
		return strconv.AppendInt(buf, int64(l), 10)
	}
	buf = append(buf, '"')
	buf = append(buf, LevelName(l)...)
	return append(buf, '"')
}

// hasName reports whether l is one of the six levels.
func hasName(l slog.Level) bool {
	switch l {
	case LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, LevelCritical:
		return true
	}
	return false
}

// parseLevelName returns the level with one of the six names.
func parseLevelName(name string) (slog.Level, bool) {
	switch name {
	case "TRACE":
		return LevelTrace, true
	case "DEBUG":
		return slog.LevelDebug, true
	case "INFO":
		return slog.LevelInfo, true
	case "WARN":
		return slog.LevelWarn, true
	case "ERROR":
		return slog.LevelError, true
	case "CRITICAL":
		return LevelCritical, true
	}
	return 0, false
}
