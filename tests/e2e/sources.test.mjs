/* Streams from outside: pipe, file, TCP; they sleep, end, come back, and viewers stay. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { runAvocet, startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, ffprobe, isJpeg, parseWsFrame, run, spawnEncoder } from '../lab/clients.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-sources-'));
after(() => rmSync(folder, { recursive: true }));

const clip = path.join(folder, 'clip.h264');
await run('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25:duration=2',
    '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-profile:v', 'high', '-bf', '0', '-g', '25', clip]);

const tsClip = path.join(folder, 'clip.ts');
await run('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=20:duration=2', '-f', 'lavfi', '-i', 'sine=duration=2',
    '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-tune', 'zerolatency', '-g', '20', '-c:a', 'aac', '-f', 'mpegts', tsClip]);

const state = async (avocet, name = 'cam') => (await avocet.json(`/${name}/info`)).state;
const watch = (avocet, name = 'cam') => WsViewer.open(`${avocet.ws}/${name}/ws?format=h264`);

test('file: paced by its own time, over and over, and High profile plays', async () => {
    const avocet = await startAvocet([`cam=file:${clip}`]);
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 10, 'ten frames');
    const [start, n] = [performance.now(), viewer.messages.length];
    await viewer.until((v) => v.messages.length >= n + 75, 'three seconds of it, so it went round');
    const took_s = (performance.now() - start) / 1000;
    assert.ok(took_s > 2.4 && took_s < 4, `75 frames at 25 fps took ${took_s} s`);
    assert.match(viewer.hello.codec, /^avc1\.64/);
    const { frames, streams } = await ffprobe(`${avocet.http}/cam/stream.mp4`, { frames: 60 });
    assert.deepEqual([streams[0].profile, frames.length >= 60], ['High', true]);
    await viewer.close();
    await avocet.stop();
});

test('pipe: a live encoder on stdin; at its end stalled, and the process stays', async () => {
    const encoder = spawnEncoder({ gop: 15, seconds: 4 });
    const avocet = await startAvocet(['cam=pipe:-'], { stdin: encoder.stdout });
    encoder.stdout.destroy(); /* the program's alone now */
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 45, 'frames of the pipe');
    assert.deepEqual([viewer.hello.width, viewer.hello.height], [640, 360]);
    await until(async () => await state(avocet) === 'stalled', 'stalled at its end', { ms: 10000 });
    assert.equal(viewer.socket.readyState, 1);
    await viewer.close();
    await avocet.stop();
});

test('pipe: a sleeping one is drained, and a joiner begins at the cached keyframe', async () => {
    const encoder = spawnEncoder({ gop: 1000, seconds: 20 });
    const avocet = await startAvocet(['cam=pipe:-'], { stdin: encoder.stdout });
    encoder.stdout.destroy();
    const first = await watch(avocet);
    await first.until((v) => v.messages.length >= 1, 'the only keyframe');
    const second = await watch(avocet);
    await second.until((v) => v.messages.length >= 10, 'the same keyframe and what followed');
    const [key, ...rest] = second.messages.map(parseWsFrame);
    assert.ok(key.isKey && !rest.some(({ isKey }) => isKey));
    encoder.kill();
    await avocet.stop();
});

test('pipe: JPEG of a long group of pictures, in the midst of which it is asked for', async (t) => {
    const { stdout: long } = await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i',
        'testsrc2=size=320x240:rate=25:duration=30', '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast',
        '-bf', '0', '-sc_threshold', '0', '-g', '99999', '-f', 'h264', '-'], { encoding: 'buffer' });
    const avocet = await startAvocet(['cam=pipe:-'], { stdin: 'pipe' });
    t.after(() => avocet.kill());
    const pipe = avocet.process.stdin.on('error', () => {});
    const late = Math.floor(long.length * 0.9);
    pipe.write(long.subarray(0, late));
    await until(() => avocet.metric('avocet_frames_total{stream="cam",encoding="h264"}').then((n) => n > 600),
        'most of it was read');
    let at = late; /* then a live writer */
    const writing = setInterval(() => pipe.write(long.subarray(at, at += 1000)), 30);
    t.after(() => clearInterval(writing));
    const answer = await avocet.get('/cam/snapshot.jpg');
    if (answer.status !== 503 || !/helper/.test(await answer.text())) {
        assert.equal(answer.status, 200);
    }
});

test('pipe: an access unit leaves when its slice is complete, not a frame later', async () => {
    const bytes = readFileSync(clip);
    const starts = [];
    for (let at = bytes.indexOf('000001', 0, 'hex'); at >= 0; at = bytes.indexOf('000001', at + 3, 'hex')) {
        starts.push(at);
    }
    const slices = starts.filter((at) => [1, 5].includes(bytes[at + 3] & 31));
    const cat = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
    const avocet = await startAvocet(['cam=pipe:-'], { stdin: cat.stdout });
    cat.stdout.destroy();
    const viewer = await watch(avocet);
    /* One access unit at a time, in two halves with a pause between: it leaves with its second half, and the next is
       written only when it has arrived. */
    const ends = slices.slice(0, 20).map((at) => starts[starts.indexOf(at) + 1] ?? bytes.length);
    let [from, worst_ms] = [0, 0];
    for (const [i, end] of ends.entries()) {
        cat.stdin.write(bytes.subarray(from, (from + end) >> 1));
        await new Promise((resolve) => setTimeout(resolve, 20));
        assert.ok(viewer.messages.length <= i, `access unit ${i} left before its second half`);
        const start = performance.now();
        cat.stdin.write(bytes.subarray((from + end) >> 1, end));
        await viewer.until((v) => v.messages.length > i, `access unit ${i} without a successor`);
        worst_ms = i === 0 ? 0 : Math.max(worst_ms, performance.now() - start);
        from = end;
    }
    assert.ok(worst_ms < 200, `${worst_ms} ms`);
    cat.stdin.end();
    await avocet.stop();
});

test('pipe: what comes instead of a picture is said', async () => {
    const avocet = await startAvocet(['cam=pipe:-'], { stdin: 'pipe' });
    avocet.process.stdin.write('hello '.repeat(1000));
    const viewer = await watch(avocet);
    await until(async () => /neither MPEG-TS nor H\.264/.test((await avocet.json('/cam/info')).error), 'the reason', { ms: 10000 });
    assert.match(avocet.stderr, /pipe:- gives no pictures: what comes is neither/);
    await viewer.close();
    await avocet.stop();
});

test('tcp: the camera goes away and comes back; its viewer is served again', async () => {
    let encoders = [];
    const serve = (socket) => {
        const encoder = spawnEncoder({ size: '320x240' });
        encoders.push(encoder);
        encoder.stdout.pipe(socket);
        socket.on('error', () => {}).on('close', () => encoder.kill());
    };
    const camera = net.createServer(serve);
    await new Promise((resolve) => camera.listen(0, '127.0.0.1', resolve));
    const { port } = camera.address();
    const avocet = await startAvocet([`cam=tcp://127.0.0.1:${port}`]);
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 20, 'frames');
    encoders.forEach((encoder) => encoder.kill());
    await until(async () => await state(avocet) !== 'live', 'the loss is noticed');
    const n = viewer.messages.length;
    await viewer.until((v) => v.messages.length >= n + 20, 'frames of the second connection', 15000);
    const again = viewer.messages.slice(n).map(parseWsFrame);
    assert.ok(again.some(({ isKey }) => isKey));
    encoders.forEach((encoder) => encoder.kill());
    camera.close();
    await viewer.close();
    await avocet.stop();
});

test('tcp-listen: writers come and go, one at a time; the viewer stays', async () => {
    const avocet = await startAvocet(['cam=tcp-listen:0']);
    const place = await until(() => avocet.stderr.match(/waiting for a writer at 127\.0\.0\.1:(\d+)/), 'it says where');
    const write = (size) => spawnEncoder({ size, output: ['-f', 'h264', `tcp://127.0.0.1:${place[1]}`] });
    const first = write('320x240');
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 20, 'frames of the first');
    const second = write('640x360'); /* waits its turn */
    await viewer.until((v) => v.messages.length >= 40, 'more of the first');
    assert.equal((await avocet.json('/cam/info')).width, 320);
    first.kill();
    const n = viewer.messages.length;
    await viewer.until((v) => v.messages.length >= n + 20, 'frames of the second', 15000);
    assert.equal((await avocet.json('/cam/info')).width, 640);
    second.kill();
    await until(async () => await state(avocet) === 'stalled', 'stalled without a writer', { ms: 15000 });
    assert.equal(viewer.socket.readyState, 1);
    await viewer.close();
    await avocet.stop();
});

test('tcp-listen: not beyond this machine unless that is meant', async () => {
    const refused = await runAvocet(['cam=tcp-listen:0.0.0.0:0', '--http', '0', '--webrtc', 'off', '--rtsp', 'off']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--open/);
});

/* A rpicam-vid whose camera is ffmpeg's test picture, and which notes how it was called. */
function fakeRpicam(name, body) {
    const bin = path.join(folder, name);
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'rpicam-vid'), `#!/bin/sh\necho "$@" > ${bin}/arguments\n${body}\n`, { mode: 0o755 });
    return { bin, env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } };
}

test('rpicam: the program gets the options, and lives while somebody watches', async () => {
    const { bin, env } = fakeRpicam('rpicam', 'echo $$ > $(dirname "$0")/pid\nexec ffmpeg -v error -re -f lavfi -i testsrc2=size=640x480:rate=15 ' +
        '-pix_fmt yuv420p -c:v libx264 -preset ultrafast -tune zerolatency -g 15 -f h264 -');
    const avocet = await startAvocet(['cam=rpicam:1?size=640x480&fps=15&bitrate=1M&keyframe=1s&hflip=on&roi=0.25,0.25,0.5,0.5&stop_after=100ms'], { env });
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 20, 'frames of it', 20000);
    const given = readFileSync(path.join(bin, 'arguments'), 'utf8').trim().split(' ');
    for (const wanted of ['--camera=1', '--width=640', '--height=480', '--framerate=15.000', '--bitrate=1000000', '--intra=15', '--hflip',
        '--roi=0.25,0.25,0.5,0.5', '--inline', '--flush', '--nopreview', '--timeout=0']) {
        assert.ok(given.includes(wanted), `${wanted} in ${given}`);
    }
    const pid = Number(readFileSync(path.join(bin, 'pid'), 'utf8'));
    await viewer.close();
    await until(() => !existsSync(`/proc/${pid}`), 'it ends with the last viewer');
    await avocet.stop();
});

test('rpicam: what it said when it failed is passed on', async () => {
    const { env } = fakeRpicam('norpicam', 'echo "starting" >&2\necho "ERROR: *** no cameras available ***" >&2\nexit 255');
    const avocet = await startAvocet(['cam=rpicam:0'], { env });
    const answer = await avocet.get('/cam/snapshot.jpg');
    assert.equal(answer.status, 503);
    await until(() => /rpicam-vid ended, saying: ERROR: \*\*\* no cameras available/.test(avocet.stderr), 'its words are in the log');
    await avocet.stop();
});

test('rpicam: no such program', async () => {
    const avocet = await startAvocet(['cam=rpicam:0'], { env: { ...process.env, PATH: folder } });
    await avocet.get('/cam/snapshot.jpg');
    await until(() => /apt install rpicam-apps-lite/.test(avocet.stderr), 'it says what to install');
    await avocet.stop();
});

/* Milliseconds from one frame to the next, as the stream says them. */
function steps(viewer) {
    const pts = viewer.messages.map((message) => Number(parseWsFrame(message).pts_ns / 1000n) / 1000);
    return pts.slice(1).map((time, i) => time - pts[i]);
}

test('MPEG-TS from a file: its own times, over and over, sound left out', async () => {
    const avocet = await startAvocet([`cam=file:${tsClip}`]);
    const viewer = await watch(avocet);
    await viewer.until((v) => v.messages.length >= 70, 'it goes round');
    assert.ok(steps(viewer).every((ms) => Math.abs(ms - 50) < 1), steps(viewer).join(' '));
    await viewer.close();
    await avocet.stop();
});

test('MPEG-TS from a pipe and over UDP: times between frames stay, whenever they come', async () => {
    const toPipe = spawn('ffmpeg', ['-v', 'error', '-re', '-stream_loop', '20', '-i', tsClip, '-c', 'copy', '-f', 'mpegts', '-'],
        { stdio: ['ignore', 'pipe', 'ignore'] });
    const socket = dgram.createSocket('udp4');
    await new Promise((resolve) => { socket.bind(0, '127.0.0.1', resolve); });
    const { port } = socket.address();
    await new Promise((resolve) => { socket.close(resolve); });
    const avocet = await startAvocet(['cam=pipe:-', `far=udp://127.0.0.1:${port}`], { stdin: toPipe.stdout });
    toPipe.stdout.destroy();
    const toPort = spawn('ffmpeg', ['-v', 'error', '-re', '-stream_loop', '20', '-i', tsClip, '-c', 'copy', '-f', 'mpegts',
        `udp://127.0.0.1:${port}?pkt_size=1316`], { stdio: 'ignore' });
    for (const name of ['cam', 'far']) {
        const viewer = await watch(avocet, name);
        await viewer.until((v) => v.messages.length >= 25, 'frames come');
        const even = steps(viewer).filter((ms) => Math.abs(ms - 50) < 2);
        assert.ok(even.length >= 23, `${name}: ${steps(viewer).join(' ')}`);
        await viewer.close();
    }
    toPort.kill();
    await until(async () => await state(avocet, 'far') !== 'live', 'silence is seen', { ms: 20000 });
    await avocet.stop();
    toPipe.kill();
});

test('MPEG-TS over UDP: not beyond this machine unless that is meant', async () => {
    const refused = await runAvocet(['cam=udp://0.0.0.0:5000', '--http', '0', '--webrtc', 'off', '--rtsp', 'off']);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /--open/);
});

test('MPEG-TS over UDP: no address, no interface', async () => {
    const avocet = await startAvocet(['cam=udp://camera:5000', 'far=udp://239.1.1.1:5000?interface=none0']);
    const answers = await Promise.all(['cam', 'far'].map((name) => avocet.get(`/${name}/stream.ts`)));
    assert.deepEqual(answers.map(({ status }) => status), [503, 503]);
    assert.match(await answers[0].text(), /no address: write ADDRESS:PORT/);
    assert.match(await answers[1].text(), /there is no interface of that name/);
    await avocet.stop();
});

test('nobody there: stalled, in one sentence, and asked again', async () => {
    const avocet = await startAvocet(['cam=tcp://127.0.0.1:1']);
    const viewer = await watch(avocet);
    await until(async () => await state(avocet) === 'stalled', 'stalled');
    assert.match((await avocet.json('/cam/info')).error, /127\.0\.0\.1/);
    assert.ok(avocet.stderr.match(/127\.0\.0\.1:1\b/g).length < 10, 'it is not said over and over');
    const still = await avocet.get('/cam/snapshot.jpg');
    assert.equal(still.status, 503);
    assert.ok(Number(still.headers.get('retry-after')) > 0);
    await viewer.close();
    await avocet.stop();
});

test('H.264 only: MJPEG by the helper program while someone watches', async (t) => {
    const avocet = await startAvocet([`cam=file:${clip}?stop_after=200ms`]);
    const still = await avocet.get('/cam/snapshot.jpg');
    if (still.status !== 200) {
        assert.match(await still.text(), /avocet-ffmpeg|helper/);
        t.diagnostic('this build has no helper program, and says so');
    } else {
        assert.ok(isJpeg(Buffer.from(await still.arrayBuffer())));
        const children = () => run('pgrep', ['-P', String(avocet.pid)]).then(({ stdout }) => stdout.trim());
        await until(async () => await children() === '', 'the helper ends when nobody watches', { ms: 15000 });
    }
    await avocet.stop();
});

test('start: always runs without viewers; others sleep', async () => {
    const avocet = await startAvocet(['a=test:?size=240p&start=always', 'b=test:?size=240p']);
    await until(async () => await state(avocet, 'a') === 'live', 'a runs');
    assert.equal(await state(avocet, 'b'), 'idle');
    await avocet.stop();
});
