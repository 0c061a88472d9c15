/* Viewers that come and go, do not read, or never finish asking: good viewers lose nothing, and
 * descriptors and memory return to where they were. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, afterEach, before, beforeEach, test } from 'node:test';

import { portion, startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, parseWsFrame, rawExchange } from '../lab/clients.mjs';

const N_COMING_AND_GOING = portion(500);
const N_MALFORMED = portion(10000);
const MEMORY_SLACK_KB = 12 * 1024; /* allocators keep some; a leak of a viewer each is far above */

let avocet;
let good;
before(async () => {
    avocet = await startAvocet(['cam=test:?size=360p&fps=30&keyframe=1s']);
});
after(() => avocet?.stop());

beforeEach(async () => {
    good = await WsViewer.open(`${avocet.ws}/cam/ws?format=h264`);
    await good.until((v) => v.messages.length > 10, 'the good viewer sees');
});

afterEach(async () => {
    const n = good.messages.length;
    await good.until((v) => v.messages.length > n + 10, 'the good viewer still sees');
    const sequences = good.messages.map((bytes) => parseWsFrame(bytes).sequence);
    const gaps = sequences.filter((sequence, i) => i > 0 && sequence !== sequences[i - 1] + 1);
    assert.deepEqual(gaps, [], 'the good viewer lost frames');
    await good.close();
});

function connectRaw(bytes) {
    const socket = net.connect(avocet.servers.http.port, '127.0.0.1', () => socket.write(bytes));
    return socket.on('error', () => {});
}

const get = (path) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
const handshake = get('/cam/ws?format=mp4').replace('\r\n\r\n', '\r\nConnection: Upgrade\r\n' +
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');

const settled = async (before, what) => until(() => avocet.resources().n_fds <= before.n_fds, what,
    { ms: 20000, interval_ms: 100 });

/* A viewer that leaves as soon as it has seen something. */
async function visit(bytes, leave) {
    const socket = connectRaw(bytes);
    await new Promise((resolve) => {
        let seen = 0;
        socket.on('data', (data) => (seen += data.length) > 20000 && resolve());
        socket.on('close', resolve);
    });
    leave(socket);
}

test(`${N_COMING_AND_GOING} viewers come and go, politely and not`, async () => {
    const kinds = [get('/cam/stream.mp4'), get('/cam/stream.mjpg'), get('/cam/stream.h264'), handshake];
    const leaves = [(socket) => socket.end(() => socket.destroy()), (socket) => socket.destroy(), (socket) => socket.resetAndDestroy()];
    const round = async (n) => {
        for (let i = 0; i < n; i += 25) {
            await Promise.all(Array.from({ length: 25 }, (_, k) =>
                visit(kinds[(i + k) % kinds.length], leaves[(i + k) % leaves.length])));
        }
    };
    await round(50); /* what is allocated once is there now */
    await until(async () => (await avocet.json('/cam/info')).viewers === 1, 'the first round has left');
    const before = avocet.resources();
    await round(N_COMING_AND_GOING);
    await until(async () => (await avocet.json('/cam/info')).viewers === 1, 'all have left');
    await settled(before, 'descriptors return');
    const grown_kb = avocet.resources().rss_kb - before.rss_kb;
    assert.ok(process.env.AVOCET_BUILD || grown_kb < MEMORY_SLACK_KB, `${grown_kb} KB more`);
});

test('100 viewers that stop reading', async () => {
    const before = avocet.resources();
    const sockets = Array.from({ length: 100 }, (_, i) => {
        const socket = connectRaw([handshake, get('/cam/stream.mp4'), get('/cam/stream.mjpg')][i % 3]);
        return socket.pause();
    });
    await until(async () => (await avocet.json('/cam/info')).viewers > 50, 'they are there');
    const n = good.messages.length;
    await good.until((v) => v.messages.length > n + 120, 'four more seconds for the good viewer');
    sockets.forEach((socket) => socket.destroy());
    await settled(before, 'descriptors return');
});

test('300 requests that never end are ended', async () => {
    const before = avocet.resources();
    const halves = ['G', 'GET / HTTP/1.1\r\nHost: local', 'POST /cam/whep HTTP/1.1\r\nHost: localhost\r\n' +
        'Content-Type: application/sdp\r\nContent-Length: 1000\r\n\r\nv=0'];
    const closed = Array.from({ length: 300 }, (_, i) => new Promise((resolve) => {
        connectRaw(halves[i % halves.length]).on('close', resolve).resume();
    }));
    await Promise.all(closed);
    await settled(before, 'descriptors return');
});

test(`${N_MALFORMED} malformed requests`, async () => {
    const before = avocet.resources();
    let seed = 1;
    const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
    const valid = Buffer.from(get('/cam/info?x=1').replace('\r\n\r\n', '\r\nA: b\r\nContent-Length: 3\r\n\r\nabc'), 'latin1');
    for (let i = 0; i < N_MALFORMED; i += 50) {
        await Promise.all(Array.from({ length: 50 }, () => {
            const bytes = Buffer.from(valid);
            for (let k = 0; k <= random(4); k++) {
                bytes[random(bytes.length)] = random(256);
            }
            return rawExchange(avocet.servers.http.port, bytes,
                { until: (text) => /\r\n\r\n/.test(text), ms: 15000, isEnded: true });
        }));
    }
    assert.equal((await avocet.get('/healthz')).status, 200);
    await settled(before, 'descriptors return');
});

test('no descriptors left: said once, in plain words; who waits is served when some are free', async (t) => {
    const few = await startAvocet(['cam=test:?size=240p'], { prefix: ['prlimit', '--nofile=40:40'] });
    t.after(() => few.kill());
    const viewer = await WsViewer.open(`${few.ws}/cam/ws?format=h264`);
    await viewer.until((v) => v.messages.length > 5, 'a viewer sees');
    for (let round = 0; round < 3; round++) {
        const sockets = Array.from({ length: 80 }, (_, i) =>
            net.connect(few.servers.http.port, i % 2 ? '::1' : '127.0.0.1').on('error', () => {}));
        t.after(() => sockets.forEach((socket) => socket.destroy()));
        await until(() => few.resources().n_fds >= 40, 'descriptors are out');
        const n = viewer.messages.length;
        await viewer.until((v) => v.messages.length > n + 10, 'the viewer still sees');
        sockets.forEach((socket) => socket.destroy());
        assert.equal((await few.get('/healthz')).status, 200);
    }
    assert.equal(few.stderr.match(/all 40 files .* are open/g)?.length, 1, few.stderr);
    await viewer.close();
    await few.stop();
});
