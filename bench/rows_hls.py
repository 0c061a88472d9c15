"""LL-HLS: how far hls.js stays behind the camera, and what a segment costs beside nginx's file."""

import http.client
import json
import os
import re
import socket
import tempfile
import time

from lab import ROOT, Unavailable, at_most, row
from rows_fanout import median_round

WATCH_SECONDS, WATCH_RUNS = 5, 3
DIRECT_REACH_MS, CACHED_REACH_MS = 1000, 1300
N_REQUESTS = 300
SOURCE = 'cam=test:?size=720p&bitrate=4M&start=always'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def nginx(lab, servers):
    """nginx with these server blocks of a configuration; returns when it listens."""
    folder = lab.folder
    user = 'user root;' if os.geteuid() == 0 else ''
    places = '\n'.join(f'{w}_temp_path {folder}/{w};' for w in ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    config = os.path.join(folder, 'nginx.conf')
    with open(config, 'w', encoding='utf-8') as out:
        out.write(f'daemon off;\n{user}\nworker_processes 1;\nmaster_process off;\npid {folder}/nginx.pid;\nerror_log stderr;\n'
                  f'events {{ worker_connections 4096; }}\nhttp {{\naccess_log off;\nsendfile on;\n{places}\n{servers}\n}}\n')
    return lab.start(lab.need('nginx'), '-p', folder, '-e', 'stderr', '-c', config)


def await_port(port):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with socket.socket() as s:
            if s.connect_ex(('127.0.0.1', port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f'nothing listens at {port}')


def documented_cache(lab, server):
    """The block of docs/protocols/hls.md in front of the server; its address."""
    with open(os.path.join(ROOT, 'docs', 'protocols', 'hls.md'), encoding='utf-8') as doc:
        block = re.search(r'```nginx\n(.*?)```', doc.read(), re.S).group(1)
    port = free_port()
    nginx(lab, block.replace('listen 80;', f'listen 127.0.0.1:{port};').replace('/var/cache/nginx/hls', tempfile.mkdtemp(dir=lab.folder))
          .replace('127.0.0.1:8080', f'127.0.0.1:{server.port}'))
    await_port(port)
    return f'http://127.0.0.1:{port}'


def watch(lab, url):
    if not os.path.exists(os.path.join(ROOT, 'node_modules', 'hls.js')):
        raise Unavailable('node_modules is missing: npm ci')
    program = os.path.join(ROOT, 'bench', 'hls_latency.mjs')
    return json.loads(lab.start(lab.need('node'), program, url, WATCH_SECONDS).rest().strip().splitlines()[-1])


def latency_rows(lab):
    """Each run with a server of its own whose first viewer was there before; the run in the middle."""
    rows = []
    for name, reach_ms, front in (('hls.js', DIRECT_REACH_MS, None), ('hls.js behind nginx', CACHED_REACH_MS, documented_cache)):
        runs = []
        for _ in range(WATCH_RUNS):
            server = lab.avocet(SOURCE)
            server.get('/cam/hls/video.m3u8')
            time.sleep(5)  # two segments
            runs.append(watch(lab, front(lab, server) if front else server.url))
            lab.end_all()
        seen = sorted(runs, key=lambda run: run['p50'])[WATCH_RUNS // 2]
        rows.append(row(f'LL-HLS, {name}', f"p50 {seen['p50']:.0f} p95 {seen['p95']:.0f} ms", f"it aims at {seen['target']:.0f} ms",
                        None, f'p50 <= {reach_ms} ms', seen['p50'] <= reach_ms))
    return rows


def fetch(port, path, n, size):
    """Over one connection that is kept."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=20)
    for _ in range(n):
        connection.request('GET', path)
        body = connection.getresponse().read()
        if len(body) != size:
            raise RuntimeError(f'{path}: {len(body)} bytes instead of {size}')
    connection.close()


def run_s(process):
    """CPU time of all threads, finer than the ticks of /proc/PID/stat."""
    folder = f'/proc/{process.pid}/task'
    total_ns = 0
    for task in os.listdir(folder):
        with open(f'{folder}/{task}/schedstat', encoding='utf-8') as stat:
            total_ns += int(stat.read().split()[0])
    return total_ns / 1e9


def cost_us(process, port, path, size):
    before = run_s(process)
    fetch(port, path, N_REQUESTS, size)
    return (run_s(process) - before) * 1e6 / N_REQUESTS


def segment_rows(lab):
    def measure():
        server = lab.avocet(f'cam=file:{lab.h264_file()}?fps=30&start=always')
        time.sleep(5)
        playlist = server.get('/cam/hls/video.m3u8').decode()
        path = '/cam/hls/' + re.findall(r'^[^#].*\.m4s$', playlist, re.M)[-1]
        segment = server.get(path)
        idle = run_s(server)
        time.sleep(2)
        idle = (run_s(server) - idle) / 2  # of a second: the stream goes on
        with open(os.path.join(lab.folder, 'segment.m4s'), 'wb') as out:
            out.write(segment)
        port = free_port()
        rival = nginx(lab, f'server {{ listen 127.0.0.1:{port}; root {lab.folder}; keepalive_requests 100000; }}')
        await_port(port)
        start = time.monotonic()
        ours = cost_us(server, server.port, path, len(segment)) - idle * 1e6 * (time.monotonic() - start) / N_REQUESTS
        theirs = cost_us(rival, port, '/segment.m4s', len(segment))
        lab.end_all()
        return {'ours': ours, 'limit': theirs, 'size': len(segment)}
    best = median_round(measure)
    return [at_most(f"HLS segment of {best['size'] / 1e6:.1f} MB", f"{best['ours']:.0f} us", f"nginx, a file {best['limit']:.0f}",
                    best['ours'] / best['limit'], 1.3)]


ROWS = [('hls latency', latency_rows), ('hls segments', segment_rows)]
