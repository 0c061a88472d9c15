/*
 * Viewers of every kind come and go for a while; memory and descriptors must stay flat.
 *
 *     node tests/lab/soak.mjs [MINUTES]
 *
 * Prints a line a minute; status 1 when descriptors grew, or resident memory still grew in the
 * second half by more than GROWTH_KB.
 */
import { execFile } from 'node:child_process';
import http from 'node:http';
import path from 'node:path';

import { program, root, startAvocet } from './avocet.mjs';
import { WsViewer } from './clients.mjs';

const GROWTH_KB = 1024;
const VIEWERS_AT_ONCE = 12;
const minutes = Number(process.argv[2] ?? 60);
if (!(minutes > 0)) {
    console.error('soak: MINUTES is a number above 0');
    process.exit(2);
}

/* c has nothing but H.264: its JPEG viewers start the decoder program, and the last ends it. */
const avocet = await startAvocet(['a=test:?size=360p&fps=30&stop_after=2s', 'b=test:?size=240p&stop_after=100ms',
    `c=file:${path.join(root, 'tests/bitstream/samples/baseline.h264')}?stop_after=500ms`]);
const whep_drain = path.join(path.dirname(program), 'bench/whep_drain');
const end = performance.now() + minutes * 60000;
const isOver = () => performance.now() > end;
let n_visits = 0;
let n_failures = 0;

/* Read an endless answer for a while, then leave: by closing, or by cutting the line. */
function visitHttp(path, bytes_wanted) {
    return new Promise((resolve, reject) => {
        let n_bytes = 0;
        const request = http.get(avocet.http + path, { agent: false }, (answer) => {
            answer.on('data', (data) => {
                n_bytes += data.length;
                n_bytes > bytes_wanted && request.destroy();
            });
            answer.on('close', resolve).on('error', resolve);
        });
        request.on('error', (error) => (n_bytes > 0 ? resolve() : reject(error)));
    });
}

async function visitWs(stream, format, n_messages) {
    const viewer = await WsViewer.open(`${avocet.ws}/${stream}/ws?format=${format}`);
    await viewer.until((v) => v.messages.length >= n_messages, `${n_messages} messages`);
    n_visits % 2 ? viewer.socket.terminate() : await viewer.close();
}

/* A session that is offered, answered, and never comes; every other one is deleted. */
async function visitWhep(stream) {
    const offer = ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
        'm=video 9 UDP/TLS/RTP/SAVPF 96', 'c=IN IP4 0.0.0.0', 'a=mid:0', 'a=recvonly', 'a=rtcp-mux',
        'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx', 'a=setup:actpass',
        `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=rtpmap:96 H264/90000',
        'a=fmtp:96 packetization-mode=1;profile-level-id=42e01f', ''].join('\r\n');
    const answer = await avocet.get(`/${stream}/whep`, { method: 'POST', body: offer,
        headers: { 'Content-Type': 'application/sdp' } });
    await answer.text();
    if (answer.status === 201 && n_visits % 2) {
        await avocet.get(answer.headers.get('location'), { method: 'DELETE' });
    }
}

/* Two real sessions (ICE, DTLS, SRTP) for two seconds, which then fall silent without a word. */
function playWhep(stream) {
    return new Promise((resolve, reject) => {
        execFile(whep_drain, [avocet.servers.http.port, 2, 2, `/${stream}/whep`], (error, _, said) =>
            (error ? reject(new Error(`whep: ${said.trim() || error.message}`)) : resolve()));
    });
}

const VISITS = [
    () => visitHttp('/a/stream.mp4', 200000),
    () => visitHttp('/b/stream.h264', 20000),
    () => visitHttp('/a/stream.mjpg', 300000),
    () => visitHttp('/b/snapshot.jpg', 1),
    () => visitHttp('/metrics', 1),
    () => visitWs('a', 'mp4', 40),
    () => visitWs('b', 'h264', 10),
    () => visitWhep('a'),
    () => playWhep('a'),
    () => visitHttp('/c/stream.mjpg', 20000),
];

async function keepVisiting(k) {
    for (let i = k; !isOver(); i++) {
        n_visits++;
        await VISITS[i % VISITS.length]().catch((error) => {
            n_failures++ < 10 && console.error(`soak: ${error.message}`);
        });
    }
}

const samples = [];
function sample() {
    const now = { minute: (minutes * 60000 - (end - performance.now())) / 60000, ...avocet.resources() };
    samples.push(now);
    console.log(`${now.minute.toFixed(1).padStart(7)} min  ${String(n_visits).padStart(8)} visits  ` +
        `${String(now.rss_kb).padStart(7)} KB  ${String(now.n_fds).padStart(4)} descriptors  ${n_failures} failures`);
}
const timer = setInterval(sample, Math.min(60000, minutes * 6000));

const quiet_fds = avocet.resources().n_fds;
await Promise.all(Array.from({ length: VIEWERS_AT_ONCE }, (_, k) => keepVisiting(k)));
clearInterval(timer);
sample();

const half = samples.slice(Math.floor(samples.length / 2));
const third = Math.max(1, Math.floor(half.length / 3));
const mean = (list) => list.reduce((sum, { rss_kb }) => sum + rss_kb, 0) / list.length;
const grown_kb = mean(half.slice(-third)) - mean(half.slice(0, third));
await new Promise((resolve) => setTimeout(resolve, 3000)); /* the last ones' time-outs */
const fds = avocet.resources().n_fds;
await avocet.stop();
const is_good = grown_kb <= GROWTH_KB && fds <= quiet_fds + VIEWERS_AT_ONCE && n_failures === 0;
console.log(`${is_good ? 'flat' : 'NOT flat'}: ${Math.round(grown_kb)} KB more in the second half, ` +
    `${fds - quiet_fds} descriptors more, ${n_visits} visits, ${n_failures} failures`);
process.exit(is_good ? 0 : 1);
