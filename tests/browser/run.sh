#!/usr/bin/env bash
# run.sh POSTHORN FOLDER: installs the browser driver that package-lock.json names into FOLDER, once, and runs the tests there.
set -euo pipefail
posthorn=$1 folder=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
cp "$here"/*.mjs "$here"/package.json "$here"/package-lock.json "$folder"
cd "$folder"
if ! cmp -s package-lock.json installed-lock.json; then
  npm ci --ignore-scripts --no-audit --no-fund
  cp package-lock.json installed-lock.json
fi
POSTHORN="$posthorn" exec node live_page_test.mjs
