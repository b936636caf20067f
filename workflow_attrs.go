package wfslog

import "log/slog"

// Keys of the attributes that this file makes. In actions and in the attributes
// of spans, values of the expected type become fields of the document's node;
// anything else stays among its metadata.
const (
	KeyAction       = "action"        // string; makes a record in a span, or of a named agent, an action
	KeyInput        = "input"         // any
	KeyOutput       = "output"        // any
	KeyModel        = "model"         // string
	KeyProvider     = "provider"      // string
	KeyTool         = "tool"          // string
	KeyUsage        = "usage"         // group of token counts, see Usage
	KeyCost         = "cost_usd"      // float64, US dollars
	KeyFinishReason = "finish_reason" // string
	KeyStatus       = "status"        // string
	KeyError        = "error"         // string or error
	KeyMetadata     = "metadata"      // group
)

// Members of the group [KeyUsage]. All are numbers of tokens.
const (
	keyInputTokens      = "input_tokens"
	keyOutputTokens     = "output_tokens"
	keyCacheReadTokens  = "cache_read_tokens"
	keyCacheWriteTokens = "cache_write_tokens"
	keyReasoningTokens  = "reasoning_tokens"
)

// Action makes the record an action with the given name, "llm_call" or
// "tool_call" for example: a leaf of its span, or of its agent's interaction.
// With attributes of a span it has no meaning: see [StartAction].
func Action(name string) slog.Attr { return slog.String(KeyAction, name) }

// Input is what went into an action or a span: a prompt, a question, arguments.
func Input(v any) slog.Attr { return slog.Any(KeyInput, v) }

// Output is what came out of an action or a span.
func Output(v any) slog.Attr { return slog.Any(KeyOutput, v) }

// Model is the name of the model that an action called.
func Model(name string) slog.Attr { return slog.String(KeyModel, name) }

// Provider is who served the model, "anthropic" for example.
func Provider(name string) slog.Attr { return slog.String(KeyProvider, name) }

// Tool is the name of the tool that an action called.
func Tool(name string) slog.Attr { return slog.String(KeyTool, name) }

// Tokens is the usage of an action of which only the numbers of input and output
// tokens are known. Both are recorded, also if they are 0.
func Tokens(in, out int) slog.Attr {
	return slog.Attr{Key: KeyUsage, Value: slog.GroupValue(slog.Int(keyInputTokens, in), slog.Int(keyOutputTokens, out))}
}

// Usage counts the tokens of an action in disjoint buckets: a token read from a
// cache is not in Input, a reasoning token is not in Output. A bucket that is 0
// or less is unknown and is not recorded.
type Usage struct {
	Input      int // input tokens that no cache was involved in
	Output     int // output tokens without reasoning
	CacheRead  int // input tokens read from a cache
	CacheWrite int // input tokens written to a cache
	Reasoning  int // output tokens spent on reasoning
}

// TokenUsage is the usage of an action.
func TokenUsage(u Usage) slog.Attr {
	buckets := make([]slog.Attr, 0, 5)
	add := func(key string, n int) {
		if n > 0 {
			buckets = append(buckets, slog.Int(key, n))
		}
	}
	add(keyInputTokens, u.Input)
	add(keyOutputTokens, u.Output)
	add(keyCacheReadTokens, u.CacheRead)
	add(keyCacheWriteTokens, u.CacheWrite)
	add(keyReasoningTokens, u.Reasoning)
	return slog.Attr{Key: KeyUsage, Value: slog.GroupValue(buckets...)}
}

// Cost is what an action cost, in US dollars. Documents sum it in units of
// 1e-9 USD.
func Cost(usd float64) slog.Attr { return slog.Float64(KeyCost, usd) }

// FinishReason is why a model stopped, in the provider's words.
func FinishReason(reason string) slog.Attr { return slog.String(KeyFinishReason, reason) }

// Status sets the status of an action or of a span, in the user's own words.
// Without it the status is "ok" or "error". "open" and "interrupted" are wfslog's
// own and stay among the metadata.
func Status(status string) slog.Attr { return slog.String(KeyStatus, status) }

// Err is the error of an action or a record. A nil error is no attribute.
func Err(err error) slog.Attr {
	if err == nil {
		return slog.Attr{}
	}
	return slog.Any(KeyError, err)
}

// Metadata groups attributes whose keys shall not be taken for fields.
func Metadata(attrs ...slog.Attr) slog.Attr {
	return slog.Attr{Key: KeyMetadata, Value: slog.GroupValue(attrs...)}
}
