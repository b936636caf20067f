package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// transcript is a recorded run.
type transcript struct {
	path    string
	name    string // of the workflow
	history []*message
	rounds  []*round // of the messages in history

	question    string
	groundTruth string
	mistake     mistake
}

// mistake is what people who read the transcript found to be its decisive mistake.
type mistake struct{ agent, step, reason string }

// message is one of a transcript's history.
type message struct {
	index   int
	agent   string // who said it
	to      string // whom an instruction is for
	kind    string
	text    string
	mistake bool
}

// Kinds of messages: the names of their actions, of an instruction the message that
// is logged.
const (
	kindTask        = "task"
	kindThought     = "thought"
	kindLedger      = "ledger"
	kindInstruction = "instruction"
	kindAnswer      = "answer"
	kindStop        = "stop"
	kindMessage     = "message" // of a group chat
	kindCode        = "run_code"
)

// recorded is the JSON of a transcript.
type recorded struct {
	History       json.RawMessage `json:"history"`
	Question      string          `json:"question"`
	GroundTruth   string          `json:"ground_truth"`
	MistakeAgent  string          `json:"mistake_agent"`
	MistakeStep   any             `json:"mistake_step"` // a number, or a string with one
	MistakeReason string          `json:"mistake_reason"`
}

type recordedMessage struct {
	Name    *string         `json:"name"` // only in group chats
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

const wanted = `an object with a list "history" of messages`

// readTranscript reads the transcript in a file. Its errors begin with the path.
func readTranscript(path string) (*transcript, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
			return nil, fmt.Errorf("%s: is a directory; give the files in it: %s", path, filepath.Join(path, "*.json"))
		}
		return nil, err // it has the path
	}
	t := &transcript{path: path, name: nameOf(path)}
	if err := t.parse(text); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// nameOf returns the name of a transcript: that of its file, after that of its
// directory, as datasets count their files.
func nameOf(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".json")
	if dir := filepath.Base(filepath.Dir(path)); strings.Trim(dir, "./\\") != "" {
		return dir + "/" + name
	}
	return name
}

func (t *transcript) parse(text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New("the file is empty; leave it out, or record it again")
	}
	if at := invalidUTF8(text); at >= 0 {
		return fmt.Errorf("%s is not UTF-8, from byte %d of the file on; convert the file", lineOf(text, at), at+1)
	}
	var r recorded
	if err := json.Unmarshal(text, &r); err != nil {
		return explain(text, err, "", wanted)
	}
	var history []json.RawMessage
	switch err := json.Unmarshal(r.History, &history); {
	case r.History == nil:
		return fmt.Errorf("history is missing; want %s", wanted)
	case err != nil:
		return fmt.Errorf("history is no list; want %s", wanted)
	case len(history) == 0:
		return fmt.Errorf("history is empty; want %s", wanted)
	}
	t.question, t.groundTruth = r.Question, r.GroundTruth
	t.mistake = mistake{agent: r.MistakeAgent, reason: r.MistakeReason}
	if r.MistakeStep != nil {
		t.mistake.step = fmt.Sprint(r.MistakeStep)
	}
	return t.parseHistory(history)
}

func (t *transcript) parseHistory(history []json.RawMessage) error {
	isChat := false
	for i, raw := range history {
		place := fmt.Sprintf("history[%d]", i)
		var m recordedMessage
		if err := json.Unmarshal(raw, &m); err != nil {
			return explain(raw, err, place, "an object with role and content")
		}
		if i == 0 {
			isChat = m.Name != nil
		} else if isChat != (m.Name != nil) {
			return fmt.Errorf("%s differs from history[0]: either all messages have a name, or none", place)
		}
		content, err := exactString(m.Content)
		if err != nil {
			return fmt.Errorf("%s.content %w", place, err)
		}
		parsed := &message{index: i, text: content, mistake: fmt.Sprint(i) == t.mistake.step}
		if isChat {
			err = parsed.setSpeaker(*m.Name, m.Role)
		} else {
			err = parsed.setRole(m.Role)
		}
		if err != nil {
			return fmt.Errorf("%s.%w", place, err)
		}
		t.history = append(t.history, parsed)
	}
	if isChat {
		t.rounds = roundsOfChat(t.history)
	} else {
		t.rounds = roundsOfTeam(t.history)
	}
	return nil
}

// setSpeaker sets who said a message of a group chat.
func (m *message) setSpeaker(name, role string) error {
	if role != "user" && role != "assistant" {
		return fmt.Errorf("role is %q; messages with a name have the role user or assistant", role)
	}
	m.agent, m.kind = agentName(name), kindMessage
	if m.agent == "" {
		return fmt.Errorf("name is %q; want one with letters or digits", name)
	}
	if isTerminal(m.agent) {
		m.kind = kindCode
	}
	return nil
}

// rolePattern is the form of roles: who, and what they do.
var rolePattern = regexp.MustCompile(`^([^()]*[^()\s])(?: \((thought|termination condition|-> ([^()]*[^()\s]))\))?$`)

// setRole sets who said a message of a team with an orchestrator, and what for.
func (m *message) setRole(role string) error {
	parts := rolePattern.FindStringSubmatch(role)
	if parts == nil {
		return fmt.Errorf(`role is %q; want "agent", "agent (thought)", "agent (-> other agent)" or "agent (termination condition)"`, role)
	}
	m.agent, m.to = agentName(parts[1]), agentName(parts[3])
	if m.agent == "" || (m.to == "" && parts[3] != "") {
		return fmt.Errorf("role is %q; want names with letters or digits", role)
	}
	switch {
	case m.to != "":
		m.kind = kindInstruction
	case parts[2] == "thought" && strings.HasPrefix(strings.TrimSpace(m.text), "Updated Ledger"):
		m.kind = kindLedger
	case parts[2] == "thought":
		m.kind = kindThought
	case parts[2] != "":
		m.kind = kindStop
	case m.agent == "human":
		m.kind = kindTask
	case isTerminal(m.agent):
		m.kind = kindCode
	default:
		m.kind = kindAnswer
	}
	return nil
}

// agentName returns the name under which an agent logs, or "" if nothing is left of
// it. Dots would divide it into segments, of which none may be empty, and blanks and
// punctuation are a nuisance in the names that levels are set for: an underscore
// stands for all that is between letters and digits. Agents whose names differ only
// there become one.
func agentName(name string) string {
	parts := strings.FieldsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) && r != '-' && r != '_'
	})
	return strings.Join(parts, "_")
}

// isTerminal reports whether an agent only runs code.
func isTerminal(agent string) bool {
	return strings.EqualFold(strings.ReplaceAll(agent, "_", ""), "computerterminal")
}

// exactString returns the text of a JSON string. It fails if that cannot be had byte
// for byte: [json.Unmarshal] replaces halves of surrogate pairs.
func exactString(raw json.RawMessage) (s string, err error) {
	if raw == nil {
		return "", errors.New("is missing; want a string")
	}
	if raw[0] != '"' {
		return "", errors.New("is no string; want one")
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", err
	}
	const replacement = string(utf8.RuneError)
	escapes := strings.ToLower(strings.ReplaceAll(string(raw), `\\`, ""))
	if strings.Count(s, replacement) > strings.Count(escapes, replacement)+strings.Count(escapes, `\ufffd`) {
		return "", errors.New(`has half of a surrogate pair, such as \ud83d alone; write the whole pair`)
	}
	return s, nil
}

// explain says why text, which is at place in the file, cannot be read as what is
// wanted there.
func explain(text []byte, err error, place, want string) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%s is not JSON: %w; want %s", lineOf(text, int(syntax.Offset)-1), err, want)
	}
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	if wrong.Field != "" {
		place, want = strings.TrimPrefix(place+"."+wrong.Field, "."), "a string"
	}
	return fmt.Errorf("%s is a JSON %s; want %s", cmp.Or(place, "the file"), wrong.Value, want)
}

// lineOf says in which line a byte of text is.
func lineOf(text []byte, at int) string {
	return fmt.Sprintf("line %d", 1+bytes.Count(text[:max(0, min(at, len(text)))], []byte("\n")))
}

// invalidUTF8 returns the index of the first byte of text that is not UTF-8, or -1.
func invalidUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
