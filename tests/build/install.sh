#!/usr/bin/env bash
# `meson install` puts the program, its helper and its man page where they belong, and they work.
#   install.sh BUILD_DIR
set -euo pipefail
build=$(realpath "$1")
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT
DESTDIR=$dest meson install -C "$build" --no-rebuild --quiet
prefix=$dest$(meson introspect --buildoptions "$build" |
    python3 -c 'import json, sys; print(*(o["value"] for o in json.load(sys.stdin) if o["name"] == "prefix"))')
(cd "$dest" && find . -type f | sort)
"$prefix/bin/avocet" --version
page=$(find "$prefix" -name 'avocet.1*')
[ -n "$page" ]
for word in $("$prefix/bin/avocet" --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    grep -q "B.* $word\b" "$page" || { echo "avocet.1 does not speak of the command $word"; exit 1; }
done
for option in $("$prefix/bin/avocet" serve --help | sed -n 's/^  --\([a-z-]*\).*/\1/p'); do
    grep -q -- "${option//-/\\\\-}" "$page" || { echo "avocet.1 does not speak of --$option"; exit 1; }
done
