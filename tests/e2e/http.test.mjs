/* What the HTTP server says, and refuses, as the contract has it; other programs as its clients. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startAvocet, until } from '../lab/avocet.mjs';
import { WsViewer, boundaryOf, ffprobe, isInstalled, isJpeg, multipartParts, rawExchange, readStream,
    run } from '../lab/clients.mjs';

let avocet;
before(async () => {
    avocet = await startAvocet(['cam=test:?size=360p&fps=30&keyframe=500ms&stop_after=200ms',
        'other=test:?size=240p&bitrate=200k']);
});
after(() => avocet?.stop());

const firstPart = (seen) => /\r\n\r\n[^]*\r\n--/.test(seen.toString('latin1'));

test('pages and their redirect', async () => {
    for (const page of ['/', '/cam/', '/cam/?embed']) {
        const answer = await avocet.get(page);
        assert.equal(answer.status, 200, page);
        assert.match(answer.headers.get('content-type'), /^text\/html/);
    }
    const redirect = await avocet.get('/cam', { redirect: 'manual' });
    assert.equal(redirect.status, 308);
    assert.equal(redirect.headers.get('location'), '/cam/');
});

test('what is not there is 404, also below a stream that is not there', async () => {
    for (const path of ['/nobody/', '/nobody/stream.mp4', '/nobody/snapshot.jpg', '/cam/nothing',
        '/assets/none.js', '/nobody', '/nobody?embed', '/api/v1/streams/nobody']) {
        assert.equal((await avocet.get(path, { redirect: 'manual' })).status, 404, path);
    }
});

test('the page of a stream that is not there: the player says so to people, a sentence to programs', async () => {
    const page = await avocet.get('/nobody/', { headers: { Accept: 'text/html,*/*;q=0.8' } });
    assert.equal(page.status, 404);
    assert.match(page.headers.get('content-type'), /^text\/html/);
    assert.equal(page.headers.get('cache-control'), 'no-store');
    assert.equal(page.headers.get('etag'), null);
    assert.match(await page.text(), /player_page\.js/);
    const again = await avocet.get('/nobody/', { headers: { Accept: 'text/html', 'If-None-Match': '*' } });
    assert.equal(again.status, 404);
    const { error } = await (await avocet.get('/nobody/', { headers: { Accept: '*/*' } })).json();
    assert.match(error, /no stream 'nobody' here/);
});

test('info and the list: state, size and rate; reading wakes nothing', async () => {
    await until(async () => (await avocet.json('/cam/info')).state === 'idle', 'cam sleeps');
    const info = await avocet.json('/cam/info');
    assert.deepEqual([info.name, info.state, info.width, info.height, info.fps, info.codec, info.viewers],
        ['cam', 'idle', 640, 360, 30, 'h264', 0]);
    assert.equal(info.bitrate_bps, 230000);
    const { streams } = await avocet.json('/api/v1/streams');
    assert.deepEqual(streams.map(({ name, state }) => [name, state]), [['cam', 'idle'], ['other', 'idle']]);
    assert.equal(streams[1].bitrate_bps, 200000);
    assert.deepEqual(await avocet.json('/api/v1/streams/cam'), await avocet.json('/cam/info'));
});

test('HEAD is answered without waking the stream', async () => {
    await until(async () => (await avocet.json('/cam/info')).state === 'idle', 'cam sleeps');
    for (const name of ['stream.mp4', 'stream.h264', 'stream.mjpg', 'snapshot.jpg', 'info', '']) {
        const answer = await avocet.get(`/cam/${name}`, { method: 'HEAD' });
        assert.equal(answer.status, 200, name);
        assert.equal((await avocet.json('/cam/info')).state, 'idle', name);
    }
});

test('control: a keyframe, another bitrate; nonsense is a sentence', async () => {
    const post = (path, options) => avocet.get(path, { method: 'POST', ...options });
    const patch = (body) => avocet.get('/api/v1/streams/other', { method: 'PATCH', body,
        headers: { 'Content-Type': 'application/json' } });
    assert.equal((await post('/api/v1/streams/other/keyframe')).status, 202);
    assert.equal((await patch('{"bitrate_bps":300000}')).status, 200);
    assert.equal((await avocet.json('/other/info')).bitrate_bps, 300000);
    assert.equal((await avocet.get('/other/snapshot.jpg')).status, 200);
    assert.equal((await avocet.json('/other/info')).bitrate_bps, 300000, 'also when JPEG is watched');
    for (const body of ['', '{', '[]', '{"bitrate_bps":"much"}', '{"bitrate_bps":-1}']) {
        const answer = await patch(body);
        assert.equal(answer.status, 400, body);
        assert.match((await answer.json()).error, /\w+ \w+/);
    }
    assert.equal((await post('/api/v1/streams/nobody/keyframe')).status, 404);
    assert.equal((await avocet.get('/api/v1/streams', { method: 'DELETE' })).status, 405);
});

test('metrics and health', async () => {
    const metrics = await (await avocet.get('/metrics')).text();
    assert.match(metrics, /^# TYPE avocet_viewers gauge$/m);
    assert.doesNotMatch(metrics, /^(?!#|avocet_)./m);
    assert.match(metrics, /^# TYPE avocet_webrtc_sessions gauge\navocet_webrtc_sessions 0$/m);
    const named = new Set(metrics.match(/(?<=^# TYPE )\w+/gm));
    for (const [name] of metrics.matchAll(/^\w+/gm)) {
        assert.ok(named.has(name) || named.has(name.replace(/_(bucket|sum|count)$/, '')), name);
    }
    assert.equal((await avocet.get('/healthz')).status, 200);
});

test('snapshots: width keeps the aspect and never enlarges', async () => {
    const sizes = { '': [640, 360], '?width=320': [320, 180], '?width=4096': [640, 360] };
    for (const [query, size] of Object.entries(sizes)) {
        const answer = await avocet.get(`/cam/snapshot.jpg${query}`);
        assert.equal(answer.headers.get('content-type'), 'image/jpeg');
        const { streams } = await ffprobe(Buffer.from(await answer.arrayBuffer()), { format: 'image2pipe' });
        assert.deepEqual([streams[0].width, streams[0].height], size, query);
    }
    assert.equal((await avocet.get('/cam/snapshot.jpg?width=1')).status, 400);
});

test('mjpg-streamer aliases: the first stream, Content-Length and X-Timestamp', async () => {
    const still = await avocet.get('/?action=snapshot');
    assert.ok(isJpeg(Buffer.from(await still.arrayBuffer())));
    for (const path of ['/?action=stream', '/?action=stream&stream=other', '/cam/stream.mjpg?advance=0']) {
        const { bytes, answer } = await readStream(avocet.http + path, firstPart);
        const [{ headers, body }] = multipartParts(bytes, boundaryOf(answer));
        assert.equal(Number(headers.get('content-length')), body.length, path);
        assert.match(headers.get('x-timestamp'), /^\d+\.\d+$/);
    }
});

test('a mode that there is not is 400 at every output, which names those there are', async () => {
    const outputs = ['/cam/stream.mp4?', '/cam/stream.h264?', '/cam/stream.mjpg?', '/cam/snapshot.jpg?',
        '/?action=stream&', '/?action=snapshot&', '/cam/ws?format=mp4&', '/cam/whep?'];
    for (const output of outputs) {
        for (const mode of ['fast', 'Drive', '']) {
            const isWhep = output.includes('whep');
            const answer = await avocet.get(`${output}mode=${mode}`, isWhep ? { method: 'POST', body: 'v=0',
                headers: { 'Content-Type': 'application/sdp' } } : {});
            assert.equal(answer.status, 400, `${output}mode=${mode}`);
            assert.deepEqual(await answer.json(), { error: 'mode takes drive, watch or smooth' });
        }
    }
});

test('stream.mjpg sends the next part\'s header behind each picture', async () => {
    const boundary = boundaryOf((await readStream(`${avocet.http}/cam/stream.mjpg`, () => true)).answer);
    const { bytes } = await readStream(`${avocet.http}/cam/stream.mjpg`,
        (seen) => seen.toString('latin1').endsWith(`\r\n--${boundary}\r\nContent-Type: image/jpeg\r\n\r\n`));
    assert.ok(bytes.length > 1000);
});

const PROBES = [['stream.mp4', 'h264', 640, 360], ['stream.h264', 'h264', 640, 360],
    ['stream.mjpg', 'mjpeg', 640, 360]];
for (const [name, codec, width, height] of PROBES) {
    test(`ffprobe reads ${name}`, async () => {
        const { streams, frames } = await ffprobe(`${avocet.http}/cam/${name}`, { frames: 30 });
        assert.deepEqual([streams[0].codec_name, streams[0].width, streams[0].height],
            [codec, width, height]);
        assert.ok(frames.length >= 30, `${frames.length} frames`);
    });
}

test('the decoder has nothing to say about 60 frames', async () => {
    const { stdout, stderr } = await run('ffprobe', ['-v', 'warning', '-show_entries', 'frame=pict_type',
        '-read_intervals', '%+#60', '-of', 'csv', `${avocet.http}/cam/stream.mp4`]);
    assert.equal(stderr, '');
    assert.match(stdout, /^frame,I\n(frame,[IP].*\n){50,}/);
});

test('curl and GStreamer read the streams', async (t) => {
    const curl = await run('curl', ['-s', '-m', '2', '-o', '/dev/null', '-w', '%{http_code} %{size_download}',
        `${avocet.http}/cam/stream.h264`]);
    const [status, size] = curl.stdout.split(' ').map(Number);
    assert.equal(status, 200);
    assert.ok(size > 10000, `${size} bytes`);
    if (!await isInstalled('gst-launch-1.0')) {
        t.diagnostic('GStreamer is not installed');
        return;
    }
    for (const [path, chain] of [['stream.mp4', 'qtdemux ! h264parse ! avdec_h264'],
        ['stream.h264', 'h264parse ! avdec_h264'], ['stream.mjpg', 'multipartdemux ! jpegdec']]) {
        const { code, stderr } = await run('gst-launch-1.0', ['-q', 'souphttpsrc',
            `location=${avocet.http}/cam/${path}`, ...`! ${chain} ! identity eos-after=30 ! fakesink`.split(' ')]);
        assert.equal(code, 0, `${path}: ${stderr}`);
    }
});

/* ---- who may ask ---- */

const request = (lines, path = '/healthz', method = 'GET') =>
    rawExchange(avocet.servers.http.port, `${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`,
        { until: (text) => /\r\n\r\n/.test(text) });
const statusOf = (text) => Number(text.match(/^HTTP\/1\.1 (\d+)/)?.[1]);

for (const [host, status] of [['127.0.0.1', 200], ['127.0.0.1:9', 200], ['[::1]:9', 200],
    ['localhost', 200], ['avocet.local', 200], ['192.168.1.9:80', 200], ['example.com', 421],
    ['localhost.example.com', 421], ['127.0.0.1.example.com', 421]]) {
    test(`Host: ${host} is ${status}`, async () => {
        const answer = await request([`Host: ${host}`]);
        assert.equal(statusOf(answer), status);
        assert.ok(status !== 421 || /http\.hosts|hosts/.test(await request([`Host: ${host}`, 'Connection: close'])));
    });
}

test('Origin: another page may not control a stream, nor open a WebSocket', async () => {
    const host = `127.0.0.1:${avocet.servers.http.port}`;
    const control = (origin) => request([`Host: ${host}`, `Origin: ${origin}`, 'Content-Length: 0'],
        '/api/v1/streams/cam/keyframe', 'POST').then(statusOf);
    assert.equal(await control(`http://${host}`), 202);
    assert.equal(await control('http://example.com'), 403);
    assert.equal(await control('null'), 403);
    await assert.rejects(WsViewer.open(`${avocet.ws}/cam/ws?format=h264`, { origin: 'http://example.com' }),
        /403/);
    await (await WsViewer.open(`${avocet.ws}/cam/ws?format=h264`, { origin: `http://${host}` })).close();
});

const REFUSED = [
    // what, bytes, status
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Hosts', 'GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n', 400],
    ['both lengths', 'POST /cam/whep HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['two lengths', 'POST /cam/whep HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello', 400],
    ['a negative length', 'POST /cam/whep HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n', 400],
    ['space before the colon', 'GET / HTTP/1.1\r\nHost : localhost\r\n\r\n', 400],
    ['folded header', 'GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n', 400],
    ['another version', 'GET / HTTP/2.0\r\nHost: localhost\r\n\r\n', 505],
    ['target without slash', 'GET cam/ HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['target of two slashes', 'GET //cam/ HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['dots', 'GET /cam/../cam/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 400],
    ['encoded dots', 'GET /cam/%2e%2e/cam/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 400],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 400],
    ['a long header', `GET / HTTP/1.1\r\nHost: localhost\r\nA: ${'a'.repeat(20000)}\r\n\r\n`, 431],
    ['many headers', `GET / HTTP/1.1\r\nHost: localhost\r\n${'A: b\r\n'.repeat(200)}\r\n`, 431],
    ['a large body', `POST /api/v1/streams/cam/keyframe HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n`, 413],
    ['HTTP/1.0 without Host is fine', 'GET /healthz HTTP/1.0\r\n\r\n', 200],
];
for (const [what, bytes, status] of REFUSED) {
    test(`${what}: ${status}, and the connection ends`, async () => {
        const answer = await rawExchange(avocet.servers.http.port, Buffer.from(bytes, 'latin1'));
        assert.equal(Number(answer.match(/^HTTP\/1\.[01] (\d+)/)?.[1]), status, answer.slice(0, 200));
    });
}

test('whep: what is refused, and how', async () => {
    const post = (path, type, body) => avocet.get(path, { method: 'POST', body,
        headers: type ? { 'Content-Type': type } : {} }).then(({ status }) => status);
    assert.equal(await post('/nobody/whep', 'application/sdp', 'v=0\r\n'), 404);
    assert.equal(await post('/cam/whep', 'text/plain', 'v=0\r\n'), 415);
    assert.equal(await post('/cam/whep', 'application/sdp', 'nonsense'), 400);
    assert.equal((await avocet.get('/cam/whep/none', { method: 'DELETE' })).status, 404);
    assert.equal((await avocet.get('/cam/whep/none', { method: 'PATCH' })).status, 405);
});
