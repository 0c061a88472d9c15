/*
 * /NAME/ws?format=meta: the times of each frame without the frame, and the server's clock. From it
 * come the capture times of WebRTC frames (by RTP timestamp) and what the server itself took.
 */
import { backoffMs } from './backoff.js';
import { openSocket } from './socket.js';
import { webSocketUrl, withQuery } from './paths.js';

export class Meta {
    #base;
    #clock;
    #onFrame;
    #onState;
    #socket = null;
    #timer = null;
    #tries = 0;

    /* onFrame({rtp, captureMs, sentMs}), each or null; onState() when the stream's has changed. */
    constructor(base, clock, { onFrame, onState }) {
        this.#base = base;
        this.#clock = clock;
        this.#onFrame = onFrame;
        this.#onState = onState;
    }

    open() {
        if (this.#socket || this.#timer) {
            return;
        }
        this.#socket = openSocket(webSocketUrl(withQuery(this.#base, 'ws', { format: 'meta' })), {
            clock: this.#clock,
            onHello: () => {
                this.#tries = 0;
            },
            onJson: (message) => this.#onMessage(message),
            onClose: () => this.#onClose(),
        });
    }

    close() {
        clearTimeout(this.#timer);
        this.#timer = null;
        this.#socket?.close();
        this.#socket = null;
    }

    #onMessage(message) {
        if (message.type === 'frame') {
            const number = (value) => (Number.isFinite(value) && value >= 0 ? value : null);
            this.#onFrame({
                rtp: number(message.rtp),
                captureMs: number(message.capture_ms),
                sentMs: number(message.sent_ms),
            });
        } else if (message.type === 'state') {
            this.#onState();
        }
    }

    #onClose() {
        this.#socket = null;
        this.#timer = setTimeout(() => {
            this.#timer = null;
            this.open();
        }, backoffMs(this.#tries++));
    }
}
