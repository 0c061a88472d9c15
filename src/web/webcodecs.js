/*
 * H.264 over a WebSocket, decoded by WebCodecs, drawn on a canvas as soon as it is a picture.
 * Nothing is buffered: a frame that is decoded is the newest one, and is shown.
 */
import { openSocket } from './socket.js';
import { readAccessUnit, sequenceGap } from './access_unit.js';
import { webSocketUrl, withQuery } from './paths.js';

/* An access unit is in the decoder for longer: it cannot keep up; the rest of the GOP goes. */
const MOST_DECODE_MS = { drive: 200, watch: 600, smooth: 2000 };
/*
 * Joining at a cached keyframe: that is shown at once, the way from it to the newest frame is not,
 * if it is this short. It is over when nothing has come out of the decoder for a moment.
 */
const JOIN_UNSEEN_MS = 150;
const JOIN_QUIET_MS = 12;
const MOST_JOIN_MS = 3000;

export const webcodecs = {
    id: 'webcodecs',
    check() {
        if (!globalThis.isSecureContext) {
            return 'it needs HTTPS (or localhost)';
        }
        return globalThis.VideoDecoder ? '' : 'this browser has no WebCodecs';
    },
    open: (env) => new WebcodecsSession(env),
};

class WebcodecsSession {
    #env;
    #socket;
    #decoder = null;
    #context;
    #config = null;
    #needsKey = true;
    #sequence = null;
    #pending = []; // of each access unit in the decoder: {ptsUs, captureMs, fedMs}
    #isJoining = null; // until all that came with the first access unit are decoded
    #joinedMs = 0;
    #joinTimer = null;
    #held = null; // {frame, unit} that may still be overtaken
    #isOver = false;
    #hasPicture = false;
    #drawn = null;
    #tick = null;
    #seen = { bytes: 0, dropped: 0, decoded: 0 };

    constructor(env) {
        this.#env = env;
        this.element = env.stage.renew('canvas');
        this.#context = this.element.getContext('2d', { alpha: false, desynchronized: true });
        const url = withQuery(env.base, 'ws', { format: 'h264', mode: env.askedMode });
        this.#socket = openSocket(webSocketUrl(url), {
            clock: env.clock,
            onHello: (hello) => this.#onHello(hello),
            onJson: env.onJson,
            onBytes: (bytes) => this.#onBytes(bytes),
            onClose: (reason) => this.#end(reason),
        });
    }

    /* Comes again when the stream changes; a keyframe follows each. */
    async #onHello(hello) {
        const config = { codec: hello.codec, optimizeForLatency: true };
        this.#config = null;
        const { supported } = await VideoDecoder.isConfigSupported(config).catch(() => ({}));
        if (this.#isOver) {
            return;
        }
        if (!supported) {
            this.#end(`this browser cannot decode ${hello.codec}`);
            return;
        }
        this.#config = config;
        this.#configure();
        this.#early.splice(0).forEach((bytes) => this.#onBytes(bytes));
    }

    #early = []; // what came while the browser was asked what it can decode

    #configure() {
        this.#decoder ??= new VideoDecoder({
            output: (frame) => this.#onPicture(frame),
            error: (error) => this.#end(`the decoder failed: ${error.message}`),
        });
        this.#decoder.configure(this.#config);
        this.#needsKey = true;
    }

    #onBytes(bytes) {
        if (!this.#config) {
            this.#early.push(bytes);
            return;
        }
        const unit = readAccessUnit(bytes);
        if (!unit || unit.track !== 0) {
            return;
        }
        this.#seen.bytes += bytes.byteLength;
        this.#countGap(unit);
        if (this.#isTooLate(unit)) {
            this.#seen.dropped++;
            return;
        }
        this.#needsKey = false;
        const fedMs = performance.now();
        this.#pending.push({ ptsUs: unit.ptsUs, captureMs: unit.captureMs, fedMs });
        if (this.#isJoining === null) {
            this.#isJoining = true;
            this.#joinedMs = fedMs;
        }
        this.#decoder.decode(
            new EncodedVideoChunk({
                type: unit.isKey ? 'key' : 'delta',
                timestamp: unit.ptsUs,
                data: unit.bytes,
            }),
        );
    }

    #countGap({ sequence, isKey }) {
        const gap = this.#sequence === null ? 0 : sequenceGap(this.#sequence, sequence);
        if (gap > 0) {
            this.#seen.dropped += gap;
            this.#needsKey ||= !isKey;
        }
        this.#sequence = sequence;
    }

    #isTooLate({ isKey }) {
        const waitedMs = this.#pending.length ? performance.now() - this.#pending[0].fedMs : 0;
        const mostMs = this.#isJoining ? MOST_JOIN_MS : MOST_DECODE_MS[this.#env.mode];
        if (waitedMs > mostMs && !this.#needsKey) {
            this.#needsKey = true;
            this.#env.askForKeyframe();
        }
        if (isKey && this.#needsKey && this.#pending.length) {
            this.#decoder.reset(); // whatever is queued is older than this keyframe
            this.#configure();
            this.#seen.dropped += this.#pending.length;
            this.#pending = [];
        }
        return this.#needsKey && !isKey;
    }

    #takePending(ptsUs) {
        const at = this.#pending.findIndex((unit) => unit.ptsUs === ptsUs);
        if (at < 0) {
            return null;
        }
        const [found] = this.#pending.splice(0, at + 1).slice(-1);
        return found;
    }

    #onPicture(frame) {
        const unit = this.#takePending(frame.timestamp);
        this.#seen.decoded++;
        if (this.#isOver || (document.hidden && !document.pictureInPictureElement)) {
            frame.close();
        } else if (this.#isJoining) {
            this.#join(frame, unit);
        } else {
            this.#show(frame, unit);
        }
    }

    /* What is shown on the way says nothing about the latency, so its capture time is left out. */
    #join(frame, unit) {
        this.#held?.frame.close();
        this.#held = { frame, unit };
        if (!this.#hasPicture || performance.now() - this.#joinedMs > JOIN_UNSEEN_MS) {
            this.#showHeld(null);
        }
        clearTimeout(this.#joinTimer);
        this.#joinTimer = setTimeout(() => this.#endJoin(), JOIN_QUIET_MS);
    }

    #endJoin() {
        if (this.#pending.length) {
            this.#joinTimer = setTimeout(() => this.#endJoin(), JOIN_QUIET_MS);
            return;
        }
        this.#isJoining = false;
        this.#showHeld(this.#held?.unit);
    }

    #showHeld(unit) {
        const held = this.#held;
        this.#held = null;
        if (held) {
            this.#show(held.frame, unit);
        }
    }

    #show(frame, unit) {
        const { displayWidth: width, displayHeight: height, timestamp } = frame;
        this.#draw(frame, width, height);
        if (!this.#hasPicture) {
            this.#hasPicture = true;
            this.#env.onPicture();
        }
        this.#announce({
            captureMs: unit?.captureMs ?? null,
            mediaTime: timestamp / 1e6,
            rtpTimestamp: null,
            width,
            height,
        });
    }

    /* What is on the canvas at the next tick of the display is what people see. */
    #announce(frame) {
        this.#drawn = { ...frame, drawnMs: performance.now() };
        this.#tick ??= requestAnimationFrame((tickMs) => {
            this.#tick = null;
            if (!this.#isOver) {
                this.#env.onFrame({
                    ...this.#drawn,
                    presentedMs: Math.max(tickMs, this.#drawn.drawnMs),
                });
            }
        });
    }

    #draw(frame, width, height) {
        const canvas = this.element;
        if (canvas.width !== width || canvas.height !== height) {
            Object.assign(canvas, { width, height });
        }
        this.#context.drawImage(frame, 0, 0, width, height);
        frame.close();
    }

    #end(reason) {
        if (!this.#isOver) {
            this.#env.onEnd(reason); // who opened it closes it
        }
    }

    explain() {
        if (!this.#config) {
            return 'the WebSocket says nothing';
        }
        return this.#seen.bytes > 0
            ? 'data comes, but no picture out of the decoder'
            : 'connected, but no data comes';
    }

    stats() {
        return this.#seen;
    }

    close() {
        if (this.#isOver) {
            return;
        }
        this.#isOver = true;
        this.#socket.close();
        clearTimeout(this.#joinTimer);
        this.#held?.frame.close();
        if (this.#decoder && this.#decoder.state !== 'closed') {
            this.#decoder.close();
        }
    }
}
