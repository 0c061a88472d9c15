/* What is going on, as one word, from everything that is known. Pure. */

/*
 * wantsGesture: the browser refused to play unasked; reach, state: see info.js; isAway: the server
 * does not answer and no picture comes; isFresh: a frame came just now; isPlaying, hasFailed: see
 * ladder.js; isOnLine: navigator.onLine.
 */
export function phaseOf({
    wantsGesture,
    isAway,
    reach,
    state,
    isFresh,
    isPlaying,
    hasFailed,
    isOnLine,
}) {
    if (wantsGesture) {
        return 'gesture';
    }
    if (isAway) {
        return reach !== 'away' ? reach : isOnLine ? 'reconnecting' : 'offline';
    }
    if (isPlaying && isFresh) {
        return 'playing'; // frames say more than an answer that may be two seconds old
    }
    if (reach === 'ok' && (state === 'stalled' || state === 'starting')) {
        return state;
    }
    return isPlaying ? 'playing' : hasFailed ? 'failed' : 'connecting';
}
