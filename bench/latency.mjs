/*
 * Capture to pixels in headless Chromium: opens the player, reads the time strip out of each frame
 * that it shows, and prints one JSON line.
 *
 * usage: node bench/latency.mjs URL VIA SECONDS [MODE]
 */
import { startBrowser } from '../tests/lab/browser.mjs';

/* Runs in the page: samples for `ms` from the first picture on. */
async function sample(via, ms) {
    const { readTimecodePixels, timecodeLayout, unwrapTimecode } = await import('/assets/timecode.js');
    const strip = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const find = () => [...document.querySelectorAll(
        { webrtc: 'video', mse: 'video', webcodecs: 'canvas', mjpeg: 'img' }[via])].find((e) =>
        (e.videoWidth || e.naturalWidth || e.width) > 300);
    const now = () => performance.timeOrigin + performance.now();
    const read = (element) => {
        const width = element.videoWidth || element.naturalWidth || element.width;
        const { block, left, height, width: span } = timecodeLayout(width);
        strip.canvas.width = span;
        strip.canvas.height = height;
        try {
            strip.drawImage(element, left, 0, span, height, 0, 0, span, height);
        } catch {
            return null;
        }
        const pixels = strip.getImageData(0, 0, span, height).data;
        const captured = readTimecodePixels(pixels, span, block, height);
        return captured ? unwrapTimecode(captured, now()) : null;
    };
    return new Promise((resolve) => {
        const samples = [];
        const giveUp = now() + 20000;
        let end = null; // known from the first picture on
        let last = 0;
        let watched = null;
        const onTick = () => {
            const element = find();
            if (element?.requestVideoFrameCallback && element !== watched) {
                watched = element;
                const onFrame = () => {
                    look(element);
                    element.requestVideoFrameCallback(onFrame);
                };
                element.requestVideoFrameCallback(onFrame);
            }
            if (element && !element.requestVideoFrameCallback) {
                look(element);
            }
            if (now() < (end ?? giveUp)) {
                requestAnimationFrame(onTick);
            } else {
                resolve(samples);
            }
        };
        const look = (element) => {
            const captured = read(element);
            if (captured === null || captured === last) {
                return;
            }
            const seen = now();
            end ??= seen + ms;
            last = captured;
            samples.push([captured, seen - captured]);
        };
        onTick();
    });
}

function summary(samples) {
    const settled = samples.slice(30); // the first second has the catching up in it
    const sorted = settled.map(([, latency]) => latency).sort((a, b) => a - b);
    const rank = (p) => sorted[Math.max(0, Math.ceil(sorted.length * p) - 1)];
    const steps = settled.slice(1).map(([captured], i) => captured - settled[i][0]).sort((a, b) => a - b);
    const usual = steps[steps.length >> 1];
    const lost = steps.reduce((n, step) => n + Math.max(0, Math.round(step / usual) - 1), 0);
    return { frames: settled.length, lost, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: sorted.at(-1) };
}

const [url, via, seconds, mode] = process.argv.slice(2);
const browser = await startBrowser('chromium');
try {
    const page = await browser.open(`${url}?via=${via}${mode ? `&mode=${mode}` : ''}`);
    const samples = await page.evaluate(sample, via, Number(seconds) * 1000);
    const transport = await page.evaluate(() => window.avocet?.transport ?? null);
    console.log(JSON.stringify({ ...summary(samples), transport }));
} finally {
    await browser.close();
}
