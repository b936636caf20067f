package redact

// shape is the form that a provider gives to its secrets.
type shape struct {
	prefix string
	body   class
	min    int // length of what follows the prefix
	max    int // the same; 0: any
	random bool
	tail   func(s string, from, end int) int // returns where the secret ends, or -1
}

// shapes holds the shapes by the first character of the prefix.
var shapes = func() (table [256][]shape) {
	add := func(s shape) { table[s.prefix[0]] = append(table[s.prefix[0]], s) }
	each := func(s shape, prefixes ...string) {
		for _, s.prefix = range prefixes {
			add(s)
		}
	}
	// Models: OpenAI, Anthropic, OpenRouter, DeepSeek, LiteLLM and others.
	add(shape{prefix: "sk-", body: word, min: 20, tail: randomKey})
	// Langfuse.
	each(shape{body: word, min: 36, random: true}, "pk-lf-")
	each(shape{body: alnum, min: 40}, "gsk_", "pplx-", "xai-", "csk-") // Groq, Perplexity, xAI, Cerebras
	each(shape{body: alnum, min: 30}, "hf_", "r8_")                    // Hugging Face, Replicate
	each(shape{body: word, min: 40, random: true}, "nvapi-")
	each(shape{body: word, min: 32, random: true}, "lsv2_pt_", "lsv2_sk_") // LangSmith
	each(shape{body: word, min: 24, random: true}, "tvly-")                // Tavily
	each(shape{body: hex, min: 40}, "e2b_")
	// Clouds.
	each(shape{body: word, min: 35, random: true}, "AIza")
	each(shape{body: capital, min: 16, max: 16}, "AKIA", "ASIA", "ABIA", "ACCA")
	each(shape{body: word, min: 24, random: true}, "GOCSPX-")
	each(shape{body: hex, min: 64}, "dop_v1_", "doo_v1_", "dor_v1_")
	each(shape{body: hex, min: 32}, "dapi") // Databricks
	each(shape{body: hex, min: 40}, "sbp_") // Supabase
	// Forges and registries.
	each(shape{body: alnum, min: 36}, "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "npm_")
	each(shape{body: word, min: 40, random: true}, "github_pat_")
	each(shape{body: word, min: 20, random: true, tail: withDots}, "glpat-", "gldt-", "glptt-")
	each(shape{body: word, min: 50}, "pypi-AgE")
	each(shape{body: word, min: 20, random: true}, "dckr_pat_")
	// Others.
	each(shape{body: word, min: 15, random: true}, "xoxa-", "xoxb-", "xoxe-", "xoxp-", "xoxo-", "xoxs-", "xoxr-", "xapp-")
	each(shape{body: alnum, min: 16}, "sk_live_", "sk_test_", "rk_live_", "rk_test_")
	each(shape{body: base64, min: 24, random: true}, "whsec_")
	each(shape{body: hex, min: 32}, "shpat_", "shpca_", "shppa_", "shpss_")
	each(shape{body: alnum, min: 40}, "lin_api_")
	add(shape{prefix: "eyJ", body: word, min: 14, tail: webToken})
	return table
}()

// end returns where the secret of this shape ends that begins with its prefix at
// s[i], or -1 if it is none.
func (sh *shape) end(s string, i int) int {
	from := i + len(sh.prefix)
	end := sh.body.end(s, from)
	n := end - from
	if n < sh.min || sh.max > 0 && n > sh.max {
		return -1
	}
	if sh.max > 0 && end < len(s) && alnum.has(s[end]) {
		return -1
	}
	if sh.random {
		if t := traitsOf(s[from:end]); !t.digit && !t.mixed {
			return -1
		}
	}
	if sh.tail != nil {
		return sh.tail(s, from, end)
	}
	return end
}

// randomKey tells keys from words that are joined by dashes: sk-learn-…
func randomKey(s string, from, end int) int {
	switch t := traitsOf(s[from:end]); {
	case t.digit && (t.mixed || t.longest >= 12), t.longest >= 20:
		return end
	}
	return -1
}

// withDots adds the parts of a token that are joined by dots.
func withDots(s string, _, end int) int { return dottedEnd(s, end) }

// webToken takes a JSON Web Token: of three parts or more, the first of which is a
// JSON object. The last may be empty.
func webToken(s string, from, end int) int {
	const minClaims = 8
	to := end
	if to < len(s) && s[to] == '.' { // may be empty in encrypted ones
		to = word.end(s, to+1)
	}
	if to == len(s) || s[to] != '.' {
		return -1
	}
	to = word.end(s, to+1)
	if to-end < minClaims {
		return -1
	}
	return dottedEnd(s, to)
}
