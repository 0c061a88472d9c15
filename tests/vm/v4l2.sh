#!/usr/bin/env bash
# The V4L2 source with real drivers, by tests/source/v4l2_probe.c inside the virtual machine:
# every pixel format, what is really obtained, pictures that are kept, controls, unplug and replug,
# an HDMI input, a camera of MJPEG and one of H.264.
#   v4l2.sh PROBE
set -euo pipefail
here=$(dirname "$(realpath "$0")")
root=$here/../..
probe=$(realpath "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

vm() { # MODULES: the script on stdin, run in the guest
    local name=$1
    cat >"$tmp/guest.sh"
    cp "$probe" "$tmp/probe"
    (cd "$tmp" && "$root/tests/lab/vm.sh" --timeout 200 --log "$tmp/console" --mods "$name" -- sh guest.sh) \
        >"$tmp/out" 2>&1 || {
        status=$?
        cat "$tmp/out"
        echo "the guest's console:"
        tail -n 40 "$tmp/console"
        exit $status
    }
    cat "$tmp/out"
}

# Lines of section $1 ("== name" begins one) must match each of the patterns behind it.
expect() {
    local section=$1 pattern
    shift
    for pattern; do
        if ! sed -n "/^== $section\$/,/^== /p" "$tmp/out" | grep -E -- "$pattern" >/dev/null; then
            echo "section '$section' has no line like: $pattern"
            exit 1
        fi
    done
}

vm 'vivid:n_devs=2,node_types=1,1,input_types=0,3,multiplanar=1,2' <<'GUEST'
set -u
echo "== list"; ./probe list
for format in YUYV UYVY YU12 NV12 422P; do
    echo "== $format"; ./probe capture /dev/video0 12 "format=$format size=640x360 fps=15"
done
mkdir -p /dev/v4l/by-id && ln -s ../../video0 /dev/v4l/by-id/usb-A_Camera-video-index0 # udev's work
echo "== by id"; ./probe list
./probe capture /dev/v4l/by-id/usb-A_Camera-video-index0 3 'size=320x180'
chgrp video /dev/video0 /dev/video1 && chmod 660 /dev/video0 /dev/video1
echo "== permission"; setpriv --reuid 65534 --regid 65534 --clear-groups ./probe list
echo "== default"; ./probe capture /dev/video0 5 ''
echo "== first"; ./probe capture '' 5 'fps=10'
echo "== odd size"; ./probe capture /dev/video0 5 'size=700x400 fps=10'
echo "== multiplanar"; ./probe capture /dev/video1 10 'format=NM12 size=640x360'
echo "== thinned"; ./probe capture /dev/video1 20 'size=320x180 fps=15'
echo "== three planes"; ./probe capture /dev/video1 10 'format=YM12 size=640x360'
echo "== hold"; ./probe hold /dev/video0 7 'size=320x180 fps=15'
v4l2-ctl -d /dev/video0 -c test_pattern=6 # all white
echo "== control"; ./probe control /dev/video0 brightness 40
echo "== wrong control"; ./probe control /dev/video0 brightness 999
echo "== no control"; ./probe control /dev/video0 wings 2
v4l2-ctl -d /dev/video0 -c brightness=128
echo "== controls"; ./probe capture /dev/video0 5 'controls=brightness=30,wings=1 size=320x180 fps=15'
v4l2-ctl -d /dev/video0 -c test_pattern=0
echo "== unknown format"; ./probe capture /dev/video0 5 'format=MJPG'
echo "== no device"; ./probe capture /dev/video9 5 ''
echo "== busy"
v4l2-ctl -d /dev/video0 --stream-mmap --stream-count=1000 --stream-to=/dev/null >/dev/null 2>&1 &
other=$!
while ! ./probe list | grep -q 'video0 .*another program'; do :; done
./probe capture /dev/video0 5 ''
kill $other; wait $other 2>/dev/null
v4l2-ctl -d /dev/video0 -c percentage_of_dropped_buffers=30
echo "== dropped"; ./probe capture /dev/video0 30 'size=320x180 fps=30'
v4l2-ctl -d /dev/video0 -c percentage_of_dropped_buffers=0
echo "== flagged"
(sleep 1.5; v4l2-ctl -d /dev/video0 -c inject_v4l2_buf_flag_error=1) &
./probe capture /dev/video0 40 'size=320x180 fps=15'
wait
v4l2-ctl -d /dev/video1 -c dv_timings_signal_mode=1
echo "== no signal"; ./probe capture /dev/video1 5 ''
v4l2-ctl -d /dev/video1 -c dv_timings_signal_mode=0
echo "== signal changes"
(sleep 1.5; v4l2-ctl -d /dev/video1 -c dv_timings_signal_mode=4 -c dv_timings=9) &
./probe capture /dev/video1 1000 'size=640x360'
wait
echo "== fatal"
(sleep 1.5; v4l2-ctl -d /dev/video0 -c inject_fatal_streaming_error=1) &
./probe capture /dev/video0 1000 'size=320x180 fps=15'
wait
echo "== replug"; ./probe replug /dev/video0 /sys/bus/platform/drivers/vivid vivid.0
echo "== end"
GUEST
expect list '^device v4l2:/dev/video0 node=/dev/video0 name="vivid" problem=""' \
    '^format YUYV .*640x360 \(.*15' '^control brightness 0 to 255'
for format in YUYV UYVY YU12 NV12 422P; do
    expect $format "^opened 640x360 $format at 15 fps from vivid \(vivid\)" \
        "^pictures $format 640x360 range=limited" '^frames 12 '
done
expect 'by id' '^device v4l2:/dev/v4l/by-id/usb-A_Camera-video-index0 node=/dev/video0' \
    '^device v4l2:/dev/video1 node=/dev/video1' '^opened 320x180'
expect permission "no permission for /dev/video0; become a member of group 'video'"
# nobody asked for a size: where 720p raw comes at 12.5 only, the picture is smaller and smooth
# (Linux 6.1; the driver of 6.12 has 720p at 30)
expect default '^opened (640x360|1280x720) .* at 30 fps' '^frames 5 '
expect first '^opened .* at 10 fps'
expect 'odd size' '^opened 640x360 ' '^pictures .* 640x360'
expect multiplanar '^opened 640x360 NM12' '^pictures NV12 640x360' '^frames 10 '
expect thinned '^opened 320x180 .* at 60 fps thinned to 15' '^frames 20 .* rate (1[0-6]|[6-9])\.'
expect 'three planes' '^opened 640x360 YM12' '^pictures YU12 640x360' '^frames 10 '
expect hold '^frames ([4-9]|1[0-9]) ' '^held pictures outlived the source well'
expect control '^frames 5 .* luma 23[0-9]' '^wish: fulfilled' '^frames 15 .* luma (1[0-4]|[5-9])[0-9]$'
expect 'wrong control' '^wish: .*brightness: it takes 0 to 255'
expect 'no control' "^wish: .*has no control 'wings'"
expect controls "has no control 'wings'.*going on without it" '^frames 5 .* luma (1[0-4]|[5-9])[0-9]$'
expect 'unknown format' '^cannot open: .*does not offer MJPG'
expect 'no device' '^cannot open: .*there is no /dev/video9'
expect busy '^cannot open: .*another program uses it'
expect dropped '^frames 30 .* discontinuities ([3-9]|[12][0-9]) '
expect flagged '^frames 40 '
expect 'no signal' '^cannot open: .*gets no picture \(no signal\)'
expect 'signal changes' '^read failed: .*has changed, opening it again'
expect fatal '^read failed: '
expect replug '^unbind vivid.0: done' '^read failed: .*was unplugged' \
    '^cannot open: .*there is no /dev/video0' '^bind vivid.0: done' '^back: frames 5'

# vivid is not used here, but without it the guest of Debian 13's kernel does not find its disk.
vm 'vivid:node_types=1 v4l2loopback:devices=2,exclusive_caps=1,video_nr=5,6,card_label=motion,coded' <<'GUEST'
set -u
ffmpeg -v error -re -f lavfi -i testsrc=s=640x480:r=15 -c:v mjpeg -f v4l2 /dev/video5 &
mjpeg=$!
ffmpeg -v error -re -f lavfi -i testsrc=s=640x480:r=15 -c:v libx264 -preset ultrafast \
    -tune zerolatency -pix_fmt yuv420p -g 15 -f v4l2 /dev/video6 &
h264=$!
# Newer loopback drivers list formats before anybody writes: what counts is that frames come.
capture() {
    tries=0
    until ./probe capture "$@" >seen 2>&1 && grep -q '^frames' seen || [ $tries = 100 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
    cat seen
}
echo "== mjpeg"; capture /dev/video5 20 ''
echo "== h264"; capture /dev/video6 40 ''
echo "== end"
kill $mjpeg $h264
GUEST
expect mjpeg '^opened 640x480 MJPG' '^packets mjpeg 640x480 mjpeg' '^frames 20 keys 20 '
expect h264 '^opened 640x480 H264' '^packets h264 640x480 avc1\.' '^frames 40 keys [2-9]'
echo "all as expected"
