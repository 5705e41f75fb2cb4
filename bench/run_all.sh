#!/bin/sh
# Builds (Release) and runs every benchmark with a goal, and prints one Markdown table. docs/benchmarks.md explains the figures.
#   bench/run_all.sh [build folder]        default: build/release
# POSTHORN_BENCH_DIR: folder on the disk to be measured (default /tmp); the store of ten million messages, 10 GB, is kept there. POSTHORN_BENCH_NODE=0 leaves out the axios script,
# which needs npm and fetches axios and p-limit once.
set -eu
cd "$(dirname "$0")/.."
build="${1:-build/release}"
packaging/build.sh "$build" -DCMAKE_BUILD_TYPE=Release \
  posthorn send_bench preflight_bench webhook_bench start_bench message_bench inbox_bench >&2

echo "Machine: $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1), load $(cut -d' ' -f1-3 /proc/loadavg)"
echo
echo "| figure | measured | baseline in the same run | ratio | goal |"
echo "|---|---|---|---|---|"
"$build/bench/send_bench"

# Other load generators against the same static server as above.
mkdir -p "$build/bench/node"
fifo="$build/bench/static.in"
rm -f "$fifo" && mkfifo "$fifo"
"$build/bench/send_bench" --serve <"$fifo" >"$build/bench/static.url" &
server=$!
exec 3>"$fifo"
while [ ! -s "$build/bench/static.url" ]; do sleep 0.05; done
url="$(cat "$build/bench/static.url")"
if command -v wrk >/dev/null; then
  rate="$(wrk -t1 -c64 -d3s -s bench/send.lua "$url" | sed -n 's/^Requests\/sec: *//p')"
  echo "| load generator wrk, static server | $rate/s | | | baseline |"
fi
if [ "${POSTHORN_BENCH_NODE:-1}" = 1 ] && command -v npm >/dev/null; then
  cp bench/axios_baseline.mjs "$build/bench/node/"
  if [ -d "$build/bench/node/node_modules/axios" ] ||
     npm install --silent --no-audit --no-fund --prefix "$build/bench/node" axios p-limit >/dev/null 2>&1; then
    node "$build/bench/node/axios_baseline.mjs" "$url" || true
  fi
fi
exec 3>&-
wait "$server"

"$build/bench/preflight_bench"
"$build/bench/webhook_bench"
"$build/bench/message_bench"
"$build/bench/inbox_bench"
"$build/bench/start_bench"
