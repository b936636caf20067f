package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTopicForQuestion(t *testing.T) {
	tests := []struct {
		question string
		isGo     bool
		want     topic
	}{
		{"where are errors ignored, and what would break?", true, ignoredErrors{}},
		{"Which errors does it swallow?", true, ignoredErrors{}},
		{"where are goroutines started, and who stops them?", true, goroutines{}},
		{"where is NewHandler used?", true, symbol{name: "NewHandler"}},
		{"who calls `close`?", true, symbol{name: "close"}},
		{"where is os.File opened?", true, symbol{qualifier: "os", name: "File"}},
		{"Where are the limits?", true, text{words: []string{"limits"}}},
		{"where are errors ignored?", false, text{words: []string{"errors", "ignored"}}},
		{"", true, text{}},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, topicFor(tt.question, tt.isGo), "topic of %q", tt.question)
	}
}
