/*
 * How soon the first picture is there after the player page was opened in headless Chromium.
 *
 * usage: node bench/first.mjs URL VIA N
 *
 * Opens the page N times, after once to warm up, and prints one JSON line: first_ms, the times of
 * all N; steps, the median of each step on the way, both in milliseconds since it was opened; and
 * empty_cache_ms, that of one more time in which the browser had kept nothing of the page.
 */
import { readFileSync } from 'node:fs';

import { withDeadline } from '../tests/lab/avocet.mjs';
import { startBrowser } from '../tests/lab/browser.mjs';
import { probeFirstPicture } from './first_probe.js';

const PICTURE_MS = 20000;

const [url, via, n] = process.argv.slice(2);
const timecode = readFileSync(new URL('../src/web/timecode.js', import.meta.url), 'utf8');
const probe = `(() => { ${timecode.replaceAll('export ', '')}
    (${probeFirstPicture})(${JSON.stringify(via)}, { readTimecode }); })()`;

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

async function openOnce(browser, { isCacheEmpty = false } = {}) {
    const page = await browser.newPage();
    if (isCacheEmpty) {
        const devtools = await page.playwright.context().newCDPSession(page.playwright);
        await devtools.send('Network.clearBrowserCache');
    }
    await page.playwright.addInitScript({ content: probe });
    await page.goto(`${url}?via=${via}`);
    const steps = await withDeadline(page.evaluate(() => window.firstPicture), PICTURE_MS,
        () => `${via}: no picture`);
    await page.close();
    return steps;
}

const browser = await startBrowser('chromium');
try {
    await openOnce(browser);
    const seen = [];
    while (seen.length < Number(n)) {
        seen.push(await openOnce(browser));
    }
    const empty = await openOnce(browser, { isCacheEmpty: true });
    const names = Object.keys(seen[0]);
    const steps = names.map((name) => [name, median(seen.map((each) => each[name]))]);
    console.log(JSON.stringify({
        first_ms: seen.map(({ picture }) => picture),
        steps: Object.fromEntries(steps.sort((a, b) => a[1] - b[1])),
        empty_cache_ms: empty.picture,
    }));
} finally {
    await browser.close();
}
