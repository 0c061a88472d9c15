/*
 * The page as people have it: the real server, real browsers with their stock flags. Every transport
 * plays; what the read-out says of a frame's capture time is what is drawn in that frame; what cannot
 * be had is passed over; whoever goes away and comes back is waited for.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';

import { root, startAvocet, until } from '../lab/avocet.mjs';
import { run } from '../lab/clients.mjs';
import { browsers, startBrowser, whyNoBrowser } from '../lab/browser.mjs';

const FRAMES = 60;
const AGREE_MS = 15;
const PLAY_MS = 20000;

/* What each browser can play of a server on loopback. */
const TRANSPORTS = {
    chromium: ['webrtc', 'webcodecs', 'mse', 'mjpeg'],
    firefox: ['webrtc', 'webcodecs', 'mse', 'mjpeg'],
};

const isPlaying = () => window.avocet?.phase === 'playing';
const playsBy = (page, via) => page.waitFor((want) => window.avocet?.phase === 'playing' &&
    window.avocet.transport === want, `a picture by ${via}`, { ms: PLAY_MS, args: [via] });

/* In the page: n frames' capture times, as the read-out has them and as they are drawn. Firefox calls
 * back for a frame that the next animation frame shows (isShownLater). */
async function compareFrames(n, isShownLater) {
    const pairs = [];
    const settled = [];
    await new Promise((resolve) => {
        const giveUp = setTimeout(resolve, 15000);
        window.avocet.onframe = async (frame) => {
            const drawn = [await window.avocet.readTimecode()];
            if (isShownLater) {
                await new Promise((shown) => requestAnimationFrame(shown));
                drawn.push(await window.avocet.readTimecode());
            }
            pairs.push([frame, drawn.filter((time) => time !== null)]);
            if (pairs.length >= n) {
                clearTimeout(giveUp);
                window.avocet.onframe = null;
                resolve();
            }
        };
    });
    await new Promise((resolve) => setTimeout(resolve, 500)); // late capture times are filled in
    for (const [frame, drawn] of pairs) {
        if (frame.captureMs !== null && drawn.length > 0) {
            settled.push(Math.min(...drawn.map((time) => Math.abs(frame.captureMs - time))));
        }
    }
    settled.sort((a, b) => a - b);
    return { seen: pairs.length, compared: settled.length, median: settled[settled.length >> 1] ?? null };
}

/* In the page: how many different pictures are drawn within ms. */
async function countPictures(ms) {
    const seen = new Set();
    const end = performance.now() + ms;
    while (performance.now() < end) {
        seen.add(await window.avocet.readTimecode());
        await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    seen.delete(null);
    return seen.size;
}

for (const name of browsers) {
    describe(name, { skip: whyNoBrowser(name) }, () => {
        let browser;
        let avocet;
        before(async () => {
            avocet = await startAvocet(['cam=test:?bitrate=2M']);
            browser = await startBrowser(name);
        });
        after(async () => {
            await browser?.close();
            await avocet?.stop();
        });

        for (const via of TRANSPORTS[name]) {
            test(`${via} plays, and its read-out is true`, async () => {
                const page = await browser.open(`${avocet.http}/cam/?via=${via}`);
                await playsBy(page, via);
                if (via !== 'mjpeg' || name !== 'firefox') { // it draws only an <img>'s first frame
                    assert.ok(await page.evaluate(countPictures, 2000) >= 20, 'frames advance');
                }
                if (via !== 'mjpeg') { // an <img> does not say which frame it shows
                    const { compared, median } = await page.evaluate(compareFrames, FRAMES, name === 'firefox');
                    assert.ok(compared >= FRAMES / 2, `${compared} frames with both times`);
                    assert.ok(median <= AGREE_MS, `read-out and picture differ by ${median} ms`);
                }
                await page.close();
            });
        }

        test('drive mode plays on', async () => {
            const page = await browser.open(`${avocet.http}/cam/?mode=drive`);
            await page.waitFor(isPlaying, 'a picture', { ms: PLAY_MS });
            assert.ok(await page.evaluate(countPictures, 3000) >= 45, 'frames of three seconds');
            await page.close();
        });
    });
}

describe('the ladder, in Chromium', { skip: whyNoBrowser('chromium') }, () => {
    let browser;
    before(async () => {
        browser = await startBrowser('chromium');
    });
    after(() => browser?.close());

    async function open(avocet, breakIt = null) {
        const page = await browser.newPage();
        if (breakIt) {
            await page.addInitScript(breakIt);
        }
        await page.goto(`${avocet.http}/cam/`);
        return page;
    }

    const noWebCodecs = () => {
        delete window.VideoDecoder;
    };
    const noVideo = () => {
        delete window.VideoDecoder;
        delete window.MediaSource;
        delete window.ManagedMediaSource;
    };
    const cases = [
        ['UDP that goes nowhere', ['--webrtc-address', '192.0.2.1'], null, 'webcodecs'],
        ['no WebRTC on the server', ['--webrtc', 'off'], null, 'webcodecs'],
        ['and no WebCodecs', ['--webrtc', 'off'], noWebCodecs, 'mse'],
        ['and no Media Source', ['--webrtc', 'off'], noVideo, 'mjpeg'],
    ];
    for (const [what, args, breakIt, expected] of cases) {
        test(`${what}: ${expected}`, async () => {
            const avocet = await startAvocet([...args, 'cam=test:'],
                { servers: ['--http', '0', ...(args[0] === '--webrtc' ? [] : ['--webrtc', '0'])] });
            try {
                const page = await open(avocet, breakIt);
                await playsBy(page, expected);
                const report = await page.evaluate(() => window.avocet.report);
                for (const { id, reason } of report) {
                    if (id === expected) {
                        break;
                    }
                    assert.ok(reason, `${id} was passed over without a reason`);
                }
                await page.evaluate(countPictures, 2000);
                assert.equal(await page.evaluate(() => window.avocet.transport), expected, 'no flapping');
                await page.close();
            } finally {
                await avocet.stop();
            }
        });
    }

    test('B-frames: another way than WebRTC, and the server says why', async (t) => {
        const folder = mkdtempSync(path.join(tmpdir(), 'avocet-player-'));
        t.after(() => rmSync(folder, { recursive: true }));
        const clip = path.join(folder, 'b.h264');
        await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25:duration=4',
            '-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-bf', '2', '-g', '50', clip]);
        const avocet = await startAvocet([`cam=file:${clip}`]);
        t.after(() => avocet.stop());
        const page = await open(avocet);
        await playsBy(page, 'webcodecs');
        const [webrtc] = await page.evaluate(() => window.avocet.report);
        assert.match(webrtc.reason, /B-frames/);
        await page.close();
    });

    test('the server restarts: the page plays again by itself', async () => {
        let avocet = await startAvocet(['cam=test:']);
        const { port } = avocet.servers.http;
        const page = await open(avocet);
        await page.waitFor(isPlaying, 'a picture', { ms: PLAY_MS });
        await avocet.stop();
        await page.waitFor(() => window.avocet.phase !== 'playing', 'the page to notice', { ms: PLAY_MS });
        avocet = await startAvocet(['cam=test:'], { servers: ['--http', `${port}`, '--webrtc', '0'] });
        await page.waitFor(isPlaying, 'a picture again', { ms: PLAY_MS });
        await page.close();
        await avocet.stop();
    });

    test('the source ends and comes back: the viewer stays', async (t) => {
        const feeder = await feedTcp();
        t.after(() => feeder.end());
        const avocet = await startAvocet([`cam=tcp://127.0.0.1:${feeder.port}`]);
        try {
            const page = await open(avocet);
            await page.waitFor(isPlaying, 'a picture', { ms: PLAY_MS });
            feeder.cut();
            await until(async () => (await avocet.json('/cam/info')).state === 'stalled', 'a stall');
            feeder.mend();
            await until(async () => (await avocet.json('/cam/info')).state === 'live', 'the stream live again',
                { ms: 15000 });
            await page.waitFor(isPlaying, 'a picture again', { ms: PLAY_MS });
            await page.close();
        } finally {
            await avocet.stop();
        }
    });
});

/* A TCP server that sends H.264 to whoever connects, unless it is cut. */
async function feedTcp() {
    let isCut = false;
    const encoders = new Set();
    const server = net.createServer((socket) => {
        socket.on('error', () => {});
        if (isCut) {
            socket.destroy();
            return;
        }
        const encoder = spawn('ffmpeg', ['-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc=s=640x360:r=25',
            '-c:v', 'libx264', '-preset', 'ultrafast', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p', '-g', '25',
            '-f', 'h264', '-'], { cwd: root, stdio: ['ignore', 'pipe', 'ignore'] });
        encoders.add({ encoder, socket });
        encoder.stdout.pipe(socket);
        socket.on('close', () => encoder.kill());
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    const cut = () => {
        isCut = true;
        encoders.forEach(({ encoder, socket }) => {
            encoder.kill();
            socket.destroy();
        });
        encoders.clear();
    };
    return {
        port: server.address().port,
        cut,
        mend: () => (isCut = false),
        end: () => {
            cut();
            server.close();
        },
    };
}
