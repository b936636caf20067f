package redact

// class is a set of ASCII characters.
type class uint16

const (
	hex     class = 1 << iota // 0-9a-f
	capital                   // 0-9A-Z
	alnum                     // 0-9A-Za-z
	word                      // alnum, _ and -: of what a run is made
	base64                    // word, + / and =
	token68                   // base64, . and ~: what comes after Bearer
	name                      // word and .: what a key is made of
	value                     // what the value of a query or of an assignment may have
	pem                       // alnum, +, / and =
)

var classes = func() (table [256]class) {
	add := func(c class, chars string) {
		for i := range len(chars) {
			table[chars[i]] |= c
		}
	}
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	add(hex|capital, digits)
	add(hex, "abcdef")
	add(capital, upper)
	add(alnum|word|base64|token68|name|pem, digits+lower+upper)
	add(word|base64|token68|name, "_-")
	add(base64|token68|pem, "+/=")
	add(token68|name, ".")
	add(token68, "~")
	for c := '!'; c < 0x7f; c++ {
		table[c] |= value
	}
	for c := 0x80; c < len(table); c++ {
		table[c] |= value
	}
	for _, c := range "&#;\"'<>\\`()[]{}|," {
		table[c] &^= value
	}
	return table
}()

func (c class) has(b byte) bool { return classes[b]&c != 0 }

// end returns where the characters of c that begin at s[i] end.
func (c class) end(s string, i int) int {
	for i < len(s) && classes[s[i]]&c != 0 {
		i++
	}
	return i
}

// start returns where the characters of c that end before s[i] start, of which it
// looks at limit at most.
func (c class) start(s string, i, limit int) int {
	for low := max(i-limit, 0); i > low && classes[s[i-1]]&c != 0; {
		i--
	}
	return i
}

func isDigit(b byte) bool { return b >= '0' && b <= '9' }

// traits are what is looked at to tell a random text from words.
type traits struct {
	digit, lower, upper bool
	mixed               bool // a capital behind a small letter
	longest             int  // alphanumeric part
}

func traitsOf(s string) (t traits) {
	part := 0
	for i := range len(s) {
		c := s[i]
		if !alnum.has(c) {
			part = 0
			continue
		}
		part++
		t.longest = max(t.longest, part)
		switch {
		case isDigit(c):
			t.digit = true
		case c >= 'a':
			t.lower = true
		default:
			t.upper = true
			t.mixed = t.mixed || t.lower
		}
	}
	return t
}
