package wfslog

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/wfslog/wfslog/internal/encode"
	"github.com/wfslog/wfslog/internal/event"
	"github.com/wfslog/wfslog/internal/jsonscan"
)

// The attributes that become fields of a node, if they have the expected type.
const (
	fieldInput = iota
	fieldOutput
	fieldModel
	fieldProvider
	fieldTool
	fieldFinishReason
	fieldStatus
	fieldError
	fieldUsage
	fieldCost
	fieldCount
)

var fieldKeys = [fieldCount]string{
	fieldInput: KeyInput, fieldOutput: KeyOutput, fieldModel: KeyModel, fieldProvider: KeyProvider, fieldTool: KeyTool,
	fieldFinishReason: KeyFinishReason, fieldStatus: KeyStatus, fieldError: KeyError, fieldUsage: KeyUsage, fieldCost: KeyCost,
}

// fieldIndex finds fields by their keys as they are written, in quotes.
var fieldIndex = func() map[string]int {
	index := make(map[string]int, fieldCount)
	for i, key := range fieldKeys {
		index[strconv.Quote(key)] = i
	}
	return index
}()

// nodeFields collects the attributes of a node from its events. Of two with the
// same key, the later wins and takes the place of the earlier.
type nodeFields struct {
	fixed    [fieldCount]json.RawMessage
	metadata []metadataMember
	index    map[string]int // in metadata
	unclean  bool           // some are not as documents have them
	// saidStatus is set by lift if the attributes set the status.
	saidStatus bool
}

type metadataMember struct {
	key   string
	value json.RawMessage
}

// add adds the members of attrs, a JSON object or nil. Those of a group
// "metadata" are not taken for fields. For a record, the attribute "action" has
// done its service.
func (f *nodeFields) add(attrs foldAttrs, record bool) {
	if len(attrs.json) == 0 {
		return
	}
	f.unclean = f.unclean || !attrs.clean
	for rawKey, value := range jsonscan.Members(attrs.json) {
		if i, ok := fieldIndex[string(rawKey)]; ok { // in the usual form: no need to copy it
			f.fixed[i] = value
			continue
		}
		key, _ := jsonscan.String(rawKey)
		if i := slices.Index(fieldKeys[:], key); i >= 0 {
			f.fixed[i] = value
			continue
		}
		switch {
		case key == KeyMetadata && value[0] == '{':
			for rawKey, value := range jsonscan.Members(value) {
				key, _ := jsonscan.String(rawKey)
				f.set(key, value)
			}
		case key == KeyAction && record:
		default:
			f.set(key, value)
		}
	}
}

func (f *nodeFields) set(key string, value json.RawMessage) {
	if i, ok := f.index[key]; ok {
		f.metadata[i].value = value
		return
	}
	if f.index == nil {
		f.index = map[string]int{}
	}
	f.index[key] = len(f.metadata)
	f.metadata = append(f.metadata, metadataMember{key, value})
}

// lift sets the fields of n, a span or an action, of which Status and Error may
// be set. What does not fit a field goes to the metadata, unless that has a
// member of the same key.
func (f *nodeFields) lift(n *Node) {
	for i, value := range f.fixed {
		if value == nil || f.liftOne(n, i, value) {
			continue
		}
		if _, ok := f.index[fieldKeys[i]]; !ok {
			f.set(fieldKeys[i], value)
		}
	}
	n.Metadata = f.object()
}

func (f *nodeFields) liftOne(n *Node, field int, value json.RawMessage) bool {
	switch field {
	case fieldInput:
		n.Input = cleanValue(value, !f.unclean)
		return true
	case fieldOutput:
		n.Output = cleanValue(value, !f.unclean)
		return true
	case fieldModel:
		return liftString(&n.Model, value)
	case fieldProvider:
		return liftString(&n.Provider, value)
	case fieldTool:
		return liftString(&n.Tool, value)
	case fieldFinishReason:
		return liftString(&n.FinishReason, value)
	case fieldStatus:
		var status string
		if !liftString(&status, value) || status == event.StatusOpen || status == event.StatusInterrupted {
			return false
		}
		if n.Status != "" && n.Status != event.StatusOK {
			return status == n.Status
		}
		n.Status = status
		f.saidStatus = true
		return true
	case fieldError:
		var text string
		if !liftString(&text, value) || (n.Error != "" && n.Error != text) {
			return false
		}
		n.Error = text
		return true
	}
	return false // usage and cost are fields of actions only: see liftAction
}

func liftString(to *string, value json.RawMessage) bool {
	text, ok := jsonscan.String(value)
	if !ok || text == "" {
		return false
	}
	*to = text
	return true
}

// liftAction is lift for an action. It returns what the action reports of usage
// and cost.
func (f *nodeFields) liftAction(n *Node) (u usageSum) {
	if value := f.fixed[fieldUsage]; value != nil && u.parseUsage(value) {
		n.Usage = u.totals()
		f.fixed[fieldUsage] = nil
	}
	if value := f.fixed[fieldCost]; value != nil && value[0] >= '0' && value[0] <= '9' {
		n.CostUSD = json.Number(value)
		u.cost, u.hasCost = scaleDecimal(value, 9)
		f.fixed[fieldCost] = nil
	}
	if u.known != 0 || n.CostUSD != "" {
		u.calls = 1
	}
	f.lift(n)
	return u
}

// object returns the metadata as a JSON object, nil if there is none.
func (f *nodeFields) object() json.RawMessage {
	if len(f.metadata) == 0 {
		return nil
	}
	size := 2
	for _, m := range f.metadata {
		size += len(m.key) + len(m.value) + len(`"":,`)
	}
	buf := make([]byte, 0, size)
	for i, m := range f.metadata {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		buf = append(buf, sep)
		buf = encode.AppendText(buf, m.key)
		buf = append(buf, ':')
		if f.unclean {
			buf = encode.AppendClean(buf, m.value)
		} else {
			buf = append(buf, m.value...)
		}
	}
	return append(buf, '}')
}

// stringMember returns the text of a member of attrs, a JSON object or nil. It is
// not ok unless there is such a member and it is a string.
func stringMember(attrs json.RawMessage, name string) (text string, ok bool) {
	if !mayHave(attrs, name) {
		return "", false
	}
	for rawKey, value := range jsonscan.Members(attrs) {
		if isKey(rawKey, name) {
			text, ok = jsonscan.String(value)
		}
	}
	return text, ok
}

// mayHave reports whether attrs might have a member with the given name, of letters. Most
// records are no actions and no errors: a document takes a twentieth less time if their
// members are not looked at.
func mayHave(attrs json.RawMessage, name string) bool {
	return bytes.Contains(attrs, []byte(name)) || bytes.Contains(attrs, []byte(`\u`)) // which may stand for a letter
}

// isKey reports whether a key in quotes is name.
func isKey(quoted []byte, name string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == name
	}
	key, _ := jsonscan.String(quoted)
	return key == name
}
