#!/usr/bin/env bash
# Runs every fuzz target of a build folder for some seconds, two at a time, starting from the kept corpora.
# Usage: tools/run_fuzzers.sh BUILD_FOLDER SECONDS. New inputs stay in BUILD_FOLDER/corpus/<name>, findings in BUILD_FOLDER/findings.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 seconds=$2
mkdir -p "$build/findings"

run_one() {
  local binary=$1 name
  name=$(basename "$binary" _fuzz)
  mkdir -p "$build/corpus/$name"
  local seeds=()
  [ -d "fuzz/corpus/$name" ] && seeds=("fuzz/corpus/$name")
  if ! "$binary" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
      -artifact_prefix="$build/findings/$name-" "$build/corpus/$name" "${seeds[@]}" >"$build/$name.log" 2>&1; then
    echo "FAILED $name: see $build/$name.log; the input is in $build/findings"
    tail -25 "$build/$name.log"
    return 1
  fi
  printf '%-20s %s\n' "$name" "$(sed -n 's/stat::number_of_executed_units: *//p' "$build/$name.log") inputs"
}
export -f run_one
export build seconds

find "$build/fuzz" -maxdepth 1 -name '*_fuzz' -type f -executable | sort | xargs -P 2 -I{} bash -c 'run_one {}'
