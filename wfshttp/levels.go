// Package wfshttp serves over HTTP what wfslog knows. It is apart from package
// wfslog because net/http is large.
package wfshttp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/wfslog/wfslog"
)

// maxLevelsBody bounds the body of a request in bytes: a name and a level are short.
const maxLevelsBody = 4 << 10

// Levels returns a handler that shows and changes lv while the program runs:
//
//	GET /debug/levels
//	GET /debug/levels?logger=workflow.agent1.tools
//	PUT /debug/levels  {"logger":"workflow.agent1","level":"debug"}
//	PUT /debug/levels  {"logger":"workflow.agent1","level":null}
//
// All of them are answered with
//
//	{"configured":{"workflow.agent1":"DEBUG"},"effective":{"":"INFO","workflow.agent1":"DEBUG"}}
//
// where configured has the levels that were set, and effective those that decide:
// for loggers without a name and all that nothing else is set for, "", for the
// configured names, and for each name in a parameter logger. PUT sets the level of
// one logger and of those below it, the logger "" standing for all, or removes it.
// A level is what [wfslog.ParseLevel] reads, a name what [wfslog.ParseLoggerName]
// reads, so that "agent1" is "workflow.agent1".
//
// A name or a body that is wrong, or of more than 4 KiB, is answered with the status 400
// and the reason, and any method but GET, HEAD and PUT with 405: nothing has changed
// then. The handler is safe for concurrent use, also while loggers use lv. It does
// not ask who is calling: mount it where only those can come who may. Levels panics
// if lv is nil.
func Levels(lv *wfslog.Levels) http.Handler {
	if lv == nil {
		panic("wfshttp: Levels needs the *wfslog.Levels that a wfslog.Handler uses; it is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		loggers, err := parseNames(r.URL.Query()["logger"])
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		switch r.Method {
		case http.MethodGet, http.MethodHead:
		case http.MethodPut:
			logger, err := change(lv, http.MaxBytesReader(w, r.Body, maxLevelsBody))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			loggers = append(loggers, logger)
		default:
			w.Header().Set("Allow", "GET, HEAD, PUT")
			http.Error(w, "want GET or PUT", http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		_ = json.NewEncoder(w).Encode(replyOf(lv, loggers)) // the client has gone
	})
}

// parseNames returns the whole names that names stand for.
func parseNames(names []string) (whole []string, err error) {
	for _, name := range names {
		if name, err = wfslog.ParseLoggerName(name); err != nil {
			return nil, err
		}
		whole = append(whole, name)
	}
	return whole, nil
}

// levelsReply is what the handler of [Levels] answers: levels by logger name.
type levelsReply struct {
	Configured map[string]string `json:"configured"`
	Effective  map[string]string `json:"effective"`
}

func replyOf(lv *wfslog.Levels, loggers []string) levelsReply {
	reply := levelsReply{
		Configured: map[string]string{},
		Effective:  map[string]string{"": wfslog.LevelName(lv.Effective(""))},
	}
	for name, level := range lv.Configured() {
		reply.Configured[name] = wfslog.LevelName(level)
		reply.Effective[name] = reply.Configured[name]
	}
	for _, name := range loggers {
		reply.Effective[name] = wfslog.LevelName(lv.Effective(name))
	}
	return reply
}

// levelChange is the body of a PUT.
type levelChange struct {
	Logger *string         `json:"logger"`
	Level  json.RawMessage `json:"level"`
}

// change sets or removes the level that body says, and returns the logger's name.
func change(lv *wfslog.Levels, body io.Reader) (logger string, err error) {
	text, err := io.ReadAll(body)
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return "", fmt.Errorf("the body has more than %d bytes", tooLarge.Limit)
	} else if err != nil {
		return "", fmt.Errorf("read the body: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var c levelChange
	const want = `want {"logger":"workflow.agent1","level":"debug"}`
	err = d.Decode(&c)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "", fmt.Errorf(want+": %s is in the wrong place", wrong.Value)
	} else if err != nil {
		return "", fmt.Errorf(want+": %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return "", errors.New("something stands behind the JSON object")
	}
	switch {
	case c.Logger == nil:
		return "", errors.New(`"logger" is missing; "" stands for all loggers`)
	case len(c.Level) == 0:
		return "", errors.New(`"level" is missing; null removes the level of the logger`)
	}
	if logger, err = wfslog.ParseLoggerName(*c.Logger); err != nil {
		return "", err
	}
	if string(c.Level) == "null" {
		lv.Unset(logger)
		return logger, nil
	}
	var name string
	if err := json.Unmarshal(c.Level, &name); err != nil {
		return "", fmt.Errorf("level %s is neither a string nor null", c.Level)
	}
	level, err := wfslog.ParseLevel(name)
	if err != nil {
		return "", err
	}
	lv.Set(logger, level)
	return logger, nil
}
