/*
 * Media times for MSE without holes. A browser that meets a frame later than twice the duration of
 * the one before drops everything up to the next keyframe, so one hiccup of the camera would cost
 * seconds of picture. Here such a hole is made narrower, and time that runs backwards (a camera
 * that was restarted) goes on; everything else keeps its distances.
 *
 * Units: any, the same for times and durations.
 */
const WIDEST_HOLE = 1.9; // durations

export class Timeline {
    #in = null;
    #out = 0;
    #duration = 0;

    /* Where a frame of this time goes; the first goes to 0. */
    place(time, duration) {
        if (this.#in !== null) {
            const distance = time - this.#in;
            const most = Math.floor(WIDEST_HOLE * this.#duration);
            this.#out += distance <= 0 ? this.#duration : Math.min(distance, most);
        }
        this.#in = time;
        this.#duration = duration;
        return this.#out;
    }
}
