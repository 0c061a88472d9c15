"""What a viewer costs: CPU of the server per viewer and second, beside a bare loop of the same bytes."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from lab import ROOT, at_most, row

SECONDS = 5
ROUNDS = 3
BITRATE = 4000000
FPS = 30


def last_json(text):
    return json.loads(text.strip().splitlines()[-1])


def tcp_limit(lab, n_viewers, frame_bytes):
    limit = lab.start(lab.program('tcp_limit'), SECONDS, frame_bytes, FPS)
    port = limit.line(r'ready (\d+)').group(1)
    lab.start(lab.program('tcp_drain'), port, n_viewers, SECONDS + 4, '/', 'bare').line('joined')
    return float(limit.line(r'([\d.]+) us/viewer', 60).group(1))


def fixed_cost(lab, source, path, kind):
    """CPU of the server with one viewer: encoding and all that does not grow with viewers."""
    server = lab.avocet(source)
    lab.start(lab.program('tcp_drain'), server.port, 1, SECONDS + 6, path, kind).line('joined')
    lab.cpu_per_viewer(server, 1, 2)
    cost = lab.cpu_per_viewer(server, 1, SECONDS)
    lab.end_all()
    return cost


def frame_bytes(lab):
    """Mean size of a frame of the file that is served: what the bare loops send too."""
    return os.path.getsize(lab.h264_file()) // (10 * FPS)


def median_round(measure):
    """Limit and server in turns; the round whose ratio is in the middle."""
    return sorted((measure() for _ in range(ROUNDS)), key=lambda r: r['ours'] / r['limit'])[ROUNDS // 2]


def tcp(lab, name, path, kind, n_viewers=200, reach=1.2):
    source = f'cam=file:{lab.h264_file()}?fps={FPS}'
    fixed = fixed_cost(lab, source, path, kind)

    def measure():
        limit = tcp_limit(lab, n_viewers, frame_bytes(lab))
        server = lab.avocet(source)
        drain = lab.start(lab.program('tcp_drain'), server.port, n_viewers, SECONDS + 4, path, kind)
        drain.line('joined')
        lab.cpu_per_viewer(server, n_viewers, 2)
        ours = lab.cpu_per_viewer(server, n_viewers, SECONDS) - fixed / n_viewers
        seen = last_json(drain.rest())
        lab.end_all()
        return {'ours': ours, 'limit': limit, 'mbps': seen['mean_bytes'] * 8 / (SECONDS + 4) / 1e6}
    best = median_round(measure)
    return [at_most(f'{name}, {n_viewers} viewers', f"{best['ours']:.0f} us/viewer.s at {best['mbps']:.1f} Mbit/s",
                    f"bare epoll + writev {best['limit']:.0f}", best['ours'] / best['limit'], reach)]


def tcp_rows(lab):
    return (tcp(lab, 'fMP4 over WebSocket', '/cam/ws?format=mp4', 'ws') +
            tcp(lab, 'H.264 over WebSocket', '/cam/ws?format=h264', 'ws') +
            tcp(lab, 'fMP4 over HTTP', '/cam/stream.mp4', 'http'))


def ts_rows(lab):
    return tcp(lab, 'MPEG-TS over HTTP', '/cam/stream.ts', 'http')


def webrtc(lab, n_viewers, profile, reach=1.3):
    source = f'cam=file:{lab.h264_file()}?fps={FPS}'

    def measure():
        bare = lab.start(lab.program('rtp_limit'), profile, n_viewers, SECONDS, frame_bytes(lab))
        limit = float(bare.line(r'([\d.]+) us/viewer', 60).group(1))
        server = lab.avocet(source)
        lab.start(lab.program('whep_drain'), server.port, 1, 60, '/cam/whep', profile).line('joined')
        lab.cpu_per_viewer(server, 1, 2)
        fixed = lab.cpu_per_viewer(server, 1, 4)
        drain = lab.start(lab.program('whep_drain'), server.port, n_viewers - 1, SECONDS + 4, '/cam/whep', profile)
        drain.line('joined', 60)
        lab.cpu_per_viewer(server, n_viewers, 2)
        ours = lab.cpu_per_viewer(server, n_viewers, SECONDS) - fixed / n_viewers
        seen = last_json(drain.rest())
        lab.end_all()
        return {'ours': ours, 'limit': limit, 'lost': seen['lost'], 'packets': seen['packets']}
    best = median_round(measure)
    return [
        at_most(f'WebRTC {profile}, {n_viewers} viewers', f"{best['ours']:.0f} us/viewer.s",
                f"bare loop {best['limit']:.0f}", best['ours'] / best['limit'], reach),
        row(f'  packets lost, {n_viewers} viewers', f"{best['lost']} of {best['packets']}", '', None, '0',
            best['lost'] == 0),
    ]


def buckets_of(server, labels):
    """[(upper bound in seconds, count)] of avocet_latency_seconds with these labels."""
    buckets = []
    for line in server.get('/metrics').decode().splitlines():
        found = re.match(r'avocet_latency_seconds_bucket\{(.*),le="([^"]+)"\} (\d+)', line)
        if found and all(label in found.group(1) for label in labels):
            buckets.append((float(found.group(2).replace('+Inf', 'inf')), int(found.group(3))))
    return buckets


def quantile_us(before, after, q):
    """Of what came between two readings, by linear interpolation inside the bucket."""
    buckets = [(bound, count - earlier) for (bound, count), (_, earlier) in zip(after, before)]
    wanted, below, bound_below = buckets[-1][1] * q, 0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            return (bound_below + (bound - bound_below) * (wanted - below) / max(1, count - below)) * 1e6
        below, bound_below = count, bound
    return float('inf')


def hand_over(lab, n_viewers=100):
    limit = lab.start(lab.program('rtp_limit'), 'gcm', n_viewers, SECONDS)
    limit_us = float(limit.line(r'p95 ([\d.]+) us', 60).group(1))
    server = lab.avocet(f'cam=file:{lab.h264_file()}?fps={FPS}')
    drain = lab.start(lab.program('whep_drain'), server.port, n_viewers, SECONDS + 2, '/cam/whep')
    drain.line('joined', 60)
    labels = ['stage="send"', 'protocol="whep"']
    time.sleep(2)
    settled = buckets_of(server, labels)
    time.sleep(SECONDS - 2)
    ours = quantile_us(settled, buckets_of(server, labels), 0.95)
    return [at_most(f'published to kernel, {n_viewers} viewers', f'p95 {ours:.0f} us', f'bare loop p95 {limit_us:.0f} us',
                    ours / limit_us, 1.5)]


def webrtc_rows(lab):
    return webrtc(lab, 100, 'gcm') + webrtc(lab, 300, 'gcm') + webrtc(lab, 100, 'sha1')


def jpegs(lab, n=30):
    """Camera-like 720p JPEGs of about 57 KB."""
    pattern = os.path.join(lab.folder, 'frame%02d.jpg')
    if not os.path.exists(pattern % 1):
        subprocess.run([lab.need('ffmpeg'), '-loglevel', 'error', '-f', 'lavfi', '-i',
                        'testsrc2=s=1280x720:r=30,noise=alls=8:allf=t', '-frames:v', str(n), '-q:v', '9', pattern],
                       check=True)
    return [pattern % i for i in range(1, n + 1)]


def pretend_camera(lab):
    """Environment in which /dev/video0 is a steady MJPEG camera; its frames are counted."""
    library = lab.program('fakev4l2.so')
    fifo = os.path.join(tempfile.mkdtemp(dir=lab.folder), 'camera')
    os.mkfifo(fifo)
    lab.start(sys.executable, os.path.join(ROOT, 'bench', 'mjpeg_feed.py'), fifo, FPS, *jpegs(lab))
    return {**os.environ, 'LD_PRELOAD': library, 'FAKE_V4L2_SRC': fifo, 'FAKE_V4L2_FMT': 'MJPG'}


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f'nobody listens on {port}')


def drained(lab, server, port, path, n_viewers):
    """CPU per viewer without what one viewer costs, and what the viewers saw."""
    one = lab.start(lab.program('tcp_drain'), port, 1, SECONDS + 4, path)
    one.line('joined')
    lab.cpu_per_viewer(server, 1, 2)
    fixed = lab.cpu_per_viewer(server, 1, SECONDS - 1)
    one.rest()
    drain = lab.start(lab.program('tcp_drain'), port, n_viewers, SECONDS + 4, path)
    drain.line('joined')
    lab.cpu_per_viewer(server, n_viewers, 2)
    cost = lab.cpu_per_viewer(server, n_viewers, SECONDS)
    return cost - fixed / n_viewers, last_json(drain.rest())


def mjpeg_rows(lab, n_viewers=200):
    frame_bytes = sum(os.path.getsize(f) for f in jpegs(lab)) // len(jpegs(lab))
    limit = tcp_limit(lab, n_viewers, frame_bytes)
    lab.end_all()
    server = lab.avocet('cam=v4l2:/dev/video0?format=mjpeg&size=1280x720&fps=30', env=pretend_camera(lab))
    ours, seen = drained(lab, server, server.port, '/cam/stream.mjpg', n_viewers)
    lab.end_all()
    rows = [
        at_most(f'MJPEG, {n_viewers} viewers', f'{ours:.0f} us/viewer.s of {frame_bytes // 1000} KB frames',
                f'bare epoll + writev {limit:.0f}', ours / limit, 1.2),
        row('  frames lost, repeated', f"{seen['lost']}, {seen['repeated']} of {seen['frames']}", '', None, '0, 0',
            seen['lost'] + seen['repeated'] == 0),
    ]
    if shutil.which('ustreamer'):
        port = free_port()
        rival = lab.start('ustreamer', '-d', '/dev/video0', '-m', 'MJPEG', '-r', '1280x720', '-f', FPS, '-c', 'HW',
                          '--host', '127.0.0.1', '--port', port, env=pretend_camera(lab))
        wait_for_port(port)
        theirs, _ = drained(lab, rival, port, '/stream', n_viewers)
        rows.append(at_most('MJPEG beside uStreamer', f'{ours:.0f} us/viewer.s', f'uStreamer {theirs:.0f}',
                            ours / theirs, 0.45))
    return rows


ROWS = [('tcp fan-out', tcp_rows), ('ts fan-out', ts_rows), ('mjpeg fan-out', mjpeg_rows), ('webrtc fan-out', webrtc_rows),
        ('published to kernel', hand_over)]
