package wfslog

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/wfslog/wfslog/internal/jsonscan"
)

// The buckets of usage, in the order of documents.
const (
	bucketInput = iota
	bucketOutput
	bucketCacheRead
	bucketCacheWrite
	bucketReasoning
	bucketCount
)

var bucketKeys = [bucketCount]string{
	bucketInput: keyInputTokens, bucketOutput: keyOutputTokens, bucketCacheRead: keyCacheReadTokens,
	bucketCacheWrite: keyCacheWriteTokens, bucketReasoning: keyReasoningTokens,
}

// usageSum is a sum of usage. Sums that would overflow stay at the largest
// number, so that their order does not matter.
type usageSum struct {
	calls   uint64
	tokens  [bucketCount]uint64
	known   uint8  // a bit for each bucket
	cost    uint64 // in 1e-9 USD
	hasCost bool
}

func saturatingAdd(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

func (u *usageSum) add(o *usageSum) {
	u.calls = saturatingAdd(u.calls, o.calls)
	for i, n := range o.tokens {
		u.tokens[i] = saturatingAdd(u.tokens[i], n)
	}
	u.known |= o.known
	u.cost = saturatingAdd(u.cost, o.cost)
	u.hasCost = u.hasCost || o.hasCost
}

// parseUsage sets the buckets from the attribute usage. It is not ok, and sets
// none, unless that is an object of known buckets with non-negative integers.
func (u *usageSum) parseUsage(value json.RawMessage) bool {
	if value[0] != '{' {
		return false
	}
	parsed := *u
	for rawKey, value := range jsonscan.Members(value) {
		bucket := -1
		for i, name := range bucketKeys {
			if isKey(rawKey, name) {
				bucket = i
			}
		}
		if bucket < 0 || parsed.known&(1<<bucket) != 0 {
			return false
		}
		n, err := strconv.ParseUint(string(value), 10, 64)
		if err != nil {
			return false
		}
		parsed.tokens[bucket] = n
		parsed.known |= 1 << bucket
	}
	if parsed.known == 0 {
		return false
	}
	*u = parsed
	return true
}

// totals returns u as documents have it, nil if nothing is known.
func (u *usageSum) totals() *UsageTotals {
	if u.calls == 0 && u.known == 0 && !u.hasCost {
		return nil
	}
	t := &UsageTotals{Calls: u.calls}
	tokens := u.tokens // one copy for all of them
	for i, to := range t.buckets() {
		if u.known&(1<<i) != 0 {
			*to = &tokens[i]
		}
	}
	if u.hasCost {
		t.CostUSD = formatNanos(u.cost)
	}
	return t
}

func (t *UsageTotals) buckets() [bucketCount]**uint64 {
	return [bucketCount]**uint64{&t.InputTokens, &t.OutputTokens, &t.CacheReadTokens, &t.CacheWriteTokens, &t.ReasoningTokens}
}

// agentSum is a sum over the interactions of one agent.
type agentSum struct {
	interactions, actions, errors uint64
	usage                         usageSum
}

// foldTotals is what a part of a tree adds to the sums of the whole.
type foldTotals struct {
	agents      map[string]*agentSum
	errors      []*DocumentError // the first
	errorsTotal uint64

	events, missing, late, conflicts uint64

	open    uint64 // spans without an end
	waiting uint64 // starts whose stream has no end for them
}

// agent returns the sums of the agent with the given name, of none for "".
func (t *foldTotals) agent(name string) *agentSum {
	if name == "" {
		return &agentSum{}
	}
	a := t.agents[name]
	if a == nil {
		if t.agents == nil {
			t.agents = map[string]*agentSum{}
		}
		a = &agentSum{}
		t.agents[name] = a
	}
	return a
}

func (t *foldTotals) addError(agent string, e *DocumentError) {
	t.errorsTotal++
	t.agent(agent).errors++
	if len(t.errors) < maxErrors {
		t.errors = append(t.errors, e)
	}
}

// add adds the sums of a part that comes later in the document.
func (t *foldTotals) add(o *foldTotals) {
	for name, from := range o.agents {
		a := t.agent(name)
		a.interactions += from.interactions
		a.actions += from.actions
		a.errors += from.errors
		a.usage.add(&from.usage)
	}
	t.errors = append(t.errors, o.errors[:min(len(o.errors), maxErrors-len(t.errors))]...)
	t.errorsTotal += o.errorsTotal
	t.events += o.events
	t.missing = saturatingAdd(t.missing, o.missing)
	t.late += o.late
	t.conflicts += o.conflicts
	t.open += o.open
	t.waiting += o.waiting
}
