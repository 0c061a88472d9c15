/*
 * The server's clock, seen from here.
 *
 * A ping gives an interval in which the offset (server minus local) must lie: the answer was made
 * after the question left and before it came back. The shortest round trip gives the narrowest
 * interval, so its middle is our estimate; it is wrong by at most half that round trip.
 *
 * Units: milliseconds. Local times are performance.now(), server times are since 1970.
 */
import { quantile } from './latency.js';

const KEEP_MS = 30000; // two quartz clocks drift about 1 ms apart in this time
const MARGIN_MS = 5; // intervals further apart than this: one of the clocks was set
const RECENT = 5;

export class Clock {
    #samples = [];

    /* One answered ping: when it was sent and received here, and what the server's clock said. */
    add(sentMs, receivedMs, serverMs) {
        if (!(receivedMs >= sentMs) || !Number.isFinite(serverMs)) {
            return;
        }
        const sample = {
            atMs: receivedMs,
            rttMs: receivedMs - sentMs,
            lowMs: serverMs - receivedMs,
            highMs: serverMs - sentMs,
        };
        const best = this.#best();
        if (
            best &&
            (sample.lowMs > best.highMs + MARGIN_MS || sample.highMs < best.lowMs - MARGIN_MS)
        ) {
            this.#samples = []; // a clock was set, or this machine slept
        }
        this.#samples.push(sample);
        this.#samples = this.#samples.filter((s) => s.atMs > receivedMs - KEEP_MS);
    }

    #best() {
        return this.#samples.reduce((a, b) => (a && a.rttMs <= b.rttMs ? a : b), null);
    }

    get known() {
        return this.#samples.length > 0;
    }

    /* Server minus local; null while unknown. */
    get offsetMs() {
        const best = this.#best();
        return best ? (best.lowMs + best.highMs) / 2 : null;
    }

    /* Round trip of the quicker ones of the last few pings; null while unknown. */
    get rttMs() {
        return quantile(
            this.#samples.slice(-RECENT).map((s) => s.rttMs),
            0.25,
        );
    }

    /* The server's time at a local time; null while unknown. */
    toServer(localMs) {
        return this.known ? localMs + this.offsetMs : null;
    }
}
