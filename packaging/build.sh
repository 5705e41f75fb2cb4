#!/usr/bin/env bash
# Configures and builds one flavour: build.sh FOLDER "CMAKE OPTIONS" TARGET…
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1 options=$2
shift 2
log="$folder/build.log"
mkdir -p "$folder"
# shellcheck disable=SC2086  # the options are several words on purpose
if ! { CC=clang-19 CXX=clang++-19 cmake -S . -B "$folder" -G Ninja $options && ninja -C "$folder" "$@"; } >"$log" 2>&1; then
  grep -nE 'error:|FAILED|CMake Error|undefined' -A5 "$log" | head -60 >&2
  echo "The build failed; the whole log is $log" >&2
  exit 1
fi
