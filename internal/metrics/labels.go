package metrics

import (
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// other stands for every value that is not in a label's list.
const other = "other"

// labels are the values that a label may have.
type labels struct{ values atomic.Pointer[[]string] }

func newLabels(values ...string) *labels {
	l := &labels{}
	l.set(values)
	return l
}

func (l *labels) set(values []string) {
	values = slices.Clone(values)
	l.values.Store(&values)
}

func (l *labels) all() []string { return *l.values.Load() }

func (l *labels) clamp(value string) string {
	if slices.Contains(l.all(), value) {
		return value
	}
	return other
}

// dim is one label and its values.
type dim struct {
	name   string
	values *labels
}

// counter is a vector whose labels are clamped.
type counter struct {
	vec  *prometheus.CounterVec
	dims []dim
}

// counter registers a vector, with all its series at zero, so that rate() sees
// the first increase.
func (m *Metrics) counter(name, help string, dims ...dim) *counter {
	names := make([]string, len(dims))
	for i, d := range dims {
		names[i] = d.name
	}
	c := &counter{prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, names), dims}
	m.registry.MustRegister(c.vec)
	c.begin(nil)
	return c
}

func (c *counter) begin(values []string) {
	if len(values) == len(c.dims) {
		c.vec.WithLabelValues(values...)
		return
	}
	for _, v := range c.dims[len(values)].values.all() {
		c.begin(append(slices.Clone(values), v))
	}
}

func (c *counter) add(values ...string) {
	for i := range values {
		values[i] = c.dims[i].values.clamp(values[i])
	}
	c.vec.WithLabelValues(values...).Inc()
}
