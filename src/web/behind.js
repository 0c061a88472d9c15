/*
 * How much of what was played can be removed from an MSE buffer. A removal goes on to the next
 * keyframe behind its end, so one that ends inside the group of pictures being played takes the
 * picture away: it must end where a keyframe begins.
 *
 * Units: seconds of media time.
 */
const KEEP_S = 10; // behind what is played
const TRIM_AT_S = 20;
const EARLIER_S = 0.001; // a rounded end must not lie behind its keyframe
const MOST_KEYFRAMES = 1000; // 20 a second of what is kept; the oldest go first

export class Behind {
    #keys = [];

    keyframe(timeS) {
        this.#keys.push(timeS);
        if (this.#keys.length > MOST_KEYFRAMES) {
            this.#keys.shift();
        }
    }

    /* Where a removal from the beginning is to end; null: nothing is to be removed now. */
    end(startS, nowS) {
        if (nowS - startS <= TRIM_AT_S) {
            return null;
        }
        let end = null;
        while (this.#keys.length && this.#keys[0] <= nowS - KEEP_S) {
            end = this.#keys.shift();
        }
        if (end === null) {
            return null;
        }
        this.#keys.unshift(end); // still the newest that is old enough
        return end - EARLIER_S > startS ? end - EARLIER_S : null;
    }
}
