// Package web translates between HTTP and web actions: a request becomes a
// function's arguments, what came of the activation becomes a response.
//
// It promises to be pure: no store, no dispatch, no clock, and no input from
// outside makes it panic. What it answers is OpenWhisk's contract for web
// actions, down to the texts.
//
// Read path.go (which action), arguments.go (HTTP in), then response.go (HTTP
// out); each transcoder and each question of the contract has a file of its own.
package web
