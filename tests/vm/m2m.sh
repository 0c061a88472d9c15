#!/usr/bin/env bash
# The V4L2 memory-to-memory encoder with a real driver, in the virtual machine: what it makes of
# test pictures is decoded by ffmpeg, and every timecode must be the right one.
#   m2m.sh PROBE
set -euo pipefail
here=$(dirname "$(realpath "$0")")
probe=$(realpath "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp "$probe" "$tmp/probe"
cd "$tmp"

fail() {
    echo "$*"
    exit 1
}

check() { # NAME WIDTH HEIGHT
    grep -q '^problem: none$' "$1.out" || fail "$1: no encoder was found"
    grep -q "^track avc1\.42.* $2x$3 sets [1-9]" "$1.out" || fail "$1: wrong track"
    [ "$(grep -c '^key at' "$1.out")" -ge 3 ] || fail "$1: too few keyframes"
    grep -q '^key at 0$' "$1.out" || fail "$1: it does not begin with a keyframe"
    grep -q '^key at 20$' "$1.out" || fail "$1: no keyframe when it was asked for"
    grep -q '^packets 60$' "$1.out" || fail "$1: packets are missing"
    grep -q "are another's" "$1.out" && fail "$1: times are mixed up"
    ffmpeg -v error -xerror -i "$1.h264" -f rawvideo -pix_fmt yuv420p -y "$1.yuv"
    ./probe check "$2" "$3" "$1.yuv" || fail "$1: wrong pictures"
}

encode() { # MODULE GUEST-SCRIPT
    local status=0
    "$here/../lab/vm.sh" --timeout 120 --mods "$1" -- sh -c "$2; true" || status=$?
    [ $status = 0 ] || exit $status
    cat ./*.out
}

encode vih264 'for format in YU12 NV12 YUYV 422P; do
        ./probe encode 640 480 $format $format.h264 >$format.out
    done'
for format in YU12 NV12 YUYV 422P; do
    check $format 640 480
done
encode vih264:multiplanar=1 './probe encode 640 360 NV12 crop.h264 >crop.out
    ./probe encode 656 496 YU12 other.h264 >other.out'
check crop 640 360
check other 656 496

# A camera is no encoder, and says so.
"$here/../lab/vm.sh" --timeout 60 --mods vivid:node_types=1 -- ./probe encode 640 480 YU12 none.h264 \
    >none.out && fail "an encoder was found where there is none"
grep -q '^cannot open: .*no V4L2 H.264 encoder' none.out || fail "no sentence"
echo "all as expected"
