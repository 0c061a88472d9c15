/* Outputs that send datagrams: MPEG-TS over UDP, RTP and its description. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { runAvocet, startAvocet, until } from '../lab/avocet.mjs';
import { ffprobe, isInstalled, run } from '../lab/clients.mjs';
import { Receiver, openPair, parseRtp, tsGaps, tsPackets } from '../lab/datagrams.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-datagrams-'));
const file = path.join(folder, 'avocet.yaml');
const noFfprobe = !(await isInstalled('ffprobe')) && 'needs ffprobe';
const noFfmpeg = !(await isInstalled('ffmpeg')) && 'needs ffmpeg';
const noGst = (await run('sh', ['-c', 'gst-inspect-1.0 rtph264depay && gst-inspect-1.0 avdec_h264'])).code !== 0 &&
    'needs GStreamer';
const GROUP = '239.255.77.1';

after(() => rmSync(folder, { recursive: true }));

function configure(outputs, source = 'test:?size=480p&bitrate=4M&pattern=noise&keyframe=500ms') {
    writeFileSync(file, `streams:\n  cam: {source: "${source}", outputs: ${JSON.stringify(outputs)}}\n`);
    return ['--config', file];
}

test('stream.ts: what a slow viewer skipped is marked', async () => {
    const avocet = await startAvocet(['cam=test:?size=480p&bitrate=8M&pattern=noise&keyframe=500ms']);
    const socket = net.connect(avocet.servers.http.port, '127.0.0.1');
    let bytes = Buffer.alloc(0);
    socket.on('data', (data) => (bytes = Buffer.concat([bytes, data])));
    const comes = (n_bytes) => {
        const wanted = bytes.length + n_bytes;
        return until(() => bytes.length > wanted, 'bytes come', { ms: 15000 });
    };
    const other = net.connect(avocet.servers.http.port, '127.0.0.1').resume(); /* gets every frame */
    [socket, other].forEach((viewer) => viewer.write('GET /cam/stream.ts?mode=drive HTTP/1.0\r\n\r\n'));
    await comes(100000);
    socket.pause();
    const dropped = 'avocet_viewer_frames_dropped_total{stream="cam",protocol="http",reason="budget"}';
    await until(async () => await avocet.metric(dropped) > 0, 'frames are skipped', { ms: 30000 });
    socket.resume();
    const stream = () => bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
    const n_marks = () => tsPackets(stream()).filter(({ isMarked, pid }) => isMarked && pid === 0x100).length;
    await until(() => n_marks() >= 2, 'marks at the beginning, and at what was skipped', { ms: 20000, interval_ms: 200 });
    await comes(100000);
    [socket, other].forEach((viewer) => viewer.destroy());
    await avocet.stop();
    assert.equal(tsGaps(stream()), 0);
});

test('udp: whole MPEG-TS packets by sevens, nobody has to ask', { skip: noFfprobe }, async () => {
    const receiver = await Receiver.open();
    const avocet = await startAvocet(configure([`udp://127.0.0.1:${receiver.port}`]));
    await receiver.comes(400);
    assert.ok(receiver.datagrams.every(({ length }) => length % 188 === 0 && length <= 7 * 188));
    assert.ok(tsPackets(receiver.bytes).every(({ isSynced }) => isSynced));
    assert.equal(tsGaps(receiver.bytes), 0);
    const { streams, frames } = await ffprobe(receiver.bytes, { format: 'mpegts', frames: 10 });
    assert.equal(streams[0].width, 848);
    assert.equal(frames[0].key_frame, 1);
    assert.equal(await avocet.metric('avocet_viewers{stream="cam",protocol="udp"}'), 1);
    await avocet.stop();
    receiver.close();
});

test('udp: multicast, a name, and IPv6', async () => {
    const receivers = await Promise.all([Receiver.open({ group: GROUP }), Receiver.open(),
        Receiver.open({ address: '::1' })]);
    const [group, named, six] = receivers.map(({ port }) => port);
    const avocet = await startAvocet(configure([`udp://${GROUP}:${group}?interface=lo`,
        `udp://localhost:${named}?mode=drive`, `udp://[::1]:${six}?ttl=4`]));
    /* localhost may be ::1 first: then nobody listens there, which disturbs nobody else */
    await Promise.all([receivers[0].comes(), receivers[2].comes()]);
    await until(() => /sending to localhost/.test(avocet.stderr), 'the name is resolved');
    await avocet.stop();
    receivers.forEach((receiver) => receiver.close());
});

test('udp: a large frame is spread over part of its interval', async () => {
    const receiver = await Receiver.open();
    const avocet = await startAvocet(configure([`udp://127.0.0.1:${receiver.port}`],
        'test:?size=720p&bitrate=20M&pattern=noise&fps=10'));
    await receiver.comes(300);
    await avocet.stop();
    /* frames of 200 datagrams, 100 ms apart: in one burst their spans would be next to nothing */
    const gaps = receiver.times.map((time, i) => (i ? time - receiver.times[i - 1] : 0));
    const starts = gaps.flatMap((gap, i) => (gap > 15 ? [i] : []));
    const spans = starts.slice(1).map((end, i) => receiver.times[end - 1] - receiver.times[starts[i]]);
    assert.ok(spans.some((span) => span > 20), `spans of ${spans} ms`);
    receiver.close();
});

test('udp: what cannot be found is said once, and disturbs nothing', async () => {
    const receiver = await Receiver.open();
    const avocet = await startAvocet(configure(['udp://nowhere.invalid:5000',
        `udp://239.1.2.3:5000?interface=none0`, `udp://127.0.0.1:${receiver.port}`]));
    await until(() => /no address for nowhere\.invalid:5000.*trying on/.test(avocet.stderr), 'it says so', { ms: 20000 });
    assert.match(avocet.stderr, /239\.1\.2\.3:5000: there is no interface of that name, trying on/);
    await receiver.comes();
    await avocet.stop();
    receiver.close();
});

test('udp: a place that is none is refused', async () => {
    for (const place of ['udp://host', 'udp://:5000', 'udp://host:0', 'udp://host:70000', 'udp://host:12x']) {
        const { code, stderr } = await runAvocet([...configure([place]), '--http', 'off', '--webrtc', 'off', '--rtsp', 'off']);
        assert.equal(code, 1, place);
        assert.match(stderr, /is no place to send to: write udp:\/\/HOST:PORT/);
    }
});

/* RTCP sender report: {ssrc, ms since 1970, RTP time stamp} */
function parseReport(bytes) {
    assert.equal(bytes[1], 200);
    const seconds = bytes.readUInt32BE(8) - 2208988800;
    return { ssrc: bytes.readUInt32BE(4), ms: seconds * 1000 + bytes.readUInt32BE(12) / 2 ** 32 * 1000,
        timestamp: bytes.readUInt32BE(16), n_packets: bytes.readUInt32BE(20) };
}

/* Two neighbouring ports that were free a moment ago. */
async function freePair() {
    const pair = await openPair();
    const { port } = pair[0];
    pair.forEach((receiver) => receiver.close());
    return port;
}

test('rtp: H.264 in order, and reports that say when a picture was taken', async () => {
    const [media, control] = await openPair();
    const before_ms = Date.now();
    const avocet = await startAvocet(configure([`rtp://127.0.0.1:${media.port}`]));
    await media.comes(200);
    await control.comes(1);
    const packets = media.datagrams.map(parseRtp);
    assert.ok(packets.every(({ version, type, payload }) => version === 2 && type === 96 && payload.length <= 1200));
    assert.ok(packets.every(({ sequence }, i) => sequence === ((packets[0].sequence + i) & 0xffff)));
    const changes = packets.filter(({ timestamp }, i) => i > 0 && timestamp !== packets[i - 1].timestamp);
    assert.equal(packets.slice(0, -1).filter(({ marker }) => marker).length, changes.length);
    const report = parseReport(control.datagrams[0]);
    assert.equal(report.ssrc, packets[0].ssrc);
    assert.ok(report.ms >= before_ms && report.ms <= Date.now(), 'the clock of capture');
    assert.ok(packets.some(({ timestamp }) => timestamp === report.timestamp));
    await avocet.stop();
    await until(() => control.datagrams.at(-1).includes(Buffer.from([0x81, 203])), 'it says goodbye');
    media.close();
    control.close();
});

test('rtp: payload=ts', async () => {
    const [media, control] = await openPair();
    const avocet = await startAvocet(configure([`rtp://127.0.0.1:${media.port}?payload=ts`]));
    await media.comes(300);
    const packets = media.datagrams.map(parseRtp);
    assert.ok(packets.every(({ type }) => type === 33));
    assert.ok(packets.every(({ sequence }, i) => sequence === ((packets[0].sequence + i) & 0xffff)));
    assert.equal(tsGaps(Buffer.concat(packets.map(({ payload }) => payload))), 0);
    const sdp = await (await avocet.get('/cam/stream.sdp')).text();
    assert.match(sdp, new RegExp(`m=video ${media.port} RTP/AVP 33\r\na=rtpmap:33 MP2T/90000`));
    await avocet.stop();
    media.close();
    control.close();
});

test('stream.sdp says how to receive', async () => {
    const avocet = await startAvocet(configure([`rtp://${GROUP}:5000?interface=lo&ttl=3`, 'rtp://[::1]:5000',
        'udp://127.0.0.1:5000']));
    const sdp = async (query = '') => (await avocet.get(`/cam/stream.sdp${query}`)).text();
    await until(async () => /m=video/.test(await sdp()), 'the first picture comes');
    const answer = await avocet.get('/cam/stream.sdp');
    assert.equal(answer.headers.get('content-type'), 'application/sdp');
    const lines = (await answer.text()).trimEnd().split('\r\n');
    assert.deepEqual(lines.filter((line) => /^[vscm]=/.test(line)),
        ['v=0', 's=cam', `c=IN IP4 ${GROUP}/3`, 'm=video 5000 RTP/AVP 96']);
    assert.match(lines.find((line) => line.startsWith('a=fmtp:96')), /packetization-mode=1;profile-level-id=.*;sprop-parameter-sets=.+,.+/);
    assert.match(await sdp('?output=2'), /c=IN IP6 ::1\r\n/);
    assert.equal((await avocet.get('/cam/stream.sdp?output=3')).status, 404);
    assert.equal((await avocet.get('/none/stream.sdp')).status, 404);
    await avocet.stop();
});

test('rtp: players', { skip: noFfmpeg || noGst }, async () => {
    const [h264, ts] = [await freePair(), await freePair()];
    const avocet = await startAvocet(configure([`rtp://127.0.0.1:${h264}`, `rtp://127.0.0.1:${ts}?payload=ts`]));
    for (const output of [1, 2]) {
        const sdp = path.join(folder, 'stream.sdp');
        const answer = await until(async () => {
            const got = await avocet.get(`/cam/stream.sdp?output=${output}`);
            return got.status === 200 && got;
        }, 'it is described');
        writeFileSync(sdp, await answer.text());
        const { code, stderr } = await run('ffmpeg', ['-v', 'error', '-protocol_whitelist', 'file,rtp,udp', '-i', sdp,
            '-frames:v', '30', '-f', 'null', '-']);
        assert.equal(code, 0, stderr);
    }
    const caps = (name, type) => `caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=${name},payload=${type}`;
    for (const [port, ...elements] of [
        [h264, caps('H264', 96), '!', 'rtpjitterbuffer', '!', 'rtph264depay'],
        [ts, caps('MP2T', 33), '!', 'rtpjitterbuffer', '!', 'rtpmp2tdepay', '!', 'tsdemux', '!', 'h264parse']]) {
        const { code, stderr } = await run('gst-launch-1.0', ['-q', 'udpsrc', `port=${port}`, 'num-buffers=300', ...elements,
            '!', 'avdec_h264', '!', 'fakesink']);
        assert.equal(code, 0, stderr);
    }
    await avocet.stop();
});
