/*
 * usage: node tests/lab/clients_table.mjs > docs/clients.md      (./dev clients)
 *
 * Plays one stream with every client that is installed, by every way that it knows, and prints a
 * table: version, frames per second, and how long it took from the start of the program (or from
 * opening the page) to the first picture.
 *
 * Programs write each picture as 16 x 16 grey bytes to their stdout, which are counted here.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { root, startAvocet, until } from './avocet.mjs';
import { startBrowser, whyNoBrowser } from './browser.mjs';
import { isInstalled, run } from './clients.mjs';

const SECONDS = 5; /* counted from the first picture */
const START_MS = 25000;
const SIDE = 16;
const FRAME_BYTES = SIDE * SIDE;
const PYTHON = '/usr/bin/python3'; /* the one that has Debian's python3-opencv */
const VIEWER_UID = '65534'; /* VLC does not run as root */

const folder = mkdtempSync(path.join(tmpdir(), 'avocet-clients-'));
const rows = [];

/* ---- programs ---- */

/* How many pictures of FRAME_BYTES come in SECONDS, and when the first. */
function count(program, args) {
    return new Promise((resolve) => {
        const start = performance.now();
        const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
        let n_bytes = 0;
        let first_ms = null;
        let said = '';
        let timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
        child.stderr.on('data', (data) => { said = (said + data).slice(-400); });
        child.stdout.on('data', (data) => {
            if (first_ms === null) {
                first_ms = performance.now() - start;
                clearTimeout(timer);
                timer = setTimeout(() => child.kill('SIGKILL'), SECONDS * 1000);
            }
            n_bytes += data.length;
        });
        child.on('close', () => {
            clearTimeout(timer);
            resolve(first_ms === null ? { said } : { first_ms, fps: n_bytes / FRAME_BYTES / SECONDS });
        });
    });
}

const ffmpeg = (input) => count('ffmpeg', ['-v', 'error', '-fflags', 'nobuffer', '-flags', 'low_delay', ...input,
    '-fps_mode', 'passthrough', '-vf', `scale=${SIDE}:${SIDE}`, '-pix_fmt', 'gray', '-f', 'rawvideo', '-flush_packets', '1', '-']);

const gstreamer = (source) => count('gst-launch-1.0', ['-q', ...source, '!', 'videoconvert', '!', 'videoscale', '!',
    `video/x-raw,format=GRAY8,width=${SIDE},height=${SIDE}`, '!', 'fdsink', 'sync=false']);

const mpv = (url, more = []) => count('mpv', ['--no-config', '--no-audio', '--really-quiet', '--profile=low-latency', ...more,
    `--vf=scale=${SIDE}:${SIDE},format=gray`, '--of=rawvideo', '--ovc=rawvideo', '--o=-', url]);

const OPENCV = `
import sys, cv2
video = cv2.VideoCapture(sys.argv[1])
while True:
    is_read, picture = video.read()
    if not is_read:
        break
    sys.stdout.buffer.write(cv2.resize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (${SIDE}, ${SIDE})).tobytes())
    sys.stdout.buffer.flush()
`;

const opencv = (url) => count(PYTHON, ['-c', OPENCV, url]);

/* VLC says how many frames it has displayed when its remote control is asked. */
function vlc(url) {
    return new Promise((resolve) => {
        const start = performance.now();
        const child = spawn('setpriv', [...(process.getuid() === 0 ? ['--reuid', VIEWER_UID, '--clear-groups'] : []), 'env', `HOME=${folder}`,
            'cvlc', '-I', 'rc', '--rc-fake-tty', '--vout', 'vdummy', '--no-audio', '--network-caching=100', url],
        { stdio: ['pipe', 'pipe', 'ignore'] });
        let first_ms = null;
        let first_n = 0;
        const end = (result) => {
            clearInterval(asking);
            child.kill('SIGKILL');
            resolve(result);
        };
        const asking = setInterval(() => {
            child.stdin.write('stats\n');
            if (performance.now() - start > START_MS && first_ms === null) {
                end({ said: 'no picture' });
            }
        }, 100);
        child.stdin.on('error', () => {});
        child.on('close', () => end({ said: 'it ended' }));
        child.stdout.on('data', (data) => {
            const n = Number(/frames displayed *: *(\d+)/.exec(data)?.[1] ?? 0);
            if (n > 0 && first_ms === null) {
                first_ms = performance.now() - start;
                first_n = n;
            } else if (first_ms !== null && performance.now() - start - first_ms > SECONDS * 1000 && n > 0) {
                end({ first_ms, fps: (n - first_n) / SECONDS });
            }
        });
    });
}

/* ---- browsers ---- */

/* Pictures of a video element by its own count; of our page by the times that stand in them. */
async function countPictures(page, start) {
    await page.waitFor(async () => (window.video ? window.video.getVideoPlaybackQuality().totalVideoFrames > 0
        : window.avocet?.picture && await window.avocet.readTimecode() !== null), 'a picture', { ms: START_MS });
    const first_ms = performance.now() - start;
    const n = await page.evaluate(async (ms) => {
        const quality = () => window.video.getVideoPlaybackQuality().totalVideoFrames;
        const before = window.video ? quality() : 0;
        const times = new Set();
        const end = performance.now() + ms;
        while (performance.now() < end) {
            await new Promise(requestAnimationFrame);
            times.add(window.video ? 0 : await window.avocet.readTimecode());
        }
        return window.video ? quality() - before : times.size;
    }, SECONDS * 1000);
    return { first_ms, fps: n / SECONDS };
}

const ourPage = (via) => async (browser, http) => {
    const start = performance.now();
    const page = await browser.open(`${http}/cam/?via=${via}`);
    const seen = await countPictures(page, start).catch((error) => ({ said: error.message }));
    await page.close();
    return seen;
};

const LIBRARIES = {
    'hls.js': ['hls.js/dist/hls.min.js', () => {
        const hls = new window.Hls({ lowLatencyMode: true });
        hls.loadSource('/cam/index.m3u8');
        hls.attachMedia(window.video);
        window.video.play();
    }],
    'Shaka Player': ['shaka-player/dist/shaka-player.compiled.js', async () => {
        const player = new window.shaka.Player();
        await player.attach(window.video);
        await player.load(new URL('/cam/manifest.mpd', location.href).href);
        window.video.play();
    }],
    'dash.js': ['dashjs/dist/modern/umd/dash.all.min.js', () => {
        window.dashjs.MediaPlayer().create().initialize(window.video, '/cam/manifest.mpd', true);
    }],
};

const library = (name) => async (browser, http) => {
    const [file, begin] = LIBRARIES[name];
    const page = await browser.open(`${http}/cam/info`);
    await page.evaluate((code) => {
        window.eval(code);
        window.video = document.createElement('video');
        window.video.muted = true;
        document.body.append(window.video);
    }, readFileSync(path.join(root, 'node_modules', file), 'utf8'));
    const start = performance.now();
    await page.evaluate(begin);
    const seen = await countPictures(page, start).catch((error) => ({ said: error.message }));
    await page.close();
    return seen;
};

/* ---- the table ---- */

async function versionOf(program, args, pattern) {
    const { stdout, stderr } = await run(program, args);
    return pattern.exec(stdout + stderr)?.[1] ?? '?';
}

const packageVersion = (name) => JSON.parse(readFileSync(path.join(root, 'node_modules', name, 'package.json'), 'utf8')).version;

function add(client, version, way, { first_ms, fps, said }) {
    const plays = first_ms !== undefined && (fps === null || fps > 1);
    rows.push([client, version, way, plays ? 'yes' : 'no', plays && fps !== null ? fps.toFixed(1) : '–', plays ? (first_ms / 1000).toFixed(2) : '–']);
    process.stderr.write(`${rows.at(-1).join(' | ')}${plays || !said ? '' : `: ${said.trim().split('\n').at(-1)}`}\n`);
}

async function programs(http, rtsp, sdp) {
    const http_ways = ['stream.ts', 'stream.mp4', 'stream.h264', 'stream.mjpg', 'index.m3u8'].map((word) => [`http …/${word}`, `${http}/cam/${word}`]);
    if (await isInstalled('ffmpeg')) {
        const version = await versionOf('ffmpeg', ['-version'], /ffmpeg version ([\d.]+)/);
        for (const transport of ['tcp', 'udp']) {
            add('ffmpeg', version, `rtsp, ${transport}`, await ffmpeg(['-rtsp_transport', transport, '-i', rtsp]));
        }
        for (const [way, url] of [...http_ways, ['http …/manifest.mpd', `${http}/cam/manifest.mpd`]]) {
            add('ffmpeg', version, way, await ffmpeg(['-i', url]));
        }
        add('ffmpeg', version, 'rtp, stream.sdp', await ffmpeg(['-protocol_whitelist', 'file,udp,rtp', '-i', sdp]));
    }
    if (await isInstalled('gst-launch-1.0')) {
        const version = await versionOf('gst-launch-1.0', ['--version'], /GStreamer ([\d.]+)/);
        for (const transport of ['tcp', 'udp']) {
            add('GStreamer', version, `rtsp, ${transport}`, await gstreamer(['rtspsrc', `location=${rtsp}`, `protocols=${transport}`, 'latency=50', '!',
                'rtph264depay', '!', 'h264parse', '!', 'avdec_h264']));
        }
        for (const [way, url] of http_ways.slice(0, 4)) {
            const decoder = url.endsWith('mjpg') ? ['multipartdemux', '!', 'jpegdec'] : ['decodebin'];
            add('GStreamer', version, way, await gstreamer(['souphttpsrc', 'is-live=true', `location=${url}`, '!', ...decoder]));
        }
    }
    if (await isInstalled('mpv')) {
        const version = await versionOf('mpv', ['--version'], /mpv ([\d.]+)/);
        for (const transport of ['tcp', 'udp']) {
            add('mpv', version, `rtsp, ${transport}`, await mpv(rtsp, [`--rtsp-transport=${transport}`]));
        }
        for (const [way, url] of http_ways.slice(0, 3)) {
            add('mpv', version, way, await mpv(url));
        }
    }
    if ((await run(PYTHON, ['-c', 'import cv2']).catch(() => ({ code: 1 }))).code === 0) {
        const version = await versionOf(PYTHON, ['-c', 'import cv2; print(cv2.__version__)'], /([\d.]+)/);
        for (const [way, url] of [['rtsp', rtsp], ...http_ways.slice(0, 4)]) {
            add('OpenCV', version, way, await opencv(url));
        }
    }
    if (await isInstalled('cvlc')) {
        const version = await versionOf('dpkg-query', ['-W', '-f', '${Version}', 'vlc-bin'], /^([\d.]+)/);
        for (const [way, url] of [['rtsp', rtsp], ...http_ways.slice(0, 2)]) {
            add('VLC', version, way, await vlc(url));
        }
    }
}

async function browsers(http) {
    for (const [name, title, version] of [['chromium', 'Chromium', ['chromium', ['--version'], /([\d.]+)/]],
        ['firefox', 'Firefox', ['firefox-esr', ['--version'], /([\d.]+)/]]]) {
        if (whyNoBrowser(name)) {
            continue;
        }
        const browser = await startBrowser(name);
        const number = await versionOf(...version);
        for (const via of ['webrtc', 'webcodecs', 'mse', 'mjpeg']) {
            const seen = await ourPage(via)(browser, http);
            const isCounted = name !== 'firefox' || via !== 'mjpeg'; /* its scripts see an <img>'s first picture only */
            add(title, number, `our page, ${via}`, isCounted ? seen : { ...seen, fps: null });
        }
        for (const library_name of name === 'chromium' ? Object.keys(LIBRARIES) : []) {
            const npm = LIBRARIES[library_name][0].split('/')[0];
            add(library_name, packageVersion(npm), library_name === 'hls.js' ? 'http …/index.m3u8' : 'http …/manifest.mpd',
                await library(library_name)(browser, http));
        }
        await browser.close();
    }
}

const port = 20000 + 2 * Math.floor(Math.random() * 10000);
const config = path.join(folder, 'avocet.yaml');
writeFileSync(config, `streams:\n  cam: {source: "test:?size=720p&bitrate=4M", start: always, outputs: ["rtp://127.0.0.1:${port}"]}\n`);
const avocet = await startAvocet([], { servers: ['--config', config, '--http', '0', '--webrtc', '0', '--rtsp', '0'] });
try {
    const sdp = path.join(folder, 'stream.sdp');
    const answer = await until(async () => {
        const got = await avocet.get('/cam/stream.sdp');
        return got.status === 200 && got;
    }, 'the description of the RTP output');
    writeFileSync(sdp, await answer.text());
    await avocet.get('/cam/hls/video.m3u8');
    await browsers(avocet.http);
    await programs(avocet.http, `rtsp://127.0.0.1:${avocet.servers.rtsp.port}/cam`, sdp);
} finally {
    await avocet.stop();
    rmSync(folder, { recursive: true });
}
console.log(`# Clients

What \`./dev clients\` saw, which writes this page: a test picture of 1280 x 720 at 30 frames per second and 4 Mbit/s, on one machine that did other things
too. *First* is from the start of the program, or from opening the page, to the first picture: of programs most is their own start and their
probing of the stream. The frames of the first ${SECONDS} s behind that are counted: who is given what is there already, or holds frames back and then hurries, shows more
than 30 of them in a second, who stalls at the beginning fewer. Firefox does not tell scripts how many
pictures of MJPEG it shows; Debian's VLC has no RTSP.

| client | version | way | plays | frames/s | first, s |
| --- | --- | --- | --- | --- | --- |
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}`);
