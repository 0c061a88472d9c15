/*
 * When was this frame captured? Pairs of (key, capture time) come by one way, the frames by
 * another, in any order; the key is what both have: the RTP timestamp, or the presentation time.
 *
 * Units: capture times in the server's milliseconds. Keys are integers.
 */
const KEEP = 600; // pairs, 10 s at 60 frames per second
const WAITING = 120; // frames whose pair has not come yet

function trim(map, limit) {
    for (const key of map.keys()) {
        if (map.size <= limit) {
            return;
        }
        map.delete(key);
    }
}

export class Captures {
    #known = new Map();
    #waiting = new Map();

    put(key, captureMs) {
        this.#known.delete(key);
        this.#known.set(key, captureMs);
        trim(this.#known, KEEP);
        const found = this.#waiting.get(key);
        if (found) {
            this.#waiting.delete(key);
            found(captureMs);
        }
    }

    /* Calls found(captureMs) now, or once when the pair comes, or never. */
    find(key, found) {
        if (this.#known.has(key)) {
            found(this.#known.get(key));
            return;
        }
        this.#waiting.set(key, found);
        trim(this.#waiting, WAITING);
    }

    clear() {
        this.#known.clear();
        this.#waiting.clear();
    }
}

/* The key of a presentation time in seconds: players round it, so count 1/1000 s. */
export const mediaTimeKey = (seconds) => Math.round(seconds * 1000);
