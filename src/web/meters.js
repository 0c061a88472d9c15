/*
 * All figures of one player: fed with frames, the server's frame times and the counters of the
 * open connection; read as one plain object.
 */
import { Captures } from './captures.js';
import { LatencyMeter, RateMeter, Window, isPlausible } from './latency.js';

const META_FRESH_MS = 2000;

export class Meters {
    #clock;
    #captures = new Captures();
    #latency = new LatencyMeter();
    #frames = new RateMeter();
    #bytes = new RateMeter();
    #packets = new Window();
    #nFrames = 0;
    #metaMs = -Infinity;
    #counters = {};
    width = null;
    height = null;

    constructor(clock) {
        this.#clock = clock;
    }

    /* A new connection: its counters begin at 0, its RTP timestamps anywhere. */
    renew() {
        this.#captures.clear();
        this.#latency.clear();
        this.#frames.clear();
        this.#bytes.clear();
        this.#packets.clear();
        this.#counters = {};
        this.#nFrames = 0;
    }

    /* What the server tells about a frame, see meta.js. */
    addMeta({ rtp, captureMs, sentMs }) {
        const nowMs = performance.now();
        this.#metaMs = nowMs;
        if (captureMs !== null && sentMs !== null) {
            this.#latency.addServer(nowMs, sentMs - captureMs);
        }
        if (captureMs !== null && rtp !== null) {
            this.#captures.put(rtp, captureMs);
        }
    }

    /*
     * A frame was presented; returns it as tests and scripts see it (see api.js). Its capture time
     * may become known only a little later; then the same object gets it.
     */
    addFrame(frame) {
        const nowMs = performance.now();
        this.#frames.add(nowMs, ++this.#nFrames);
        this.setSize(frame.width, frame.height);
        const shown = {
            captureMs: frame.captureMs ?? null,
            presentedMs: this.#clock.toServer(frame.presentedMs),
            mediaTime: frame.mediaTime,
            rtpTimestamp: frame.rtpTimestamp,
            latencyMs: null,
        };
        if (shown.captureMs !== null) {
            this.#finish(shown, frame.presentedMs);
        } else if (frame.rtpTimestamp !== null) {
            this.#captures.find(frame.rtpTimestamp, (captureMs) => {
                shown.captureMs = captureMs;
                this.#finish(shown, frame.presentedMs);
            });
        }
        if (shown.captureMs === null && nowMs - this.#metaMs > META_FRESH_MS) {
            this.#useBrowserEstimate(shown, frame);
        }
        return shown;
    }

    #finish(shown, presentedMs) {
        shown.presentedMs ??= this.#clock.toServer(presentedMs);
        if (shown.presentedMs !== null) {
            shown.latencyMs = shown.presentedMs - shown.captureMs;
            this.#latency.addFrame(performance.now(), shown.latencyMs);
        }
    }

    /* Some browsers work it out from abs-capture-time, on their own clock. */
    #useBrowserEstimate(shown, { presentedMs, browserCaptureMs = null }) {
        const latencyMs = browserCaptureMs === null ? null : presentedMs - browserCaptureMs;
        if (latencyMs !== null && latencyMs > 0 && isPlausible(latencyMs)) {
            shown.latencyMs = latencyMs;
            shown.captureMs = this.#clock.toServer(browserCaptureMs);
            this.#latency.addFrame(performance.now(), latencyMs);
        }
    }

    setSize(width, height) {
        if (width && height) {
            this.width = width;
            this.height = height;
        }
    }

    /* Counters so far: {bytes, packets, lost, dropped}; null or absent: unknown. */
    addCounters(counters) {
        const nowMs = performance.now();
        this.#counters = counters;
        if (Number.isFinite(counters.bytes)) {
            this.#bytes.add(nowMs, counters.bytes);
        }
        if (Number.isFinite(counters.packets)) {
            this.#packets.add(nowMs, counters);
        }
        this.#frames.add(nowMs, this.#nFrames);
    }

    #loss(nowMs) {
        const points = this.#packets.values(nowMs);
        if (points.length < 2) {
            return null;
        }
        const lost = points.at(-1).lost - points[0].lost;
        const received = points.at(-1).packets - points[0].packets;
        return lost + received > 0 ? Math.max(0, lost) / (lost + received) : null;
    }

    /*
     * countsFrames: false when the transport cannot see its frames (img). Then the latency is what
     * the server says of itself ({serverMs, rttMs}) and the network takes; the player's part is
     * unknown.
     */
    summary(countsFrames, { serverMs, rttMs }) {
        const nowMs = performance.now();
        const latency = this.#latency.summary(nowMs, this.#clock.rttMs);
        if (!countsFrames && serverMs !== null && rttMs !== null) {
            const networkMs = rttMs / 2;
            Object.assign(latency, {
                serverMs,
                networkMs,
                medianMs: serverMs + networkMs,
                isEstimate: true,
            });
        }
        const bytesPerSecond = this.#bytes.perSecond;
        return {
            latency,
            width: this.width,
            height: this.height,
            fps: countsFrames ? this.#frames.perSecond : null,
            bitrateBps: bytesPerSecond === null ? null : bytesPerSecond * 8,
            loss: this.#loss(nowMs),
            dropped: this.#counters.dropped ?? null,
            bufferMs: this.#counters.bufferMs ?? null,
            jitterMs: this.#counters.jitterMs ?? null,
        };
    }
}
