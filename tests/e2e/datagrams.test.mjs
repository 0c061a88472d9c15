/* Outputs that send datagrams: MPEG-TS over UDP. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';

import { runAvocet, startAvocet, until } from '../lab/avocet.mjs';
import { ffprobe, isInstalled } from '../lab/clients.mjs';
import { Receiver, tsGaps, tsPackets } from '../lab/datagrams.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-datagrams-'));
const file = path.join(folder, 'avocet.yaml');
const noFfprobe = !(await isInstalled('ffprobe')) && 'needs ffprobe';
const GROUP = '239.255.77.1';

after(() => rmSync(folder, { recursive: true }));

function configure(outputs, source = 'test:?size=480p&bitrate=4M&pattern=noise&keyframe=500ms') {
    writeFileSync(file, `streams:\n  cam: {source: "${source}", outputs: ${JSON.stringify(outputs)}}\n`);
    return ['--config', file];
}

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
        const { code, stderr } = await runAvocet([...configure([place]), '--http', 'off', '--webrtc', 'off']);
        assert.equal(code, 1, place);
        assert.match(stderr, /is no place to send to: write HOST:PORT/);
    }
});
