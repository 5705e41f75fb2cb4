#!/usr/bin/env bash
# Installs the Debian packages of packaging/debian-packages.txt that are missing.
# Usage: install-packages.sh build [test …]
set -euo pipefail
list="$(dirname "$0")/debian-packages.txt"
missing=()
for kind in "$@"; do
  for package in $(sed -n "s/^$kind://p" "$list"); do
    [ "$package" = npm ] && command -v npm >/dev/null && continue  # NodeSource's nodejs brings its own, and conflicts with Debian's
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -eq 0 ]; then sudo=""; else
  sudo=sudo
  command -v sudo >/dev/null || { echo "These packages are missing; install them as root: apt-get install ${missing[*]}" >&2; exit 1; }
fi
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
$sudo apt-get update -qq
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
