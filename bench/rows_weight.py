"""What the program weighs: size, libraries, resident memory."""

import os
import shutil
import subprocess
import tempfile
import time

from lab import row


def stripped_kb(path):
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run(['strip', '-o', copy.name, path], check=True)
        return os.path.getsize(copy.name) / 1000


def libraries(path):
    listed = subprocess.run(['ldd', path], capture_output=True, text=True, check=True).stdout
    return sorted(line.split()[0] for line in listed.splitlines() if '=>' in line)


def binary(lab):
    path = os.path.join(lab.build, 'avocet')
    kb, names = stripped_kb(path), libraries(path)
    rival = shutil.which('ustreamer')
    beside = f'ustreamer {stripped_kb(rival):.0f} KB, {len(libraries(rival))} libraries' if rival else ''
    rows = [row('binary, stripped', f'{kb:.0f} KB, {len(names)} libraries', beside, None, '<= 700 KB', kb <= 700)]
    rover = os.path.join(os.path.dirname(lab.build), 'build-rover', 'avocet')
    if os.path.exists(rover):
        kb, names = stripped_kb(rover), libraries(rover)
        rows.append(row('binary, rover profile', f'{kb:.0f} KB, {len(names)} libraries', '', None, '<= 400 KB',
                        kb <= 400))
    return rows


def settled_kb(process, seconds=6):
    time.sleep(seconds)
    return process.resident_kb()


def memory(lab):
    feeder = lab.start(lab.need('ffmpeg'), '-loglevel', 'error', '-re', '-stream_loop', '-1', '-i',
                       lab.h264_file(), '-c', 'copy', '-f', 'h264', '-')
    piped = lab.avocet('cam=pipe:-', stdin=feeder.child.stdout)
    lab.start(lab.program('tcp_drain'), piped.port, 1, 60, '/cam/stream.mp4')
    piped_mb = settled_kb(piped) / 1000
    lab.end_all()
    encoding = lab.avocet('cam=test:?bitrate=4M&preset=superfast')
    lab.start(lab.program('tcp_drain'), encoding.port, 1, 60, '/cam/stream.mp4')
    encoding_mb = settled_kb(encoding) / 1000
    lab.end_all()
    bare = lab.start(lab.program('x264_bare'), 30, '1280x720')
    bare.line('ready')
    bare_mb = settled_kb(bare, 4) / 1000
    return [
        row('memory, piped 720p H.264', f'{piped_mb:.1f} MB', '', None, '<= 12 MB', piped_mb <= 12),
        row('memory, encoding 720p', f'{encoding_mb:.1f} MB', f'bare x264 {bare_mb:.1f} MB',
            encoding_mb - bare_mb, '<= +10 MB', encoding_mb - bare_mb <= 10, ' MB more'),
    ]


def memory_per_viewer(lab):
    rows = []
    n_viewers = 300
    for name, path, kind, limit_kb in [('HTTP', '/cam/stream.mp4', 'http', 10),
                                       ('WebSocket', '/cam/ws?format=mp4', 'ws', 16)]:
        server = lab.avocet('cam=test:?bitrate=4M')
        lab.start(lab.program('tcp_drain'), server.port, 1, 60, path, kind)
        alone_kb = settled_kb(server)
        lab.start(lab.program('tcp_drain'), server.port, n_viewers, 60, path, kind).line('joined')
        each_kb = (settled_kb(server) - alone_kb) / n_viewers
        lab.end_all()
        rows.append(row(f'memory per viewer, {name}', f'{each_kb:.1f} KB', '', None, f'<= {limit_kb} KB',
                        each_kb <= limit_kb))
    server = lab.avocet('cam=test:?bitrate=4M')
    lab.start(lab.program('whep_drain'), server.port, 1, 60, '/cam/whep').line('joined')
    alone_kb = settled_kb(server)
    lab.start(lab.program('whep_drain'), server.port, n_viewers, 60, '/cam/whep').line('joined')
    each_kb = (settled_kb(server) - alone_kb) / n_viewers
    rows.append(row('memory per viewer, WebRTC', f'{each_kb:.1f} KB', '', None, '<= 64 KB', each_kb <= 64))
    return rows


ROWS = [('binary', binary), ('memory', memory), ('memory per viewer', memory_per_viewer)]
