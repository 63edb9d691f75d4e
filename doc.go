// Package quirl is a platform for functions that speaks the API of Apache OpenWhisk.
//
// This file is the map of the tree, in the order in which an activation meets
// it; docs/flow.md tells the same with pictures. map_test.go fails when the map lies.
//
//	cmd/quirl          the one program: server roles, administration, command line
//	cmd/quirl-sandbox  the launcher that makes sandbox containers; cgo lives here alone
//	cmd/quirl-loop     the server inside of containers for languages that have none
//	upkeep             removes old records and unused code, watches the clock
//	admin              the operator's commands on the store
//	cli                the command line, verb for verb that of wsk; project makes archives of folders
//	client             the Go client of the REST API
//	whisk              the vocabulary: names, entities, limits, activations, errors
//
// A request arrives:
//
//	ingress            the listener, body limits, panic fence, draining
//	api                the REST API, version 1; routes.go shows the whole surface, description tells it to clients
//	api/web            web actions: HTTP in, HTTP out
//
// May it run?
//
//	identity           SPI: credentials to identity          storeidentity
//	entitlement        SPI: rights, rates, concurrency       localentitlement
//
// What runs, and where:
//
//	dispatch           action, parameters and caller become an activation; the wait for its result; triggers and rules
//	composer           sequences and conductor actions as one pure machine
//	balancer           SPI: which invoker                    localbalancer, shardbalancer
//	bus                SPI: messages between processes       membus, kafkabus; message defines what is sent
//
// It runs:
//
//	invoker            takes work off the bus and drives containers; pool decides, policy says how long, collect cuts logs
//	container          SPI: make, pause, resume, remove      sandboxcontainer, dockercontainer, processcontainer; ociimage
//	proxy              the client half of the /init and /run protocol
//	runtimes           the server half, one folder per language, and the manifest of kinds
//
// What came of it:
//
//	logstore           SPI: an activation's log lines        storelog
//	result             records, written behind the answer
//	store              SPI: entities, records, journal, code sqlitestore, files for code
//
// Around it:
//
//	catalog            the functions of whisk.system, which everybody may use
//	internal           help without domain meaning: lifecycle, config, migration, logtest, storytest
//	test               what needs more than one package: scripts, recorded exchanges, chaos, bench, sim
//	examples           functions to try, used by README and tests
//	docs               the flow, decisions, operations, performance
package quirl
