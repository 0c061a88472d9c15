/*
 * Which transport to try, and when to try the next one. No timers and no browser in here: every
 * call brings the time, and the owner acts on what then stands in `current` and `attempt`.
 *
 * The rules
 * - Best first: WebRTC, WebCodecs, MSE, MJPEG; the next one when no picture came in time. Only time
 *   in which the stream could deliver counts, so a camera that is still starting costs nobody.
 * - No flapping: what has worked is kept, and tried again first when it breaks; nothing
 *   that plays is ever left for something better. What keeps breaking is rested for a while.
 * - When all have failed, a new round begins after a pause (backoff.js).
 * - A choice by hand means that one only.
 *
 * Units: milliseconds.
 */
import { backoffMs } from './backoff.js';

export const TRANSPORTS = ['webrtc', 'webcodecs', 'mse', 'mjpeg'];
export const PICTURE_WITHIN_MS = 1500;

const MOST_BUDGET_MS = 6000;
const RETRIES = 1; // of what has worked, before the others get their turn
const SOLID_MS = 10000; // played this long: no part of a series of breaks
const BREAKS = 3; // in a series
const REST_MS = 60000; // doubled each time
const MOST_REST_MS = 600000;

let nAttempts = 0; // of all ladders, so that no two attempts are alike

/* Time to the first picture: longer when the way there is slow, or the frames are rare. */
export function pictureBudgetMs(rttMs, frameIntervalMs) {
    const wanted = Math.max(PICTURE_WITHIN_MS, 8 * (rttMs ?? 0), 3 * (frameIntervalMs ?? 0) + 500);
    return Math.min(MOST_BUDGET_MS, wanted);
}

export class Ladder {
    current = null; // the transport that should be open, or null
    attempt = 0; // another number whenever `current` is to be opened anew
    isPlaying = false;
    waitUntilMs = null; // all have failed: the next round begins then
    forced = null;
    proven = null; // the one that has worked

    #order;
    #unusable;
    #random;
    #failures = new Map(); // id -> sentence
    #breaks = new Map(); // id -> series of short plays
    #rests = new Map(); // id -> {untilMs, spanMs}
    #round = [];
    #rounds = 0;
    #deliverableSinceMs = null;
    #pictureAtMs = null;

    /*
     * unusable: {id: why this browser cannot}; proven: what worked here last time, or null.
     */
    constructor({ order = TRANSPORTS, unusable = {}, proven = null, forced = null, random } = {}) {
        this.#order = order;
        this.#unusable = unusable;
        this.#random = random ?? Math.random;
        this.proven = order.includes(proven) && !unusable[proven] ? proven : null;
        this.forced = forced;
    }

    /* A new round, at the start or after hold(). */
    start(nowMs) {
        this.#round = this.#candidates(nowMs);
        this.#next(nowMs);
    }

    /* Nothing can work now (server away, paused): close, and forget nothing. */
    hold() {
        this.current = null;
        this.isPlaying = false;
        this.waitUntilMs = null;
    }

    /* A transport by hand, or null for the automatic choice. */
    use(id, nowMs) {
        this.forced = id;
        this.#rounds = 0;
        this.#failures.clear();
        this.#rests.clear();
        if (!id) {
            this.proven = null;
        }
        this.start(nowMs);
    }

    /* The way to the server has changed (another network): everything deserves a new chance. */
    forget() {
        this.#rounds = 0;
        this.#rests.clear();
        this.#breaks.clear();
    }

    picture(nowMs) {
        this.isPlaying = true;
        this.#pictureAtMs = nowMs;
        this.#rounds = 0;
        this.#failures.delete(this.current);
        if (!this.forced) {
            this.proven = this.current;
        }
    }

    /* The attempt said no. */
    failed(nowMs, reason) {
        this.#failures.set(this.current, reason);
        this.#next(nowMs);
    }

    /* It played, and broke. */
    lost(nowMs, reason) {
        const id = this.current;
        const isSolid = nowMs - this.#pictureAtMs >= SOLID_MS;
        const series = isSolid ? 0 : (this.#breaks.get(id) ?? 0) + 1;
        this.#breaks.set(id, series);
        this.#failures.set(id, reason);
        if (series >= BREAKS) {
            this.#rest(id, nowMs, reason);
            this.proven = null;
            this.start(nowMs);
            return;
        }
        this.#round = [
            ...Array(RETRIES).fill(id),
            ...this.#candidates(nowMs).filter((c) => c !== id),
        ];
        this.#next(nowMs);
    }

    /*
     * Time passes. canDeliver: the stream would give pictures now; budgetMs: see
     * pictureBudgetMs(); explain: what the attempt itself knows, in words, or null.
     */
    tick(nowMs, canDeliver, budgetMs, explain = null) {
        if (this.current === null) {
            if (this.waitUntilMs !== null && nowMs >= this.waitUntilMs) {
                this.start(nowMs);
            }
            return;
        }
        if (this.isPlaying) {
            return;
        }
        if (!canDeliver) {
            this.#deliverableSinceMs = null;
            return;
        }
        this.#deliverableSinceMs ??= nowMs;
        if (nowMs - this.#deliverableSinceMs >= budgetMs) {
            const within = `no picture within ${(budgetMs / 1000).toFixed(1)} s`;
            this.failed(nowMs, explain ? `${within}: ${explain}` : within);
        }
    }

    /* Every transport has failed since the last picture. */
    get hasFailed() {
        return this.#rounds > 0;
    }

    /*
     * [{id, state, reason}], best first; state is 'playing', 'trying', 'failed', 'unusable' or
     * 'untried'.
     */
    report() {
        return this.#order.map((id) => {
            const reason = this.#unusable[id] ?? this.#failures.get(id) ?? '';
            if (this.#unusable[id]) {
                return { id, state: 'unusable', reason };
            }
            if (id === this.current) {
                return { id, state: this.isPlaying ? 'playing' : 'trying', reason };
            }
            return { id, state: reason ? 'failed' : 'untried', reason };
        });
    }

    #candidates(nowMs) {
        const usable = this.#order.filter((id) => !this.#unusable[id]);
        if (this.forced) {
            return usable.filter((id) => id === this.forced);
        }
        const rested = usable.filter((id) => !(this.#rests.get(id)?.untilMs > nowMs));
        const ids = rested.length ? rested : usable;
        return ids.includes(this.proven)
            ? [this.proven, ...ids.filter((id) => id !== this.proven)]
            : ids;
    }

    #next(nowMs) {
        this.isPlaying = false;
        this.#deliverableSinceMs = null;
        this.current = this.#round.shift() ?? null;
        this.waitUntilMs =
            this.current === null ? nowMs + backoffMs(this.#rounds++, this.#random) : null;
        this.attempt = ++nAttempts;
    }

    #rest(id, nowMs, reason) {
        const before = this.#rests.get(id)?.spanMs ?? REST_MS / 2;
        const spanMs = Math.min(MOST_REST_MS, before * 2);
        this.#rests.set(id, { untilMs: nowMs + spanMs, spanMs });
        this.#breaks.set(id, 0);
        this.#failures.set(id, `kept breaking (${reason}), rested for ${spanMs / 60000} min`);
    }
}
