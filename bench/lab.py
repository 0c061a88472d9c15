"""Processes of a bench: started, watched, ended; and how a row of the table is made."""

import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
CLOCK_TICKS = os.sysconf('SC_CLK_TCK')
START_TIMEOUT_S = 20


class Unavailable(Exception):
    """A rival or a device is not here; the row is left out, with the reason."""


def row(name, ours, beside='', ratio=None, reach=None, is_reached=None, unit='x'):
    """One line of the table; ratio None: a figure without a measure beside it."""
    return {'name': name, 'ours': ours, 'beside': beside,
            'ratio': '' if ratio is None else f'{ratio:.2f}{unit}', 'value': ratio,
            'reach': reach, 'is_reached': is_reached}


def at_most(name, ours, beside, ratio, limit):
    return row(name, ours, beside, ratio, f'<= {limit:g}x', ratio <= limit)


class Process:
    """A child whose stdout is read line by line and whose CPU time can be asked for."""

    def __init__(self, arguments, **options):
        self.stderr = tempfile.TemporaryFile('w+')
        self.child = subprocess.Popen([str(a) for a in arguments], stdout=subprocess.PIPE, stderr=self.stderr,
                                      text=True, **options)

    @property
    def pid(self):
        return self.child.pid

    def line(self, pattern, timeout_s=START_TIMEOUT_S):
        """The match of the first line that fits."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            ready, _, _ = select.select([self.child.stdout], [], [], end - time.monotonic())
            text = self.child.stdout.readline() if ready else ''
            found = re.search(pattern, text)
            if found:
                return found
            if ready and not text:
                break
        raise RuntimeError(f'{self.child.args[0]}: no line like {pattern}: {self.errors()}')

    def errors(self):
        self.stderr.seek(0)
        return self.stderr.read()[-500:]

    def rest(self, timeout_s=120):
        out, _ = self.child.communicate(timeout=timeout_s)
        return out

    def cpu_s(self):
        with open(f'/proc/{self.pid}/stat', encoding='utf-8') as stat:
            fields = stat.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS

    def resident_kb(self):
        with open(f'/proc/{self.pid}/status', encoding='utf-8') as status:
            return int(re.search(r'VmRSS:\s+(\d+)', status.read()).group(1))

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Avocet(Process):
    """`avocet serve` with free ports."""

    def __init__(self, lab, *arguments, **options):
        super().__init__([os.path.join(lab.build, 'avocet'), 'serve', '--http', '0', '--webrtc', '0', '--rtsp', '0', '--log',
                          'warn', *arguments], **options)
        lab.processes.append(self)
        ready = self.line(r'^ready http=([\d.]+):(\d+)')
        self.port = int(ready.group(2))
        self.rtsp_port = int(re.search(r' rtsp=[\d.]+:(\d+)', ready.string).group(1))
        self.url = f'http://127.0.0.1:{self.port}'

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read()

    def info(self, name='cam'):
        return json.loads(self.get(f'/{name}/info'))


class Lab:
    def __init__(self, build):
        self.build = build
        self.processes = []
        self.folder = tempfile.mkdtemp(prefix='avocet-bench-')

    def program(self, name):
        """A program of bench/ in the build folder."""
        path = os.path.join(self.build, 'bench', name)
        if not os.path.exists(path):
            raise Unavailable(f'{name} is not built')
        return path

    def need(self, command):
        path = shutil.which(command)
        if not path:
            raise Unavailable(f'{command} is not installed')
        return path

    def start(self, *arguments, **options):
        process = Process(list(arguments), **options)
        self.processes.append(process)
        return process

    def avocet(self, *arguments, **options):
        return Avocet(self, *arguments, **options)

    def end_all(self):
        for process in reversed(self.processes):
            process.end()
        self.processes = []

    def cpu_per_viewer(self, server, n_viewers, seconds):
        """Microseconds of the server's CPU per viewer and second, over the next seconds."""
        before, start = server.cpu_s(), time.monotonic()
        time.sleep(seconds)
        return (server.cpu_s() - before) * 1e6 / n_viewers / (time.monotonic() - start)

    def h264_file(self, seconds=10, bitrate='4M', size='1280x720'):
        """Constrained baseline H.264 of steady size, one slice per frame as cameras make it; made once."""
        path = os.path.join(self.folder, f'{size}-{bitrate}-{seconds}s.h264')
        if not os.path.exists(path):
            subprocess.run([self.need('ffmpeg'), '-loglevel', 'error', '-f', 'lavfi', '-i',
                            f'testsrc2=s={size}:r=30,noise=alls=20:allf=t', '-t', str(seconds), '-c:v', 'libx264',
                            '-preset', 'superfast', '-tune', 'zerolatency', '-threads', '1', '-profile:v', 'baseline', '-g', '60',
                            '-b:v', bitrate, '-maxrate', bitrate, '-bufsize', '266k', '-pix_fmt', 'yuv420p',
                            '-f', 'h264', path], check=True)
        return path
