import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Ladder, TRANSPORTS, pictureBudgetMs } from '../../../src/web/ladder.js';
import { backoffMs } from '../../../src/web/backoff.js';

const least = () => 0; // back-off without jitter
const BUDGET = 1500;

/* A ladder with a clock of its own: run(ms) lets time pass in ticks of 100 ms. */
function make(options = {}) {
    const ladder = new Ladder({ random: least, ...options });
    const clock = {
        ladder,
        nowMs: 1000,
        canDeliver: true,
        run(ms) {
            for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
                this.nowMs += 100;
                ladder.tick(this.nowMs, this.canDeliver, BUDGET, 'because');
            }
        },
    };
    ladder.start(clock.nowMs);
    return clock;
}

test('goes down when no picture comes, each within its budget', () => {
    const clock = make();
    const seen = [];
    for (let i = 0; i < 4; i++) {
        seen.push(clock.ladder.current);
        clock.run(1600);
    }
    assert.deepEqual(seen, TRANSPORTS);
    assert.equal(clock.ladder.current, null);
    assert.ok(clock.ladder.hasFailed);
    assert.match(clock.ladder.report()[0].reason, /no picture within 1.5 s: because/);
});

test('a camera that is starting uses up no transport', () => {
    const clock = make();
    clock.canDeliver = false;
    clock.run(20000);
    assert.equal(clock.ladder.current, 'webrtc');
    clock.canDeliver = true;
    clock.run(1400);
    assert.equal(clock.ladder.current, 'webrtc');
    clock.run(300);
    assert.equal(clock.ladder.current, 'webcodecs');
});

test('time before a stall does not count', () => {
    const clock = make();
    clock.run(1300);
    clock.canDeliver = false;
    clock.run(500);
    clock.canDeliver = true;
    clock.run(1300);
    assert.equal(clock.ladder.current, 'webrtc');
});

test('a transport that says no is left at once', () => {
    const clock = make();
    clock.ladder.failed(clock.nowMs, 'switched off');
    assert.equal(clock.ladder.current, 'webcodecs');
    assert.deepEqual(clock.ladder.report()[0], {
        id: 'webrtc',
        state: 'failed',
        reason: 'switched off',
    });
});

test('what this browser cannot do is not tried', () => {
    const { ladder } = make({ unusable: { webrtc: 'none', webcodecs: 'no HTTPS' } });
    assert.equal(ladder.current, 'mse');
    assert.deepEqual(
        ladder.report().map((row) => row.state),
        ['unusable', 'unusable', 'trying', 'untried'],
    );
});

test('what plays is never left', () => {
    const clock = make();
    clock.ladder.failed(clock.nowMs, 'no');
    clock.ladder.picture(clock.nowMs);
    const { attempt } = clock.ladder;
    clock.run(3600000);
    assert.equal(clock.ladder.current, 'webcodecs');
    assert.equal(clock.ladder.attempt, attempt);
});

test('what has worked is tried again before the others', () => {
    const clock = make();
    clock.ladder.failed(clock.nowMs, 'no');
    clock.ladder.picture(clock.nowMs);
    clock.run(60000);
    clock.ladder.lost(clock.nowMs, 'broke');
    assert.equal(clock.ladder.current, 'webcodecs');
    clock.run(1600);
    assert.equal(clock.ladder.current, 'webrtc');
});

test('what worked last time comes first', () => {
    const clock = make({ proven: 'mse' });
    assert.equal(clock.ladder.current, 'mse');
    clock.ladder.failed(clock.nowMs, 'no');
    assert.equal(clock.ladder.current, 'webrtc');
});

test('what keeps breaking is rested, then gets a new chance', () => {
    const clock = make();
    for (let i = 0; i < 3; i++) {
        assert.equal(clock.ladder.current, 'webrtc');
        clock.ladder.picture(clock.nowMs);
        clock.run(2000);
        clock.ladder.lost(clock.nowMs, 'broke');
    }
    assert.equal(clock.ladder.current, 'webcodecs');
    assert.match(clock.ladder.report()[0].reason, /kept breaking \(broke\), rested for 1 min/);
    clock.ladder.picture(clock.nowMs);
    clock.run(120000);
    assert.equal(
        clock.ladder.current,
        'webcodecs',
        'the end of the rest changes nothing that plays',
    );
    clock.ladder.hold();
    clock.ladder.proven = null;
    clock.ladder.start(clock.nowMs);
    assert.equal(clock.ladder.current, 'webrtc');
});

test('a break after long play is no series', () => {
    const clock = make();
    for (let i = 0; i < 10; i++) {
        clock.ladder.picture(clock.nowMs);
        clock.run(11000);
        clock.ladder.lost(clock.nowMs, 'broke');
        assert.equal(clock.ladder.current, 'webrtc');
    }
});

test('rounds come ever more seldom, up to 4 s', () => {
    const { ladder, ...clock } = make();
    let nowMs = clock.nowMs;
    const pauses = [];
    for (let round = 0; round < 6; round++) {
        TRANSPORTS.forEach(() => ladder.failed(nowMs, 'no'));
        pauses.push(ladder.waitUntilMs - nowMs);
        nowMs = ladder.waitUntilMs;
        ladder.tick(nowMs, true, BUDGET);
        assert.equal(ladder.current, 'webrtc');
    }
    assert.deepEqual(pauses, [500, 1000, 2000, 4000, 4000, 4000]);
});

test('a choice by hand is the only one, until it is taken back', () => {
    const clock = make();
    clock.ladder.use('mjpeg', clock.nowMs);
    assert.equal(clock.ladder.current, 'mjpeg');
    clock.ladder.failed(clock.nowMs, 'no');
    assert.equal(clock.ladder.current, null);
    clock.run(600);
    assert.equal(clock.ladder.current, 'mjpeg');
    clock.ladder.picture(clock.nowMs);
    assert.equal(clock.ladder.proven, null, 'a choice by hand proves nothing');
    clock.ladder.use(null, clock.nowMs);
    assert.equal(clock.ladder.current, 'webrtc');
});

test('a choice that this browser cannot do opens nothing', () => {
    const { ladder } = make({ unusable: { webcodecs: 'no HTTPS' }, forced: 'webcodecs' });
    assert.equal(ladder.current, null);
});

test('hold keeps what was learned', () => {
    const clock = make();
    clock.ladder.failed(clock.nowMs, 'no');
    clock.ladder.picture(clock.nowMs);
    clock.ladder.hold();
    clock.run(5000);
    assert.equal(clock.ladder.current, null);
    clock.ladder.start(clock.nowMs);
    assert.equal(clock.ladder.current, 'webcodecs');
});

test('every opening is a new attempt', () => {
    const clock = make();
    const first = clock.ladder.attempt;
    clock.ladder.picture(clock.nowMs);
    clock.ladder.lost(clock.nowMs, 'broke');
    assert.equal(clock.ladder.current, 'webrtc');
    assert.notEqual(clock.ladder.attempt, first);
});

test('time to the first picture', () => {
    const rows = [
        { name: 'nothing known', rtt: null, interval: null, expected: 1500 },
        { name: 'loopback', rtt: 1, interval: 33, expected: 1500 },
        { name: 'mobile', rtt: 300, interval: 33, expected: 2400 },
        { name: 'one frame a second', rtt: 1, interval: 1000, expected: 3500 },
        { name: 'one frame a minute', rtt: 1, interval: 60000, expected: 6000 },
    ];
    for (const { name, rtt, interval, expected } of rows) {
        assert.equal(pictureBudgetMs(rtt, interval), expected, name);
    }
});

test('back-off is 0.5, 1, 2, 4, 4 s, and up to a quarter more', () => {
    [500, 1000, 2000, 4000, 4000, 4000].forEach((ms, n) => {
        assert.equal(backoffMs(n, least), ms);
        assert.equal(
            backoffMs(n, () => 1),
            ms * 1.25,
        );
    });
    assert.equal(backoffMs(100000, least), 4000);
});
