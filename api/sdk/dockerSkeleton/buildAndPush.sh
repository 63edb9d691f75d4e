#!/bin/sh
# Builds the image and pushes it to a registry: ./buildAndPush.sh NAME, such as me/action
set -eu
if [ $# -ne 1 ]; then
  echo "usage: $0 IMAGE" >&2
  exit 1
fi
cd "$(dirname "$0")"
docker build --tag "$1" .
docker push "$1"
