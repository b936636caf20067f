package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// replayed is what the program did.
type replayed struct {
	code           int
	stdout, stderr string
	dir            string
}

// output is a writer for several goroutines: a handler that cannot write warns of it
// from a goroutine of its own, which may be late.
type output struct {
	mu   sync.Mutex // protects text
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// runWith runs the program with its logs in a new directory.
func runWith(t *testing.T, ctx context.Context, args ...string) replayed {
	t.Helper()
	before := slog.Default()
	defer slog.SetDefault(before)
	dir := filepath.Join(t.TempDir(), "logs [1") // no pattern for file names
	var stdout, stderr output
	code := run(ctx, append([]string{"-dir", dir}, args...), &stdout, &stderr)
	return replayed{code, stdout.String(), stderr.String(), dir}
}

// documents returns the texts of the documents that the program names, in the order
// in which it does.
func (r replayed) documents(t *testing.T) [][]byte {
	t.Helper()
	var docs [][]byte
	for line := range strings.Lines(r.stdout) {
		if strings.HasPrefix(line, " ") {
			continue // the summary
		}
		text, err := os.ReadFile(strings.TrimSuffix(line, "\n"))
		require.NoError(t, err, "output:\n%s", r.stdout)
		docs = append(docs, text)
	}
	return docs
}

func parseDocument(t *testing.T, text []byte) *wfslog.Document {
	t.Helper()
	doc := new(wfslog.Document)
	require.NoError(t, json.Unmarshal(text, doc))
	return doc
}

// said is a message: of a transcript, or of a document.
type said struct {
	Index   int
	Agent   string
	Text    string
	Mistake bool
}

// source is a transcript as the tests read it: apart from the program.
type source struct {
	messages     []said
	iterations   int
	interactions int
	question     string
}

var note = regexp.MustCompile(` \(.*\)$`)

// readSource reads a transcript, and counts by the pattern of its messages what the
// program has to find.
func readSource(t *testing.T, path string) source {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var file struct {
		Question string
		Step     any `json:"mistake_step"`
		History  []struct{ Name, Role, Content string }
	}
	require.NoError(t, json.Unmarshal(text, &file), path)
	s := source{question: file.Question}
	var pattern, letters strings.Builder // a letter for each message; of a team and of a chat
	names := map[string]rune{}
	for i, m := range file.History {
		agent := cmp.Or(m.Name, note.ReplaceAllString(m.Role, ""))
		s.messages = append(s.messages, said{
			Index: i, Agent: agentName(agent), Text: m.Content, Mistake: fmt.Sprint(file.Step) == strconv.Itoa(i),
		})
		switch {
		case m.Role == "human":
			pattern.WriteByte('h')
		case strings.Contains(m.Role, "->"):
			pattern.WriteByte('>')
		case strings.Contains(m.Role, "termination"):
			pattern.WriteByte('x')
		case strings.HasSuffix(m.Role, "(thought)") && strings.HasPrefix(m.Content, "Updated Ledger:"):
			pattern.WriteByte('l')
		case strings.HasSuffix(m.Role, "(thought)"):
			pattern.WriteByte('t')
		default:
			pattern.WriteByte('a')
		}
		if names[agent] == 0 {
			names[agent] = 'A' + rune(len(names))
		}
		letters.WriteRune(names[agent])
	}
	if file.History[0].Name != "" {
		var turns []rune
		for _, r := range letters.String() {
			if len(turns) == 0 || turns[len(turns)-1] != r {
				turns = append(turns, r)
			}
		}
		s.interactions, s.iterations = len(turns), strings.Count(string(turns), "A")
		return s
	}
	s.iterations = max(1, strings.Count(pattern.String(), "l"))
	// The first ledger is a thought like others: it begins no iteration.
	turns := regexp.MustCompile(`h+|>t*a?|l[tx]*|[tx]+|a+`)
	s.interactions = len(turns.FindAllString(strings.Replace(pattern.String(), "l", "t", 1), -1))
	return s
}

// messagesOf returns the messages of a document in the order of the tree.
func messagesOf(t *testing.T, doc *wfslog.Document) (messages []said, interactions int) {
	t.Helper()
	add := func(n *wfslog.Node, attrs, text json.RawMessage) {
		var a struct {
			Index   int
			Mistake bool
		}
		require.NoError(t, json.Unmarshal(attrs, &a), "attributes %s", attrs)
		s := said{Index: a.Index, Agent: strings.TrimPrefix(n.Logger, "workflow."), Mistake: a.Mistake}
		require.NoError(t, json.Unmarshal(text, &s.Text), "message %d of %s is no string: %.100s", a.Index, doc.Workflow, text)
		messages = append(messages, s)
	}
	assert.Empty(t, doc.Interactions, "all turns are in iterations")
	assert.Empty(t, doc.Actions, "all messages are in turns")
	for _, iteration := range doc.Iterations {
		assert.Empty(t, iteration.Actions, "all messages are in turns")
		for _, turn := range iteration.Interactions {
			interactions++
			require.LessOrEqual(t, len(turn.Logs), 1, "only an instruction is a log record")
			for _, instruction := range turn.Logs {
				add(instruction, instruction.Attrs, turn.Input)
			}
			if len(turn.Logs) == 0 {
				assert.Empty(t, turn.Input, "only instructions are inputs of turns")
			}
			assert.Empty(t, turn.Output, "messages are in actions")
			for _, action := range turn.Actions {
				require.NotEqual(t, action.Input == nil, action.Output == nil, "a message is an input or an output")
				text := action.Output
				if text == nil {
					text = action.Input
				}
				add(action, action.Metadata, text)
			}
		}
	}
	return messages, interactions
}

// firstDifference says where messages differ, in few words: they may be long.
func firstDifference(want, got []said) string {
	for i := range min(len(want), len(got)) {
		w, g := want[i], got[i]
		if w == g {
			continue
		}
		at := 0
		for at < min(len(w.Text), len(g.Text)) && w.Text[at] == g.Text[at] {
			at++
		}
		if w.Text == g.Text {
			w.Text, g.Text = "", ""
		} else {
			w.Text, g.Text = fmt.Sprintf("%d bytes, then %.40q", at, w.Text[at:]), fmt.Sprintf("%d bytes, then %.40q", at, g.Text[at:])
		}
		return fmt.Sprintf("message %d: want %+v, got %+v", i, w, g)
	}
	if len(want) != len(got) {
		return fmt.Sprintf("want %d messages, got %d", len(want), len(got))
	}
	return ""
}

// requireFaithful checks that the documents hold the transcripts: every message
// once, in order, byte for byte, in as many iterations and interactions as expected,
// and that the journals alone make the same documents.
func requireFaithful(t *testing.T, r replayed, files []string) {
	t.Helper()
	built := fold(t, r.dir)
	docs := r.documents(t)
	require.Len(t, docs, len(files))
	total, totalIterations, totalInteractions := 0, 0, 0
	for i, path := range files {
		want, doc := readSource(t, path), parseDocument(t, docs[i])
		got, interactions := messagesOf(t, doc)
		require.Empty(t, firstDifference(want.messages, got), "%s", path)
		assert.Len(t, doc.Iterations, want.iterations, "iterations of %s", path)
		assert.Equal(t, want.interactions, interactions, "interactions of %s", path)
		var question string
		require.NoError(t, json.Unmarshal(doc.Input, &question))
		assert.Equal(t, want.question, question, "question of %s", path)
		assert.Equal(t, "ok", doc.Status, "status of %s", path)
		assert.True(t, doc.Complete, "%s: %+v", path, doc.Integrity)
		assert.True(t, bytes.Equal(built[doc.Run], docs[i]), "%s: the journal makes another document", path)
		total += len(got)
		totalIterations += len(doc.Iterations)
		totalInteractions += interactions
	}
	assert.Len(t, built, len(files), "runs in the journals")
	assert.Equal(t, total, strings.Count(r.stderr, "\n"), "the operational log has a line for each message")
	t.Logf("%d transcripts, %d messages, %d iterations, %d interactions", len(files), total, totalIterations, totalInteractions)
}

// fold makes documents of journals.
func fold(t *testing.T, dir string) map[wfslog.RunID][]byte {
	t.Helper()
	journals, err := fs.Glob(os.DirFS(dir), "journal/*.jsonl")
	require.NoError(t, err)
	require.NotEmpty(t, journals)
	b := wfslog.NewTreeBuilder(nil)
	for _, path := range journals {
		f, err := os.Open(filepath.Join(dir, path))
		require.NoError(t, err)
		_, err = b.ReadFrom(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	require.Empty(t, b.Problems())
	docs := map[wfslog.RunID][]byte{}
	for _, run := range b.Runs() {
		var text bytes.Buffer
		require.NoError(t, b.WriteDocument(&text, run))
		docs[run] = text.Bytes()
	}
	return docs
}

// TestRecordedRunsAreInTheirDocuments replays the runs of Who&When. They are not part
// of this repository: the test looks for them beside it.
func TestRecordedRunsAreInTheirDocuments(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "data", "who-and-when")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	require.NoError(t, err)
	if len(files) == 0 {
		// Not skipped: who clones the repository alone misses nothing that can be had.
		t.Logf("nothing to replay: there are no recorded runs in %s", dir)
		return
	}
	r := runWith(t, t.Context(), files...)
	require.Equal(t, exitOK, r.code)
	requireFaithful(t, r, files)
}

func TestTranscriptsOfBothForms(t *testing.T) {
	for _, name := range []string{"team", "chat"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("testdata", name+".json")
			r := runWith(t, t.Context(), path)
			require.Equal(t, exitOK, r.code, "stderr: %s", r.stderr)
			requireFaithful(t, r, []string{path})

			got := timeless(t, r.documents(t)[0])
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// timeless returns a document without what is different each time.
func timeless(t *testing.T, text []byte) string {
	t.Helper()
	doc := parseDocument(t, text)
	doc.Run, doc.Integrity.Streams = wfslog.RunID{}, nil
	forgetTimes(&doc.Node)
	for _, e := range doc.Errors {
		e.Time = time.Time{}
	}
	indented, err := json.MarshalIndent(doc, "", "  ")
	require.NoError(t, err)
	return string(indented) + "\n"
}

func forgetTimes(n *wfslog.Node) {
	n.Time, n.StartedAt, n.EndedAt, n.DurationMS = time.Time{}, time.Time{}, time.Time{}, ""
	for _, kids := range [][]*wfslog.Node{n.Iterations, n.Interactions, n.Actions, n.Logs} {
		for _, kid := range kids {
			forgetTimes(kid)
		}
	}
}

func TestSummaryNamesWhatTheTranscriptHolds(t *testing.T) {
	files := []string{filepath.Join("testdata", "team.json"), filepath.Join("testdata", "chat.json")}
	r := runWith(t, t.Context(), files...)
	require.Equal(t, exitOK, r.code, "stderr: %s", r.stderr)
	lines := strings.Split(r.stdout, "\n")
	require.Len(t, lines, 5)
	assert.Equal(t, "    testdata/team: 5 iterations, 20 messages, 5 agents: human, Orchestrator, Browser, Timetable_Reader, ComputerTerminal", lines[1])
	assert.Equal(t, "    testdata/chat: 3 iterations, 8 messages, 3 agents: Timber_Expert, Computer_terminal, Dr_Plank_checks", lines[3])
	requireFaithful(t, r, files)
}

func TestBadTranscripts(t *testing.T) {
	message := func(members string) string {
		return `{"history": [{"content": "a", "role": "human"}, {` + members + `}]}`
	}
	tests := map[string]struct{ text, want string }{
		"empty":            {"", "the file is empty; leave it out, or record it again"},
		"blank":            {"\n\t\n", "the file is empty; leave it out, or record it again"},
		"not JSON":         {"{\n\"history\": [\nhello", "line 3 is not JSON: invalid character 'h' looking for beginning of value; want " + wanted},
		"torn":             {`{"history": [{"role": "human", "cont`, "line 1 is not JSON: unexpected end of JSON input; want " + wanted},
		"two values":       {"{\"history\": []}\n{}", "line 2 is not JSON: invalid character '{' after top-level value; want " + wanted},
		"not UTF-8":        {"{\"question\":\n\"\xff\"}", "line 2 is not UTF-8, from byte 15 of the file on; convert the file"},
		"a list":           {"[]", "the file is a JSON array; want " + wanted},
		"a number":         {"12", "the file is a JSON number; want " + wanted},
		"null":             {"null", "history is missing; want " + wanted},
		"other JSON":       {`{"name": "x", "version": 2}`, "history is missing; want " + wanted},
		"other history":    {`{"history": "long"}`, "history is no list; want " + wanted},
		"empty history":    {`{"history": []}`, "history is empty; want " + wanted},
		"other question":   {`{"history": [], "question": 1}`, "question is a JSON number; want a string"},
		"no object":        {`{"history": ["a"]}`, "history[0] is a JSON string; want an object with role and content"},
		"no content":       {message(`"role": "Browser"`), "history[1].content is missing; want a string"},
		"null as content":  {message(`"role": "Browser", "content": null`), "history[1].content is no string; want one"},
		"parts as content": {message(`"role": "Browser", "content": [{"text": "a"}]`), "history[1].content is no string; want one"},
		"half a character": {message(`"role": "Browser", "content": "\\ud83d \ufffd � \ud83d"`), `history[1].content has half of a surrogate pair, such as \ud83d alone; write the whole pair`},
		"no role":          {message(`"content": "b"`), `history[1].role is ""; want "agent", "agent (thought)", "agent (-> other agent)" or "agent (termination condition)"`},
		"unknown role":     {message(`"content": "b", "role": "Orchestrator (dreams)"`), `history[1].role is "Orchestrator (dreams)"; want "agent", "agent (thought)", "agent (-> other agent)" or "agent (termination condition)"`},
		"role of nobody":   {message(`"content": "b", "role": "Orchestrator (-> )"`), `history[1].role is "Orchestrator (-> )"; want "agent", "agent (thought)", "agent (-> other agent)" or "agent (termination condition)"`},
		"number as role":   {message(`"content": "b", "role": 7`), `history[1].role is a JSON number; want a string`},
		"both forms":       {message(`"content": "b", "role": "user", "name": "B"`), `history[1] differs from history[0]: either all messages have a name, or none`},
		"role in a chat":   {`{"history": [{"content": "a", "role": "robot", "name": "B"}]}`, `history[0].role is "robot"; messages with a name have the role user or assistant`},
		"empty name":       {`{"history": [{"content": "a", "role": "user", "name": " "}]}`, `history[0].name is " "; want one with letters or digits`},
		"role of dots":     {message(`"content": "b", "role": "Orchestrator (-> ..)"`), `history[1].role is "Orchestrator (-> ..)"; want names with letters or digits`},
	}
	dir := t.TempDir()
	good := filepath.Join("testdata", "team.json")
	names := slices.Sorted(maps.Keys(tests))
	var files []string
	var want strings.Builder
	for _, name := range names {
		path := filepath.Join(dir, name+".json")
		require.NoError(t, os.WriteFile(path, []byte(tests[name].text), 0o600))
		files = append(files, path)
		fmt.Fprintf(&want, "replay: %s: %s\n", path, tests[name].want)
	}
	files = append(files, dir, filepath.Join(dir, "absent.json"), good)
	fmt.Fprintf(&want, "replay: %s: is a directory; give the files in it: %s\n", dir, filepath.Join(dir, "*.json"))
	fmt.Fprintf(&want, "replay: open %s: no such file or directory\n", filepath.Join(dir, "absent.json"))

	r := runWith(t, t.Context(), files...)
	assert.Equal(t, exitFailed, r.code)
	at := strings.Index(r.stderr, "replay:")
	require.GreaterOrEqual(t, at, 0)
	assert.Equal(t, want.String(), r.stderr[at:])
	r.stderr = r.stderr[:at]
	requireFaithful(t, r, []string{good})
}

func TestWrongUsage(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "replay: no files given\n"},
		{[]string{"-fast", "a.json"}, exitUsage, "flag provided but not defined: -fast"},
		{[]string{"-h"}, exitOK, "Usage: replay [-dir logs] file..."},
	} {
		r := runWith(t, t.Context(), tt.args...)
		assert.Equal(t, tt.code, r.code, "%q", tt.args)
		assert.Contains(t, r.stderr, tt.want, "%q", tt.args)
		assert.Empty(t, r.stdout, "%q", tt.args)
		assert.NoDirExists(t, r.dir, "%q", tt.args)
	}
}

func TestInterruptedRunsSaySo(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	r := runWith(t, ctx, filepath.Join("testdata", "team.json"))
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stderr, "replay: testdata/team.json: interrupted\n")
	docs := r.documents(t)
	require.Len(t, docs, 1)
	doc := parseDocument(t, docs[0])
	assert.Equal(t, "error", doc.Status)
	assert.Equal(t, "interrupted", doc.Error)
	assert.True(t, doc.Complete, "all spans have ended: %+v", doc.Integrity)
}

func TestLogsThatCannotBeWritten(t *testing.T) {
	notDir := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(notDir, nil, 0o600))
	r := runWith(t, t.Context(), "-dir", notDir, filepath.Join("testdata", "team.json"))
	assert.Equal(t, exitFailed, r.code)
	assert.Contains(t, r.stderr, "events could not be written to "+notDir+": ")
	assert.Contains(t, r.stderr, "not a directory")
	assert.Empty(t, r.stdout)
}

func TestAgentNamesAreLoggerNames(t *testing.T) {
	for name, want := range map[string]string{
		"WebSurfer":          "WebSurfer",
		" Web Surfer ":       "Web_Surfer",
		"v1.2":               "v1_2",
		"..":                 "",
		"workflow":           "workflow",
		"workflow.a":         "workflow_a",
		"Expert (checks), 2": "Expert_checks_2",
		"Code__Expert_":      "Code__Expert_",
		"数据-Expert_é":        "数据-Expert_é",
		"a\x1b[31m\n":        "a_31m",
		"":                   "",
	} {
		assert.Equal(t, want, agentName(name), "%q", name)
	}
}
