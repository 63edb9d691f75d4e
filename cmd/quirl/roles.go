package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"

	"quirl/api"
	"quirl/balancer/shardbalancer"
	"quirl/bus"
	"quirl/bus/message"
	"quirl/dispatch"
	"quirl/ingress"
	"quirl/internal/lifecycle"
	"quirl/invoker"
)

// controllerRole is that of a process that answers requests and leaves the work to others.
var controllerRole = role{
	name: "controller", component: func(cfg serveConfig) string { return message.ControllerName(cfg.Controller) },
	opens: func(p *platform, ctx context.Context, getenv func(string) string) (err error) {
		if err := p.needsCluster(); err != nil {
			return err
		}
		p.kinds, err = p.findKinds(ctx, getenv)
		return err
	},
	assemble: (*platform).assembleController,
	greet: func(p *platform, w io.Writer, took time.Duration) {
		fmt.Fprintf(w, "controller %d is ready after %d ms: %s\n", p.cfg.Controller, took.Milliseconds(), p.apiHost())
	},
}

// invokerRole is that of a process that runs functions.
var invokerRole = role{
	name: "invoker", component: func(cfg serveConfig) string { return message.InvokerName(cfg.Invoker) },
	opens: func(p *platform, ctx context.Context, getenv func(string) string) error {
		if err := p.needsCluster(); err != nil {
			return err
		}
		if p.cfg.APIHost == "" {
			return errors.New("an invoker needs --api-host: where its functions reach the API")
		}
		return p.openContainers(ctx, getenv)
	},
	assemble: (*platform).assembleInvoker,
	greet: func(p *platform, w io.Writer, took time.Duration) {
		fmt.Fprintf(w, "invoker %d is ready after %d ms: http://%s, runtimes %s\n", p.cfg.Invoker, took.Milliseconds(), p.listener.Addr(), strings.Join(p.kinds.Names(), ", "))
	},
}

// needsCluster refuses a bus or a store that no other process can have.
func (p *platform) needsCluster() error {
	if u, err := url.Parse(p.cfg.Bus); err != nil || u.Scheme == "mem" {
		return errors.New("a cluster needs a bus between processes: set bus to kafka://…")
	}
	if u, err := url.Parse(p.cfg.Store); err != nil || u.Scheme == "sqlite" {
		return errors.New("a cluster needs a store that processes share: set store to postgres://… or couchdb://…")
	}
	return nil
}

// waitingPerInvoker is how many activations of a controller may wait on an invoker beyond its room.
const waitingPerInvoker = 1000

func (p *platform) assembleController(ctx context.Context) (*lifecycle.Stack, error) {
	if err := p.createGuest(ctx); err != nil {
		return nil, err
	}
	c, err := p.core(ctx)
	if err != nil {
		return nil, err
	}
	p.installCatalog(ctx, c.store, c.limits)
	var disp *dispatch.Dispatcher
	lb := shardbalancer.New(shardbalancer.Config{
		Controllers: p.cfg.Controllers, Smallest: c.limits.Memory.Min, Queue: waitingPerInvoker, Log: p.log, Now: time.Now,
		Lost: func(n int) { disp.Lost(n) },
	})
	disp = c.dispatcher(lb)
	if err := disp.Inherit(ctx); err != nil {
		return nil, mendFile(err)
	}
	cfg, err := c.api(disp)
	if err != nil {
		return nil, err
	}
	parts, err := p.foundation(ctx, c)
	if err != nil {
		return nil, err
	}
	p.addUpkeep(parts)
	parts.Add("recorder", c.recorder)
	parts.Add("balancer", lb)
	parts.Add("health", lifecycle.RunnerFunc(func(ctx context.Context) error { return p.hearInvokers(ctx, lb) }))
	parts.Add("dispatcher", disp)
	parts.Add("sweeper", lifecycle.RunnerFunc(disp.Sweep))
	parts.Add("compositions", lifecycle.RunnerFunc(disp.Conduct))
	parts.Add("ingress", ingress.New(p.listener, ingress.Vanity(p.cfg.VanityHost, api.New(cfg)), p.log))
	return parts, nil
}

// hearInvokers tells the balancer what invokers say, until ctx ends.
func (p *platform) hearInvokers(ctx context.Context, lb *shardbalancer.Balancer) error {
	group := fmt.Sprint(message.HealthTopic, p.cfg.Controller)
	return bus.Each(ctx, p.bus, message.HealthTopic, group, func(m bus.Message) {
		ping, err := message.AsPing(m)
		if err != nil {
			p.log.Error("an invoker's ping cannot be read", "error", err)
			return
		}
		lb.Heard(shardbalancer.Word{Number: ping.Invoker, Name: ping.Name, Life: ping.Life, MemoryMB: ping.MemoryMB, Enabled: ping.Enabled})
	})
}

func (p *platform) assembleInvoker(ctx context.Context) (*lifecycle.Stack, error) {
	c, err := p.core(ctx)
	if err != nil {
		return nil, err
	}
	door, err := p.apiDoor()
	if err != nil {
		return nil, err
	}
	inv, err := c.invoker(door)
	if err != nil {
		return nil, err
	}
	inv.Apart = true
	if strings.HasPrefix(p.cfg.Containers, "sandbox") { // functions reach it by their door
		inv.APIHost = fmt.Sprint("http://127.0.0.1:", p.port())
	}
	machine, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	pings := invoker.NewPings(inv, machine)
	parts, err := p.foundation(ctx, c)
	if err != nil {
		return nil, err
	}
	parts.Add("runtimes", lifecycle.RunnerFunc(p.compileRuntimes))
	parts.Add("recorder", c.recorder)
	parts.Add("invoker", inv)
	parts.Add("operator's endpoints", ingress.New(p.listener, p.invokerEndpoints(c, inv, pings), p.log))
	parts.Add("pings", pings)
	return parts, nil
}

// apiDoor serves the API inside of containers by passing requests on.
func (p *platform) apiDoor() (func(net.Listener), error) {
	to, err := url.Parse(p.cfg.APIHost)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("api-host %q is no URL", p.cfg.APIHost)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			p.log.Warn("the API cannot be reached for a function", "error", err)
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	server := ingress.New(nil, proxy, p.log)
	return func(l net.Listener) { go server.ServeInside(l) }, nil
}

// invokerEndpoints are for operators of an invoker.
//
// Source: OpenWhisk, the contract of its invokers' endpoints.
func (p *platform) invokerEndpoints(c *core, inv *invoker.Invoker, pings *invoker.Pings) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "pong") })
	guarded := func(pattern string, h http.Handler) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !api.IsOperator(r, p.cfg.OperatorKey) {
				answerJSON(w, http.StatusUnauthorized, map[string]string{"error": api.NoCredentials})
				return
			}
			h.ServeHTTP(w, r)
		})
	}
	name := message.InvokerName(p.cfg.Invoker)
	enable := func(word string, enabled bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			text := " is already " + word + "."
			if pings.Enable(r.Context(), enabled) {
				text = " is now " + word + "."
			}
			io.WriteString(w, name+text)
		}
	}
	guarded("POST /enable", enable("enabled", true))
	guarded("POST /disable", enable("disabled", false))
	guarded("GET /isEnabled", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, map[string]bool{"enabled": pings.Enabled()})
	}))
	guarded("GET /pool", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, http.StatusOK, inv.View()) }))
	guarded("GET /metrics", c.published.handler())
	return mux
}

func answerJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // the client may have gone
}
