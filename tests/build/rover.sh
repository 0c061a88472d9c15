#!/usr/bin/env bash
# The rover profile builds on its own, works, and is small: no x264, no helper, few libraries.
#   rover.sh SOURCE_DIR BUILD_DIR
set -euo pipefail
source=$1 build=$2/rover
limit_bytes=$((400 * 1024)) # stripped
[ -f "$build/build.ninja" ] || meson setup -Dprofile=rover -Dtests=disabled "$build" "$source" >/dev/null
ninja -C "$build" avocet >"$build/build.log" 2>&1 || { tail -n 30 "$build/build.log"; exit 1; }
"$build/avocet" features
libraries=$(objdump -p "$build/avocet" | sed -n 's/^ *NEEDED *//p')
strip -o "$build/avocet.stripped" "$build/avocet"
size=$(stat -c %s "$build/avocet.stripped")
echo "stripped: $size bytes of $limit_bytes; $(wc -l <<<"$libraries") libraries:" $libraries
if grep -E 'x264|avcodec|stdc\+\+' <<<"$libraries"; then
    echo "the rover profile must not need these"
    exit 1
fi
[ "$size" -le "$limit_bytes" ]
