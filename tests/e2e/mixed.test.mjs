/* 300 viewers of one stream, by every kind of protocol, lose nothing while slow ones come and go. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { program, startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, parseWsFrame } from '../lab/clients.mjs';

const SECONDS = 8;
const N_SLOW = 40; /* at a time */
const N_ROUNDS = 3;
const KINDS = [ /* program of bench/, server, viewers, what follows its SECONDS */
    ['whep_drain', 'http', 80, ['/cam/whep']],
    ['rtsp_drain', 'rtsp', 70, ['tcp', '/cam', 'trackID=0']],
    ['rtsp_drain', 'rtsp', 50, ['udp', '/cam', 'trackID=0']],
    ['tcp_drain', 'http', 60, ['/cam/ws?format=h264', 'ws']],
    ['tcp_drain', 'http', 40, ['/cam/ws?format=mp4', 'ws']],
];

/* Viewers that read all; resolves when they are there. `seen` is what they say at their end. */
async function join(avocet, [drain, server, n, more]) {
    const child = spawn(path.join(path.dirname(program), 'bench', drain), [avocet.servers[server].port, n, SECONDS, ...more],
        { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout);
    await once(lines, 'line'); /* "joined N" */
    return { name: `${drain} ${more.join(' ')}`, child, seen: once(lines, 'line').then(([line]) => JSON.parse(line)) };
}

/* Viewers that take a little, stop reading, and are gone. */
async function disturb(avocet) {
    for (let round = 0; round < N_ROUNDS; round++) {
        const sockets = Array.from({ length: N_SLOW }, (_, i) => {
            const target = ['stream.mp4', 'stream.ts', 'stream.h264', 'stream.mjpg'][i % 4];
            const socket = net.connect(avocet.servers.http.port, '127.0.0.1', () =>
                socket.write(`GET /cam/${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
            socket.on('error', () => {});
            return socket;
        });
        await Promise.all(sockets.map((socket) => once(socket, 'data')));
        sockets.forEach((socket) => socket.pause());
        const end = performance.now() + 1000 * SECONDS / N_ROUNDS / 2;
        await until(() => performance.now() > end, 'they stand still', { ms: 1000 * SECONDS });
        sockets.forEach((socket, i) => (i % 2 ? socket.destroy() : socket.resetAndDestroy()));
    }
}

async function dropped(avocet, protocol) {
    const text = await (await avocet.get('/metrics')).text();
    const counts = text.matchAll(new RegExp(`^avocet_viewer_frames_dropped_total\\{[^}]*protocol="${protocol}"[^}]*\\} (\\d+)`, 'gm'));
    return [...counts].reduce((sum, [, n]) => sum + Number(n), 0);
}

test('300 viewers lose nothing while slow ones come and go', async (t) => {
    const avocet = await startAvocet(['cam=test:?size=360p&fps=30&bitrate=1M']);
    t.after(() => avocet.kill());
    const watcher = await WsViewer.open(`${avocet.ws}/cam/ws?format=h264`);
    const viewers = [];
    for (const kind of KINDS) {
        viewers.push(await join(avocet, kind));
        t.after(() => viewers.at(-1).child.kill('SIGKILL'));
    }
    await until(async () => (await avocet.json('/cam/info')).viewers > 300, 'all are there');
    await disturb(avocet);
    for (const { name, seen } of viewers) {
        const { viewers: n, lost, closed = 0, least_bytes: least = 1 } = await seen;
        assert.ok(n > 0 && least > 0, name);
        assert.deepEqual([lost, closed], [0, 0], name);
    }
    for (const protocol of ['webrtc', 'rtsp', 'ws']) {
        assert.equal(await dropped(avocet, protocol), 0, protocol);
    }
    const numbers = watcher.messages.map((bytes) => parseWsFrame(bytes).sequence);
    assert.deepEqual(numbers.filter((n, i) => i > 0 && n !== numbers[i - 1] + 1), []);
    await watcher.close();
    await avocet.stop();
});
