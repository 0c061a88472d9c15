/* Players that pages elsewhere use for HLS and DASH: hls.js, Shaka Player, dash.js. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { root, startAvocet, until } from '../lab/avocet.mjs';
import { startBrowser, whyNoBrowser } from '../lab/browser.mjs';

const skip = whyNoBrowser('chromium');
let avocet;
let browser;

before(async () => {
    if (!skip) {
        avocet = await startAvocet(['cam=test:?size=360p&start=always']);
        browser = await startBrowser('chromium');
    }
});

after(async () => {
    await browser?.close();
    await avocet?.stop();
});

/* A page of the server's origin with the library in it, and an empty video. */
async function openWith(library) {
    const page = await browser.open(`${avocet.http}/cam/info`);
    await page.evaluate((code) => {
        window.eval(code);
        window.video = document.createElement('video');
        window.video.muted = true;
        document.body.append(window.video);
        window.problems = [];
    }, readFileSync(path.join(root, 'node_modules', library), 'utf8'));
    return page;
}

async function expectToPlay(page) {
    const past = (seconds) => page.waitFor((wanted) => window.video.currentTime > 0 && !window.video.paused &&
        window.video.getVideoPlaybackQuality().totalVideoFrames > wanted, `${seconds} s of frames`, { ms: 30000, args: [seconds * 30] });
    await past(3);
    assert.deepEqual(await page.evaluate(() => window.problems), []);
}

test('hls.js plays by parts', { skip }, async () => {
    const page = await openWith('hls.js/dist/hls.min.js');
    await page.evaluate(() => {
        const hls = window.hls = new window.Hls({ lowLatencyMode: true });
        hls.on(window.Hls.Events.ERROR, (_, data) => data.fatal && window.problems.push(data.details));
        hls.loadSource('/cam/index.m3u8');
        hls.attachMedia(window.video);
        return window.video.play();
    });
    await expectToPlay(page);
    const details = await page.evaluate(() => {
        const { partList, canBlockReload, partHoldBack } = window.hls.levels[window.hls.currentLevel].details;
        return { n_parts: partList.length, canBlockReload, partHoldBack };
    });
    assert.ok(details.n_parts > 0 && details.canBlockReload);
    assert.ok(details.partHoldBack < 1, `it stays ${details.partHoldBack} s behind the camera`);
    await page.close();
});

/* Shaka Player 5.2 asks for nothing, literally, when there are fewer. */
const SHAKA_SEGMENTS = 4;

for (const address of ['/cam/index.m3u8', '/cam/manifest.mpd']) {
    test(`Shaka Player plays ${address}`, { skip }, async () => {
        await until(async () => (await (await avocet.get('/cam/hls/video.m3u8')).text()).match(/EXTINF/g)?.length >= SHAKA_SEGMENTS,
            'some segments', { ms: 20000, interval_ms: 200 });
        const page = await openWith('shaka-player/dist/shaka-player.compiled.js');
        await page.evaluate(async (uri) => {
            const player = new window.shaka.Player();
            await player.attach(window.video);
            player.addEventListener('error', (event) => window.problems.push(event.detail.code));
            await player.load(new URL(uri, location.href).href);
            await window.video.play();
        }, address);
        await expectToPlay(page);
        await page.close();
    });
}

test('dash.js plays', { skip }, async () => {
    const page = await openWith('dashjs/dist/modern/umd/dash.all.min.js');
    await page.evaluate(() => {
        const player = window.dashjs.MediaPlayer().create();
        player.on('error', (event) => window.problems.push(event.error?.message ?? 'error'));
        player.initialize(window.video, '/cam/manifest.mpd', true);
    });
    await expectToPlay(page);
    await page.close();
});
