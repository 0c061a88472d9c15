/*
 * Does the picture still move? Frames that are presented say so; where nothing is presented (an
 * iframe that is scrolled out of view) frames that are decoded do. Time in which the page was
 * hidden or the stream could not deliver is not held against anybody.
 *
 * Units: milliseconds of performance.now().
 */
const STALE_MS = 900; // no frame for this long: ask the server whether the camera sends
const LOST_MS = 2000; // … and it does: the connection is broken
const STALE_FRAMES = 3;

export class Liveness {
    #frameMs = -Infinity;
    #visibleMs = -Infinity;
    #decoded = 0;

    /* A new connection counts its decoded frames from 0. */
    renew() {
        this.#decoded = 0;
    }

    frame(nowMs) {
        this.#frameMs = nowMs;
    }

    visible(nowMs) {
        this.#visibleMs = nowMs;
    }

    /* So many frames are decoded; true if there are more than before. */
    decoded(nowMs, count) {
        const hasMore = count > this.#decoded;
        this.#decoded = count ?? 0;
        if (hasMore) {
            this.#frameMs = nowMs;
        }
        return hasMore;
    }

    isStale(nowMs) {
        return nowMs - this.#frameMs > STALE_MS;
    }

    /* Quiet for longer than the rate explains, null unknown. */
    isQuiet(nowMs, fps) {
        const since = Math.max(this.#frameMs, this.#visibleMs);
        return nowMs - since > Math.max(STALE_MS, fps ? (STALE_FRAMES * 1000) / fps : 0);
    }

    /* deliverableMs: since when the stream could give pictures, null: it cannot. */
    isLost(nowMs, deliverableMs, budgetMs) {
        const since = Math.max(this.#frameMs, this.#visibleMs, deliverableMs ?? nowMs);
        return nowMs - since > Math.max(LOST_MS, budgetMs);
    }
}
