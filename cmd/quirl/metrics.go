package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"quirl/store"
)

// metrics are what Prometheus can read of a process: docs/operations.md lists their names, which stay.
type metrics struct{ registry *prometheus.Registry }

func newMetrics() *metrics {
	m := &metrics{prometheus.NewRegistry()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// counter publishes what is counted elsewhere.
func (m *metrics) counter(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

// cache publishes how often a cache had what it was asked for.
func (m *metrics) cache(name string, c *store.CacheCounts) {
	labels := prometheus.Labels{"cache": name}
	m.counter("quirl_cache_hits_total", "Reads that a cache answered.", labels, func() float64 { return float64(c.Hits()) })
	m.counter("quirl_cache_misses_total", "Reads that a cache had to ask the store for.", labels, func() float64 { return float64(c.Misses()) })
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
