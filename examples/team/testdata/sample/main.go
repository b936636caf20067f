// Sample keeps notes.
package main

import (
	"fmt"
	"os"

	"example.org/sample/internal/store"
)

func main() {
	s, err := store.Open("notes")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer s.Close()
	s.Add("hello")
	fmt.Println(s.Count())
}
