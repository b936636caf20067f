package auto

import (
	"log"
	"log/slog"
	"os"
)

// ChildEnv says which child process a test binary is.
const ChildEnv = "WFSLOG_AUTO_TEST_CHILD"

// Early is the default logger of before: variables are initialised before init runs.
var Early = func() *slog.Logger {
	if os.Getenv(ChildEnv) == "log" {
		log.SetFlags(log.Lshortfile)
		log.SetPrefix("prefix: ")
		log.Print("before")
	}
	return slog.Default()
}()
