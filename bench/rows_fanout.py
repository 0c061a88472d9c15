"""What a viewer costs: CPU of the server per viewer and second, beside a bare loop of the same bytes."""

import json
import os

from lab import at_most, row

SECONDS = 6
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


def tcp(lab, name, path, kind, n_viewers=200, reach=1.2):
    source = f'cam=file:{lab.h264_file()}?fps={FPS}'
    fixed = fixed_cost(lab, source, path, kind)
    limit = tcp_limit(lab, n_viewers, BITRATE // 8 // FPS)
    server = lab.avocet(source)
    drain = lab.start(lab.program('tcp_drain'), server.port, n_viewers, SECONDS + 4, path, kind)
    drain.line('joined')
    lab.cpu_per_viewer(server, n_viewers, 2)
    ours = lab.cpu_per_viewer(server, n_viewers, SECONDS)
    seen = last_json(drain.rest())
    mbps = seen['mean_bytes'] * 8 / (SECONDS + 4) / 1e6
    each = ours - fixed / n_viewers
    return [at_most(f'{name}, {n_viewers} viewers', f'{each:.0f} us/viewer.s at {mbps:.1f} Mbit/s',
                    f'bare epoll + writev {limit:.0f}', each / limit, reach)]


def tcp_rows(lab):
    return (tcp(lab, 'fMP4 over WebSocket', '/cam/ws?format=mp4', 'ws') +
            tcp(lab, 'H.264 over WebSocket', '/cam/ws?format=h264', 'ws') +
            tcp(lab, 'fMP4 over HTTP', '/cam/stream.mp4', 'http'))


def webrtc(lab, n_viewers, profile, reach=1.3):
    source = f'cam=file:{lab.h264_file()}?fps={FPS}'
    limit = lab.start(lab.program('rtp_limit'), profile, n_viewers, SECONDS)
    limit_us = float(limit.line(r'([\d.]+) us/viewer', 60).group(1))
    server = lab.avocet(source, env={**os.environ, 'AVOCET_SRTP': profile})
    one = lab.start(lab.program('whep_drain'), server.port, 1, 60, '/cam/whep')
    one.line('joined')
    lab.cpu_per_viewer(server, 1, 2)
    fixed = lab.cpu_per_viewer(server, 1, 4)
    drain = lab.start(lab.program('whep_drain'), server.port, n_viewers - 1, SECONDS + 4, '/cam/whep')
    drain.line('joined', 60)
    lab.cpu_per_viewer(server, n_viewers, 2)
    ours = lab.cpu_per_viewer(server, n_viewers, SECONDS)
    seen = last_json(drain.rest())
    each = ours - fixed / n_viewers
    return [
        at_most(f'WebRTC {profile}, {n_viewers} viewers', f'{each:.0f} us/viewer.s',
                f'bare loop {limit_us:.0f}', each / limit_us, reach),
        row(f'  packets lost, {n_viewers} viewers', f"{seen['lost']} of {seen['packets']}", '', None, '0',
            seen['lost'] == 0),
    ]


def webrtc_rows(lab):
    return webrtc(lab, 100, 'gcm') + webrtc(lab, 300, 'gcm') + webrtc(lab, 100, 'sha1')


ROWS = [('tcp fan-out', tcp_rows), ('webrtc fan-out', webrtc_rows)]
