#!/bin/sh
# The arguments are JSON, the last line is the result.
name=$(printf %s "$1" | sed -n 's/.*"name":"\([^"]*\)".*/\1/p')
echo "greeting ${name:=stranger}"
echo "{\"greeting\": \"Hello, $name!\"}"
