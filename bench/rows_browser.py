"""What a person sees: capture to pixels in headless Chromium, and how soon the first picture is there.

The floor of a run is the encoder's time in that run, 1.4 ms to decode, and half a tick of a 60 Hz
display. "Pixels" are those that a script in the page can read; they are on the screen a tick later.
"""

import json
import os
import statistics

from lab import ROOT, Unavailable, row

SECONDS = 5
RUNS = 5
FIRSTS = 20
DECODE_MS = 1.4
HALF_TICK_MS = 1000 / 60 / 2


def browse(lab, server, program, via, *arguments):
    node = lab.need('node')
    if not os.path.exists(os.path.join(ROOT, 'node_modules', 'playwright-core')):
        raise Unavailable('node_modules is missing: npm ci')
    browser = lab.start(node, os.path.join(ROOT, 'bench', program), f'{server.url}/cam/', via, *arguments)
    return json.loads(browser.rest().strip().splitlines()[-1])


def watch(lab, server, via, mode, seconds=SECONDS):
    seen = browse(lab, server, 'latency.mjs', via, seconds, mode)
    if not seen.get('frames'):
        raise RuntimeError(f'{via}: no picture')
    return seen


def floor_ms(server):
    return (server.info()['latency_ms']['encode'] or 5) + DECODE_MS + HALF_TICK_MS


def runs(lab, source, via, mode, others=0):
    results, floors = [], []
    for _ in range(RUNS):
        server = lab.avocet(source)
        if others:
            lab.start(lab.program('whep_drain'), server.port, others, 60, '/cam/whep').line('joined', 60)
        results.append(watch(lab, server, via, mode))
        floors.append(floor_ms(server))
        lab.end_all()

    def median(key):
        return statistics.median(r[key] for r in results)
    return {'p50': median('p50'), 'p95': median('p95'), 'lost': median('lost'), 'floor': statistics.median(floors)}


def latency_row(name, seen, p50_over, p95_over=None):
    over50, over95 = seen['p50'] - seen['floor'], seen['p95'] - seen['floor']
    reach = None if p50_over is None else f'<= floor + {p50_over}' + (f'/{p95_over}' if p95_over else '')
    good = None if p50_over is None else over50 <= p50_over and (p95_over is None or over95 <= p95_over)
    return row(name, f"p50 {seen['p50']:.1f} p95 {seen['p95']:.1f} ms, {seen['lost']:.0f} lost",
               f"floor {seen['floor']:.1f} ms", over50, reach, good, ' ms over')


SOURCE = 'cam=test:?bitrate=4M&preset=superfast'


def latency(lab):
    return [
        latency_row('WebRTC, drive', runs(lab, SOURCE, 'webrtc', 'drive'), 6, 22),
        latency_row('WebRTC, watch', runs(lab, SOURCE, 'webrtc', 'watch'), None),
        latency_row('WebRTC, drive, 30 ms jitter', runs(lab, SOURCE + '&jitter=30ms', 'webrtc', 'drive'), 20),
        latency_row('WebCodecs, drive', runs(lab, SOURCE, 'webcodecs', 'drive'), 5),
        latency_row('MSE, drive', runs(lab, SOURCE, 'mse', 'drive'), 25),
        latency_row('MJPEG, drive', runs(lab, SOURCE, 'mjpeg', 'drive'), 0),
    ]


def under_load(lab):
    alone = runs(lab, SOURCE, 'webrtc', 'drive')
    loaded = runs(lab, SOURCE, 'webrtc', 'drive', others=100)
    more = loaded['p50'] - alone['p50']
    return [row('WebRTC with 100 other viewers', f"p50 {loaded['p50']:.1f} ms", f"alone {alone['p50']:.1f} ms", more,
                '<= +4 ms', more <= 4, ' ms more')]


def first_picture(lab):
    """The page opened again and again, its files kept by the browser; beside it the steps' medians."""
    rows = []
    for via in ('webrtc', 'webcodecs', 'mse'):
        server = lab.avocet(SOURCE + '&start=always')
        seen = browse(lab, server, 'first.mjs', via, FIRSTS)
        lab.end_all()
        firsts = sorted(seen['first_ms'])
        p95 = firsts[-1 - FIRSTS // 20]
        steps = ', '.join(f'{name} {ms:.0f}' for name, ms in seen['steps'].items())
        rows.append(row(f'page to first picture, {via}', f'p50 {statistics.median(firsts):.0f} p95 {p95:.0f} ms',
                        f"{steps}; with nothing kept {seen['empty_cache_ms']:.0f} ms", None, 'p95 <= 150 ms', p95 <= 150))
    return rows


ROWS = [('latency in Chromium', latency), ('latency under load', under_load), ('first picture', first_picture)]
