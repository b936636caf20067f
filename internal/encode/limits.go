package encode

// The defaults of [Limits].
const (
	defaultDepth       = 32
	defaultNodes       = 10_000
	defaultAttrs       = 1_024
	defaultKeyBytes    = 256
	defaultStringBytes = 1 << 20
	defaultLineBytes   = 16 << 20
)

const (
	// maxDepth is the largest [Limits.Depth]. wfslog's readers give up 128
	// containers deep, and duplicate keys can make three of one: see [Encoder.close].
	maxDepth = 40
	// minLineBytes is the smallest [Limits.LineBytes], enough to say what was cut.
	minLineBytes = 1 << 10
	// maxReserve is how much of LineBytes is left to what the caller adds.
	maxReserve = 4 << 10
)

// Limits bound what one record may hold. Fields that are not positive mean the
// defaults.
type Limits struct {
	// Depth is the number of containers inside one another in an attribute's value,
	// open groups included; 0 means 32. Values above 40 mean 40.
	Depth int
	// Nodes is the number of values of a record, containers and what is in them
	// counted alike; 0 means 10 000.
	Nodes int
	// Attrs is the number of attributes of a record, those of With calls included
	// and members of groups not; 0 means 1 024.
	Attrs int
	// KeyBytes is the length of a key; 0 means 256 bytes.
	KeyBytes int
	// StringBytes is the length of a string before it is escaped; 0 means 1 MiB.
	StringBytes int
	// LineBytes is the length of the record's line; 0 means 16 MiB. Values below
	// 1 KiB mean 1 KiB.
	LineBytes int
}

// WithDefaults returns l with the defaults in place of fields that are not
// positive, and the others within their ranges.
func (l Limits) WithDefaults() Limits {
	orDefault := func(n, standard int) int {
		if n <= 0 {
			return standard
		}
		return n
	}
	l.Depth = min(orDefault(l.Depth, defaultDepth), maxDepth)
	l.Nodes = orDefault(l.Nodes, defaultNodes)
	l.Attrs = orDefault(l.Attrs, defaultAttrs)
	l.KeyBytes = orDefault(l.KeyBytes, defaultKeyBytes)
	l.StringBytes = orDefault(l.StringBytes, defaultStringBytes)
	l.LineBytes = max(orDefault(l.LineBytes, defaultLineBytes), minLineBytes)
	return l
}

// bufferEnd returns the length that the buffer may have.
func (l *Limits) bufferEnd() int {
	return l.LineBytes - min(l.LineBytes/4, maxReserve)
}
