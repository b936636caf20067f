// Package process tells one process from another, on one machine and from one boot
// to the next, as far as the kernel does.
package process

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/wfslog/wfslog/internal/event"
)

// Describe returns what a stream's first line says of this process.
func Describe() event.Open {
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return event.Open{
		Host: host, PID: os.Getpid(), Boot: BootID(), ProcStart: started(), Program: Name(), Go: runtime.Version(),
	}
}

// Name returns the base name of the running program.
func Name() string {
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

// BootID returns the id that the kernel gave itself at start, "" where there is
// none to be had.
func BootID() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// started returns when the kernel started this process, in its own units since boot,
// "" where it cannot be had.
func started() string {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return ""
	}
	// The second field, the program's name, may hold spaces and parentheses.
	const startTime = 22 - 3 // the fields are counted from 1; 3 is the first behind the name
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= startTime {
		return ""
	}
	return fields[startTime]
}
