#!/usr/bin/env python3
"""GStreamer's RTSP server with one stream that all players share, to be measured beside ours.

usage: gst_rtsp_server.py FILE.mp4      plays it once in real time at /cam; prints "ready PORT"
"""

import sys

import gi

gi.require_version('Gst', '1.0')
gi.require_version('GstRtspServer', '1.0')
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402


def main():
    Gst.init(None)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(f'( filesrc location={sys.argv[1]} ! qtdemux ! h264parse ! '
                       'rtph264pay name=pay0 pt=96 config-interval=-1 )')
    factory.set_shared(True)
    server = GstRtspServer.RTSPServer()
    server.set_address('127.0.0.1')
    server.set_service('0')
    server.get_mount_points().add_factory('/cam', factory)
    server.attach(None)
    print('ready', server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == '__main__':
    main()
