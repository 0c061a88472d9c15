/* LL-HLS and DASH: playlists by a strict parser, blocking, players outside browsers, nginx in front. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import hlsParser from 'hls-parser';

import { root, startAvocet, until } from '../lab/avocet.mjs';
import { ffprobe, isInstalled, mp4Boxes, run } from '../lab/clients.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-hls-'));
const SPARSE_GOP = 600; /* frames: no keyframe for longer than a segment may be */
let avocet;

hlsParser.setOptions({ strictMode: true });

before(async () => {
    const sparse = path.join(folder, 'sparse.h264');
    await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=60:duration=20', '-pix_fmt', 'yuv420p',
        '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-g', String(SPARSE_GOP), sparse]);
    avocet = await startAvocet(['cam=test:?size=360p&keyframe=1s&stop_after=100ms', `sparse=file:${sparse}?fps=60`]);
});

after(async () => {
    await avocet.stop();
    rmSync(folder, { recursive: true });
});

async function text(target) {
    const answer = await avocet.get(target);
    assert.equal(answer.status, 200, `${target}: ${answer.status}`);
    return answer.text();
}

const media = '/cam/hls/video.m3u8';
const playlist = async (query = '') => hlsParser.parse(await text(media + query));
/* The position behind the newest part: what a player asks for next. */
function nextPosition(list) {
    const last = list.segments.at(-1);
    const isOpen = !last.uri;
    return isOpen ? { msn: last.mediaSequenceNumber, part: last.parts.length - 1 }
        : { msn: last.mediaSequenceNumber + 1, part: 0 };
}

test('a multivariant playlist that names what is in it', async () => {
    const list = hlsParser.parse(await text('/cam/index.m3u8'));
    assert.equal(list.isMasterPlaylist, true);
    assert.match(list.variants[0].codecs, /^avc1\.42c0/);
    assert.deepEqual(list.variants[0].resolution, { width: 640, height: 360 });
    assert.equal(list.variants[0].uri, 'hls/video.m3u8');
});

test('a media playlist keeps the rules', async () => {
    await until(async () => (await playlist()).segments.length > 3, 'some segments', { ms: 20000 });
    const list = await playlist();
    assert.equal(list.lowLatencyCompatibility.canBlockReload, true);
    for (const segment of list.segments) {
        assert.ok(!segment.uri || Math.round(segment.duration) <= list.targetDuration);
        const parts = segment.parts.filter((part) => !part.hint);
        assert.ok(parts.every((part) => part.duration <= list.partTargetDuration));
        assert.ok(!parts.length || parts[0].independent, 'a segment begins with a keyframe');
    }
    assert.ok(Math.abs(Date.now() - list.segments[0].programDateTime) < 60000);
});

test('reloading blocks until the next part is there, and each request gets one more', async () => {
    let list = await playlist();
    for (let i = 0; i < 12; i++) {
        const { msn, part } = nextPosition(list);
        list = await playlist(`?_HLS_msn=${msn}&_HLS_part=${part}`);
        const now = nextPosition(list);
        assert.ok(now.msn > msn || now.part > part, `more than ${msn}.${part}: ${now.msn}.${now.part}`);
    }
});

test('the hinted part is the one that comes', async () => {
    const list = await playlist();
    const hinted = list.segments.at(-1).parts.at(-1);
    assert.equal(hinted.hint, true);
    const answer = await avocet.get(`/cam/hls/${hinted.uri}`);
    assert.equal(answer.status, 200);
    assert.match(answer.headers.get('cache-control'), /max-age=3600/);
    const boxes = mp4Boxes(Buffer.from(await answer.arrayBuffer())).map((box) => box.type);
    assert.ok(boxes.includes('moof') && boxes.includes('mdat'));
    const uris = (await playlist()).segments.flatMap((segment) => segment.parts.map((part) => part.uri));
    assert.ok(uris.includes(hinted.uri), 'the playlist names it afterwards');
});

test('what cannot be is refused, with the caching of refusals', async () => {
    const list = await playlist();
    const { msn } = nextPosition(list);
    const status = async (target) => (await avocet.get(target)).status;
    assert.equal(await status(`${media}?_HLS_msn=${msn + 9}`), 400);
    assert.equal(await status(`${media}?_HLS_part=1`), 400);
    assert.equal(await status(`${media}?_HLS_msn=x`), 400);
    assert.equal(await status(`${media}?_HLS_msn=-1`), 400);
    assert.equal(await status('/cam/hls/000000000000-1.m4s'), 404);
    assert.equal(await status('/cam/hls/nothing'), 404);
    assert.equal(await status('/cam/hls/'), 404);
    assert.equal(await status('/nobody/index.m3u8'), 404);
    const [boot] = list.segments[0].uri.split('-');
    const gone = await avocet.get(`/cam/hls/${boot}-999999.m4s`);
    assert.equal(gone.status, 404);
    assert.match(gone.headers.get('cache-control'), /max-age/);
});

test('ffmpeg plays it, and DASH, without a complaint', { skip: !(await isInstalled('ffmpeg')) && 'needs ffmpeg' }, async () => {
    for (const address of ['/cam/index.m3u8', '/cam/manifest.mpd']) {
        const { code, stderr } = await run('ffmpeg', ['-v', 'error', '-xerror', '-i', avocet.http + address,
            '-t', '3', '-f', 'null', '-'], { ms: 60000 });
        assert.equal(code, 0, `${address}: ${stderr}`);
        assert.equal(stderr.replace(/.*(Empty segment|keepalive request).*\n/g, ''), '');
    }
});

test('init and segments are one film', async () => {
    const list = await playlist();
    const get = async (uri) => Buffer.from(await (await avocet.get(`/cam/hls/${uri}`)).arrayBuffer());
    const whole = list.segments.filter((segment) => segment.uri);
    const film = Buffer.concat([await get(whole[0].map.uri), ...await Promise.all(whole.map((segment) => get(segment.uri)))]);
    const seen = await ffprobe(film, { format: 'mp4', frames: 1000 });
    const seconds = whole.reduce((sum, segment) => sum + segment.duration, 0);
    assert.ok(seen.frames.length > 0 && seen.frames.length <= seconds * 30 + 2);
    assert.equal(seen.stderr, '');
});

test('a source whose keyframes are too far apart is refused with the reason', async () => {
    const answer = await until(async () => {
        const some = await avocet.get('/sparse/hls/video.m3u8');
        return some.status === 503 && some;
    }, 'a refusal', { ms: 30000 });
    assert.match((await answer.json()).error, /keyframes .* apart/);
});

test('the camera sleeps when nobody asks any more', async () => {
    await until(async () => (await avocet.json('/cam/info')).state === 'idle', 'it sleeps', { ms: 30000 });
});

/* ---- nginx in front ---- */

/* The block of the documentation, with the places of this test. */
function documented() {
    return readFileSync(path.join(root, 'docs/protocols/hls.md'), 'utf8').match(/```nginx\n([^]*?)```/)[1]
        .replace('listen 80;', `listen unix:${path.join(folder, 'front')};`)
        .replace('/var/cache/nginx/hls', path.join(folder, 'cache'))
        .replace('127.0.0.1:8080', `127.0.0.1:${avocet.servers.http.port}`);
}

async function startNginx() {
    const user = process.getuid() === 0 ? 'user root;' : '';
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((what) => `${what}_temp_path ${path.join(folder, what)};`).join('\n');
    const file = path.join(folder, 'nginx.conf');
    writeFileSync(file, `daemon off;\n${user}\npid ${path.join(folder, 'pid')};\nerror_log stderr;\n` +
        `events { worker_connections 4096; }\nhttp {\naccess_log off;\n${temporary}\n${documented()}}\n`);
    const nginx = spawn('nginx', ['-p', folder, '-e', 'stderr', '-c', file], { stdio: ['ignore', 'ignore', 'inherit'] });
    process.once('exit', () => nginx.kill('SIGTERM'));
    await until(() => existsSync(path.join(folder, 'front')) || nginx.exitCode !== null, 'nginx listens');
    assert.equal(nginx.exitCode, null);
    return nginx;
}

/* A player: reloads the playlist, blocking, and loads each new part. */
async function play(agent, n_parts) {
    const get = (target) => new Promise((resolve, reject) => {
        http.get({ socketPath: path.join(folder, 'front'), path: target, agent }, (answer) => {
            const chunks = [];
            answer.on('data', (chunk) => chunks.push(chunk)).on('end', () =>
                (answer.statusCode === 200 ? resolve(Buffer.concat(chunks)) : reject(new Error(`${target}: ${answer.statusCode}`))));
        }).on('error', reject);
    });
    const seen = new Set();
    let list = hlsParser.parse((await get(media)).toString());
    while (seen.size < n_parts) {
        const { msn, part } = nextPosition(list);
        list = hlsParser.parse((await get(`${media}?_HLS_msn=${msn}&_HLS_part=${part}`)).toString());
        const newest = list.segments.flatMap((segment) => segment.parts).filter((p) => !p.hint).at(-1);
        seen.add(newest.uri);
        await get(`/cam/hls/${newest.uri}`);
    }
}

const N_PLAYERS = 200;
const N_PARTS = 15;

test('200 players behind nginx cost two requests a part', { skip: !(await isInstalled('nginx')) && 'needs nginx' }, async () => {
    const nginx = await startNginx();
    const requests = async () => Number((await text('/metrics')).match(/^avocet_http_requests_total (\d+)/m)[1]);
    await playlist();
    const agent = new http.Agent({ keepAlive: true, maxSockets: N_PLAYERS });
    const before = await requests();
    const first = await playlist();
    await Promise.all(Array.from({ length: N_PLAYERS }, () => play(agent, N_PARTS)));
    const last = await playlist();
    const n_requests = await requests() - before;
    const number = (list) => Number(list.segments.at(-1).parts.at(-1).uri.match(/-p(\d+)/)[1]);
    const n_parts = number(last) - number(first) + 1;
    agent.destroy();
    nginx.kill('SIGTERM');
    await once(nginx, 'exit');
    assert.ok(n_requests <= 2 * n_parts + 6, `${n_requests} requests for ${n_parts} parts`);
});
