package redact_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/wfslog/wfslog/internal/redact"
)

const (
	hex32  = "0123456789abcdef0123456789abcdef"
	hex40  = hex32 + "01234567"
	hex64  = hex32 + hex32
	random = "q7Xb2LmP9aZk4RtY8vWc3NdF6hJs1GuE5oTi0KyQ" // 40 alphanumeric
	uuid   = "6f1c2b3a-9d4e-4f5a-8b7c-0d1e2f3a4b5c"
	jwt    = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
	pem    = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn/ygWyF8PbnGy0AHB7MaXH\n3hTXaFqd4aHkR0xW2v5kE5cG9A==\n-----END RSA PRIVATE KEY-----"
)

// shapes are secrets that are known by their form alone.
var shapes = map[string]string{
	"openai":       "sk-" + random + "T3BlbkFJ",
	"openai proj":  "sk-proj-" + random + "_" + random + "-T3BlbkFJ",
	"anthropic":    "sk-ant-api03-" + random + "-" + random + "_AA",
	"openrouter":   "sk-or-v1-" + hex64,
	"deepseek":     "sk-" + hex32,
	"litellm":      "sk-Xb2LmP9a_k4RtY8v-c3NdF",
	"langfuse":     "sk-lf-" + uuid,
	"langfuse pk":  "pk-lf-" + uuid,
	"google":       "AIzaSyD-" + random[:31],
	"google old":   "AIza" + random[:35],
	"google oauth": "ya29.a0AfH6SMB" + random,
	"google new":   "AQ.Ab8RN6" + random,
	"google app":   "GOCSPX-" + random[:28],
	"aws":          "AKIAIOSFODNN7EXAMPLE",
	"aws session":  "ASIAIOSFODNN7EXAMPLE",
	"aws bearer":   "ABIAIOSFODNN7EXAMPLE",
	"aws context":  "ACCAIOSFODNN7EXAMPLE",
	"groq":         "gsk_" + random + random[:12],
	"slack bot":    "xoxb-123456789012-1234567890123-" + random[:24],
	"slack user":   "xoxp-123456789012-1234567890123-" + random[:24],
	"slack app":    "xapp-1-A0123456789-1234567890123-" + hex64,
	"github":       "ghp_" + random[:36],
	"github oauth": "gho_" + random[:36],
	"github user":  "ghu_" + random[:36],
	"github app":   "ghs_" + random[:36],
	"github fresh": "ghr_" + random[:36],
	"github fine":  "github_pat_11ABCDEFG0" + random[:12] + "_" + random + random[:19],
	"gitlab":       "glpat-" + random[:20],
	"gitlab new":   "glpat-" + random[:27] + ".01.abc12def3",
	"huggingface":  "hf_" + random[:34],
	"npm":          "npm_" + random[:36],
	"pypi":         "pypi-AgEIcHlwaS5vcmc" + random + random,
	"stripe":       "sk_live_" + random[:24],
	"stripe test":  "sk_test_" + random[:24],
	"stripe limit": "rk_live_" + random[:24],
	"webhook":      "whsec_" + random[:32],
	"sendgrid":     "SG." + random[:22] + "." + random + "abc",
	"shopify":      "shpat_" + hex32,
	"digitalocean": "dop_v1_" + hex64,
	"replicate":    "r8_" + random[:37],
	"perplexity":   "pplx-" + random + random[:8],
	"xai":          "xai-" + random + random,
	"nvidia":       "nvapi-" + random + "-" + random[:23],
	"langsmith":    "lsv2_pt_" + hex32 + "_0123456789",
	"langsmith sk": "lsv2_sk_" + hex32 + "_0123456789",
	"tavily":       "tvly-dev-" + random[:32],
	"cerebras":     "csk-" + random + random[:8],
	"databricks":   "dapi" + hex32,
	"supabase":     "sbp_" + hex40,
	"e2b":          "e2b_" + hex40,
	"linear":       "lin_api_" + random,
	"docker":       "dckr_pat_" + random[:27],
	"vault":        "hvs." + random + random,
	"jwt":          jwt,
	"jwt unsigned": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0NTY3ODkwIn0.",
	"jwe":          "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.." + random[:16] + "." + random + "." + random[:22],
	"pem":          pem,
	"pem escaped":  strings.ReplaceAll(pem, "\n", `\n`),
	"pem openssh":  strings.ReplaceAll(pem, "RSA", "OPENSSH"),
	"pem pkcs8":    strings.ReplaceAll(pem, "RSA ", ""),
}

func TestTextKnowsShapes(t *testing.T) {
	surroundings := []struct{ before, after string }{
		{"", ""},
		{"my key is ", " , use it"},
		{"密钥", "在这里"},
		{`"`, `"`},
		{"(", ")"},
		{"'", "';"},
		{"key\n", "\nnext"},
		{"X=", "&b"},
		{`{\"k\":\"line\n`, `\"}`},
		{"a/b/", ":c"},
		{"\x1b[31m", "\x1b[0m"},
		{"k%3D", "%26"},
		{`a\u003d`, `\u0026`},
		{"my-", " "},
		{"key_", " "},
		{"x: ", ","},
		{strings.Repeat("word ", 100), strings.Repeat(" word", 100)},
	}
	for name, secret := range shapes {
		t.Run(name, func(t *testing.T) {
			for _, s := range surroundings {
				for shift := range 12 {
					before := strings.Repeat(".", shift) + " " + s.before
					got, n := redact.Text(before + secret + s.after)
					require.Equal(t, before+redact.Mark+s.after, got)
					require.Equal(t, 1, n)
				}
			}
			got, n := redact.Text(secret + " " + secret + "," + secret)
			assert.Equal(t, redact.Mark+" "+redact.Mark+","+redact.Mark, got)
			assert.Equal(t, 3, n)
		})
	}
}

func TestTextKnowsContexts(t *testing.T) {
	const x = redact.Mark
	tests := []struct{ text, want string }{
		{"Authorization: Bearer abc123def", "Authorization: Bearer " + x},
		{"authorization: bearer " + random, "authorization: bearer " + x},
		{"Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic " + x},
		{"Authorization: token " + random, "Authorization: token " + x},
		{"Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==\r\nHost: x", "Proxy-Authorization: Basic " + x + "\r\nHost: x"},
		{"Authorization: AWS4-HMAC-SHA256 Credential=abc/20261122/us-east-1/s3/aws4_request, Signature=" + hex64, "Authorization: AWS4-HMAC-SHA256 " + x},
		{"sent Bearer " + random[:18] + " to it", "sent Bearer " + x + " to it"},
		{"sent BEARER " + random + ".", "sent BEARER " + x + "."},
		{"Basic dXNlcjpwYXNzd29yZA==", "Basic " + x},
		{`curl -H "Authorization: Bearer abcd1234efgh" https://x`, `curl -H "Authorization: Bearer ` + x + `" https://x`},
		{`curl -H 'x-api-key: abcd1234efgh' https://x`, `curl -H 'x-api-key: ` + x + `' https://x`},
		{"x-goog-api-key: abcd1234efgh\n", "x-goog-api-key: " + x + "\n"},
		{"Cookie: session=abc; theme=dark\nHost: x", "Cookie: " + x + "\nHost: x"},
		{"Set-Cookie: a=b; Path=/", "Set-Cookie: " + x},

		{"postgres://user:p4ss@db:5432/x", "postgres://user:" + x + "@db:5432/x"},
		{"redis://:p4ss@h", "redis://:" + x + "@h"},
		{"://:p@h", "://:" + x + "@h"},
		{"https://u:a:b@c@h/p?q=1", "https://u:" + x + "@h/p?q=1"},
		{`Get "https://x.io/v1/models?key=abc": dial tcp`, `Get "https://x.io/v1/models?key=` + x + `": dial tcp`},
		{"/p?a=1&api_key=abc&b=2", "/p?a=1&api_key=" + x + "&b=2"},
		{"/p?access_token=a.b-c#f", "/p?access_token=" + x + "#f"},
		{"[link](https://x?token=abc)", "[link](https://x?token=" + x + ")"},
		{"?sv=1&sig=abc%2Fdef%3D&se=2", "?sv=1&sig=" + x + "&se=2"},
		{"?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F2026&X-Amz-Signature=" + hex64 + "&X-Amz-Security-Token=IQoJb3", "?X-Amz-Credential=" + x + "&X-Amz-Signature=" + x + "&X-Amz-Security-Token=" + x},
		{"?client_secret=abc&password=def&apikey=ghi&signature=jkl", "?client_secret=" + x + "&password=" + x + "&apikey=" + x + "&signature=" + x},
		{`{"u":"/p?a=1\u0026key=abc"}`, `{"u":"/p?a=1\u0026key=` + x + `"}`},
		{"<a href='/p?a=1&amp;key=abc'>", "<a href='/p?a=1&amp;key=" + x + "'>"},

		{"DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + random + random + "==;EndpointSuffix=x", "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + x + ";EndpointSuffix=x"},
		{"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n", "AWS_SECRET_ACCESS_KEY=" + x + "\n"},
		{"aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = " + x},
		{`export OPENAI_API_KEY="abcd1234efgh"`, `export OPENAI_API_KEY="` + x + `"`},
		{"host=db user=me password=hunter2hunter dbname=x", "host=db user=me password=" + x + " dbname=x"},
		{"api_key: abcd1234efgh\nmodel: m1", "api_key: " + x + "\nmodel: m1"},

		{`{"authorization":"whatever it is","n":1}`, `{"authorization":"` + x + `","n":1}`},
		{`{"api_key" : "a\"b"}`, `{"api_key" : "` + x + `"}`},
		{`{"Authorization":["abc"]}`, `{"Authorization":["` + x + `"]}`},
		{`{"password":12345}`, `{"password":` + x + `}`},
		{`{'client_secret': 'abc'}`, `{'client_secret': '` + x + `'}`},
		{`{"token":"abcdefghijklmnop"}`, `{"token":"` + x + `"}`},
		{`"{\"api_key\":\"a\\\"b\",\"n\":1}"`, `"{\"api_key\":\"` + x + `\",\"n\":1}"`},
		{`{"password":"cut off in the mid`, `{"password":"` + x},
		{"://u:p@h " + shapes["openai"] + " ?key=a " + shapes["github"], "://u:" + x + "@h " + x + " ?key=" + x + " " + x},
		{"it is -----BEGIN PRIVATE KEY-----\n" + random + random + ", cut", "it is " + x + ", cut"},
		{`{"token":"see http://u:p@h"}`, `{"token":"see http://u:` + x + `@h"}`},
	}
	for _, tt := range tests {
		for _, after := range []string{"", "\n"} {
			got, n := redact.Text(tt.text + after)
			assert.Equal(t, tt.want+after, got, "text %q", tt.text)
			assert.Equal(t, strings.Count(tt.want, x), n, "in %q", tt.text)
			again, n := redact.Text(got)
			assert.Equal(t, got, again)
			assert.Zero(t, n, "in %q", got)
		}
	}
}

func TestTextLeavesOrdinaryTextAlone(t *testing.T) {
	for _, text := range ordinary {
		got, n := redact.Text(text)
		assert.Equal(t, text, got)
		assert.Zero(t, n)
	}
	assert.Zero(t, testing.AllocsPerRun(10, func() {
		for _, text := range ordinary {
			redact.Text(text)
		}
	}), "allocations")
}

var ordinary = []string{
	"", "a", "hello world", redact.Mark, "Bearer " + redact.Mark, "?key=" + redact.Mark + "&a=b",
	"pip install sk-learn and sk-learn-contrib-py310", "sk-toggleable__control-hidden-12", "sk-container-id-1", "sk-ant-colony-optimization-tutorial",
	"from huggingface_hub import hf_hub_download_and_cache_everything", "task-" + hex32, "risk-" + uuid, "disk-" + random,
	"Bearer of bad news", "The Bearer authentication-mechanisms", "Basic internationalization support", "Basic Authentication is old",
	"Bearer $TOKEN", "Authorization: Bearer <token>", "Authorization: Bearer ${TOKEN_2}", "authorization: see chapter 2", "Authorization: Basic Authentication",
	uuid, hex40, hex64, "commit " + hex40 + " of github.com/wfslog/wfslog/internal/encode", "sha256:" + hex64,
	"/usr/share/doc/some-very-long-package-name-with-dashes/README.Debian.gz", "github.com/go-playground/universal-translator@v0.18.1/translator.go",
	"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
	"http://localhost:8080/a@b", "mailto:me@example.org", "https://user@example.org/", "ssh://git@host:22/x", "time 12:30:45", "https://u:xxxxx@h", "https://u:***@h",
	"https://example.org/search?q=key&page=2&monkey=3&tokens=5&max_tokens=12", "x := map[string]int{}", "a==b && c>=d", "if key == secret {", "password = input()",
	"api_key=os.getenv(\"OPENAI_API_KEY\")", "OpenAI(api_key=api_key)", "secret := readSecret(path)", "password: string;", "The password: must be long",
	"password: ${DB_PASSWORD}", "PASSWORD=%s", `{"token":" the"}`, `{"max_tokens":4096,"eos_token":"<|endoftext_and_more|>"}`, `{"password":null,"secret":true,"api_key":""}`,
	"Cookie: I like them", "eyJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiJ9.foo", "AKIAIOSFODNN7EXAMPLE1", "AKIAshort", "xoxb-not-a-token-at-all-really", "ghp_short",
	"-----BEGIN CERTIFICATE-----\nMIIEpAIBAAKCAQEA0Z3VS5JJcds3xfnygWyF8PbnGy0AHB7MaXH\n-----END CERTIFICATE-----",
	"if strings.Contains(s, \"-----BEGIN RSA PRIVATE KEY-----\") { return errThatIsTooLongToBeUseful } // -----END RSA PRIVATE KEY-----",
	"AIzaisnotakeybutaverylongwordwithoutanydigitsinit", "npm_config_registry_is_a_long_variable_name_of_npm", "SG.short.x", "ya29.short",
	"这是一个很长的中文句子，里面没有任何秘密，只有普通的文字。", strings.Repeat("word ", 1000), strings.Repeat("a", 10_000),
}

func TestKey(t *testing.T) {
	kinds := map[redact.Kind][]string{
		redact.Always: {
			"authorization", "Authorization", "proxy-authorization", "Proxy-Authorization", "cf-aig-authorization", "authorization_token",
			"cookie", "Set-Cookie", "set_cookie", "cookies", "api-key", "api_key", "apiKey", "X-Api-Key", "API KEY", "x-goog-api-key", "openai.api_key",
			"OPENAI_API_KEY", "x-portkey-api-key", "x-litellm-api-key", "x-amz-security-token", "access_token", "accessToken", "refresh_token",
			"id_token", "session_token", "auth_token", "X-Auth-Token", "client_secret", "clientSecret", "secret", "app_secret", "password", "db_password",
			"PGPASSWORD", "passwd", "pwd", "passphrase", "private_key", "privateKey", "secret_key", "AWS_SECRET_ACCESS_KEY", "AccountKey", "credentials",
			"Ocp-Apim-Subscription-Key", "Helicone-Auth", "password_", "a-very-long-name-of-a-header-that-ends-in-api-key",
		},
		redact.IfToken: {"token", "Token", "TOKEN"},
		redact.None: {
			"", "a", "key", "keys", "input", "output", "input_tokens", "output_tokens", "max_tokens", "total_tokens", "tokens", "eos_token", "bos_token",
			"next_token_id", "token_count", "token_id", "tokenizer", "next_page_token", "valid_token", "secretary", "passwords_checked", "monkey", "public_key",
			"author", "authorized", "action", "agent", "cwd", "oldpwd", "cookie_policy", "fortune_cookie", "key_password_hint", "sécret", "秘密", "___", "access_key_id",
		},
	}
	for kind, keys := range kinds {
		for _, key := range keys {
			assert.Equal(t, kind, redact.Key(key), "key %q", key)
		}
	}
}

func TestToken(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, " the": false, "abcdefghijklmno": false, "abcdefghijklmnop": true, "abcdefgh ijklmnop": false, "abcdefgh\nijklmnop": false,
	} {
		assert.Equal(t, want, redact.Token(text), "text %q", text)
	}
}
