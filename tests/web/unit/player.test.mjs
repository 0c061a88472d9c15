import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Liveness } from '../../../src/web/liveness.js';
import { phaseOf } from '../../../src/web/phase.js';

const LIVE = {
    wantsGesture: false,
    isAway: false,
    reach: 'ok',
    state: 'live',
    isFresh: true,
    isPlaying: true,
    hasFailed: false,
    isOnLine: true,
};

test('phase', () => {
    const rows = [
        ['playing', {}],
        ['playing', { state: 'stalled' }], // the answer is old, the frames are not
        ['playing', { isFresh: false }], // an img, or a camera of one frame in ten seconds
        ['stalled', { isFresh: false, state: 'stalled' }],
        ['starting', { isFresh: false, isPlaying: false, state: 'starting' }],
        ['connecting', { isPlaying: false, state: 'idle' }],
        ['connecting', { isPlaying: false, reach: 'unknown', state: undefined }],
        ['failed', { isPlaying: false, hasFailed: true }],
        ['reconnecting', { isAway: true, reach: 'away' }],
        ['offline', { isAway: true, reach: 'away', isOnLine: false }],
        ['missing', { isAway: true, reach: 'missing' }],
        ['refused', { isAway: true, reach: 'refused' }],
        ['playing', { reach: 'away' }], // a picture that comes says more
        ['gesture', { wantsGesture: true, isPlaying: false }],
    ];
    for (const [expected, changes] of rows) {
        assert.equal(phaseOf({ ...LIVE, ...changes }), expected, JSON.stringify(changes));
    }
});

test('liveness: stale soon, lost only when the stream could deliver', () => {
    const liveness = new Liveness();
    liveness.frame(1000);
    assert.equal(liveness.isStale(1800), false);
    assert.equal(liveness.isStale(2000), true);
    assert.equal(liveness.isLost(2900, 0, 1500), false);
    assert.equal(liveness.isLost(3100, 0, 1500), true);
    assert.equal(liveness.isLost(60000, null, 1500), false, 'the camera does not send');
    assert.equal(liveness.isLost(60000, 59000, 1500), false, 'it has only just begun again');
    assert.equal(liveness.isLost(3100, 0, 4000), false, 'the way is slow');
});

test('liveness: time in the background does not count', () => {
    const liveness = new Liveness();
    liveness.frame(1000);
    liveness.visible(60000);
    assert.equal(liveness.isLost(61000, 0, 1500), false);
    assert.equal(liveness.isQuiet(60500, 30), false);
});

test('liveness: rare frames are no silence', () => {
    const liveness = new Liveness();
    liveness.frame(1000);
    assert.equal(liveness.isQuiet(3000, 30), true);
    assert.equal(liveness.isQuiet(3000, 1), false);
    assert.equal(liveness.isQuiet(3000, null), true);
});

test('liveness: out of view, decoded frames count', () => {
    const liveness = new Liveness();
    assert.equal(liveness.decoded(1000, 5), true);
    assert.equal(liveness.decoded(2000, 5), false);
    assert.equal(liveness.isStale(1500), false);
    liveness.renew();
    assert.equal(liveness.decoded(3000, 2), true);
    assert.equal(liveness.decoded(4000, undefined), false);
});
