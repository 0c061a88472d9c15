#!/usr/bin/env bash
# From a real V4L2 driver to an HTTP viewer outside: the program serves vivid inside the virtual
# machine, curl on this side watches; the camera is unplugged and plugged in again meanwhile, and
# the viewer's one connection goes on.
#   serve.sh AVOCET
set -euo pipefail
here=$(dirname "$(realpath "$0")")
avocet=$(realpath "$1")
tmp=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
pids=()
clean_up() {
    local pid
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || :
    done
    rm -rf "$tmp"
}
trap clean_up EXIT
cp "$avocet" "$tmp/avocet"
cd "$tmp"

fail() {
    echo "$*"
    cat guest.out
    exit 1
}

cat >guest.sh <<'GUEST'
./avocet serve --listen 0.0.0.0 --open --http 8080 --webrtc off --rtsp off \
    'cam=v4l2:/dev/video0?size=320x180&fps=10' &
server=$!
while [ ! -e unplug ] && [ ! -e finish ]; do sleep 0.1; done
echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
while [ ! -e plug ] && [ ! -e finish ]; do sleep 0.1; done
echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
while [ ! -e finish ]; do sleep 0.1; done
kill $server
wait $server
echo "the program ended with $?"
GUEST
"$here/../lab/vm.sh" --timeout 150 --tcp "$port:8080" --mods 'vivid:node_types=1' -- sh guest.sh \
    >guest.out 2>&1 &
vm=$!
pids+=("$vm")

url=http://127.0.0.1:$port
state() {
    curl -s -m 3 "$url/cam/info" | sed -n 's/.*"state":"\([a-z]*\)".*/\1/p'
}
until curl -s -m 1 -o healthz "$url/healthz"; do
    if ! kill -0 "$vm" 2>/dev/null; then
        wait "$vm" || status=$?
        cat guest.out
        exit "${status:-1}" # 77: no virtual machine here
    fi
    sleep 0.2
done

[ "$(state)" = idle ] || fail "it runs though nobody watches"
[ "$(curl -s -m 20 -o snapshot.jpg -w '%{http_code}' "$url/cam/snapshot.jpg")" = 200 ] ||
    fail "no snapshot"
ffprobe -v error -show_entries stream=width,height -of csv=p=0 snapshot.jpg | grep -q '^320,180' ||
    fail "the snapshot has another size"

# -N: as it comes
curl -s -N -m 120 -o stream.h264 "$url/cam/stream.h264" &
viewer=$!
pids+=("$viewer")
wait_for() { # STATE SECONDS
    for _ in $(seq $(($2 * 5))); do
        [ "$(state)" != "$1" ] || return 0
        sleep 0.2
    done
    fail "it never was $1"
}
wait_size() { # BYTES more than before
    local before=$1
    for _ in $(seq 150); do
        [ "$(stat -c %s stream.h264 2>/dev/null || echo 0)" -le "$before" ] || return 0
        sleep 0.2
    done
    fail "the viewer gets nothing"
}
wait_for live 20
wait_size 20000
touch unplug
wait_for stalled 20
curl -s -m 3 "$url/cam/info" | grep -q 'unplugged\|there is no /dev/video0' || fail "no reason given"
kill -0 "$viewer" || fail "the viewer was sent away"
size=$(stat -c %s stream.h264)
touch plug
wait_for live 20
wait_size $((size + 10000))
kill -0 "$viewer" || fail "the viewer's connection did not last"
kill "$viewer"
touch finish
wait "$vm" || fail "the virtual machine ended with $?"
grep -q '^the program ended with 0' guest.out || fail "the program did not end cleanly"
frames=$(ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 \
    stream.h264 2>/dev/null)
[ "$frames" -ge 10 ] || fail "only $frames frames can be decoded"
echo "$frames frames, through an unplugged camera, on one connection"
