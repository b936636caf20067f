// Package hostiletest has texts that harm a terminal or its reader. Tests log them
// wherever text can be, and look at what comes out.
package hostiletest

// Payload is a text with its name.
type Payload struct{ Name, Text string }

// Payloads are texts of all kinds that must not get to a terminal as they are.
var Payloads = []Payload{
	{"clear screen", "a\x1b[2Jb"},
	{"clipboard", "a\x1b]52;c;ZXZpbA==\ab"},
	{"link", "a\x1b]8;;http://evil.example/\x1b\\b"},
	{"title without end", "a\x1b]0;title"},
	{"carriage return", "a\rFAKE"},
	{"line feed", "a\n06:14:05.123 INFO  forged"},
	{"backspace", "a\b\bb"},
	{"null", "a\x00b"},
	{"C1", "a\u009b2Jb"},
	{"C1 byte", "a\x9b2Jb"},
	{"bidi", "a\u202eb\u2066c"},
	{"tags and zero width", "a\U000e0041\u200b\ufeffb"},
	{"line separators", "a\u2028b\u2029c"},
}
