/* The transports that there are, and a ladder of those that this browser can use. */
import { Ladder, TRANSPORTS } from './ladder.js';
import { mjpeg } from './mjpeg.js';
import { mse } from './mse.js';
import { webcodecs } from './webcodecs.js';
import { webrtc } from './webrtc.js';

/*
 * Each has check() -> '' or why this browser cannot, and open(env) -> session. A session has
 * element, stats(), explain() (why there is no picture yet) and close(), and calls env's on…()
 * functions, see player.js; it never closes itself. countsFrames: false says that it cannot see
 * its frames.
 */
export const OPENERS = { webrtc, webcodecs, mse, mjpeg };

/* A canvas cannot buffer: where smoothness counts, it comes after the video elements. */
const SMOOTH_ORDER = ['webrtc', 'mse', 'webcodecs', 'mjpeg'];

export function makeLadder({ mode, forced, proven }) {
    const order = mode === 'smooth' ? SMOOTH_ORDER : TRANSPORTS;
    const reasons = order.map((id) => [id, OPENERS[id].check()]);
    const unusable = Object.fromEntries(reasons.filter(([, reason]) => reason));
    return new Ladder({ order, unusable, proven, forced });
}
