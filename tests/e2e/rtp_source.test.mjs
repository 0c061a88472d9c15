/* rtp:// as a source: with a description and without, over a network that loses and reorders. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { runAvocet, startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, isInstalled, parseWsFrame } from '../lab/clients.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-rtp-'));
after(() => rmSync(folder, { recursive: true }));
const noGstreamer = !(await isInstalled('gst-launch-1.0')) && 'needs gst-launch-1.0';

const FPS = 25;
const FRAME_MS = 1000 / FPS;
const ENCODED = ['-v', 'error', '-re', '-f', 'lavfi', '-i', `testsrc2=size=320x240:rate=${FPS}`,
    '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-tune', 'zerolatency', '-g', String(FPS)];

const watch = (avocet, name = 'cam') => WsViewer.open(`${avocet.ws}/${name}/ws?format=h264`);

async function bound() {
    const socket = dgram.createSocket('udp4');
    await new Promise((resolve) => { socket.bind(0, '127.0.0.1', resolve); });
    return socket;
}

async function freePort() {
    const socket = await bound();
    const { port } = socket.address();
    await new Promise((resolve) => { socket.close(resolve); });
    return port;
}

function sender(t, program, args) {
    const child = spawn(program, args, { stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
    return child;
}

/* Milliseconds from one frame to the next, as the stream says them. */
function steps(viewer) {
    const pts = viewer.messages.map((message) => Number(parseWsFrame(message).pts_ns / 1000n) / 1000);
    return pts.slice(1).map((time, i) => time - pts[i]);
}

test('parameter sets only in the description; times as they are sent', async (t) => {
    const port = await freePort();
    const sdp = path.join(folder, 'ffmpeg.sdp');
    sender(t, 'ffmpeg', [...ENCODED, '-flags', '+global_header', '-sdp_file', sdp, '-f', 'rtp', `rtp://127.0.0.1:${port}`]);
    await until(() => existsSync(sdp) && /sprop-parameter-sets/.test(readFileSync(sdp, 'utf8')), 'the description');
    const avocet = await startAvocet([`cam=rtp://:${port}?sdp=${sdp}`]);
    t.after(() => avocet.kill());
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 40, 'frames come', 20000);
    assert.deepEqual([viewer.hello.width, viewer.hello.height], [320, 240]);
    const even = steps(viewer).filter((ms) => Math.abs(ms - FRAME_MS) < 2);
    assert.ok(even.length >= 36, steps(viewer).join(' '));
    await viewer.close();
    await avocet.stop();
});

test('GStreamer, without a description', { skip: noGstreamer }, async (t) => {
    const port = await freePort();
    const avocet = await startAvocet([`cam=rtp://:${port}`]);
    t.after(() => avocet.kill());
    sender(t, 'gst-launch-1.0', ['-q', 'videotestsrc', 'is-live=true', '!', `video/x-raw,width=320,height=240,framerate=${FPS}/1`, '!',
        'x264enc', 'tune=zerolatency', `key-int-max=${FPS}`, '!', 'rtph264pay', 'config-interval=-1', 'pt=97', '!',
        'udpsink', 'host=127.0.0.1', `port=${port}`]);
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 30, 'frames come', 20000);
    assert.deepEqual([viewer.hello.width, viewer.hello.height], [320, 240]);
    await viewer.close();
    await avocet.stop();
});

test('MPEG-TS in RTP', async (t) => {
    const port = await freePort();
    const avocet = await startAvocet([`cam=rtp://:${port}`]);
    t.after(() => avocet.kill());
    sender(t, 'ffmpeg', [...ENCODED, '-f', 'rtp_mpegts', `rtp://127.0.0.1:${port}`]);
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 30, 'frames come', 20000);
    await viewer.close();
    await avocet.stop();
});

test('datagrams in another order are put right; a lost one costs pictures up to the next keyframe', async (t) => {
    const port = await freePort();
    const entrance = await bound();
    t.after(() => entrance.close());
    let isLosing = false;
    let held = null;
    entrance.on('message', (datagram) => {
        if (isLosing) {
            isLosing = false;
        } else if (held) {
            entrance.send(datagram, port, '127.0.0.1');
            entrance.send(held, port, '127.0.0.1');
            held = null;
        } else {
            held = datagram;
        }
    });
    const avocet = await startAvocet([`cam=rtp://:${port}`]);
    t.after(() => avocet.kill());
    sender(t, 'ffmpeg', [...ENCODED, '-f', 'rtp', `rtp://127.0.0.1:${entrance.address().port}`]);
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 40, 'frames come', 20000);
    const before = steps(viewer);
    assert.ok(before.every((ms) => ms < 2 * FRAME_MS), before.join(' '));
    const n = viewer.messages.length;
    isLosing = true;
    await viewer.until((v) => v.messages.length >= n + 2 * FPS, 'frames come again', 20000);
    const gaps = steps(viewer).map((ms, i) => [i + 1, ms]).filter(([, ms]) => ms > 1.5 * FRAME_MS);
    assert.equal(gaps.length, 1, JSON.stringify(gaps));
    assert.ok(parseWsFrame(viewer.messages[gaps[0][0]]).isKey, 'it goes on at a keyframe');
    await viewer.close();
    await avocet.stop();
});

test('a sender that is started again is taken over', async (t) => {
    const port = await freePort();
    const avocet = await startAvocet([`cam=rtp://:${port}`]);
    t.after(() => avocet.kill());
    const viewer = await watch(avocet);
    for (let round = 0; round < 2; round++) {
        const n = viewer.messages.length;
        const child = sender(t, 'ffmpeg', [...ENCODED, '-f', 'rtp', `rtp://127.0.0.1:${port}`]);
        await viewer.until((v) => v.messages.length >= n + 15, `frames of sender ${round}`, 20000);
        child.kill('SIGKILL');
    }
    await viewer.close();
    await avocet.stop();
});

test('what comes instead of a picture is said', async (t) => {
    const port = await freePort();
    const sdp = path.join(folder, 'other.sdp');
    writeFileSync(sdp, 'v=0\r\nm=video 5000 RTP/AVP 120\r\na=rtpmap:120 H264/90000\r\n');
    const avocet = await startAvocet([`cam=rtp://:${port}?sdp=${sdp}`]);
    t.after(() => avocet.kill());
    sender(t, 'ffmpeg', [...ENCODED, '-f', 'rtp', `rtp://127.0.0.1:${port}`]);
    const viewer = await watch(avocet);
    const { error } = await until(async () => {
        const info = await avocet.json('/cam/info');
        return /payload type/.test(info.error) && info;
    }, 'the reason', { ms: 10000 });
    assert.match(error, /gives no pictures: packets come, but of another RTP payload type than .*, waiting for it/);
    await viewer.close();
    await avocet.stop();
});

test('what cannot be: one sentence each', async (t) => {
    const bad = path.join(folder, 'bad.sdp');
    writeFileSync(bad, 'v=0\r\nm=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n');
    const CASES = [[`rtp://:5000?sdp=${folder}/none.sdp`, /none\.sdp, No such file/], [`rtp://:5000?sdp=${bad}`, /neither H\.264 nor MPEG-TS/],
        ['rtp://camera:5000', /no address: write ADDRESS:PORT/], [`rtp://:5000?sdp=${folder}`, /cannot use sdp=/]];
    const avocet = await startAvocet(CASES.map(([source], i) => `cam${i}=${source}`));
    t.after(() => avocet.kill());
    await Promise.all(CASES.map(async ([, sentence], i) => {
        const answer = await avocet.get(`/cam${i}/snapshot.jpg`);
        assert.equal(answer.status, 503);
        assert.match(await answer.text(), sentence);
    }));
    const refused = await runAvocet(['cam=rtp://0.0.0.0:5000', '--http', '0', '--webrtc', 'off', '--rtsp', 'off']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--open/);
    await avocet.stop();
});
