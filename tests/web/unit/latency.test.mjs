import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Clock } from '../../../src/web/clock.js';
import { Captures, mediaTimeKey } from '../../../src/web/captures.js';
import { LatencyMeter, RateMeter, Window, quantile } from '../../../src/web/latency.js';

const OFFSET = 1700000000000;

/* A ping that took `out` ms to the server and `back` ms from it. */
function ping(clock, atMs, out, back, offset = OFFSET) {
    clock.add(atMs, atMs + out + back, atMs + out + offset);
}

test('clock: unknown before the first pong', () => {
    const clock = new Clock();
    assert.equal(clock.toServer(5), null);
    assert.equal(clock.rttMs, null);
    assert.equal(clock.offsetMs, null);
});

test('clock: the shortest round trip counts', () => {
    const clock = new Clock();
    ping(clock, 0, 100, 2);
    assert.ok(Math.abs(clock.offsetMs - OFFSET) <= 51);
    ping(clock, 200, 1, 1);
    ping(clock, 300, 3, 80);
    assert.equal(clock.offsetMs, OFFSET);
    assert.equal(clock.toServer(1000), OFFSET + 1000);
    assert.equal(clock.rttMs, 2);
});

test('clock: a server whose clock is set is believed at once', () => {
    const clock = new Clock();
    ping(clock, 0, 1, 1);
    ping(clock, 1000, 20, 20, OFFSET + 3600000);
    assert.equal(clock.offsetMs, OFFSET + 3600000);
});

test('clock: samples age', () => {
    const clock = new Clock();
    ping(clock, 0, 1, 1);
    ping(clock, 31000, 5, 5, OFFSET + 4);
    assert.equal(clock.offsetMs, OFFSET + 4);
});

test('clock: nonsense is ignored', () => {
    const clock = new Clock();
    clock.add(10, 5, OFFSET);
    clock.add(0, 5, NaN);
    clock.add(undefined, 5, OFFSET);
    clock.add(0, 5, undefined);
    assert.equal(clock.known, false);
});

test('captures: found whichever comes first, once', () => {
    const captures = new Captures();
    const found = [];
    captures.put(1, 100);
    captures.find(1, (ms) => found.push(ms));
    captures.find(2, (ms) => found.push(ms));
    assert.deepEqual(found, [100]);
    captures.put(2, 200);
    captures.put(2, 999);
    assert.deepEqual(found, [100, 200]);
});

test('captures: forgets the oldest, so that it cannot grow', () => {
    const captures = new Captures();
    for (let i = 0; i < 10000; i++) {
        captures.put(i, i);
    }
    let found = null;
    captures.find(0, (ms) => {
        found = ms;
    });
    captures.find(9999, (ms) => {
        found = ms;
    });
    assert.equal(found, 9999);
});

test('captures: an RTP timestamp that wrapped is found', () => {
    const captures = new Captures();
    captures.put(2 ** 32 - 3000, 1);
    captures.put(0, 2);
    const found = [];
    captures.find(4294964296, (ms) => found.push(ms));
    captures.find(0, (ms) => found.push(ms));
    assert.deepEqual(found, [1, 2]);
});

test('captures: media times meet although players round them to microseconds', () => {
    for (let ticks = 0; ticks < 90000; ticks += 1501) {
        const exact = 86400 + ticks / 90000;
        const rounded = Math.floor(exact * 1e6) / 1e6;
        assert.equal(mediaTimeKey(rounded), mediaTimeKey(exact), String(ticks));
    }
});

test('window: keeps five seconds', () => {
    const window = new Window();
    window.add(0, 'a');
    window.add(4999, 'b');
    assert.deepEqual(window.values(4999), ['a', 'b']);
    assert.deepEqual(window.values(5000), ['b']);
    assert.deepEqual(window.values(20000), []);
});

test('quantile', () => {
    const rows = [
        [[], 0.5, null],
        [[3], 0.5, 3],
        [[3, 1, 2], 0.5, 2],
        [[1, 2, 3, 4], 1, 4],
        [[2, 1], 0, 1],
    ];
    for (const [values, q, expected] of rows) {
        assert.equal(quantile(values, q), expected);
    }
});

test('latency: median, worst and parts that add up', () => {
    const meter = new LatencyMeter();
    [40, 42, 60].forEach((ms, i) => meter.addFrame(1000 + i, ms));
    [10, 12, 11].forEach((ms, i) => meter.addServer(1000 + i, ms));
    assert.deepEqual(meter.summary(1100, 6), {
        frames: 3,
        medianMs: 42,
        worstMs: 60,
        serverMs: 11,
        networkMs: 3,
        playerMs: 28,
    });
});

test('latency: unknown is null, never a number', () => {
    const meter = new LatencyMeter();
    const unknown = {
        frames: 0,
        medianMs: null,
        worstMs: null,
        serverMs: null,
        networkMs: null,
        playerMs: null,
    };
    assert.deepEqual(meter.summary(0, null), unknown);
    meter.addFrame(0, null);
    meter.addFrame(0, -500); // a clock is wrong
    meter.addFrame(0, 3600000);
    meter.addFrame(0, NaN);
    assert.deepEqual(meter.summary(0, null), unknown);
    meter.addFrame(0, 50);
    assert.equal(meter.summary(0, 4).playerMs, null, 'without the server part the rest is unknown');
    assert.equal(meter.summary(6000, 4).medianMs, null, 'old frames say nothing');
});

test('latency: a clock 1 ms off shows 0, not less', () => {
    const meter = new LatencyMeter();
    meter.addFrame(0, -1);
    assert.equal(meter.summary(0, null).medianMs, 0);
});

test('rate: per second, from the second point on', () => {
    const meter = new RateMeter();
    meter.add(0, 0);
    assert.equal(meter.perSecond, null);
    meter.add(1000, 30);
    meter.add(2000, 60);
    assert.equal(meter.perSecond, 30);
    meter.add(9000, 60);
    assert.equal(Math.round(meter.perSecond), 0);
});

test('rate: a counter that begins again gives no negative rate', () => {
    const meter = new RateMeter();
    meter.add(0, 1000);
    meter.add(1000, 2000);
    meter.add(1500, 10);
    assert.equal(meter.perSecond, null);
    meter.add(2500, 110);
    assert.equal(meter.perSecond, 100);
});
