package encode

import (
	"bytes"
	"hash/maphash"
	"strconv"
)

// object is a JSON object that is being written.
type object struct {
	start int // of its "{" in the buffer
	base  int // of its members in Encoder.members
	known int // so many members, from the first, are known to have distinct keys
	cut   int // members left out

	compare bool   // keys may be the same
	seen    uint64 // bits of the keys in [known]
	secret  bool   // values are replaced: it is inside a With group with a telling name
}

// member is a member of an object. It ends before the comma in front of the next.
type member struct {
	key   int // where the key starts in the buffer
	value int // where the value starts
}

// keptBack is the room kept back for each open object or array: what
// [Encoder.close] and [Encoder.cutItems] append at most, except for keptPerMember.
const (
	keptBack      = 64
	keptPerMember = 2
)

// open starts an object. Its members go between open and close: for each of them
// member and then the value.
func (e *Encoder) open() object {
	o := object{start: len(e.Buf), base: len(e.members)}
	e.Buf = append(e.Buf, '{')
	e.end -= keptBack
	return o
}

// member appends the key of o's next member. It is not ok, and counts the member as
// left out, if there is no room.
func (e *Encoder) member(o *object, key string) (ok bool) {
	if e.full() {
		o.cut++
		return false
	}
	if e.Buf[len(e.Buf)-1] != '{' { // no value ends like this
		e.Buf = append(e.Buf, ',')
	}
	e.nodes++
	o.compare = true
	start := len(e.Buf)
	e.Key(key)
	e.Buf = append(e.Buf, ':')
	e.members = append(e.members, member{key: start, value: len(e.Buf)})
	e.end -= keptPerMember
	if e.noRoom() {
		e.dropMember()
		o.cut++
		return false
	}
	return true
}

// dropMember takes the last member back, whatever there is of it.
func (e *Encoder) dropMember() {
	last := len(e.members) - 1
	start := e.members[last].key
	if e.Buf[start-1] == ',' {
		start--
	}
	e.Buf = e.Buf[:start]
	e.members = e.members[:last]
	e.end += keptPerMember
}

// isEmpty reports whether o has neither members nor lost any.
func (e *Encoder) isEmpty(o *object) bool { return len(e.members) == o.base && o.cut == 0 }

// dropObject takes o back, which is empty.
func (e *Encoder) dropObject(o *object) {
	e.Buf = e.Buf[:o.start]
	e.end += keptBack
}

// close ends o. A key that stands more than once keeps its last value, and the
// earlier ones go to a member "!DUP" in their order: {"k":3,"!DUP":{"k":[1,2]}}.
// What was left out is counted in a member "!CUT" as so many of unit.
func (e *Encoder) close(o *object, unit string) {
	members := e.members[o.base:]
	if o.compare && !e.distinct(members, o.known) {
		e.rearrange(o, members)
	}
	if o.cut > 0 {
		e.Hostile = true
		if e.Buf[len(e.Buf)-1] != '{' {
			e.Buf = append(e.Buf, ',')
		}
		e.Buf = append(e.Buf, `"!CUT":{"`...)
		e.Buf = append(e.Buf, unit...)
		e.Buf = append(e.Buf, `":`...)
		e.Buf = strconv.AppendInt(e.Buf, int64(o.cut), 10)
		e.Buf = append(e.Buf, '}')
	}
	e.Buf = append(e.Buf, '}')
	e.end += keptBack + keptPerMember*len(members)
	e.members = e.members[:o.base]
}

// key returns the key of m with its quotation marks. Equal keys are written alike.
func (e *Encoder) key(m member) []byte { return e.Buf[m.key : m.value-1] }

// maxCompared is the number of members for which comparing each with all others
// costs about as much as hashing all keys.
const maxCompared = 8

// distinct reports whether members, of which the first known are, have distinct
// keys.
func (e *Encoder) distinct(members []member, known int) bool {
	if len(members)-known > maxCompared {
		return e.distinctHashes(members)
	}
	for i := max(known, 1); i < len(members); i++ {
		key := e.key(members[i])
		for _, m := range members[:i] {
			if bytes.Equal(e.key(m), key) {
				return false
			}
		}
	}
	return true
}

var hashSeed = maphash.MakeSeed()

// distinctHashes is distinct for many members. It puts them in a hash table: slots
// hold the index of a member plus one, and at least half of them are free.
func (e *Encoder) distinctHashes(members []member) bool {
	size := 64
	for size < 2*len(members) {
		size *= 2
	}
	if cap(e.slots) < size {
		e.slots = make([]int32, size)
	}
	slots := e.slots[:size]
	clear(slots)
	for i, m := range members {
		key := e.key(m)
		slot := int(maphash.Bytes(hashSeed, key)) & (size - 1)
		for slots[slot] != 0 {
			if bytes.Equal(e.key(members[slots[slot]-1]), key) {
				return false
			}
			slot = (slot + 1) & (size - 1)
		}
		slots[slot] = int32(i + 1)
	}
	return true
}

// rearrange moves the values of o that have a later one with the same key to the
// end, as close says.
func (e *Encoder) rearrange(o *object, members []member) {
	places := make(map[string][]int, len(members))
	for i, m := range members {
		key := string(e.key(m))
		places[key] = append(places[key], i)
	}
	end := func(i int) int {
		if i == len(members)-1 {
			return len(e.Buf)
		}
		return members[i+1].key - 1
	}
	b := e.spare[:0]
	for i, m := range members {
		if same := places[string(e.key(m))]; same[len(same)-1] == i {
			b = append(b, e.Buf[m.key:end(i)]...)
			b = append(b, ',')
		}
	}
	b = append(b, `"!DUP":{`...)
	for i, m := range members {
		same := places[string(e.key(m))]
		if len(same) == 1 || same[0] != i {
			continue
		}
		b = append(b, e.Buf[m.key:m.value]...)
		b = append(b, '[')
		for _, j := range same[:len(same)-1] {
			b = append(b, e.Buf[members[j].value:end(j)]...)
			b = append(b, ',')
		}
		b[len(b)-1] = ']'
		b = append(b, ',')
	}
	b[len(b)-1] = '}'
	e.Buf = append(e.Buf[:o.start+1], b...)
	e.spare = b
}
