#!/usr/bin/env python3
"""Writes JPEGs into a FIFO at a steady rate, each with a counter in a comment: "AVOC" and 32 bits.

usage: mjpeg_feed.py FIFO FPS JPEG...
"""

import struct
import sys
import time


def main(fifo, fps, *files):
    pictures = []
    for file in files:
        with open(file, 'rb') as jpeg:
            pictures.append(jpeg.read())
    interval = 1 / float(fps)
    with open(fifo, 'wb', buffering=0) as out:
        start, n = time.monotonic(), 0
        while True:
            jpeg = pictures[n % len(pictures)]
            comment = b'AVOC' + struct.pack('>I', n)
            data = jpeg[:2] + b'\xff\xfe' + struct.pack('>H', len(comment) + 2) + comment + jpeg[2:]
            while data:
                data = data[out.write(data):]
            n += 1
            time.sleep(max(0, start + n * interval - time.monotonic()))


if __name__ == '__main__':
    try:
        main(*sys.argv[1:])
    except (BrokenPipeError, KeyboardInterrupt):
        pass
