/*
 * Multipart JPEG in an img: what every browser can show. The img says neither when a frame comes
 * nor how old it is, so a few of its pixels are looked at now and then to see whether it lives.
 */
import { withQuery } from './paths.js';

const LOOK_MS = 100; // for the first picture
const PROBE_MS = 1000;
const STILL_MS = 6000; // no pixel changed: open it anew …
const MOST_STILL_MS = 120000; // … ever more seldom, as some pictures do stand still
const PROBE = { width: 32, height: 18 };
const BLANK = 'data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==';

let stillMs = STILL_MS;

export const mjpeg = {
    id: 'mjpeg',
    check: () => '',
    open: (env) => new MjpegSession(env),
};

class MjpegSession {
    countsFrames = false;
    #env;
    #timer = null;
    #isOver = false;
    #hasPicture = false;
    #probe = Object.assign(document.createElement('canvas'), PROBE).getContext('2d', {
        willReadFrequently: true,
    });
    #sum = null;
    #nChanges = 0; // stays 0 in Firefox, which draws only the first picture of an img
    #changedMs = performance.now();
    #started = Date.now();

    constructor(env) {
        this.#env = env;
        this.element = env.stage.renew('img');
        this.element.onerror = () => this.#onError();
        this.element.src = withQuery(env.base, 'stream.mjpg', {
            mode: env.askedMode,
            at: this.#started,
        });
        this.#timer = setInterval(() => this.#look(), LOOK_MS);
    }

    /* An img hides the status: ask for a snapshot, which fails for the same reasons, in words. */
    async #onError() {
        if (this.#hasPicture) {
            this.#end('the connection was closed');
            return;
        }
        const answer = await fetch(withQuery(this.#env.base, 'snapshot.jpg'), {
            cache: 'no-store',
        }).catch(() => null);
        const json = answer && !answer.ok ? await answer.json().catch(() => null) : null;
        this.#end(json?.error ?? 'the server sends no MJPEG');
    }

    #look() {
        if (this.element.naturalWidth && !this.#hasPicture) {
            this.#hasPicture = true;
            clearInterval(this.#timer);
            this.#timer = setInterval(() => this.#look(), PROBE_MS);
            this.#env.onPicture();
        }
        if (this.#hasPicture && !document.hidden) {
            this.#checkAlive();
        }
    }

    #checkAlive() {
        const nowMs = performance.now();
        const { naturalWidth: width, naturalHeight: height } = this.element;
        if (!width || !height) {
            this.#end('the picture broke off');
            return;
        }
        this.#env.onSize(width, height);
        this.#probe.drawImage(this.element, 0, 0, PROBE.width, PROBE.height);
        const { data } = this.#probe.getImageData(0, 0, PROBE.width, PROBE.height);
        const sum = data.reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 0);
        if (sum !== this.#sum || !this.#env.canDeliver()) {
            this.#nChanges += this.#sum !== null && sum !== this.#sum ? 1 : 0;
            stillMs = this.#nChanges > 1 ? STILL_MS : stillMs;
            this.#sum = sum;
            this.#changedMs = nowMs;
            this.#env.stage.keep(); // a broken connection takes the picture of an img with it
        } else if (this.#nChanges > 0 && nowMs - this.#changedMs > stillMs) {
            stillMs = Math.min(MOST_STILL_MS, stillMs * 2);
            this.#env.onRefresh();
        }
    }

    #end(reason) {
        if (!this.#isOver) {
            this.#env.onEnd(reason); // who opened it closes it
        }
    }

    explain() {
        return 'no JPEG comes';
    }

    stats() {
        return { bytes: null, dropped: null };
    }

    close() {
        if (this.#isOver) {
            return;
        }
        this.#isOver = true;
        clearInterval(this.#timer);
        this.element.onerror = null;
        this.element.src = BLANK; // ends the request; removing the attribute does not everywhere
    }
}
