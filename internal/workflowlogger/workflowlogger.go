// Package workflowlogger writes documents in the format of the WorkflowLogger for
// Python that wfslog succeeds:
//
//	metadata{workflow_name, start_time, end_time, model_config, additional_metadata}
//	iterations[]{iteration_number, status, interactions[]}
//	interactions[]{agent_name, input_response, output_response, start_time, end_time, actions[], metadata}
//	actions[]{action_type, input_data, output_data, timestamp, metadata}
//	resources_used[], final_status, error_log[]
//
// No object has other members than these, but for the open ones: metadata,
// additional_metadata, and the entries of error_log. What the format has no place
// for stands there in an object "wfslog", with the names that it has in a
// [wfslog.Node]: status, usage, cost, model, exact times, logs and more. A user's own
// attribute of that name stands in the metadata within it. So nothing is lost; where
// something is elsewhere than a reader of the format would expect, [Write] says so.
//
//   - An iteration has no metadata. The rest of each stands in order in
//     additional_metadata.wfslog.spans, and so do iterations and workflows within
//     others, whose interactions stand in the outermost iteration. An iteration in a
//     nested workflow that is in no other is one of the document; its number goes on
//     from the others'.
//   - What is in no iteration is in iteration 0, which is there only then, and first.
//   - Actions of no agent are in an interaction whose agent_name is empty, one for
//     each span that has such actions.
//   - Interactions and actions within others stand behind those in the same list.
//     Their wfslog.in is the path of the span that they were in.
//   - The status "ok" becomes "completed" and "open" becomes "in_progress", which are
//     that logger's own words. Others stay.
//   - Times are those of Python's isoformat, in UTC and cut to microseconds. That of
//     an action that is a span is its end, because that logger wrote actions when they
//     were done; its start if it has no end. Interactions that consist of records
//     begin with the first and end with the last. What has not ended has no end_time.
//   - Log records are in wfslog.logs of what they belong to.
//   - An entry of error_log has the attributes of its record as members. There are as
//     many as the document lists.
package workflowlogger

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/jsonscan"
)

// log is what a WorkflowLogger saved.
type log struct {
	Metadata      metadata     `json:"metadata"`
	Iterations    []*iteration `json:"iterations"`
	ResourcesUsed []string     `json:"resources_used"`
	FinalStatus   string       `json:"final_status"`
	ErrorLog      []object     `json:"error_log"`
}

type metadata struct {
	WorkflowName       string          `json:"workflow_name"`
	StartTime          isoTime         `json:"start_time"`
	EndTime            isoTime         `json:"end_time"`
	ModelConfig        json.RawMessage `json:"model_config"` // an object; nil: null
	AdditionalMetadata object          `json:"additional_metadata"`
}

type iteration struct {
	IterationNumber int            `json:"iteration_number"`
	Status          string         `json:"status"`
	Interactions    []*interaction `json:"interactions"`
}

type interaction struct {
	AgentName      string          `json:"agent_name"`
	InputResponse  json.RawMessage `json:"input_response"`
	OutputResponse json.RawMessage `json:"output_response"`
	StartTime      isoTime         `json:"start_time"`
	EndTime        isoTime         `json:"end_time"`
	Actions        []*action       `json:"actions"`
	Metadata       object          `json:"metadata"`
}

type action struct {
	ActionType string          `json:"action_type"`
	InputData  json.RawMessage `json:"input_data"`
	OutputData json.RawMessage `json:"output_data"`
	Timestamp  isoTime         `json:"timestamp"`
	Metadata   object          `json:"metadata"`
}

// isoTime is a time as Python's datetime.isoformat writes it; null if it is zero.
type isoTime time.Time

func (t isoTime) MarshalJSON() ([]byte, error) {
	at := time.Time(t).UTC().Truncate(time.Microsecond)
	switch {
	case at.IsZero():
		return []byte("null"), nil
	case at.Nanosecond() == 0:
		return []byte(at.Format(`"2006-01-02T15:04:05+00:00"`)), nil
	}
	return []byte(at.Format(`"2006-01-02T15:04:05.000000+00:00"`)), nil
}

// Write writes a document, indented unless it is deeper than any that wfslog writes.
// Strings in it are escaped so that it may go to a terminal.
// The notes are sentences about what a reader would not look for where it is, or
// would not find; they hold no text of the document.
func Write(w io.Writer, doc *wfslog.Document) (notes []string, err error) {
	out, notes, err := convert(doc)
	if err != nil {
		return nil, err
	}
	var plain, indented bytes.Buffer
	e := json.NewEncoder(&plain)
	e.SetEscapeHTML(false)
	if err := e.Encode(out); err != nil {
		return nil, err
	}
	text := encode.AppendClean(nil, bytes.TrimSpace(plain.Bytes()))
	if _, err := jsonscan.Value(text); err != nil { // too deep: it would be mostly spaces
		indented.Write(text)
	} else if err := json.Indent(&indented, text, "", "    "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	_, err = w.Write(indented.Bytes())
	return notes, err
}
