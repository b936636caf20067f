package eventtest

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/wfslog/wfslog/internal/event"
)

// Journal writes the journal of one run of agents to w: iterations of 5 interactions,
// in each a log record and 6 actions, of which the answer has the given number of
// bytes of text. It returns the number of spans.
func Journal(w io.Writer, iterations, text int) (spans int, err error) {
	const interactions, actions = 5, 6
	s := NewStream("9f86d081884c7d65")
	run := event.RunID{1, 0x93, 5: 1, 6: 0x70, 8: 0x80, 15: 7}
	now := time.Date(2026, time.November, 22, 6, 14, 5, 123456789, time.UTC)
	sentence := `Explain what \"this\" does, step by step,\nand name the file that it is in. `
	input := strings.Repeat(sentence, max(text/len(sentence), 1))
	add := func(ev event.Event) {
		now = now.Add(1234567 * time.Nanosecond)
		ev.Time, ev.Run = now, run
		if err != nil {
			return
		}
		line := s.Add(ev)
		s.Lines = s.Lines[:0]
		_, err = w.Write(line)
	}
	span := func(path string, kind event.Kind, name, agent string, inside func()) {
		spans++
		add(event.Event{Type: event.TypeStart, Span: path, Kind: kind, Name: name, Agent: agent})
		inside()
		delete(s.spans, spanKey{run, path}) // nothing comes late
	}
	end := func(path, attrs string) {
		add(event.Event{
			Type: event.TypeEnd, Span: path, Dur: 812345678, Status: event.StatusOK, Attrs: []byte(attrs),
		})
	}
	span("", event.KindWorkflow, "research", "", func() {
		for i := range iterations {
			iteration := event.ChildPath("", uint32(i+1))
			span(iteration, event.KindIteration, "", "", func() {
				for j := range interactions {
					turn := event.ChildPath(iteration, uint32(j+1))
					agent := fmt.Sprintf("agent%d", j+1)
					span(turn, event.KindInteraction, "", agent, func() {
						add(event.Event{
							Type: event.TypeLog, Span: turn, Level: slog.LevelInfo, Logger: "workflow." + agent, Msg: "asked the model",
							Attrs: []byte(`{"model":"m1-large","in":1200,"out":85,"took":812000000,"status":"ok","request":{"id":"r-81f3","attempt":2,"cached":false}}`),
						})
						for k := range actions {
							call := event.ChildPath(turn, uint32(k+1))
							span(call, event.KindAction, "llm_call", "", func() {
								end(call, `{"model":"m1-large","input":"`+input+`","output":"It reads \"a.go\".","usage":{"input_tokens":1200,"output_tokens":85},"cost_usd":0.0125,"finish_reason":"stop"}`)
							})
						}
						end(turn, "")
					})
				}
				end(iteration, "")
			})
		}
		end("", "")
	})
	return spans, err
}

// Lines returns the lines of a journal, without their newlines.
func Lines(journal []byte) [][]byte {
	return bytes.Split(bytes.TrimSuffix(journal, []byte("\n")), []byte("\n"))
}
