/*
 * Capture to pixels of LL-HLS in hls.js, headless Chromium: reads the time strip out of each frame
 * that is shown, and prints one JSON line.
 *
 * usage: node bench/hls_latency.mjs URL SECONDS    URL of a server with the stream "cam"
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { startBrowser } from '../tests/lab/browser.mjs';

const SETTLE_S = 5; /* hls.js catches up by playing a little faster */
const library = path.join(import.meta.dirname, '..', 'node_modules', 'hls.js', 'dist', 'hls.min.js');

/* Runs in the page. */
async function play(code, settleMs, ms) {
    window.eval(code);
    const { readTimecode } = await import('/assets/timecode.js');
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const hls = new window.Hls({ lowLatencyMode: true });
    hls.loadSource('/cam/index.m3u8');
    hls.attachMedia(video);
    await video.play();
    const samples = [];
    const start = performance.now();
    await new Promise((resolve) => {
        const onFrame = () => {
            const now = performance.timeOrigin + performance.now();
            const captured = readTimecode(video, now);
            if (captured !== null && performance.now() - start > settleMs) {
                samples.push(now - captured);
            }
            performance.now() - start < settleMs + ms ? video.requestVideoFrameCallback(onFrame) : resolve();
        };
        video.requestVideoFrameCallback(onFrame);
    });
    return { samples, target: hls.targetLatency * 1000 };
}

const [url, seconds] = process.argv.slice(2);
const browser = await startBrowser('chromium');
try {
    const page = await browser.open(`${url}/cam/info`);
    const { samples, target } = await page.evaluate(play, readFileSync(library, 'utf8'), SETTLE_S * 1000, Number(seconds) * 1000);
    const sorted = samples.sort((a, b) => a - b);
    const rank = (p) => sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)];
    console.log(JSON.stringify({ frames: sorted.length, p50: rank(0.5), p95: rank(0.95), max: sorted.at(-1), target }));
} finally {
    await browser.close();
}
