SHELL := /bin/bash
.DEFAULT_GOAL := help

# The launcher of the sandbox is the one program with cgo; it exists on Linux alone.
LAUNCHER := $(if $(filter Linux,$(shell uname -s)),bin/quirl-sandbox)
GO_SOURCES := go.mod go.sum $(shell find . -name '*.go' -not -path './bin/*') $(shell find runtimes catalog api/description -type f)

help: ## print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## install what is missing, build, start the platform and say what to type next
	@exec bin/quirl serve

cluster: build ## start a cluster of processes here: Kafka, PostgreSQL, two controllers, two invokers
	@tools/setup test
	@tools/cluster start

cluster-down: ## stop it
	@tools/cluster stop

build: setup bin/quirl $(LAUNCHER) ## build the programs into bin/

bin/quirl: $(GO_SOURCES) | setup
	CGO_ENABLED=0 go build -o bin/quirl ./cmd/quirl

bin/quirl-sandbox: $(GO_SOURCES) | setup
	CGO_ENABLED=1 go build -tags seccomp -o bin/quirl-sandbox ./cmd/quirl-sandbox

setup: ## install what building and running need, or say what is missing
	@tools/setup

test: setup build ## run the whole suite, the tests against real components included
	@tools/test

short: ## run the tests that need neither root nor a running program, within a minute
	go test -short ./...

race: setup build ## run the whole suite with the race detector
	@RACE=1 tools/test

suite: setup ## run the suite of one SPI against all that implements it: make suite SPI=container
	@tools/suite $(SPI)

images: setup ## build an image of each runtime; IMAGES=--local makes the languages here, without a registry of images
	@tools/images $(IMAGES)

# The runtimes whose languages can be installed from packages, for an image made here.
IMAGES_HERE := native nodejs python php ruby java golang rust

images-names:
	@echo $(IMAGES_HERE)

images-check: setup build ## make the images here and check their files, and the suite in them; IMAGES="php ruby" some alone
	QUIRL_IMAGES="$${IMAGES:-$(IMAGES_HERE)}" CI=true go test -count=1 -v -timeout 60m -run '^TestImages$$' ./runtimes/proxytest

soak: setup ## make and remove SOAK (10000) containers with each factory and count what is left
	QUIRL_SOAK=$${SOAK:-10000} go test -count=1 -v -timeout 90m -p 1 -run '^Test(Container|Factory)$$/^nothing_leaks$$' ./container/...

fuzz: ## run every fuzz test for FUZZTIME (10s)
	@tools/fuzz

lint: setup ## check style and correctness with the pinned linter
	@tools/lint

fmt: ## format the code
	gofmt -w $$(git ls-files '*.go')

cross: ## check that quirl builds for every platform it is for
	@tools/cross

bench: build ## measure latency, throughput, starts and memory; BENCH_WRITE=1 writes docs/performance.md
	@go run ./test/bench $(if $(BENCH_WRITE),-write docs/performance.md)

check: lint cross test ## what CI runs

clean: ## remove what was built
	rm -rf bin

.PHONY: help run cluster cluster-down build setup test short race suite images images-check images-names soak fuzz lint fmt cross bench check clean
