package auto

import (
	"log"
	"os"
)

// ChildEnv says which child process a test binary is.
const ChildEnv = "WFSLOG_AUTO_TEST_CHILD"

// Variables are initialised before init runs.
var _ = func() bool {
	if os.Getenv(ChildEnv) == "log" {
		log.SetFlags(log.Lshortfile)
		log.SetPrefix("prefix: ")
		log.Print("before")
	}
	return true
}()
