/*
 * What the last five seconds looked like: latency with its parts, frames per second, bitrate.
 *
 * Units: milliseconds, bits per second. Unknown is null, never 0.
 */
export const WINDOW_MS = 5000;
const PLAUSIBLE_MS = [-3, 60000]; // outside: a clock is wrong, so we know nothing

/* Values of the last WINDOW_MS. */
export class Window {
    #items = [];

    constructor(spanMs = WINDOW_MS) {
        this.spanMs = spanMs;
    }

    add(atMs, value) {
        this.#items.push({ atMs, value });
        this.#trim(atMs);
    }

    #trim(nowMs) {
        let n = 0;
        while (n < this.#items.length && this.#items[n].atMs <= nowMs - this.spanMs) {
            n++;
        }
        this.#items.splice(0, n);
    }

    values(nowMs) {
        this.#trim(nowMs);
        return this.#items.map((item) => item.value);
    }

    clear() {
        this.#items = [];
    }
}

export function quantile(values, q) {
    if (!values.length) {
        return null;
    }
    const sorted = [...values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

export const isPlausible = (ms) => ms >= PLAUSIBLE_MS[0] && ms <= PLAUSIBLE_MS[1];

export class LatencyMeter {
    #total = new Window();
    #server = new Window();

    /* A frame was on screen totalMs after its capture. */
    addFrame(nowMs, totalMs) {
        if (totalMs !== null && isPlausible(totalMs)) {
            this.#total.add(nowMs, Math.max(0, totalMs));
        }
    }

    /* The server sent a frame this long after its capture. */
    addServer(nowMs, serverMs) {
        if (isPlausible(serverMs)) {
            this.#server.add(nowMs, Math.max(0, serverMs));
        }
    }

    clear() {
        this.#total.clear();
        this.#server.clear();
    }

    /*
     * Median and worst of the window, and the median's parts: what the server took until it sent,
     * half the round trip, and the player (the rest: decode, buffer, screen).
     */
    summary(nowMs, rttMs) {
        const totals = this.#total.values(nowMs);
        const medianMs = quantile(totals, 0.5);
        const serverMs = quantile(this.#server.values(nowMs), 0.5);
        const networkMs = rttMs === null ? null : rttMs / 2;
        const parts = [medianMs, serverMs, networkMs];
        return {
            frames: totals.length,
            medianMs,
            worstMs: totals.length ? Math.max(...totals) : null,
            serverMs,
            networkMs,
            playerMs: parts.includes(null) ? null : Math.max(0, medianMs - serverMs - networkMs),
        };
    }
}

/* A rising counter (frames, bytes) as a rate per second over the window. */
export class RateMeter {
    #points = [];

    add(nowMs, count) {
        const last = this.#points.at(-1);
        if (last && count < last.count) {
            this.#points = []; // a new connection counts from 0 again
        }
        this.#points.push({ nowMs, count });
        while (this.#points.length > 2 && this.#points[1].nowMs <= nowMs - WINDOW_MS) {
            this.#points.shift();
        }
    }

    get perSecond() {
        const first = this.#points[0];
        const last = this.#points.at(-1);
        if (!first || last.nowMs - first.nowMs < 400) {
            return null;
        }
        return ((last.count - first.count) * 1000) / (last.nowMs - first.nowMs);
    }

    clear() {
        this.#points = [];
    }
}
