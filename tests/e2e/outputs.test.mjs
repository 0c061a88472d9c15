/* Outputs that the configuration names: raw H.264 over TCP. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { runAvocet, startAvocet, until } from '../lab/avocet.mjs';
import { ffprobe, isInstalled, nalTypes } from '../lab/clients.mjs';

const [SPS, IDR, DELIMITER] = [7, 5, 9];
const folder = mkdtempSync(path.join(tmpdir(), 'avocet-outputs-'));
const file = path.join(folder, 'avocet.yaml');

let avocet;
let port;

function configure(outputs) {
    writeFileSync(file, `streams:\n  cam: {source: "test:?size=480p&bitrate=4M&pattern=noise", stop_after: 100ms, outputs: ${outputs}}\n`);
}

/* The newest place that the log tells. */
const places = () => [...avocet.stderr.matchAll(/raw H\.264 at tcp:\/\/127\.0\.0\.1:(\d+)/g)].map((m) => Number(m[1]));

class TcpViewer {
    constructor(to = port) {
        this.bytes = Buffer.alloc(0);
        this.hasEnded = false;
        this.socket = net.connect(to, '127.0.0.1');
        this.socket.on('data', (data) => (this.bytes = Buffer.concat([this.bytes, data])));
        this.socket.on('close', () => (this.hasEnded = true)).on('error', () => {});
    }

    comes(n_bytes = 20000) {
        const wanted = this.bytes.length + n_bytes;
        return until(() => this.bytes.length >= wanted, `${wanted} bytes come`);
    }

    leave() {
        this.socket.destroy();
    }
}

const state = async () => (await avocet.json('/cam/info')).state;

before(async () => {
    configure('["tcp-listen:0"]');
    avocet = await startAvocet(['--config', file]);
    await until(() => places().length === 1, 'it says where');
    port = places()[0];
});

after(async () => {
    await avocet.stop();
    rmSync(folder, { recursive: true });
});

test('each viewer begins with parameter sets and a keyframe, whenever it comes', async () => {
    const first = new TcpViewer();
    await first.comes();
    const second = new TcpViewer();
    await second.comes();
    for (const viewer of [first, second]) {
        const types = nalTypes(viewer.bytes);
        assert.deepEqual(types.slice(0, 2), [DELIMITER, SPS]);
        assert.ok(types.indexOf(IDR) < types.indexOf(DELIMITER, 1), 'the first picture is a keyframe');
    }
    first.leave();
    second.leave();
    await until(async () => (await state()) === 'idle', 'the camera sleeps when all have left');
});

test('viewers over TCP are counted', async () => {
    const viewer = new TcpViewer();
    await viewer.comes();
    const metrics = await (await avocet.get('/metrics')).text();
    assert.match(metrics, /avocet_viewers\{[^}]*tcp-listen[^}]*\} 1/);
    viewer.leave();
});

test('a player reads tcp://', { skip: !(await isInstalled('ffprobe')) && 'needs ffprobe' }, async () => {
    const seen = await ffprobe(`tcp://127.0.0.1:${port}`, { format: 'h264', frames: 30 });
    assert.equal(seen.streams[0].codec_name, 'h264');
    assert.equal(seen.streams[0].width, 848);
});

test('who stops reading disturbs nobody, and goes on at a keyframe', async () => {
    const [stalled, good] = [new TcpViewer(), new TcpViewer()];
    await stalled.comes();
    stalled.socket.pause();
    const n_bytes = good.bytes.length;
    await until(() => good.bytes.length > n_bytes + 2000000, 'the other one gets its frames', { ms: 20000 });
    stalled.socket.resume();
    await stalled.comes();
    stalled.leave();
    good.leave();
});

test('what a viewer says is of no interest', async () => {
    const viewer = new TcpViewer();
    viewer.socket.write(Buffer.alloc(100000, 'x'));
    await viewer.comes();
    viewer.socket.end(); /* half: it may still listen */
    await viewer.comes();
    viewer.leave();
});

test('a reload moves it to another place', async () => {
    const viewer = new TcpViewer();
    await viewer.comes();
    configure('["tcp-listen:127.0.0.1:0?mode=drive"]');
    avocet.process.kill('SIGHUP');
    await until(() => viewer.hasEnded, 'its viewers are let go');
    await until(() => places().length === 2, 'it says the new place');
    const later = new TcpViewer(places()[1]);
    await later.comes();
    later.leave();
    configure('["tcp-listen:0.0.0.0:0"]');
    avocet.process.kill('SIGHUP');
    await until(() => /needs --open/.test(avocet.stderr), 'beyond this machine it does not go');
    const same = new TcpViewer(places()[1]);
    await same.comes();
    same.leave();
});

test('a port that is taken, and an address that would let others in, are refused', async () => {
    const other = path.join(folder, 'other.yaml');
    const serve = async (output) => {
        writeFileSync(other, `streams: {cam: {source: "test:", outputs: ["${output}"]}}\n`);
        return runAvocet(['--config', other, '--http', 'off', '--webrtc', 'off', '--rtsp', 'off']);
    };
    const taken = await serve(`tcp-listen:${places()[1]}`);
    assert.equal(taken.code, 1);
    assert.match(taken.stderr, /another program uses this port.*outputs/);
    const open = await serve('tcp-listen:0.0.0.0:0');
    assert.equal(open.code, 2);
    assert.match(open.stderr, /--open/);
});
