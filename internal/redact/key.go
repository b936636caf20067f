package redact

// Kind says what a key tells of its value.
type Kind uint8

// The kinds of keys.
const (
	None    Kind = iota
	Always       // the value is a secret
	IfToken      // the value is one if it is text for which Token holds
)

// Token reports whether the value of a key of kind [IfToken] is a secret: models
// have tokens as well, but those are short, or counted.
func Token(s string) bool {
	if len(s) < 16 || s == Mark {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' {
			return false
		}
	}
	return true
}

// maxName is the number of letters that decide over a key, the last ones.
const maxName = 20

// Key says what key tells of its value. Capital letters count as small ones, and
// "-", "_", "." and spaces are ignored.
func Key(key string) Kind {
	if len(key) < 3 || !mayTell(key) {
		return None
	}
	var letters [maxName]byte
	n, i := maxName, len(key)
	for ; i > 0 && n > 0; i-- {
		c := key[i-1]
		switch c {
		case '-', '_', '.', ' ':
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		n--
		letters[n] = c
	}
	return kindOf(letters[n:], i == 0)
}

// mayTell reports false for most keys, by their last two letters.
func mayTell(key string) bool {
	switch uint16(key[len(key)-2]|0x20)<<8 | uint16(key[len(key)-1]|0x20) {
	case 'o'<<8 | 'n', 'e'<<8 | 'n', 'i'<<8 | 'e', 's'<<8 | 'e', 'e'<<8 | 'y', 'e'<<8 | 't', 'r'<<8 | 'd', 'w'<<8 | 'd',
		't'<<8 | 'h', 'l'<<8 | 's', 'a'<<8 | 'l', 'e'<<8 | 's':
		return true
	}
	return !alnum.has(key[len(key)-1])
}

// kindOf returns the kind of the key with the given letters: all of them, or as many
// as it needs.
func kindOf(letters []byte, whole bool) Kind {
	ends := func(suffix string) bool {
		return len(letters) >= len(suffix) && string(letters[len(letters)-len(suffix):]) == suffix
	}
	if len(letters) == 0 {
		return None
	}
	switch letters[len(letters)-1] {
	case 'n':
		if ends("authorization") {
			return Always
		}
		if !ends("token") {
			return None
		}
		if ends("accesstoken") || ends("refreshtoken") || ends("sessiontoken") || ends("authtoken") ||
			ends("authorizationtoken") || ends("securitytoken") || ends("bearertoken") || ends("apitoken") ||
			ends("secrettoken") || ends("csrftoken") || ends("bottoken") || ends("githubtoken") || ends("gitlabtoken") {
			return Always
		}
		if whole {
			switch string(letters) {
			case "token":
				return IfToken
			case "idtoken", "hftoken", "npmtoken":
				return Always
			}
		}
	case 'y':
		if ends("key") && (ends("apikey") || ends("privatekey") || ends("secretkey") || ends("secretaccesskey") ||
			ends("subscriptionkey") || ends("accountkey") || ends("sharedaccesskey") || ends("masterkey") ||
			ends("signingkey") || ends("encryptionkey")) {
			return Always
		}
	case 't':
		if ends("secret") {
			return Always
		}
	case 'd':
		if ends("password") || ends("passwd") || whole && string(letters) == "pwd" {
			return Always
		}
	case 'e':
		if ends("passphrase") || whole && (string(letters) == "cookie" || string(letters) == "setcookie") {
			return Always
		}
	case 's':
		if ends("credentials") || whole && string(letters) == "cookies" {
			return Always
		}
	case 'l':
		if whole && string(letters) == "credential" {
			return Always
		}
	case 'h':
		if whole && (string(letters) == "heliconeauth" || string(letters) == "proxyauth" || string(letters) == "basicauth") {
			return Always
		}
	}
	return None
}

// query reports whether the value of a parameter in the query of a URL is a secret.
func query(key string) bool {
	if Key(key) != None {
		return true
	}
	var letters [16]byte
	n := 0
	for i := range len(key) {
		c := key[i]
		switch c {
		case '-', '_', '.':
			continue
		}
		if n == len(letters) {
			return false
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		letters[n] = c
		n++
	}
	switch string(letters[:n]) {
	case "key", "sig", "signature", "pass", "auth", "jwt", "xamzsignature", "xamzcredential", "xgoogsignature",
		"xgoogcredential", "awsaccesskeyid", "clientassertion":
		return true
	}
	return false
}
