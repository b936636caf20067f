package event_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/wfslog/wfslog/internal/event"
)

func TestValidPaths(t *testing.T) {
	deepest := strings.TrimSuffix(strings.Repeat("1/", event.MaxDepth), "/")
	valid := []string{
		"", "1", "1/2/3", "4294967295", "1/4~k3x9q7aa", "1/4~k3x9q7aa.2", "4~" + strings.Repeat("a", 64), "1~aaaaaaaa.4294967295/1", deepest,
	}
	for _, path := range valid {
		assert.True(t, event.ValidPath(path), "%q", path)
	}
	invalid := []string{
		"/", "1/", "/1", "1//2", "0", "01", "-1", "+1", "1.5", "4294967296", "99999999999", "a", "1 ", "١",
		"1~", "1~k3x9q7a", "1~K3X9Q7AA", "1~k3x9q7aa.", "1~k3x9q7aa.0", "1~k3x9q7aa.1", "1~k3x9q7aa.02", "1~k3x9q7aa~1",
		"~k3x9q7aa", "1.2", "4~" + strings.Repeat("a", 65), "1/@agent", "..", deepest + "/1",
	}
	for _, path := range invalid {
		assert.False(t, event.ValidPath(path), "%q", path)
	}
}

func TestPartsOfAPath(t *testing.T) {
	assert.Equal(t, "3", event.ChildPath("", 3))
	assert.Equal(t, "1/2/4294967295", event.ChildPath("1/2", 1<<32-1))
	assert.Equal(t, "4~k3x9q7aa", event.RemoteChildPath("", event.Element{Ordinal: 4, Token: "k3x9q7aa", Counter: 1}))
	assert.Equal(t, "1/4~k3x9q7aa.2", event.RemoteChildPath("1", event.Element{Ordinal: 4, Token: "k3x9q7aa", Counter: 2}))
	assert.Equal(t, "1/2", event.ParentPath("1/2/3"))
	assert.Equal(t, "", event.ParentPath("1"))
	assert.Equal(t, 0, event.PathDepth(""))
	assert.Equal(t, 3, event.PathDepth("1/2~k3x9q7aa/3"))
	assert.Equal(t, event.Element{Ordinal: 7}, event.LastElement("1/7"))
	assert.Equal(t, event.Element{Ordinal: 4, Token: "k3x9q7aa", Counter: 1}, event.LastElement("1/4~k3x9q7aa"))
	assert.Equal(t, event.Element{Ordinal: 4, Token: "k3x9q7aa", Counter: 2}, event.LastElement("4~k3x9q7aa.2"))
}

func TestChildrenOfPathsAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := ""
		ordinals := rapid.SliceOfN(rapid.Uint32Min(1), 0, event.MaxDepth).Draw(t, "ordinals")
		for _, ordinal := range ordinals {
			child := event.ChildPath(path, ordinal)
			if event.ParentPath(child) != path || event.LastElement(child).Ordinal != ordinal {
				t.Fatalf("child %q of %q", child, path)
			}
			path = child
		}
		if !event.ValidPath(path) || event.PathDepth(path) != len(ordinals) {
			t.Fatalf("path %q", path)
		}
	})
}
