package wfslog

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/wfslog/wfslog/internal/event"
)

// Levels beside slog's four, as far from their neighbours as those are from each
// other.
const (
	LevelTrace    = event.LevelTrace    // -8, below Debug
	LevelCritical = event.LevelCritical // 12, above Error
)

// LevelName returns the name of one of the six levels in capitals, and for any
// other level what slog says, "INFO+1" for example.
func LevelName(l slog.Level) string { return event.LevelName(l) }

// ParseLevel returns the level that text names, in any case: TRACE, DEBUG, INFO,
// WARN (or WARNING), ERROR or CRITICAL, with an offset if need be ("info+1").
func ParseLevel(text string) (slog.Level, error) {
	level, err := parseLevel(text)
	if err != nil {
		return 0, fmt.Errorf("wfslog: level %q: %w", text, err)
	}
	return level, nil
}

func parseLevel(text string) (slog.Level, error) {
	name, offset := strings.ToUpper(strings.TrimSpace(text)), ""
	if i := strings.IndexAny(name, "+-"); i > 0 {
		name, offset = name[:i], name[i:]
	}
	base := slog.LevelInfo
	switch name {
	case "TRACE":
		base = LevelTrace
	case "CRITICAL":
		base = LevelCritical
	case "WARNING":
		base = slog.LevelWarn
	default:
		if err := base.UnmarshalText([]byte(name)); err != nil {
			return 0, errors.New("want trace, debug, info, warn, error or critical")
		}
	}
	var delta slog.Level
	if offset != "" {
		if err := delta.UnmarshalText([]byte("INFO" + offset)); err != nil {
			return 0, errors.New("the offset is not a number")
		}
	}
	return base + delta, nil
}

// Levels are minimum levels by logger name. The level of the most specific
// configured name decides, by whole segments: "workflow.agent1" covers
// "workflow.agent1.tools" and not "workflow.agent10". They can be changed at any
// time, also while loggers use them. The zero Levels admit [slog.LevelInfo] and
// above everywhere.
//
// All methods take names with or without "workflow.", as [ParseLoggerName] does, but
// do not check them: a level for a name that no logger can have, such as one with an
// empty segment, is set in vain.
//
// A *Levels is safe for concurrent use.
type Levels struct {
	mu    sync.Mutex // serialises changes
	table atomic.Pointer[levelTable]
}

// levelTable is never changed once it is in a Levels. Its names are whole.
type levelTable map[string]slog.Level // "" is the level of all other names

var _ slog.Leveler = (*Levels)(nil)

// ParseLevels reads levels from text like
//
//	info,workflow=debug,workflow.agent2=warn
//
// where an entry without a name is the level of all other loggers, and names are
// what [ParseLoggerName] reads. Spaces around names and levels and empty entries are
// ignored; a name that is given twice is an error, also if it is once with and once
// without "workflow.".
func ParseLevels(text string) (*Levels, error) {
	levels, err := parseLevels(text)
	if err != nil {
		return nil, fmt.Errorf("wfslog: levels %q: %w", text, err)
	}
	return levels, nil
}

func parseLevels(text string) (*Levels, error) {
	table := levelTable{}
	for entry := range strings.SplitSeq(text, ",") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		name, level, err := parseEntry(entry)
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", entry, err)
		}
		if _, twice := table[name]; twice {
			return nil, fmt.Errorf("entry %q: the name is given twice", entry)
		}
		table[name] = level
	}
	l := &Levels{}
	l.table.Store(&table)
	return l, nil
}

func parseEntry(entry string) (name string, level slog.Level, err error) {
	levelText := entry
	if i := strings.LastIndexByte(entry, '='); i >= 0 {
		name, levelText = strings.TrimSpace(entry[:i]), entry[i+1:]
		if name == "" {
			return "", 0, errors.New("there is no logger name")
		}
		if name, err = parseLoggerName(name); err != nil {
			return "", 0, err
		}
	}
	level, err = parseLevel(levelText)
	return name, level, err
}

// Set sets the level of name and of the names below it that have none of their
// own. The empty name stands for all loggers.
func (l *Levels) Set(name string, level slog.Level) {
	l.change(func(t levelTable) { t[wholeName(name)] = level })
}

// Unset removes the level of name, so that the next shorter configured name
// decides.
func (l *Levels) Unset(name string) {
	l.change(func(t levelTable) { delete(t, wholeName(name)) })
}

func (l *Levels) change(f func(levelTable)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := levelTable{}
	if t := l.table.Load(); t != nil {
		next = maps.Clone(*t)
	}
	f(next)
	l.table.Store(&next)
}

// Effective returns the level that decides for the logger with the given name.
func (l *Levels) Effective(name string) slog.Level {
	return l.table.Load().effective(wholeName(name))
}

// Configured returns a copy of the levels that were set, by whole name.
func (l *Levels) Configured() map[string]slog.Level {
	if t := l.table.Load(); t != nil {
		return maps.Clone(map[string]slog.Level(*t))
	}
	return map[string]slog.Level{}
}

// Level returns the level of loggers without a name.
func (l *Levels) Level() slog.Level { return l.Effective("") }

func (t *levelTable) effective(name string) slog.Level {
	if t == nil {
		return slog.LevelInfo
	}
	for {
		if level, ok := (*t)[name]; ok {
			return level
		}
		if name == "" {
			return slog.LevelInfo
		}
		name = name[:max(strings.LastIndexByte(name, '.'), 0)]
	}
}

// minimum is the minimum level of one logger, of which it remembers the answer.
type minimum struct {
	leveler slog.Leveler // nil if the level never changes
	levels  *Levels      // leveler, if it decides by name
	name    string
	fixed   slog.Level
	cached  atomic.Pointer[cachedLevel]
}

type cachedLevel struct {
	table *levelTable
	level slog.Level
}

// newMinimum returns the minimum of the logger with the given name.
func newMinimum(leveler slog.Leveler, name string) *minimum {
	switch leveler := leveler.(type) {
	case slog.Level:
		return &minimum{fixed: leveler}
	case *Levels:
		return &minimum{leveler: leveler, levels: leveler, name: name}
	}
	return &minimum{leveler: leveler}
}

// Level returns the minimum level as it is now.
func (m *minimum) Level() slog.Level {
	switch {
	case m.leveler == nil:
		return m.fixed
	case m.levels == nil:
		return m.leveler.Level()
	}
	table := m.levels.table.Load()
	if c := m.cached.Load(); c != nil && c.table == table {
		return c.level
	}
	level := table.effective(m.name)
	m.cached.Store(&cachedLevel{table: table, level: level})
	return level
}
