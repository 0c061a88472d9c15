/* Streams that come through FFmpeg's libraries, in the helper program: files of any container, and
 * cameras and servers on the network. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { runAvocet, startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, ffprobe, isJpeg, parseWsFrame, run } from '../lab/clients.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-inputs-'));
after(() => rmSync(folder, { recursive: true }));
const { stdout: features } = await runAvocet(['features']);
const skip = /^ +rtsp +camera(?!.*not usable)/m.test(features) ? false : 'this build has no helper program avocet-input';
const { stdout: protocols } = await run('ffmpeg', ['-v', 'error', '-protocols']);
const hasNo = (name) => skip || (new RegExp(`^ +${name}$`, 'm').test(protocols) ? false : `ffmpeg has no ${name} here`);

const encoders = {
    'h264.mp4': ['-c:v', 'libx264', '-bf', '0'],
    'reordered.mkv': ['-c:v', 'libx264', '-bf', '2'],
    'reordered.h264': ['-c:v', 'libx264', '-bf', '2', '-bsf:v', 'filter_units=remove_types=6'],
    'h265.mkv': ['-c:v', 'libx265', '-x265-params', 'log-level=error'],
    'vp9.webm': ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
    'h265.ts': ['-c:v', 'libx265', '-x265-params', 'log-level=error'],
};
const clip = (name) => path.join(folder, name);
await Promise.all(Object.entries(encoders).map(([name, words]) => (skip ? null
    : run('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25:duration=2', '-pix_fmt', 'yuv420p',
        ...words, '-preset', 'ultrafast', '-g', '25', clip(name)]))));
if (!skip) {
    await run('ffmpeg', ['-v', 'error', '-i', clip('h264.mp4'), '-c', 'copy', clip('h264.mkv')]);
    await run('ffmpeg', ['-v', 'error', '-i', clip('h264.mp4'), '-c', 'copy', '-bsf:v', 'h264_mp4toannexb', clip('h264.h264')]);
    await run('ffmpeg', ['-v', 'error', '-i', clip('h264.mp4'), '-c', 'copy', clip('h264.ts')]);
}

const info = (avocet, name) => avocet.json(`/${name}/info`);
const watch = (avocet, name) => WsViewer.open(`${avocet.ws}/${name}/ws?format=h264`);
const frames = (viewer, n) => viewer.until((v) => v.messages.length >= n, `${n} frames`, 15000);
const helpersOf = (avocet) => run('pgrep', ['-P', String(avocet.pid)]).then(({ stdout }) => stdout.split('\n').filter(Boolean));

/* The program, killed where the test fails. */
async function start(t, ...words) {
    const avocet = await startAvocet(...words);
    t.after(() => avocet.kill());
    return avocet;
}

/* The slices in Annex B, as text: what of a stream nobody may change. */
function slices(bytes) {
    const found = [];
    for (const nal of bytes.toString('latin1').split(/\0?\0\0\x01/)) {
        if ([1, 5].includes(nal.charCodeAt(0) & 31)) {
            found.push(nal);
        }
    }
    return found;
}

async function freePort() {
    const server = net.createServer();
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const { port } = server.address();
    await new Promise((resolve) => { server.close(resolve); });
    return port;
}

test('H.264 in MP4 and Matroska: as it is, at its own times, over and over', { skip }, async (t) => {
    const avocet = await start(t, ['mp4', 'mkv'].map((name) => `${name}=file:${clip(`h264.${name}`)}`));
    const expected = slices(readFileSync(clip('h264.h264')));
    for (const viewer of await Promise.all(['mp4', 'mkv'].map((name) => watch(avocet, name)))) {
        await frames(viewer, 60);
        const got = viewer.messages.flatMap((message) => slices(message.subarray(24)));
        const first = expected.indexOf(got[0]);
        assert.ok(first >= 0 && got.every((nal, i) => nal === expected[(first + i) % expected.length]));
        const pts = viewer.messages.map((message) => Number(parseWsFrame(message).pts_ns) / 1e6);
        const steps = pts.slice(1).map((time, i) => time - pts[i]);
        assert.ok(steps.every((ms) => Math.abs(ms - 40) < 2), steps.join(' '));
        await viewer.close();
    }
    await avocet.stop();
});

test('what browsers cannot play is encoded anew: H.265, VP9, B-frames', { skip }, async (t) => {
    const names = ['h265.mkv', 'vp9.webm', 'reordered.mkv', 'h265.ts'];
    const avocet = await start(t, names.map((name, i) => `c${i}=file:${clip(name)}`));
    await Promise.all(names.map(async (name, i) => {
        const { frames: played, streams } = await ffprobe(`${avocet.http}/c${i}/stream.mp4`, { frames: 15 });
        assert.deepEqual([streams[0].codec_name, streams[0].has_b_frames, streams[0].width], ['h264', 0, 320], name);
        assert.ok(played.length >= 15, name);
        assert.ok(isJpeg(Buffer.from(await (await avocet.get(`/c${i}/snapshot.jpg`)).arrayBuffer())), name);
    }));
    await avocet.stop();
});

test('a size that is asked for is made', { skip }, async (t) => {
    const avocet = await start(t, [`cam=file:${clip('h265.mkv')}?size=160x120`]);
    const viewer = await watch(avocet, 'cam');
    await frames(viewer, 5);
    assert.deepEqual([viewer.hello.width, viewer.hello.height], [160, 120]);
    await viewer.close();
    await avocet.stop();
});

test('the helper is killed: it is said, and another one started', { skip }, async (t) => {
    const avocet = await start(t, [`cam=file:${clip('h264.mp4')}`]);
    const viewer = await watch(avocet, 'cam');
    await frames(viewer, 5);
    const [first] = await helpersOf(avocet);
    process.kill(Number(first), 'SIGKILL');
    await until(() => /helper program ended unexpectedly, trying again/.test(avocet.stderr), 'it is said');
    await frames(viewer, viewer.messages.length + 5);
    assert.notEqual((await helpersOf(avocet))[0], first);
    await viewer.close();
    await avocet.stop();
});

test('rtsp: another server, with a password that shows nowhere; it goes and comes back', { skip }, async (t) => {
    const port = String(await freePort());
    const serve = () => start(t, ['cam=test:?size=320x240'], { servers: ['--http', 'off', '--webrtc', 'off', '--rtsp', port] });
    let source = await serve();
    const url = `rtsp://me:s3cret%40x@127.0.0.1:${port}/cam?token=s3cret`;
    const config = clip('rtsp.yaml');
    writeFileSync(config, `streams:\n  cam: {source: '${url}', stop_after: 100ms}\n`);
    const avocet = await start(t, ['--config', config, '--log', 'debug']);
    const viewer = await watch(avocet, 'cam');
    await frames(viewer, 10);
    assert.deepEqual([viewer.hello.width, viewer.hello.height], [320, 240]);
    const [helper] = await helpersOf(avocet);
    const shown = [readFileSync(`/proc/${helper}/cmdline`, 'latin1')];

    await source.stop();
    await until(async () => (await info(avocet, 'cam')).state === 'stalled', 'the loss is noticed', { ms: 15000 });
    assert.match((await info(avocet, 'cam')).error, /^cannot read rtsp:\/\/\*\*\*@127\.0\.0\.1:\d+\/cam\?\*\*\*, .*trying again$/);
    for (const address of ['/cam/info', '/api/v1/streams', '/metrics', '/cam/']) {
        shown.push(await (await avocet.get(address)).text());
    }
    source = await serve();
    await frames(viewer, viewer.messages.length + 10);

    await viewer.close();
    await until(async () => (await helpersOf(avocet)).length === 0, 'the helper ends with the last viewer');
    await source.stop();
    await avocet.stop();
    shown.push(avocet.stderr, avocet.stdout);
    assert.ok(shown.every((text) => !text.includes('s3cret')), shown.find((text) => text.includes('s3cret')));
});

test('rtsp: B-frames show while it plays, and are decoded from then on; also by UDP', { skip }, async (t) => {
    const source = await start(t, [`cam=file:${clip('reordered.h264')}`, 'plain=test:?size=320x240']);
    const base = `rtsp://127.0.0.1:${source.servers.rtsp.port}`;
    const avocet = await start(t, [`cam=${base}/cam`, `udp=${base}/plain#transport=udp`]);
    const viewers = await Promise.all(['cam', 'udp'].map((name) => watch(avocet, name)));
    await until(() => /decoding them/.test(avocet.stderr), 'it is said', { ms: 15000 });
    await Promise.all(viewers.map((viewer) => frames(viewer, viewer.messages.length + 15)));
    const { streams } = await ffprobe(`${avocet.http}/cam/stream.mp4`, { frames: 10 });
    assert.deepEqual([streams[0].codec_name, streams[0].has_b_frames], ['h264', 0]);
    await Promise.all(viewers.map((viewer) => viewer.close()));
    await avocet.stop();
    await source.stop();
});

test('http: endless MP4, MPEG-TS, MJPEG', { skip }, async (t) => {
    const source = await start(t, ['cam=test:?size=320x240']);
    const kinds = ['mp4', 'ts', 'mjpg'];
    const avocet = await start(t, kinds.map((kind) => `${kind}=${source.http}/cam/stream.${kind}`));
    const viewers = await Promise.all(kinds.map((kind) => watch(avocet, kind)));
    await Promise.all(viewers.map((viewer) => frames(viewer, 10)));
    assert.ok(viewers.every(({ hello }) => hello.width === 320));
    await Promise.all(viewers.map((viewer) => viewer.close()));
    await avocet.stop();
    await source.stop();
});

/* A web server of the folder, which wants a password for what lies under /locked/; playlist.m3u8
 * names a file of its reader. */
async function startWebServer(t) {
    const server = http.createServer((request, response) => {
        const name = path.basename(new URL(request.url, 'http://host').pathname);
        const isLocked = request.url.startsWith('/locked/');
        if (isLocked && request.headers.authorization !== `Basic ${Buffer.from('me:s3cret').toString('base64')}`) {
            response.writeHead(401, { 'WWW-Authenticate': 'Basic realm="camera"' }).end();
        } else if (name === 'playlist.m3u8') {
            response.end(`#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:${clip('h265.ts')}\n#EXT-X-ENDLIST\n`);
        } else if (name === 'page') {
            response.end('<html>no video</html>');
        } else if (name in encoders || name.startsWith('h264.')) {
            response.setHeader('Content-Length', statSync(clip(name)).size);
            createReadStream(clip(name)).pipe(response);
        } else {
            response.writeHead(404).end();
        }
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    t.after(() => server.close(), server.closeAllConnections?.());
    return server.address().port;
}

test('http: a stored file with a password, at its own pace', { skip }, async (t) => {
    const port = await startWebServer(t);
    const avocet = await start(t, [`cam=http://me:s3cret@127.0.0.1:${port}/locked/h265.mkv`]);
    const viewer = await watch(avocet, 'cam');
    await frames(viewer, 10);
    await viewer.close();
    await avocet.stop();
    assert.doesNotMatch(avocet.stderr, /s3cret/);
});

test('http: stored MPEG-TS and raw H.264 are paced like other files', { skip }, async (t) => {
    const port = await startWebServer(t);
    const avocet = await start(t, ['ts', 'h264'].map((name) => `${name}=http://127.0.0.1:${port}/h264.${name}`));
    await Promise.all(['ts', 'h264'].map(async (name) => {
        const viewer = await watch(avocet, name);
        await frames(viewer, 5);
        const from_ms = performance.now();
        await frames(viewer, 45);
        const took_ms = performance.now() - from_ms;
        assert.ok(took_ms > 800, `${name}: forty frames, which last 1,600 ms, in ${took_ms} ms`);
        await viewer.close();
    }));
    await avocet.stop();
});

/* A camera that knows one password, and has nothing to show to who has it. */
async function startLockedCamera(t) {
    const server = net.createServer((socket) => {
        socket.on('error', () => {}).on('data', (request) => {
            const text = request.toString('latin1');
            const cseq = text.match(/CSeq: (\d+)/i)[1];
            const isKnown = text.includes(`Basic ${Buffer.from('me:s3cret@1').toString('base64')}`);
            const [status, header] = text.startsWith('OPTIONS') ? ['200 OK', 'Public: DESCRIBE']
                : isKnown ? ['404 Not Found', 'Server: x'] : ['401 Unauthorized', 'WWW-Authenticate: Basic realm="camera"'];
            socket.write(`RTSP/1.0 ${status}\r\nCSeq: ${cseq}\r\n${header}\r\n\r\n`);
        });
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    t.after(() => server.close());
    return server.address().port;
}

test('what is wrong is one sentence, without secrets', { skip }, async (t) => {
    const port = await startWebServer(t);
    const closed = await freePort();
    const camera = await startLockedCamera(t);
    writeFileSync(clip('text.txt'), 'no video');
    const cases = [
        ['gone', `http://127.0.0.1:${port}/none?pwd=s3cret`, /nothing of that name \(404\)/],
        ['locked', `http://me:wrong-s3cret@127.0.0.1:${port}/locked/h265.mkv`, /user name or password is wrong.*\(401\)/],
        ['page', `http://127.0.0.1:${port}/page`, /no video in it/],
        ['refused', `rtsp://me:s3cret@127.0.0.1:${closed}/cam`, /connection is refused/],
        ['wrong', `rtsp://me:wrong-s3cret@127.0.0.1:${camera}/cam`, /user name or password is wrong.*\(401\)/],
        ['right', `rtsp://me:s3cret%401@127.0.0.1:${camera}/cam`, /nothing of that name \(404\)/],
        ['rtmp', `rtmp://127.0.0.1:${closed}/a/b`, /connection is refused/],
        ['host', 'http://nowhere.invalid/cam', /host name is not known/],
        ['text', `file:${clip('text.txt')}`, /no video in it/],
        ['none', `file:${clip('none.mp4')}`, /No such file/],
        ['files', `http://127.0.0.1:${port}/playlist.m3u8`, /cannot read/],
    ];
    const avocet = await start(t, cases.map(([name, url]) => `${name}=${url}`));
    const viewers = await Promise.all(cases.map(([name]) => watch(avocet, name)));
    await Promise.all(cases.map(async ([name, , sentence]) => {
        await until(async () => sentence.test((await info(avocet, name)).error ?? ''), `${name}: ${sentence}`, { ms: 15000 });
        const line = new RegExp(`server/${name}: .*${sentence.source}.*, trying again`);
        await until(() => line.test(avocet.stderr), `${name}: ${sentence} in the log`);
    }));
    await Promise.all(viewers.map((viewer) => viewer.close()));
    await avocet.stop();
    assert.doesNotMatch(avocet.stderr, /s3cret/);
    assert.ok(avocet.stderr.length < 6000, 'nothing is said over and over');
});

/* ffmpeg as a server that waits for one reader. */
function spawnServer(t, format, url) {
    const server = spawn('ffmpeg', ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', clip('h264.mp4'), '-c', 'copy',
        '-f', format, ...(format === 'flv' ? ['-listen', '1'] : []), url], { stdio: 'ignore' });
    t.after(() => server.kill('SIGKILL'));
}

test('rtmp: as it is', { skip: hasNo('rtmp') }, async (t) => {
    const port = await freePort();
    spawnServer(t, 'flv', `rtmp://127.0.0.1:${port}/live/cam`);
    const avocet = await start(t, [`cam=rtmp://127.0.0.1:${port}/live/cam`]);
    const viewer = await watch(avocet, 'cam');
    await frames(viewer, 10);
    assert.equal(viewer.hello.width, 320);
    await viewer.close();
    await avocet.stop();
});

test('srt: with a passphrase that shows nowhere, and a wrong one', { skip: hasNo('srt') }, async (t) => {
    const [port, other] = [await freePort(), await freePort()];
    for (const p of [port, other]) {
        spawnServer(t, 'mpegts', `srt://127.0.0.1:${p}?mode=listener&passphrase=long-s3cret`);
    }
    const avocet = await start(t, [`cam=srt://127.0.0.1:${port}?passphrase=long-s3cret`, `bad=srt://127.0.0.1:${other}?passphrase=wrong-s3cret`]);
    const [viewer, locked] = await Promise.all(['cam', 'bad'].map((name) => watch(avocet, name)));
    await frames(viewer, 10);
    await until(async () => /the passphrase right/.test((await info(avocet, 'bad')).error ?? ''), 'a sentence', { ms: 15000 });
    await Promise.all([viewer.close(), locked.close()]);
    await avocet.stop();
    assert.doesNotMatch(avocet.stderr, /s3cret/);
});
