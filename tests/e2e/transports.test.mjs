/* One viewer on each transport: it starts a sleeping stream, and moving pictures come. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, boundaryOf, ffprobe, isInstalled, isJpeg, mp4Boxes, multipartParts, nalTypes, parseWsFrame, playWhep,
    readStream, whyNoGstreamer } from '../lab/clients.mjs';

const noGstreamer = await whyNoGstreamer();
let avocet;
before(async () => {
    avocet = await startAvocet(['cam=test:?size=360p&fps=30&keyframe=500ms&stop_after=100ms']);
});
after(() => avocet?.stop());

async function asleep() {
    await until(async () => (await avocet.json('/cam/info')).state === 'idle', 'the stream sleeps');
}

test('stream.h264: parameter sets before each keyframe', async () => {
    await asleep();
    const { bytes } = await readStream(`${avocet.http}/cam/stream.h264`,
        (seen) => nalTypes(seen).filter((type) => type === 1 || type === 5).length > 30);
    const types = nalTypes(bytes).filter((type) => type !== 9 && type !== 6);
    assert.deepEqual(types.slice(0, 3), [7, 8, 5]);
    assert.ok(types.filter((type) => type === 5).length >= 2, types.join(' '));
});

test('stream.mp4: one fragment per frame behind the init segment', async () => {
    await asleep();
    const { bytes } = await readStream(`${avocet.http}/cam/stream.mp4`,
        (seen) => mp4Boxes(seen).filter(({ type }) => type === 'mdat').length >= 30);
    const types = mp4Boxes(bytes).map(({ type }) => type);
    assert.deepEqual(types.slice(0, 2), ['ftyp', 'moov']);
    assert.equal(types.filter((type) => type === 'moof').length,
        types.filter((type) => type === 'mdat').length);
});

test('stream.ts: as a player reads it', { skip: !(await isInstalled('ffprobe')) && 'needs ffprobe' }, async () => {
    await asleep();
    const { bytes, answer } = await readStream(`${avocet.http}/cam/stream.ts`, (seen) => seen.length > 300000);
    assert.equal(answer.headers.get('content-type'), 'video/mp2t');
    const { streams, frames, stderr } = await ffprobe(bytes, { format: 'mpegts', frames: 30 });
    assert.equal(streams.length, 1);
    assert.equal(streams[0].codec_name, 'h264');
    assert.equal(frames[0].key_frame, 1);
    assert.ok(frames.every(({ pts }, i) => i === 0 || pts > frames[i - 1].pts), 'each has its time');
    assert.equal(stderr, '');
});

test('stream.mjpg: whole pictures', async () => {
    await asleep();
    let boundary = '';
    const { bytes, answer } = await readStream(`${avocet.http}/cam/stream.mjpg`, (seen) => {
        boundary ||= seen.toString('latin1').match(/--([^\r\n]+)\r\n/)?.[1] ?? '';
        return boundary && multipartParts(seen, boundary).length >= 10;
    });
    assert.match(answer.headers.get('content-type'), /^multipart\/x-mixed-replace/);
    for (const { headers, body } of multipartParts(bytes, boundaryOf(answer))) {
        assert.equal(headers.get('content-type'), 'image/jpeg');
        assert.ok(isJpeg(body));
    }
});

test('snapshot.jpg wakes the stream', async () => {
    await asleep();
    const answer = await avocet.get('/cam/snapshot.jpg');
    assert.equal(answer.status, 200);
    assert.ok(isJpeg(Buffer.from(await answer.arrayBuffer())));
});

test('ws?format=h264: hello, then access units in order with their capture times', async () => {
    await asleep();
    const viewer = await WsViewer.open(`${avocet.ws}/cam/ws?format=h264`);
    await viewer.until((v) => v.messages.length >= 30, '30 access units');
    const { codec, ...hello } = viewer.hello;
    assert.deepEqual(hello, { type: 'hello', version: 1, stream: 'cam', format: 'h264',
        width: 640, height: 360, fps: 30 });
    assert.match(codec, /^avc1\.42[0-9a-f]{4}$/);
    const frames = viewer.messages.map(parseWsFrame);
    assert.ok(frames[0].isKey);
    frames.forEach((frame, i) => {
        assert.deepEqual([frame.version, frame.codec], [1, 1]);
        assert.equal(frame.sequence, frames[0].sequence + i);
        assert.ok(i === 0 || frame.pts_ns > frames[i - 1].pts_ns);
    });
    const age_ms = Date.now() - Number(frames.at(-1).capture_ns / 1000000n);
    assert.ok(age_ms >= 0 && age_ms < 2000, `${age_ms} ms old`);
    await viewer.close();
});

test('ws?format=mp4: hello, init segment, fragments; a ping is answered', async () => {
    await asleep();
    const viewer = await WsViewer.open(`${avocet.ws}/cam/ws?format=mp4`);
    viewer.socket.send(JSON.stringify({ type: 'ping', t: 12345 }));
    await viewer.until((v) => v.messages.length >= 30, '30 fragments');
    await viewer.until((v) => v.texts.some(({ type }) => type === 'pong'), 'a pong');
    assert.equal(viewer.hello.format, 'mp4');
    const pong = viewer.texts.find(({ type }) => type === 'pong');
    assert.equal(pong.t, 12345);
    assert.ok(Math.abs(pong.server_ms - Date.now()) < 5000);
    const types = viewer.messages.map((bytes) => mp4Boxes(bytes).map(({ type }) => type).join());
    assert.match(types[0], /^ftyp,moov/);
    assert.match(types.at(-1), /moof,mdat$/);
    await viewer.close();
});

test('whep: another WebRTC stack decodes moving pictures', { skip: noGstreamer }, async () => {
    await asleep();
    const seen = await playWhep(`${avocet.http}/cam/whep`, { frames: 60 });
    assert.equal(seen.error, null);
    assert.deepEqual([seen.width, seen.height], [640, 360]);
    assert.ok(seen.luma_changes >= 50, `${seen.luma_changes} of ${seen.frames} pictures differ`);
    await until(async () => (await avocet.json('/cam/info')).viewers === 0, 'DELETE ends the viewer');
});

test('all viewers gone, the stream sleeps and counts nobody', async () => {
    await asleep();
    assert.equal((await avocet.json('/cam/info')).viewers, 0);
});
