"""What an RTSP player costs: CPU per player and second, beside the bare loops and GStreamer's RTSP server."""

import json
import os
import subprocess

from lab import ROOT, at_most, row
from rows_fanout import FPS, SECONDS, frame_bytes, last_json, median_round, tcp_limit

PYTHON = '/usr/bin/python3'  # the one that has Debian's python3-gi
RIVAL_SECONDS = 60


def udp_limit(lab, n_players, size):
    bare = lab.start(lab.program('rtp_limit'), 'plain', n_players, SECONDS, size)
    return float(bare.line(r'([\d.]+) us/viewer', 60).group(1))


def players(lab, port, n, seconds, transport, control):
    drain = lab.start(lab.program('rtsp_drain'), port, n, seconds, transport, '/cam', control)
    drain.line('joined', 60)
    return drain


def cost(lab, server, port, n_players, transport, control, seconds=SECONDS):
    """CPU per player with all that does not grow with players, and what the players saw."""
    drain = players(lab, port, n_players, seconds + 4, transport, control)
    lab.cpu_per_viewer(server, n_players, 2)
    each = lab.cpu_per_viewer(server, n_players, seconds)
    seen = last_json(drain.rest())
    lab.end_all()
    return each, seen


def ours(lab, n_players, transport):
    server = lab.avocet(f'cam=file:{lab.h264_file()}?fps={FPS}')
    return cost(lab, server, server.rtsp_port, n_players, transport, 'trackID=0')


def has_rival():
    try:
        subprocess.run([PYTHON, '-c', "import gi; gi.require_version('GstRtspServer', '1.0')"], check=True,
                       capture_output=True)
        return True
    except (OSError, subprocess.CalledProcessError):
        return False


def rivals(lab, n_players, transport):
    source = lab.h264_file(RIVAL_SECONDS)
    film = os.path.splitext(source)[0] + '.mp4'
    if not os.path.exists(film):
        subprocess.run([lab.need('ffmpeg'), '-loglevel', 'error', '-r', str(FPS), '-i', source, '-c', 'copy', film],
                       check=True)
    server = lab.start(PYTHON, os.path.join(ROOT, 'bench', 'gst_rtsp_server.py'), film)
    port = int(server.line(r'ready (\d+)').group(1))
    return cost(lab, server, port, n_players, transport, 'stream=0')


def fan_out(lab, transport, n_players, limit_of, limit_name, reach, rival_reach):
    """Beside the bare loop without the fixed cost; beside GStreamer with everything, of both."""
    fixed, _ = ours(lab, 1, transport)
    has_gst = has_rival()

    def measure():
        limit = limit_of(lab, n_players, frame_bytes(lab))
        lab.end_all()
        whole, seen = ours(lab, n_players, transport)
        theirs = rivals(lab, n_players, transport)[0] if has_gst else None
        return {'ours': whole - fixed / n_players, 'whole': whole, 'limit': limit, 'seen': seen, 'theirs': theirs}
    best = median_round(measure)
    name = f'RTSP/{transport.upper()}, {n_players} players'
    mbps = best['seen']['mean_bytes'] * 8 / (SECONDS + 4) / 1e6
    rows = [at_most(name, f"{best['ours']:.0f} us/player.s at {mbps:.1f} Mbit/s", f"{limit_name} {best['limit']:.0f}",
                    best['ours'] / best['limit'], reach),
            row('  packets lost', f"{best['seen']['lost']} of {best['seen']['packets']}", '', None, '0',
                best['seen']['lost'] == 0)]
    if has_gst:
        rows.append(at_most(f'{name}, all in all', f"{best['whole']:.0f} us/player.s",
                            f"GStreamer's server {best['theirs']:.0f}", best['whole'] / best['theirs'], rival_reach))
    return rows


def rtsp_rows(lab):
    return (fan_out(lab, 'tcp', 200, tcp_limit, 'bare epoll + writev', 1.2, 0.5) +
            fan_out(lab, 'udp', 100, udp_limit, 'bare loop of UDP GSO', 1.3, 0.4))


def latency_rows(lab, seconds=10, reach_ms=40):
    """The test picture's timecode, read from what libav decodes at once; on one machine, so of one clock."""
    server = lab.avocet('cam=test:?size=720p')
    url = f'rtsp://127.0.0.1:{server.rtsp_port}/cam?mode=drive'
    run = subprocess.run([os.path.join(lab.build, 'avocet'), 'latency', url, '--seconds', str(seconds), '--json'],
                         capture_output=True, text=True, check=True)
    seen = json.loads(run.stdout)
    return [row('RTSP/TCP, capture to decoded', f"p50 {seen['p50_ms']:.1f} ms, p95 {seen['p95_ms']:.1f} ms", '', None,
                f'p50 <= {reach_ms} ms', seen['p50_ms'] <= reach_ms)]


ROWS = [('rtsp fan-out', rtsp_rows), ('rtsp latency', latency_rows)]
