// The Go sources here are functions: no packages of quirl.
module examples

go 1.26
