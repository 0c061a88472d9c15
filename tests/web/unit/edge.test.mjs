import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Edge } from '../../../src/web/edge.js';

const FRAME_MS = 1000 / 30;

/*
 * A player on a virtual clock: frames of 1/30 s arrive with the given lateness each; it plays at the
 * speed asked for and stands still at the end of its buffer. Returns what was seen.
 */
function play(edge, { seconds, lateMs, startBehindMs = 100, missEvery = 0 }) {
    const state = { currentS: -startBehindMs / 1000, endS: 0, rate: 1, seeks: 0, rates: [] };
    let nowMs = 0;
    let shown = 0;
    let lastArrivalMs = 0;
    for (let n = 1; n <= seconds * 30; n++) {
        const arrivalMs = Math.max(lastArrivalMs, n * FRAME_MS + lateMs(n));
        const passedS = (arrivalMs - nowMs) / 1000;
        state.currentS = Math.min(state.endS, state.currentS + passedS * state.rate);
        nowMs = lastArrivalMs = arrivalMs;
        state.endS = (n * FRAME_MS) / 1000;
        shown += missEvery && n % missEvery === 0 ? 0 : 1;
        edge.presented(shown);
        edge.arrival(nowMs, state.endS);
        const advice = edge.advise(nowMs, state.currentS, -10, state.endS);
        if (advice.seekTo !== null) {
            state.currentS = advice.seekTo;
            state.seeks++;
        }
        state.rate = advice.rate;
        state.rates.push(advice.rate);
    }
    state.behindMs = (state.endS - state.currentS) * 1000;
    state.nowMs = nowMs;
    return state;
}

const steady = () => 0;
const jittery = (n) => (n % 3) * 20;

test('drive runs nearer to the end than watch, watch nearer than smooth', () => {
    const behind = ['drive', 'watch', 'smooth'].map(
        (mode) =>
            play(new Edge(mode), { seconds: 40, lateMs: steady, startBehindMs: 1000 }).behindMs,
    );
    assert.ok(behind[0] < 40, `drive ${behind[0]}`);
    assert.ok(behind[1] > behind[0] && behind[1] < 75, `watch ${behind[1]}`);
    assert.ok(Math.abs(behind[2] - 1000) < 50, `smooth ${behind[2]}`);
});

test('a small lag is played away without a jump, never faster than 1.1', () => {
    const state = play(new Edge('drive'), { seconds: 10, lateMs: steady, startBehindMs: 200 });
    assert.equal(state.seeks, 0);
    assert.ok(Math.max(...state.rates) > 1.05 && Math.max(...state.rates) <= 1.1);
    assert.ok(state.behindMs < 40);
});

test('a large lag is jumped over, once', () => {
    const state = play(new Edge('drive'), { seconds: 3, lateMs: steady, startBehindMs: 5000 });
    assert.equal(state.seeks, 1);
    assert.ok(state.behindMs < 40);
});

test('jitter widens the distance, and a calm network narrows it again', () => {
    const edge = new Edge('watch');
    const { nowMs } = play(edge, { seconds: 10, lateMs: jittery });
    assert.ok(edge.jitterMs(nowMs) >= 30, String(edge.jitterMs(nowMs)));
    const calm = new Edge('watch');
    play(calm, { seconds: 10, lateMs: steady });
    const jitteryAimMs = edge.aimMs(nowMs);
    assert.ok(jitteryAimMs > calm.aimMs(nowMs) + 25);
    assert.ok(edge.aimMs(nowMs + 6000) < jitteryAimMs - 25);
});

test('a backlog at the start is no jitter', () => {
    const edge = new Edge('watch');
    for (let n = 0; n < 60; n++) {
        edge.arrival(1000, n / 30); // a cached group of pictures, all at once
    }
    for (let n = 60; n < 75; n++) {
        edge.arrival(1000 + (n - 59) * FRAME_MS, n / 30);
    }
    assert.ok(edge.jitterMs(1500) < 20, String(edge.jitterMs(1500)));
});

test('frames that go unseen widen the distance, up to a limit', () => {
    const edge = new Edge('drive');
    const { nowMs } = play(edge, { seconds: 5, lateMs: steady, missEvery: 5 });
    assert.ok(edge.aimMs(nowMs) > 50);
    assert.ok(edge.missed >= 20 && edge.missed <= 30, `${edge.missed} of 30`);
    const worst = new Edge('drive');
    const late = play(worst, { seconds: 60, lateMs: steady, missEvery: 2 });
    assert.ok(worst.aimMs(late.nowMs) <= 150);
    const few = new Edge('drive');
    const fine = play(few, { seconds: 5, lateMs: steady, missEvery: 40 });
    assert.ok(few.aimMs(fine.nowMs) < 25);
});

test('a gap in the buffer is jumped over', () => {
    const edge = new Edge('drive');
    edge.arrival(0, 10);
    const { seekTo } = edge.advise(0, 5, 9.9, 10);
    assert.ok(seekTo >= 9.9 && seekTo <= 10);
});

test('where the speed cannot be changed it stays 1', () => {
    const edge = new Edge('drive', { canChangeRate: false });
    const state = play(edge, { seconds: 5, lateMs: steady, startBehindMs: 150 });
    assert.ok(state.rates.every((rate) => rate === 1));
});
