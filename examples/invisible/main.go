// Invisible is a program that has nothing of wfslog but an import: its agents log
// with log/slog, and what they did is recorded, however the program ends.
package main

import (
	"log"
	"log/slog"
	"os"
	"strings"

	_ "github.com/wfslog/wfslog/auto"
)

func main() {
	log.SetPrefix("invisible: ")
	log.Print("two agents are at work")
	question := strings.Join(os.Args[1:], " ")
	answer := longestWord(question)
	if !check(question, answer) {
		log.Print("there is no answer")
		os.Exit(3)
	}
	os.Exit(0)
}

// longestWord is what the first agent does.
func longestWord(question string) (answer string) {
	logger := slog.Default().WithGroup("workflow.agent1")
	for word := range strings.FieldsSeq(question) {
		logger.Debug("read a word", "word", word)
		if len(word) > len(answer) {
			answer = word
		}
	}
	logger.Info("answered", "action", "longest_word", "input", question, "output", answer)
	return answer
}

// check is what the second agent does.
func check(question, answer string) bool {
	logger := slog.Default().WithGroup("workflow").WithGroup("agent2").With("question", question)
	if answer == "" {
		logger.Error("cannot check", "action", "check", "input", answer, "error", "the answer is empty")
		return false
	}
	found := strings.Contains(question, answer)
	logger.Info("checked", "action", "check", "input", answer, "output", found)
	return found
}
