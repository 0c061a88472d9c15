/* What takes half a minute: a WebRTC viewer that vanishes without a word (RFC 7675). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startAvocet, until } from '../lab/avocet.mjs';
import { Net, Seen, metrics, watch, whyNoLinks } from '../lab/links.mjs';

const CONSENT_MS = 30000;
const SLACK_MS = 10000;

const skip = whyNoLinks();
let net;
let server;
let avocet;

before(async () => {
    if (skip) {
        return;
    }
    net = await Net.create();
    server = await net.host('server');
    avocet = await startAvocet(['cam=test:?size=360p&fps=30&stop_after=1s'], {
        prefix: server.prefix,
        servers: ['--open', '--listen', '0.0.0.0', '--http', '0', '--webrtc', '0'],
    });
});

after(async () => {
    await avocet?.stop();
    await net?.close();
});

test('a viewer that vanishes is gone after its consent, and the stream sleeps', { skip }, async () => {
    const asking = await net.good(server, await net.host('operator'));
    const lost = await net.bad(server, await net.host('lost'), { d: 5 });
    const seen = new Seen();
    const watching = watch(avocet, lost, '/cam/whep', { seconds: 120, seen }).catch(() => {});
    await until(() => seen.frames.length > 30, 'frames come', { ms: 10000 });
    const vanished = Date.now();
    await lost.set({ l: 100 });
    const ask = () => metrics(avocet, asking);
    assert.equal((await ask())('avocet_viewers{stream="cam",protocol="whep"}'), 1);
    await until(async () => (await ask())('avocet_webrtc_sessions') === 0, 'the session ends',
        { ms: CONSENT_MS + SLACK_MS, interval_ms: 250 });
    assert.ok(Date.now() - vanished > CONSENT_MS / 2, 'it ended before its time');
    const last = await ask();
    assert.equal(last('avocet_viewers{stream="cam",protocol="whep"}'), 0);
    assert.equal(last('avocet_webrtc_expired_sessions_total'), 1);
    await until(async () => (await ask())('avocet_stream_state{stream="cam",state="idle"}') === 1,
        'the stream sleeps', { interval_ms: 100 });
    seen.child.kill('SIGKILL');
    await watching;
});
