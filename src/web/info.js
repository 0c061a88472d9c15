/*
 * What the server says about the stream: /NAME/info, asked often while we wait for a picture and
 * seldom while one is there. Reading it wakes nothing.
 */
import { backoffMs } from './backoff.js';
import { quantile } from './latency.js';

const TIMEOUT_MS = 4000;
const RTTS = 5;

const orNull = (value) => value ?? null;

/* What the server takes for a frame, all stages together; null unless all are known. */
function sumOfStages(stages) {
    const values = Object.values(stages ?? {});
    return values.length && values.every(Number.isFinite)
        ? values.reduce((sum, ms) => sum + ms, 0)
        : null;
}

function fromJson(json) {
    return {
        state: orNull(json.state),
        error: typeof json.error === 'string' ? json.error : null,
        mode: orNull(json.mode),
        width: orNull(json.width),
        height: orNull(json.height),
        fps: orNull(json.fps),
        codec: orNull(json.codec),
        bitrateBps: orNull(json.bitrate_bps),
        viewers: orNull(json.viewers),
        hasAudio: Boolean(json.audio),
        serverMs: sumOfStages(json.latency_ms),
    };
}

export class InfoPoller {
    info = null; // the last answer
    reach = 'unknown'; // 'unknown', 'ok', 'away' (no answer), 'missing' (404), 'refused'
    refusal = ''; // in words
    nextMs = 0; // performance.now() of the next question
    deliverableSinceMs = null; // performance.now() since which the stream can give pictures

    #url;
    #onAnswer;
    #intervalMs;
    #isRunning = false;
    #timer = null;
    #asking = null;
    #aways = 0;
    #rtts = [];

    /* onAnswer() after each; intervalMs() says how long to wait then, while the server answers. */
    constructor(url, { onAnswer, intervalMs }) {
        this.#url = url;
        this.#onAnswer = onAnswer;
        this.#intervalMs = intervalMs;
    }

    /* Asks for the first time after so long, and then again and again. */
    start(afterMs) {
        if (!this.#isRunning) {
            this.#isRunning = true;
            this.#askAfter(afterMs);
        }
    }

    stop() {
        this.#isRunning = false;
        clearTimeout(this.#timer);
    }

    /* Ask now; resolves when the answer is in the fields above. */
    ask() {
        this.#asking ??= this.#fetch().finally(() => {
            this.#asking = null;
            this.#schedule();
            this.#onAnswer();
        });
        return this.#asking;
    }

    #schedule() {
        if (this.#isRunning) {
            this.#askAfter(this.reach === 'ok' ? this.#intervalMs() : backoffMs(this.#aways++));
        }
    }

    #askAfter(waitMs) {
        clearTimeout(this.#timer);
        this.nextMs = performance.now() + waitMs;
        this.#timer = setTimeout(() => this.ask(), waitMs);
    }

    /* Time of the quicker answers, ms; null before the second (the first opens the connection). */
    get rttMs() {
        return this.#rtts.length > 1 ? quantile(this.#rtts, 0.25) : null;
    }

    /* Would pictures come now, if the way was free? Unknown counts as yes. */
    get canDeliver() {
        return (
            this.reach !== 'away' && !['starting', 'stalled', 'stopping'].includes(this.info?.state)
        );
    }

    async #fetch() {
        const startMs = performance.now();
        try {
            const answer = await fetch(this.#url, {
                cache: 'no-store',
                signal: AbortSignal.timeout?.(TIMEOUT_MS),
            });
            this.#rtts = [...this.#rtts, performance.now() - startMs].slice(-RTTS);
            await this.#take(answer);
        } catch {
            this.reach = 'away';
        }
        const can = this.canDeliver;
        this.deliverableSinceMs = can ? (this.deliverableSinceMs ?? performance.now()) : null;
    }

    async #take(answer) {
        const json = await answer.json().catch(() => null);
        if (answer.ok && json) {
            this.info = fromJson(json);
            this.reach = 'ok';
            this.#aways = 0;
        } else if (answer.status === 404) {
            this.reach = 'missing';
        } else if (answer.status >= 502) {
            this.reach = 'away'; // a proxy in front of a server that is not there
        } else {
            this.reach = 'refused';
            this.refusal = json?.error ?? `${answer.status} ${answer.statusText}`;
        }
    }
}
