package proxytest

import (
	"testing"

	"quirl/container"
	"quirl/proxy"
	"quirl/runtimes"
)

// Benchmark measures what users wait for, for the default kind of each family in
// containers of a Factory:
//
//	boot  from Create to the answer of the first /run
//	stem  from the connection to the answer of the first /run, in a warmed container
//	warm  one more /run on a kept connection
func Benchmark(b *testing.B, open func(testing.TB) container.Factory) {
	offer, err := runtimes.Builtin().Detect(b.Context(), host())
	if err != nil {
		b.Fatal(err)
	}
	files, err := runtimes.Extract(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for family := range offer.Manifest.Families {
		r, err := offer.Manifest.Resolve(family + ":default")
		if err != nil {
			b.Fatal(err)
		}
		if _, err := offer.Prepare(b.Context(), r.Kind, files, 0); err != nil {
			b.Fatal(err)
		}
		lang, _ := languageOf(r)
		bench := &bench{offer: offer, files: files, kind: r.Kind, lang: lang, factory: open(b)}
		b.Cleanup(func() { bench.factory.Close() })
		b.Run(r.Kind+"/boot", bench.boot)
		b.Run(r.Kind+"/stem", bench.stem)
		b.Run(r.Kind+"/warm", bench.warm)
	}
}

// first makes the first activation of a container.
func (c *cell) first(code string) {
	c.Helper()
	c.mustInit(code)
	if got := c.run(`{"name":"you"}`); got.status != 200 {
		c.Fatalf("run: got %+v", got)
	}
}

func (b *bench) boot(tb *testing.B) {
	for tb.Loop() {
		c := b.start(tb)
		c.first(b.lang.samples.echo)
		tb.StopTimer()
		c.remove()
		tb.StartTimer()
	}
}

func (b *bench) stem(tb *testing.B) {
	for tb.Loop() {
		tb.StopTimer()
		c := b.start(tb)
		if _, err := c.client.Warm(c.ctx); err != nil {
			tb.Fatal(err)
		}
		c.client = proxy.New(c.container.Dial, proxy.Options{KeepAlive: 1}) // so that connecting counts
		tb.StartTimer()
		c.first(b.lang.samples.echo)
		tb.StopTimer()
		c.client.Close()
		c.remove()
		tb.StartTimer()
	}
}

func (b *bench) warm(tb *testing.B) {
	c := b.start(tb)
	c.mustInit(b.lang.samples.echo)
	for tb.Loop() {
		if got := c.run(`{"name":"you"}`); got.status != 200 {
			tb.Fatalf("run: got %+v", got)
		}
	}
}
