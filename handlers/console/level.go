package console

import (
	"log/slog"

	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/termtext"
)

// levelWidth is the width of the column of levels.
const levelWidth = len("ERROR")

// nameLevel gives tint our names and colours of levels.
func (l *look) nameLevel(_ []string, a slog.Attr) slog.Attr {
	level, ok := a.Value.Any().(slog.Level)
	if !ok || a.Key != slog.LevelKey {
		return a
	}
	if l.color {
		if a, ok := colored[level]; ok {
			return a
		}
		return levelAttr(level, l.levelName(level))
	}
	return slog.String(slog.LevelKey, l.levelName(level))
}

// levelName returns what the column of levels shows.
func (l *look) levelName(level slog.Level) string {
	if l.block && level == event.LevelCritical {
		return "CRIT " // fits
	}
	return pad(event.LevelName(level))
}

func pad(name string) string {
	for len(name) < levelWidth {
		name += " "
	}
	return name
}

// colored has the ordinary levels, made once.
var colored = func() map[slog.Level]slog.Attr {
	attrs := make(map[slog.Level]slog.Attr)
	for _, level := range []slog.Level{event.LevelTrace, slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		attrs[level] = levelAttr(level, pad(event.LevelName(level)))
	}
	return attrs
}()

// levelAttr returns name in the colour of level.
func levelAttr(level slog.Level, name string) slog.Attr {
	var color string
	switch {
	case level < slog.LevelDebug:
		color = termtext.Faint
	case level < slog.LevelInfo:
		return slog.String(slog.LevelKey, name)
	case level < slog.LevelWarn:
		color = termtext.Green
	case level < slog.LevelError:
		color = termtext.Yellow
	case level < event.LevelCritical:
		color = termtext.Red
	default:
		color = termtext.BoldRed
	}
	return slog.String(slog.LevelKey, color+name+termtext.Reset)
}
