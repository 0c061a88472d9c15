/* Garbage on the WebRTC port: who plays goes on playing, and nothing is answered to strangers. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { after, before, test } from 'node:test';

import { portion, startAvocet } from '../lab/avocet.mjs';
import { playWhep, whyNoGstreamer } from '../lab/clients.mjs';

const N_DATAGRAMS = portion(20000);
let seed = 7;
const random = (n) => (seed = (seed * 48271) % 2147483647) % n;

const stun = Buffer.from('000100082112a442000102030405060708090a0b00060004613a6262', 'hex');
const hello = Buffer.from('16fefd000000000000000000300100002400000000000000240000', 'hex');
const rtp = Buffer.concat([Buffer.from('8060000100000001deadbeef', 'hex'), Buffer.alloc(100, 7)]);
const rtcp = Buffer.from('81c90007deadbeefdeadbeef0000000000000000000000000000000000000000', 'hex');

function garbage() {
    const bytes = Buffer.from([stun, hello, rtp, rtcp, Buffer.alloc(random(1400), random(256))][random(5)]);
    for (let k = random(6); k > 0 && bytes.length > 0; k--) {
        bytes[random(bytes.length)] = random(256);
    }
    return bytes.subarray(0, bytes.length - random(3) * random(Math.max(bytes.length >> 1, 1)));
}

let avocet;
before(async () => {
    avocet = await startAvocet(['cam=test:?size=360p&fps=30']);
});
after(() => avocet?.stop());

const noGstreamer = await whyNoGstreamer();
test(`${N_DATAGRAMS} datagrams of garbage beside a viewer`, { skip: noGstreamer }, async () => {
    const { address, port } = avocet.servers.webrtc;
    const before = avocet.resources();
    const playing = playWhep(`${avocet.http}/cam/whep`, { frames: 150 });
    const socket = dgram.createSocket('udp4');
    let answered_bytes = 0;
    let sent_bytes = 0;
    socket.on('message', (bytes) => (answered_bytes += bytes.length));
    for (let i = 0; i < N_DATAGRAMS; i++) {
        const bytes = garbage();
        sent_bytes += bytes.length;
        await new Promise((resolve) => socket.send(bytes, port, address, resolve));
    }
    const seen = await playing;
    socket.close();
    assert.equal(seen.error, null);
    assert.ok(seen.frames >= 150);
    assert.ok(answered_bytes < sent_bytes / 100, `${answered_bytes} bytes were answered`);
    assert.ok(avocet.resources().n_fds <= before.n_fds + 2);
    assert.ok(await avocet.metric('avocet_webrtc_stray_datagrams_total') > 0);
    assert.ok(await avocet.metric('avocet_webrtc_sent_datagrams_total') > 150);
});

test('half-open sessions: offers whose viewer never comes', async () => {
    const offer = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
        'm=video 9 UDP/TLS/RTP/SAVPF 96', 'c=IN IP4 0.0.0.0', 'a=mid:0', 'a=recvonly', 'a=rtcp-mux',
        'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx', 'a=setup:actpass',
        `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=rtpmap:96 H264/90000',
        'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f', ''].join('\r\n');
    const post = () => avocet.get('/cam/whep', { method: 'POST', body: offer,
        headers: { 'Content-Type': 'application/sdp' } });
    const before = avocet.resources();
    const seen = new Set();
    for (let i = 0; i < 40; i++) {
        const answers = await Promise.all(Array.from({ length: 10 }, post));
        answers.forEach(({ status }) => seen.add(status));
        await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    }
    assert.ok([...seen].every((status) => status === 201 || status === 503), [...seen].join());
    assert.ok(await avocet.metric('avocet_webrtc_sessions') > 0);
    assert.ok(await avocet.metric('avocet_webrtc_sessions_total') >= 400);
    assert.equal(await avocet.metric('avocet_webrtc_refused_sessions_total'), 0);
    const answer = await avocet.get('/healthz');
    assert.equal(answer.status, 200);
    assert.ok(avocet.resources().rss_kb - before.rss_kb < 64 * 1024);
});
