/*
 * How far behind the newest picture an MSE player should run, and how to get there.
 *
 * Too near the end and the next frame comes too late (the picture stands still for a moment); too
 * far and everybody sees the past. So the distance is what the mode asks for, plus the jitter that
 * was measured, plus something found by trial: more after a second in which too many frames were
 * never shown, slowly less while all are.
 *
 * Units: milliseconds, except media times, which are seconds as in HTMLMediaElement.
 */
import { Window, quantile } from './latency.js';

/*
 * seekMs: further behind than this, jump; else play up to 10 % faster. missedPart: of the frames
 * may go unseen.
 */
const MODES = {
    drive: { baseMs: 20, jitterPart: 1, seekMs: 250, mostMs: 150, missedPart: 0.05 },
    watch: { baseMs: 50, jitterPart: 1.2, seekMs: 500, mostMs: 400, missedPart: 0.03 },
    smooth: { baseMs: 1000, jitterPart: 2, seekMs: 3000, mostMs: 4000, missedPart: 0.03 },
};
const BACKLOG_MS = 15;
const CALM_MS = 8; // nearer to the aim than this: leave the speed alone
const FULL_SPEED_MS = 200; // behind by this much: the full 10 %
const MOST_FASTER = 0.1;
const MOST_SLOWER = 0.05;
const CHECK_EVERY_MS = 1000;
const MORE_MS = 12;
const LESS_MS = 2;
const MOST_EXTRA_MS = 120;

export class Edge {
    #lateness = new Window();
    #leastMs = Infinity;
    #extraMs = 0;
    #arrived = 0;
    #presented = null;
    #missed = 0;
    #check = null; // {atMs, arrived, presented} when frames were last compared

    constructor(mode, { canChangeRate = true } = {}) {
        this.mode = MODES[mode] ?? MODES.watch;
        this.canChangeRate = canChangeRate;
    }

    /* A frame of this media time, as the camera gave it, has come. */
    arrival(nowMs, timeS) {
        const lateMs = nowMs - timeS * 1000;
        if (lateMs < this.#leastMs - BACKLOG_MS) {
            this.#lateness.clear(); // what came before was a backlog, and no sign of jitter
        }
        this.#leastMs = Math.min(
            lateMs,
            this.#lateness.values(nowMs).length ? this.#leastMs : Infinity,
        );
        this.#lateness.add(nowMs, lateMs);
        this.#arrived++;
        this.#compare(nowMs);
    }

    /* How many frames were on screen so far. */
    presented(count) {
        this.#presented = count;
    }

    /* A jump or a pause: what was not shown then says nothing. */
    skipCheck() {
        this.#check = null;
    }

    #compare(nowMs) {
        const { atMs, arrived, presented } = this.#check ?? {};
        if (this.#check && nowMs - atMs < CHECK_EVERY_MS) {
            return;
        }
        if (this.#check && presented !== null) {
            const due = this.#arrived - arrived;
            const missed = due - (this.#presented - presented);
            this.#missed += missed;
            const isTooMany = missed > 1 && missed > due * this.mode.missedPart;
            const wanted = this.#extraMs + (isTooMany ? MORE_MS : -LESS_MS);
            this.#extraMs = Math.max(0, Math.min(MOST_EXTRA_MS, wanted));
        }
        this.#check = { atMs: nowMs, arrived: this.#arrived, presented: this.#presented };
    }

    /* Frames that came and were never on screen, as far as was looked. */
    get missed() {
        return Math.max(0, this.#missed);
    }

    /* How late the later frames came, against the earliest. */
    jitterMs(nowMs) {
        const values = this.#lateness.values(nowMs);
        return values.length ? quantile(values, 0.95) - Math.min(...values) : 0;
    }

    aimMs(nowMs) {
        const wanted =
            this.mode.baseMs + this.mode.jitterPart * this.jitterMs(nowMs) + this.#extraMs;
        return Math.min(this.mode.mostMs, wanted);
    }

    /*
     * What to do, right after data came: {seekTo: seconds or null, rate}. [startS, endS) is the
     * newest stretch without a gap, currentS where the player is.
     */
    advise(nowMs, currentS, startS, endS) {
        const aim = this.aimMs(nowMs);
        const behindMs = (endS - currentS) * 1000;
        const target = Math.max(startS, endS - aim / 1000);
        if (currentS < startS || behindMs < -100 || behindMs - aim > this.mode.seekMs) {
            this.skipCheck();
            return { seekTo: target, rate: 1 };
        }
        const errorMs = behindMs - aim;
        if (!this.canChangeRate || Math.abs(errorMs) <= CALM_MS) {
            return { seekTo: null, rate: 1 };
        }
        const part = Math.max(-1, Math.min(1, errorMs / FULL_SPEED_MS));
        return { seekTo: null, rate: 1 + part * (part > 0 ? MOST_FASTER : MOST_SLOWER) };
    }
}
