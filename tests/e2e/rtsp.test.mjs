/* RTSP with the players that people have. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { runAvocet, startAvocet, until } from '../lab/avocet.mjs';
import { ffprobe, isInstalled, rawExchange, run } from '../lab/clients.mjs';

let avocet;
let url;

const state = async () => (await avocet.json('/cam/info')).state;
/* Known before the first test: what waits between two tests lets the runner believe that all are over. */
const [noFfprobe, noGstreamer] = await Promise.all(['ffprobe', 'gst-launch-1.0'].map(async (program) =>
    !(await isInstalled(program)) && `needs ${program}`));

before(async () => {
    avocet = await startAvocet(['cam=test:?size=480p&bitrate=2M&stop_after=100ms']);
    url = `rtsp://127.0.0.1:${avocet.servers.rtsp.port}/cam`;
});

after(() => avocet.stop());

for (const transport of ['tcp', 'udp']) {
    test(`ffprobe over ${transport}: the size, the rate, frames in a row`, { skip: noFfprobe }, async () => {
        const seen = await ffprobe(url, { before: ['-rtsp_transport', transport], frames: 60 });
        const [stream] = seen.streams;
        assert.deepEqual([stream.codec_name, stream.width, stream.height], ['h264', 848, 480]);
        assert.equal(stream.avg_frame_rate, '30/1');
        assert.equal(seen.stderr, '');
        assert.equal(seen.frames[0].key_frame, 1);
        const times = seen.frames.slice(1).map(({ pts }) => pts); /* it leaves out the first one's, with any server */
        const steps = times.slice(1).map((pts, i) => pts - times[i]);
        assert.ok(steps.every((step) => step > 0), `${steps}`);
        await until(async () => (await state()) === 'idle', 'the camera sleeps when the player has left');
    });

    test(`GStreamer's rtspsrc over ${transport}`, { skip: noGstreamer }, async () => {
        /* Its status tells nothing: now and then it interrupts its own PAUSE when it ends. */
        const { stdout, stderr } = await run('gst-launch-1.0', ['-v', 'rtspsrc', `location=${url}/?mode=drive`,
            `protocols=${transport}`, 'latency=50', '!', 'rtph264depay', '!', 'h264parse', '!', 'avdec_h264', '!',
            'fakesink', 'num-buffers=60', 'silent=false']);
        assert.equal(stdout.match(/last-message = chain /g)?.length, 60, stderr);
    });
}

test('avocet latency plays it, and passes on why it cannot', async () => {
    const seen = await runAvocet(['latency', `${url}?mode=drive`, '--seconds', '1', '--json'], { ms: 20000 });
    assert.equal(seen.code, 0, seen.stderr);
    const { frames, lost, p50_ms } = JSON.parse(seen.stdout);
    assert.ok(frames >= 10 && lost < frames && p50_ms > 0, seen.stdout);
    const nobody = await runAvocet(['latency', url.replace('cam', 'nobody')]);
    assert.equal(nobody.code, 1);
    assert.match(nobody.stderr, /the server answered 404 Not Found/);
});

test('viewers are counted', async () => {
    const answer = await rawExchange(avocet.servers.rtsp.port,
        `SETUP ${url} RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n`,
        { until: (text) => text.includes('\r\n\r\n') });
    assert.match(answer, /^RTSP\/1\.0 200 OK\r\nCSeq: 1\r\n/);
    const probe = ffprobe(url, { before: ['-rtsp_transport', 'tcp'], frames: 60 });
    await until(async () => /avocet_viewers\{[^}]*"rtsp"[^}]*\} 1/.test(await (await avocet.get('/metrics')).text()),
        'one viewer over RTSP');
    await probe;
});

test('a browser that comes to this port is told where it is', async () => {
    const answer = await rawExchange(avocet.servers.rtsp.port, 'GET /cam/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.0 400 .*This port speaks RTSP/s);
});
