package redact

import "strings"

// maxNameBytes is how much of a name before ":" or "=" is looked at.
const maxNameBytes = 64

// colons looks for what comes after a colon: the password in a URL, and the values
// of telling names in JSON that is in the text, and in headers.
func (f *finder) colons() {
	s := f.s
	for i := 0; i < len(s); i++ {
		next := strings.IndexByte(s[i:], ':')
		if next < 0 {
			return
		}
		i += next
		if strings.HasPrefix(s[i:], "://") {
			f.userInfo(i + len("://"))
			continue
		}
		if i == 0 {
			continue
		}
		switch c := s[i-1]; {
		case c == '"' || c == '\'':
			i = max(i, f.member(i-1, i+1))
		case c == ' ' && i > 1 && s[i-2] == '"':
			i = max(i, f.member(i-2, i+1))
		case alnum.has(c):
			f.header(i)
		}
	}
}

// userInfo looks for user:password@ at the beginning of a URL's authority.
func (f *finder) userInfo(i int) {
	s, colon, at := f.s, -1, -1
	const maxAuthority = 1 << 10
authority:
	for j := i; j < min(i+maxAuthority, len(s)); j++ {
		switch c := s[j]; c {
		case ':':
			if colon < 0 {
				colon = j
			}
		case '@':
			at = j
		case '/', '?', '#', ' ', '\t', '\n', '\r', '"', '\'', '<', '>', '`', '\\':
			break authority
		}
	}
	if colon >= 0 && at > colon+1 {
		f.add(colon+1, at)
	}
}

// member looks at the member of a JSON object in the text whose key ends with the
// quotation mark at s[quote], and whose value is at s[i] or after spaces. It returns
// the end of the value if it has taken it, else 0.
func (f *finder) member(quote, i int) int {
	s := f.s
	q := s[quote : quote+1]
	end := quote
	if end > 0 && s[end-1] == '\\' { // JSON in a string of JSON
		end--
		q = s[end : quote+1]
	}
	if end == 0 || !mayEnd(s[end-1]) {
		return 0
	}
	start := name.start(s, end, maxNameBytes)
	if !strings.HasSuffix(s[:start], q) {
		return 0
	}
	kind := Key(s[start:end])
	if kind == None {
		return 0
	}
	for i < len(s) && (s[i] == ' ' || s[i] == '[') {
		i++
	}
	if strings.HasPrefix(s[i:], q) {
		i += len(q)
		end := quotedEnd(s, i, q)
		if (kind == Always || Token(s[i:end])) && f.add(i, end) {
			return end
		}
		return 0
	}
	if kind == Always && i < len(s) && isDigit(s[i]) {
		end := alnum.end(s, i)
		f.add(i, end)
		return end
	}
	return 0
}

// quotedEnd returns where the text in quotation marks q ends that begins at s[i].
// Text that was cut ends with its line.
func quotedEnd(s string, i int, q string) int {
	for i < len(s) && s[i] != '\n' {
		if s[i] != '\\' {
			if s[i] == q[0] {
				return i
			}
			i++
			continue
		}
		slashes := i
		for i < len(s) && s[i] == '\\' {
			i++
		}
		n := i - slashes
		if len(q) == 2 {
			if n == 1 && i < len(s) && s[i] == q[1] {
				return slashes
			}
			i = min(i+1, len(s))
		} else if n%2 == 1 {
			i = min(i+1, len(s))
		}
	}
	return i
}

// mayEnd reports whether a telling name may end with c.
func mayEnd(c byte) bool {
	switch c | 0x20 {
	case 'n', 'e', 'y', 't', 'd', 'h', 's', 'l':
		return true
	}
	return false
}

// header looks for the value behind the colon at s[colon], if the name before it
// tells, and the value looks like a secret: text for people has colons, too.
func (f *finder) header(colon int) {
	s := f.s
	if !mayEnd(s[colon-1]) {
		return
	}
	start := word.start(s, colon, maxNameBytes)
	key := s[start:colon]
	if Key(key) != Always {
		return
	}
	i := colon + 1
	for i < len(s) && (s[i] == ' ' || s[i] == '\t') {
		i++
	}
	last := key[len(key)-1] | 0x20
	if last == 'e' && len(key) > 5 && strings.EqualFold(key[len(key)-6:], "cookie") {
		const maxCookieName = 256
		end := f.lineEnd(i)
		if strings.IndexByte(s[i:min(i+maxCookieName, end)], '=') > 0 {
			f.add(i, end)
		}
		return
	}
	first := alnum.end(s, i)
	first = word.end(s, first)
	if first < len(s) && s[first] == ' ' && last == 'n' {
		switch scheme := s[i:first]; {
		case strings.EqualFold(scheme, "bearer"), strings.EqualFold(scheme, "basic"):
			f.credentials(first+1, true)
			return
		case strings.EqualFold(scheme, "token"), strings.EqualFold(scheme, "apikey"), strings.EqualFold(scheme, "negotiate"):
			f.credentials(first+1, false)
			return
		case strings.EqualFold(scheme, "digest"), strings.HasPrefix(scheme, "AWS4-"):
			f.add(first+1, f.lineEnd(first+1))
			return
		}
	}
	f.assigned(i)
}

// lineEnd returns where the line ends, or the quoted text in it, that s[i] is in.
func (f *finder) lineEnd(i int) int {
	if i < f.line.from || i >= f.line.to {
		f.line = span{i, len(f.s)}
		if n := strings.IndexAny(f.s[i:], "\n\r\"'\\`"); n >= 0 {
			f.line.to = i + n
		}
	}
	return f.line.to
}

// valueEnd returns where the value ends that s[i] is in.
func (f *finder) valueEnd(i int) int {
	if i < f.value.from || i >= f.value.to {
		f.value = span{i, value.end(f.s, i)}
	}
	return f.value.to
}

// assigned takes the value at s[i], which was assigned to a telling name, if it
// looks like a secret.
func (f *finder) assigned(i int) {
	s := f.s
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		i++
	}
	const minValue, maxLooked = 8, 256
	end := f.valueEnd(i)
	if end-i < minValue || end < len(s) && (s[end] == '(' || s[end] == '[') {
		return
	}
	t := traitsOf(s[i:min(i+maxLooked, end)])
	if t.digit && (t.lower || t.upper) || t.longest >= 32 {
		f.add(i, end)
	}
}

// equals looks for the values of telling parameters in the queries of URLs, and of
// assignments to telling names.
func (f *finder) equals() {
	s := f.s
	for i := 0; i < len(s); i++ {
		next := strings.IndexByte(s[i:], '=')
		if next < 0 {
			return
		}
		i += next
		end, from := i, i+1
		if end > 1 && s[end-1] == ' ' {
			end--
			if from < len(s) && s[from] == ' ' {
				from++
			}
		}
		if end == 0 || !alnum.has(s[end-1]) {
			continue
		}
		start := name.start(s, end, maxNameBytes)
		key := s[start:end]
		isQuery := start > 0 && (s[start-1] == '?' || s[start-1] == '&' || strings.HasSuffix(s[:start], "&amp;"))
		if rest, ok := strings.CutPrefix(key, "u0026"); ok && start > 0 && s[start-1] == '\\' {
			key, isQuery = rest, true
		}
		switch {
		case isQuery && end == i && query(key):
			if to := f.valueEnd(from); to > from && !strings.HasPrefix(s[to:], Mark) {
				f.add(from, to)
			}
		case !isQuery && mayEnd(s[end-1]) && Key(key) == Always:
			f.assigned(from)
		}
	}
}

// schemes looks for Bearer and Basic with what comes behind them.
func (f *finder) schemes() {
	s := f.s
	for i := 0; i < len(s); i++ {
		next := strings.IndexByte(s[i:], 'B')
		if next < 0 {
			return
		}
		i += next
		switch rest := s[i:]; {
		case strings.HasPrefix(rest, "Bearer "):
			f.credentials(i+len("Bearer "), false)
		case strings.HasPrefix(rest, "Basic "):
			f.credentials(i+len("Basic "), false)
		}
	}
}

// behindScheme takes the run at s[start] if the word before it is a scheme of
// authorization, however it is written.
func (f *finder) behindScheme(start int) bool {
	s := f.s
	before := alnum.start(s, start-1, len("bearer")+1)
	switch scheme := s[before : start-1]; {
	case strings.EqualFold(scheme, "bearer"), strings.EqualFold(scheme, "basic"):
		return f.credentials(start, false)
	}
	return false
}

// credentials takes what is at s[i], behind the name of a scheme, if it does not
// look like words. Behind the name of a header less is enough.
func (f *finder) credentials(i int, header bool) bool {
	s := f.s
	for i < len(s) && s[i] == ' ' {
		i++
	}
	end := token68.end(s, i)
	for end > i && s[end-1] == '.' { // of a sentence
		end--
	}
	n, t := end-i, traitsOf(s[i:end])
	random := t.digit || t.mixed || n > 0 && s[end-1] == '='
	if n >= 16 && random || header && (n >= 6 && random || n >= 20) {
		return f.add(i, end)
	}
	return false
}
