/*
 * Fragmented MP4 over a WebSocket, played by Media Source Extensions; on iPhones by their
 * ManagedMediaSource. One fragment is one frame; edge.js keeps the player near the newest.
 */
import { Behind } from './behind.js';
import { Captures, mediaTimeKey } from './captures.js';
import { Edge } from './edge.js';
import { readFragment, readTimescale } from './mp4.js';
import { openSocket } from './socket.js';
import { Timeline } from './timeline.js';
import { watchFrames } from './presented.js';
import { webSocketUrl, withQuery } from './paths.js';

/* Fragments, while the browser is busy: a whole cached group of pictures (4,096), and more. */
const MOST_QUEUED = 4400;

const Source = globalThis.MediaSource ?? globalThis.ManagedMediaSource;
/* Safari's sound and picture stumble at a changed speed: it jumps instead. */
const canChangeRate = !/^((?!chrome|android).)*safari/i.test(navigator.userAgent);

export const mse = {
    id: 'mse',
    check: () => (Source ? '' : 'this browser has no Media Source Extensions'),
    open: (env) => new MseSession(env),
};

class MseSession {
    #env;
    #socket;
    #source = new Source();
    #buffer = null;
    #type = null;
    #queue = [];
    #edge;
    #timescale = null;
    #timeline = new Timeline();
    #captures = new Captures();
    #behind = new Behind();
    #stopWatching;
    #listeners = new AbortController();
    #isOver = false;
    #isPlaced = false;
    #hasPicture = false;
    #seen = { bytes: 0 };
    #decodedBefore;
    #url;

    constructor(env) {
        this.#env = env;
        this.element = env.stage.video;
        this.#edge = new Edge(env.mode, { canChangeRate });
        this.#url = URL.createObjectURL(this.#source);
        const { signal } = this.#listeners;
        this.#source.addEventListener('sourceopen', () => this.#open(), { signal });
        const video = this.element;
        video.addEventListener('error', () => this.#end(describe(video.error)), { signal });
        video.src = this.#url;
        this.#decodedBefore = video.getVideoPlaybackQuality?.().totalVideoFrames ?? 0;
        this.#stopWatching = watchFrames(video, (frame) => this.#onFrame(frame));
        const url = withQuery(env.base, 'ws', { format: 'mp4', mode: env.askedMode });
        this.#socket = openSocket(webSocketUrl(url), {
            clock: env.clock,
            onHello: (hello) => this.#onHello(hello),
            onJson: env.onJson,
            onBytes: (bytes) => this.#onBytes(bytes),
            onClose: (reason) => this.#end(reason),
        });
    }

    /* Comes again when the stream changes; an init segment follows each. */
    #onHello(hello) {
        const type = `video/mp4; codecs="${hello.codec}"`;
        if (!Source.isTypeSupported(type)) {
            this.#end(`this browser cannot play ${hello.codec}`);
        } else if (this.#buffer && type !== this.#type) {
            this.#end('the stream has changed'); // opened anew, which is simpler than changeType()
        } else {
            this.#type = type;
            this.#open();
        }
    }

    /* Needs both the source to be open and the hello to be there, in either order. */
    #open() {
        if (this.#buffer || !this.#type || this.#source.readyState !== 'open') {
            return;
        }
        this.#buffer = this.#source.addSourceBuffer(this.#type);
        this.#buffer.addEventListener('updateend', () => this.#onAppended(), {
            signal: this.#listeners.signal,
        });
        this.#append();
    }

    #onBytes(bytes) {
        this.#seen.bytes += bytes.byteLength;
        const timescale = readTimescale(bytes);
        if (timescale === null) {
            this.#place(readFragment(bytes));
        } else {
            this.#timescale = timescale;
        }
        this.#queue.push(bytes);
        if (this.#queue.length > MOST_QUEUED) {
            this.#end('this browser is too slow for the stream');
            return;
        }
        this.#append();
    }

    /* Onto the timeline without holes; what is known of its capture goes with it. */
    #place({ capture, decodeTime, duration, isKey, setDecodeTime }) {
        if (decodeTime === null || this.#timescale === null) {
            return;
        }
        const time = setDecodeTime ? this.#timeline.place(decodeTime, duration ?? 0) : decodeTime;
        setDecodeTime?.(time);
        this.#edge.arrival(performance.now(), decodeTime / this.#timescale);
        if (isKey) {
            this.#behind.keyframe(time / this.#timescale);
        }
        if (capture && capture.mediaTime === decodeTime) {
            this.#captures.put(mediaTimeKey(time / this.#timescale), capture.captureMs);
        }
    }

    #append() {
        if (
            this.#isOver ||
            !this.#buffer ||
            this.#buffer.updating ||
            this.#source.readyState !== 'open'
        ) {
            return;
        }
        try {
            if (this.#queue.length) {
                this.#buffer.appendBuffer(join(this.#queue.splice(0)));
            } else {
                this.#trim();
            }
        } catch (error) {
            this.#end(describeRefusal(error));
        }
    }

    #trim() {
        const { buffered } = this.#buffer;
        const end = buffered.length
            ? this.#behind.end(buffered.start(0), this.element.currentTime)
            : null;
        if (end !== null) {
            this.#buffer.remove(0, end);
        }
    }

    #onAppended() {
        if (this.#isOver || this.#source.readyState !== 'open') {
            return;
        }
        const { buffered } = this.#buffer;
        if (buffered.length) {
            this.#follow(buffered.start(buffered.length - 1), buffered.end(buffered.length - 1));
        }
        this.#append();
    }

    #follow(startS, endS) {
        const video = this.element;
        const nowMs = performance.now();
        if (!this.#isPlaced) {
            this.#isPlaced = true;
            video.currentTime = Math.max(startS, endS - this.#edge.aimMs(nowMs) / 1000);
            video.play().catch((error) => this.#env.onPlayRefused(error));
            return;
        }
        if (document.hidden || video.seeking) {
            this.#edge.skipCheck();
            return;
        }
        const { seekTo, rate } = this.#edge.advise(nowMs, video.currentTime, startS, endS);
        if (seekTo !== null) {
            video.currentTime = seekTo;
        }
        if (video.playbackRate !== rate) {
            video.playbackRate = rate;
        }
    }

    #onFrame(frame) {
        if (this.#isOver) {
            return;
        }
        if (!this.#hasPicture) {
            this.#hasPicture = true;
            this.#env.onPicture();
        }
        if (frame.presentedFrames !== null) {
            this.#edge.presented(frame.presentedFrames);
        }
        let captureMs = null;
        if (frame.mediaTime !== null) {
            this.#captures.find(mediaTimeKey(frame.mediaTime), (ms) => {
                captureMs = ms;
            });
        }
        this.#env.onFrame({ ...frame, browserCaptureMs: null, captureMs });
    }

    #end(reason) {
        if (!this.#isOver) {
            this.#env.onEnd(reason); // who opened it closes it
        }
    }

    explain() {
        if (!this.#type) {
            return 'the WebSocket says nothing';
        }
        if (!this.#buffer) {
            return 'the browser does not open its media source';
        }
        return this.#isPlaced
            ? 'data comes, but this browser shows no picture'
            : 'connected, but no data comes';
    }

    stats() {
        const quality = this.element.getVideoPlaybackQuality?.();
        return {
            ...this.#seen,
            dropped: this.#edge.missed, // the browser's own count has frames that were shown late
            decoded: quality?.totalVideoFrames - this.#decodedBefore,
            bufferMs: this.#edge.aimMs(performance.now()),
            jitterMs: this.#edge.jitterMs(performance.now()),
        };
    }

    close() {
        if (this.#isOver) {
            return;
        }
        this.#isOver = true;
        this.#listeners.abort();
        this.#socket?.close();
        this.#stopWatching();
        this.element.playbackRate = 1;
        this.element.removeAttribute('src');
        this.element.load();
        URL.revokeObjectURL(this.#url);
    }
}

function join(parts) {
    if (parts.length === 1) {
        return parts[0];
    }
    const whole = new Uint8Array(parts.reduce((n, part) => n + part.byteLength, 0));
    let at = 0;
    for (const part of parts) {
        whole.set(new Uint8Array(part), at);
        at += part.byteLength;
    }
    return whole;
}

/* What bounds memory where no keyframe comes is the browser's own quota. */
const describeRefusal = (error) =>
    error.name === 'QuotaExceededError'
        ? "the stream's keyframes are further apart than this browser can keep"
        : `the browser refuses the data: ${error.message}`;

const describe = (error) =>
    `the browser gave up${error?.message ? `: ${error.message.slice(0, 120)}` : ''}`;
