package wfslog_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog"
	"github.com/wfslog/wfslog/internal/event"
)

func TestPlaceThatIsTooLongIsLeftOutAndCounted(t *testing.T) {
	const own, vendor = "wfslog=01935d2f8a007c118e5f102030405060:", "vendor=1"
	for size, fits := range map[int]bool{255: true, 256: true, 257: false} {
		h, s := newSink(t, wfslog.Options{})
		path := pathOf(size - len(own) - len("/1~12345678:1"))
		ctx := from(h, textMap{
			"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": own + path + ":1," + vendor,
		})
		ctx = wfslog.StartAction(ctx, "a")
		span := spanOf(t, ctx)
		sent := injected(ctx)
		assert.Equal(t, "00-"+span.TraceID()+"-"+span.SpanID().String()+"-01", sent["traceparent"])
		if fits {
			assert.Equal(t, own+span.Path+":1,"+vendor, sent["tracestate"])
			assert.Len(t, sent["tracestate"], size+1+len(vendor))
			assert.Zero(t, h.Stats().NotInjected)
			assert.Len(t, s.events(t), 3)
			continue
		}
		assert.Equal(t, vendor, sent["tracestate"])
		assert.EqualValues(t, 1, h.Stats().NotInjected)
		assert.Len(t, s.events(t), 2, "no place was taken")
		assert.Contains(t, wfslog.Marshal(ctx), ";"+vendor)
		assert.EqualValues(t, 2, h.Stats().NotInjected)
	}
}

// pathOf returns a path with the given length.
func pathOf(length int) (path string) {
	for length-len(path) > 10 {
		path += "100000000/"
	}
	return path + "1" + strings.Repeat("0", length-len(path)-1)
}

func TestMalformedTraceContextsAreIgnored(t *testing.T) {
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	const run = "01935d2f8a007c118e5f102030405060"
	state := "wfslog=" + run + ":1/2:3"
	for _, tt := range []struct {
		parent string
		ok     bool
	}{
		{"00-" + trace + "-" + parent + "-01", true},
		{"00-" + trace + "-" + parent + "-00", true},
		{"00-" + trace + "-" + parent + "-ff", true},
		{"01-" + trace + "-" + parent + "-01", true},
		{"cc-" + trace + "-" + parent + "-01-what-the-future-will-be-like", true},
		{"fe-" + trace + "-" + parent + "-01-", true},
		{"", false},
		{"00", false},
		{"ff-" + trace + "-" + parent + "-01", false},
		{"0-" + trace + "-" + parent + "-01", false},
		{"000-" + trace + "-" + parent + "-01", false},
		{"0x-" + trace + "-" + parent + "-01", false},
		{"00-" + trace + "-" + parent + "-01-", false},
		{"00-" + trace + "-" + parent + "-01-more", false},
		{"cc-" + trace + "-" + parent + "-01.what", false},
		{"00-" + trace + "-" + parent, false},
		{"00-" + trace + "-" + parent + "-1", false},
		{"00-" + trace + "-" + parent + "-0x", false},
		{"00-" + strings.ToUpper(trace) + "-" + parent + "-01", false},
		{"00-" + trace + "-" + strings.ToUpper(parent) + "-01", false},
		{"00-" + trace + "-" + parent + "-0A", false},
		{"00-" + strings.Repeat("0", 32) + "-" + parent + "-01", false},
		{"00-" + trace + "-" + strings.Repeat("0", 16) + "-01", false},
		{"00-" + trace[1:] + "-" + parent + "0-01", false},
		{"00_" + trace + "-" + parent + "-01", false},
		{"00-" + trace + "_" + parent + "-01", false},
		{"00-" + trace + "-" + parent + "_01", false},
		{" 00-" + trace + "-" + parent + "-01", false},
		{"00-" + trace + "-" + parent + "-01,00-" + trace + "-" + parent + "-01", false},
	} {
		ctx := wfslog.Extract(context.Background(), textMap{"traceparent": tt.parent, "tracestate": state})
		_, ok := wfslog.SpanFromContext(ctx)
		assert.Equal(t, tt.ok, ok, "traceparent %q", tt.parent)
	}

	vendors := func(n int) string {
		members := make([]string, n)
		for i := range members {
			members[i] = fmt.Sprintf("v%d=1", i)
		}
		return strings.Join(members, ",")
	}
	deepest := strings.Repeat("1/", event.MaxDepth-2) + "1"
	for _, tt := range []struct {
		state string
		path  string // "-" if there is none
	}{
		{state, "1/2"},
		{"wfslog=" + run + "::1", ""},
		{"wfslog=" + run + ":1~k3x9q7aa.2/7:4294967295", "1~k3x9q7aa.2/7"},
		{"wfslog=" + run + ":" + deepest + ":1", deepest},
		{"a=1," + state, "1/2"},
		{" a=1 ,\t" + state + " ,,", "1/2"},
		{"0a-b_c*d/e@f=!~," + state, "1/2"},
		{state + "," + vendors(31), "1/2"},
		{strings.Repeat("k", 256) + "=" + strings.Repeat("v", 256) + "," + state, "1/2"},
		{"", "-"},
		{"wfslog", "-"},
		{"wfslog=", "-"},
		{"wfslog=" + run, "-"},
		{"wfslog=" + run + ":1/2", "-"},
		{"wfslog=" + run + ":1/2:", "-"},
		{"wfslog=" + run + ":1/2:0", "-"},
		{"wfslog=" + run + ":1/2:01", "-"},
		{"wfslog=" + run + ":1/2:-1", "-"},
		{"wfslog=" + run + ":1/2:4294967296", "-"},
		{"wfslog=" + run + ":1/2:3:4", "-"},
		{"wfslog=" + run + ":1//2:3", "-"},
		{"wfslog=" + run + ":0:3", "-"},
		{"wfslog=" + run + ":1/@agent:3", "-"},
		{"wfslog=" + run + ":1~short:3", "-"},
		{"wfslog=" + run + ":" + deepest + "/1:1", "-"},
		{"wfslog=" + run[1:] + ":1/2:3", "-"},
		{"wfslog=" + strings.ToUpper(run) + ":1/2:3", "-"},
		{"wfslog=" + strings.Repeat("0", 32) + ":1/2:3", "-"},
		{"WFSLOG=" + run + ":1/2:3", "-"},
		{"wfslog=" + run + ":" + pathOf(300) + ":1", "-"},
		{state + "," + state, "-"},
		{"a=1,a=2," + state, "-"},
		{"A=1," + state, "-"},
		{"_a=1," + state, "-"},
		{"a=b=c," + state, "-"},
		{"a=\x7f," + state, "-"},
		{"a=é," + state, "-"},
		{"=1," + state, "-"},
		{"a=," + state, "-"},
		{"a," + state, "-"},
		{state + "," + vendors(32), "-"},
		{strings.Repeat("k", 257) + "=1," + state, "-"},
		{"k=" + strings.Repeat("v", 257) + "," + state, "-"},
		{state + strings.Repeat(",", 1<<20), "-"},
	} {
		ctx := wfslog.Extract(context.Background(), textMap{"traceparent": "00-" + trace + "-" + parent + "-01", "tracestate": tt.state})
		span, ok := wfslog.SpanFromContext(ctx)
		want := wfslog.Span{}
		if tt.path != "-" {
			want.Path = tt.path
			require.NoError(t, want.Run.UnmarshalText([]byte(run)))
			assert.Equal(t, trace, span.TraceID())
		}
		assert.Equal(t, tt.path != "-", ok, "tracestate %.200q", tt.state)
		assert.Equal(t, want.Path, span.Path)
		assert.Equal(t, want.Run, span.Run)
	}
}

// There is room for 32 members with 512 characters together; the longest go first,
// and then the last ones.
func TestMembersOfOthersArePassedOnAsFarAsThereIsRoom(t *testing.T) {
	long := func(key string, size int) string { return key + "=" + strings.Repeat("v", size-len(key)-1) }
	var many, few []string
	for i := range 32 {
		many = append(many, fmt.Sprintf("v%d=1", i))
	}
	for i := range 4 {
		few = append(few, long(fmt.Sprint("v", i), 120))
	}
	for _, tt := range []struct{ given, passed, below []string }{
		{many, many, many[:31]},
		{
			[]string{long("a", 128), long("b", 129), long("c", 200), long("d", 52)},
			[]string{long("a", 128), long("b", 129), long("c", 200), long("d", 52)},
			[]string{long("a", 128), long("b", 129), long("d", 52)},
		},
		{
			[]string{long("a", 128), long("b", 129), long("c", 200), long("d", 53)},
			[]string{long("a", 128), long("b", 129), long("d", 53)},
			[]string{long("a", 128), long("b", 129), long("d", 53)},
		},
		{slices.Concat([]string{long("a", 250)}, few), few, few[:3]},
		{slices.Concat(few, []string{long("e", 100)}), few, few[:3]},
		{slices.Concat([]string{long("a", 128)}, few), slices.Concat([]string{long("a", 128)}, few[:3]), slices.Concat([]string{long("a", 128)}, few[:2])},
	} {
		carrier := textMap{
			"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": strings.Join(tt.given, ","),
		}
		h, _ := newSink(t, wfslog.Options{})
		ctx := from(h, carrier)
		assert.Equal(t, strings.Join(tt.passed, ","), injected(ctx)["tracestate"])
		root := wfslog.StartWorkflow(ctx, "w")
		for ordinal := 1; ordinal <= 2; ordinal++ { // the first leaves the second what there is
			own := fmt.Sprintf("wfslog=%s::%d,", spanOf(t, root).Run, ordinal)
			assert.Equal(t, own+strings.Join(tt.below, ","), injected(root)["tracestate"])
		}
	}
}

// FuzzExtract checks that whatever comes is extracted without a panic, and that what
// is passed on of it is valid and says the same.
func FuzzExtract(f *testing.F) {
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	const own = "wfslog=01935d2f8a007c118e5f102030405060:"
	for _, state := range []string{
		"", own + "1/2:3", own + ":1", own + "1~k3x9q7aa.2:4294967295", "a=1," + own + "1:1,b@c=2", own + "1:0", ",,", "=",
		own + strings.Repeat("1/", 63) + "1:1", strings.Repeat("a=1,", 40), "a=" + strings.Repeat("v", 300),
	} {
		f.Add(parent, state)
	}
	f.Add("cc"+parent[2:]+"-more", own+"1:1")
	f.Add("ff"+parent[2:], own+"1:1")
	f.Fuzz(func(t *testing.T, parent, state string) {
		h, s := newSink(t, wfslog.Options{})
		ctx := from(h, textMap{"traceparent": parent, "tracestate": state})
		span, ok := wfslog.SpanFromContext(ctx)
		passed := injected(ctx)
		if len(passed) == 0 {
			require.False(t, ok)
			return
		}
		require.Regexp(t, "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$", passed["traceparent"])
		require.LessOrEqual(t, len(passed["tracestate"]), 512)
		require.Equal(t, passed, injected(from(h, passed)), "passed on once more")
		again, okAgain := wfslog.SpanFromContext(from(h, passed))
		require.Equal(t, ok, okAgain)
		require.Equal(t, span.Run, again.Run)
		require.Equal(t, span.Path, again.Path)
		require.Equal(t, span.TraceID(), again.TraceID())
		if !ok {
			return
		}
		child := spanOf(t, wfslog.StartAction(ctx, "child"))
		require.True(t, event.ValidPath(child.Path), child.Path)
		require.Equal(t, span.Path, event.ParentPath(child.Path))
		for _, ev := range s.events(t) {
			require.Contains(t, []event.Type{event.TypeOpen, event.TypeStart}, ev.Type)
		}
	})
}
