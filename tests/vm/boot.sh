#!/usr/bin/env bash
# The virtual machine boots and shows a capture device, an H.264 encoder, and the host's program.
set -euo pipefail
root=$(dirname "$(realpath "$0")")/../..
out=$("$root/tests/lab/vm.sh" --timeout 60 --mods 'vivid:node_types=1 vih264' -- \
    v4l2-ctl --list-devices 2>&1) || { status=$? && echo "$out" && exit $status; }
echo "$out"
grep -q '^vivid ' <<<"$out" && grep -q '^vih264 ' <<<"$out"
