#!/usr/bin/env bash
# Refuses C++ that clang-format would write otherwise. `tools/check_format.sh --fix` formats the tree.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(--dry-run -Werror)
[ "${1:-}" = --fix ] && mode=(-i)
find src tests bench fuzz -name node_modules -prune -o \( -name '*.cpp' -o -name '*.h' \) -print0 | xargs -0 -P 2 -n 40 clang-format-19 "${mode[@]}"
