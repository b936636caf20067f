package wfshttp_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/wfshttp"
)

func ExampleLevels() {
	levels := &wfslog.Levels{}
	slog.SetDefault(slog.New(wfslog.NewHandler(&wfslog.Options{Level: levels})))
	mux := http.NewServeMux()
	mux.Handle("/debug/levels", wfshttp.Levels(levels)) // where only those can come who may

	// curl -X PUT localhost:8080/debug/levels -d '{"logger":"workflow.agent1","level":"debug"}'
	body := strings.NewReader(`{"logger":"workflow.agent1","level":"debug"}`)
	reply := httptest.NewRecorder()
	mux.ServeHTTP(reply, httptest.NewRequest(http.MethodPut, "/debug/levels", body))
	fmt.Print(reply.Body)
	fmt.Println(levels.Effective("workflow.agent1.tools"))
	// Output:
	// {"configured":{"workflow.agent1":"DEBUG"},"effective":{"":"INFO","workflow.agent1":"DEBUG"}}
	// DEBUG
}
