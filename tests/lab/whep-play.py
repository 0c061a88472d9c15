#!/usr/bin/python3
"""Plays a WHEP endpoint with GStreamer's WebRTC stack and says what came of it, as JSON.

usage: whep-play.py URL [--frames 60] [--seconds 10] [--no-delete]

Ends at FRAMES decoded frames, or after SECONDS; status 0 when there were FRAMES.
{"frames": 60, "width": 1280, "height": 720, "first_ms": 140, "luma_changes": 59, "location": "/cam/whep/..."}
"""

import argparse
import json
import sys
import time
import urllib.parse
import urllib.request

import gi
gi.require_version('Gst', '1.0')
gi.require_version('GstWebRTC', '1.0')
gi.require_version('GstSdp', '1.0')
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

CAPS = 'application/x-rtp,media=video,encoding-name=H264,payload=96,clock-rate=90000,' \
    'packetization-mode=(string)1,profile-level-id=(string)42e01f,rtcp-fb-nack=(boolean)true,' \
    'rtcp-fb-nack-pli=(boolean)true'


class Player:
    def __init__(self, url, n_frames, seconds):
        self.url, self.n_frames = url, n_frames
        self.start = time.monotonic()
        self.seen = {'frames': 0, 'width': 0, 'height': 0, 'first_ms': None, 'luma_changes': 0,
                     'location': None}
        self.last = None
        self.error = None
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline()
        self.rtc = Gst.ElementFactory.make('webrtcbin')
        self.rtc.set_property('bundle-policy', GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.rtc.set_property('latency', 50)
        self.pipeline.add(self.rtc)
        self.rtc.connect('pad-added', self.on_pad)
        self.rtc.connect('notify::ice-gathering-state', self.on_gathering)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect('message::error', lambda _, m: self.end(m.parse_error()[0].message))
        GLib.timeout_add(int(seconds * 1000), lambda: self.end('time is over'))

    def play(self):
        self.pipeline.set_state(Gst.State.PLAYING)
        self.rtc.emit('add-transceiver', GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                      Gst.Caps.from_string(CAPS))
        self.rtc.emit('create-offer', None, Gst.Promise.new_with_change_func(self.on_offer))
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)

    def on_offer(self, promise):
        reply = promise.get_reply()  # it owns the offer
        offer = reply.get_value('offer')
        self.rtc.emit('set-local-description', offer, Gst.Promise.new())

    def on_gathering(self, *_):
        if self.rtc.get_property('ice-gathering-state') == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self.post)

    def post(self):
        offer = self.rtc.get_property('local-description').sdp.as_text()
        request = urllib.request.Request(self.url, offer.encode(), {'Content-Type': 'application/sdp'})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                self.seen['location'] = answer.headers['Location']
                _, sdp = GstSdp.SDPMessage.new_from_text(answer.read().decode())
        except OSError as error:
            self.end(f'POST: {error}')
            return
        self.rtc.emit('set-remote-description', GstWebRTC.WebRTCSessionDescription.new(
            GstWebRTC.WebRTCSDPType.ANSWER, sdp), Gst.Promise.new())

    def on_pad(self, _, pad):
        chain = Gst.parse_bin_from_description(
            'rtph264depay ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! '
            'appsink name=out emit-signals=true sync=false', True)
        self.pipeline.add(chain)
        chain.get_by_name('out').connect('new-sample', self.on_frame)
        chain.sync_state_with_parent()
        pad.link(chain.get_static_pad('sink'))

    def on_frame(self, sink):
        sample = sink.emit('pull-sample')
        caps = sample.get_caps().get_structure(0)
        buffer = sample.get_buffer()
        luma = buffer.extract_dup(0, caps.get_value('width') * caps.get_value('height'))
        seen = self.seen
        seen['frames'] += 1
        seen['width'], seen['height'] = caps.get_value('width'), caps.get_value('height')
        seen['luma_changes'] += self.last is not None and luma != self.last
        seen['first_ms'] = seen['first_ms'] or round((time.monotonic() - self.start) * 1000)
        self.last = luma
        if seen['frames'] >= self.n_frames:
            GLib.idle_add(self.end, None)
        return Gst.FlowReturn.OK

    def end(self, error):
        self.error = self.error or error
        self.loop.quit()
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('url')
    parser.add_argument('--frames', type=int, default=60)
    parser.add_argument('--seconds', type=float, default=10)
    parser.add_argument('--no-delete', action='store_true')
    args = parser.parse_args()
    Gst.init(None)
    player = Player(args.url, args.frames, args.seconds)
    player.play()
    if player.seen['location'] and not args.no_delete:
        where = urllib.parse.urljoin(args.url, player.seen['location'])
        urllib.request.urlopen(urllib.request.Request(where, method='DELETE'), timeout=10).close()
    print(json.dumps({**player.seen, 'error': player.error}))
    return 0 if player.seen['frames'] >= args.frames else 1


if __name__ == '__main__':
    sys.exit(main())
