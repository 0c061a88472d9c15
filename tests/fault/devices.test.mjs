/* What stands behind a stream fails: the encoder refuses, the helper is killed, a file is not one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { slowness, startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, parseWsFrame, readStream, run } from '../lab/clients.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-devices-'));
after(() => rmSync(folder, { recursive: true }));

const CASES = [
    // name, source, what the sentence speaks of
    ['a camera that is not there', 'v4l2:/dev/video-none', /video-none/],
    ['a device that is no camera', 'v4l2:/dev/null', /\/dev\/null/],
    ['a file that is not there', `file:${folder}/none.h264`, /none\.h264/],
    ['a file that is no H.264', `file:${folder}/text.h264`, /text\.h264/],
    ['a folder', `file:${folder}`, /./],
];
writeFileSync(path.join(folder, 'text.h264'), 'no picture in here\n'.repeat(1000));

test('what gives no picture: each said once, and the rest goes on', async (t) => {
    const avocet = await startAvocet([...CASES.map(([, source], i) => `bad${i}=${source}`), 'good=test:?size=240p']);
    t.after(() => avocet.kill());
    const watch = (stream) => WsViewer.open(`${avocet.ws}/${stream}/ws?format=h264`);
    const viewers = await Promise.all([watch('good'), ...CASES.map((_, i) => watch(`bad${i}`))]);
    await viewers[0].until((v) => v.messages.length > 60, 'two seconds of the good stream');
    for (const [i, [name, , sentence]] of CASES.entries()) {
        const info = await until(async () => {
            const seen = await avocet.json(`/bad${i}/info`);
            return seen.error && seen;
        }, `${name}: the failure is known`, { ms: 10000 });
        assert.match(info.error, sentence);
        assert.equal(info.state, 'stalled', name);
        const said = avocet.stderr.split('\n').filter((line) => line.includes(`bad${i}`));
        assert.ok(said.length <= 3, said.join('\n'));
    }
    viewers.forEach((viewer) => viewer.socket.terminate());
    await avocet.stop();
});

test('the helper program is killed, again and again: pictures come back', async (t) => {
    const clip = path.join(folder, 'clip.h264');
    await run('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25:duration=2',
        '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-bf', '0', '-g', '12', clip]);
    const avocet = await startAvocet([`cam=file:${clip}`]);
    if ((await avocet.get('/cam/snapshot.jpg')).status !== 200) {
        t.skip('this build has no helper program');
        await avocet.stop();
        return;
    }
    const abort = new AbortController();
    const answer = await fetch(`${avocet.http}/cam/stream.mjpg`, { signal: abort.signal });
    const reader = answer.body.getReader();
    for (let i = 0; i < 3; i++) {
        const { stdout } = await run('pgrep', ['-P', String(avocet.pid)]);
        stdout.trim().split('\n').filter(Boolean).forEach((pid) => process.kill(Number(pid), 'SIGKILL'));
        let bytes = 0;
        const start = performance.now();
        while (bytes < 200000 && performance.now() - start < 20000) {
            bytes += (await reader.read()).value.length;
        }
        assert.ok(bytes >= 200000, 'pictures after the helper was killed');
    }
    abort.abort();
    await avocet.stop();
});

/* A frozen helper was once waited for during its whole two seconds. */
test('the helper program freezes: H.264 goes on as if nothing were; MJPEG comes back', async (t) => {
    const clip = path.join(folder, 'frozen.h264');
    await run('ffmpeg', ['-v', 'error', '-y', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=25:duration=2',
        '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-bf', '0', '-g', '25', '-b:v', '8M', clip]);
    const avocet = await startAvocet([`cam=file:${clip}`]);
    t.after(() => avocet.kill());
    if ((await avocet.get('/cam/snapshot.jpg')).status !== 200) {
        t.skip('this build has no helper program');
        return;
    }
    const viewer = await WsViewer.open(`${avocet.ws}/cam/ws?format=h264`);
    const arrivals = [];
    viewer.socket.on('message', (bytes, isBinary) => isBinary && arrivals.push(performance.now()));
    let n_jpeg_bytes = 0;
    const abort = new AbortController();
    t.after(() => abort.abort());
    const answer = await fetch(`${avocet.http}/cam/stream.mjpg`, { signal: abort.signal });
    (async () => {
        for await (const chunk of answer.body) {
            n_jpeg_bytes += chunk.length;
        }
    })().catch(() => {});
    await until(() => n_jpeg_bytes > 100000, 'MJPEG is seen');
    const { stdout } = await run('pgrep', ['-P', String(avocet.pid)]);
    const helper = Number(stdout.trim().split('\n')[0]);
    const from = arrivals.length;
    process.kill(helper, 'SIGSTOP');
    await viewer.until(() => arrivals.length > from + 100, 'four seconds of H.264');
    const seen = viewer.messages.map((bytes) => parseWsFrame(bytes).sequence);
    assert.deepEqual(seen.filter((sequence, i) => i > 0 && sequence !== seen[i - 1] + 1), [], 'no frame is lost');
    const gaps = arrivals.slice(from).map((at, i) => at - arrivals[from + i - 1]);
    assert.ok(Math.max(...gaps) < 1000 * slowness, `a gap of ${Math.max(...gaps)} ms`);
    t.diagnostic(`longest gap ${Math.round(Math.max(...gaps))} ms`);
    const n = n_jpeg_bytes;
    await until(() => n_jpeg_bytes > n + 100000, 'MJPEG comes back', { ms: 15000 });
    await viewer.close();
    abort.abort();
    await avocet.stop();
});

test('an encoder that refuses: the sentence says so, JPEG still comes', async () => {
    const avocet = await startAvocet(['cam=test:?size=360p&encoder=none']).catch((error) => error);
    if (avocet instanceof Error) {
        assert.match(avocet.message, /encoder/); /* refused at the start, with a sentence */
        return;
    }
    const { bytes } = await readStream(`${avocet.http}/cam/stream.mjpg`, (seen) => seen.length > 20000);
    assert.ok(bytes.length > 0);
    await avocet.stop();
});
