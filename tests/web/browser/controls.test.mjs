import assert from 'node:assert/strict';
import {
    shared,
    test,
    until,
    useMock,
    waitForPhase,
    waitForPlaying,
    withPage,
} from './browser.mjs';

useMock();

test('every key of the help does what it says', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        await page.keyboard.press('?');
        assert.ok(await page.locator('#help-dialog').isVisible());
        const keys = await page.locator('#keys kbd').allTextContents();
        assert.deepEqual(keys, ['Space', 'M', 'F', 'S', 'P', 'I', 'T', 'D', 'C', 'L', 'G', '?']);
        await page.keyboard.press('i');
        assert.ok(!(await page.locator('#stats').isVisible()), 'keys rest below a dialog');
        await page.keyboard.press('Escape');
        await page.keyboard.press('i');
        assert.ok(await page.locator('#stats').isVisible());
        assert.equal(await page.getAttribute('#toggle-stats', 'aria-pressed'), 'true');
        await page.keyboard.press('f');
        await page.waitForFunction(() => document.fullscreenElement);
        await page.keyboard.press('f');
        await page.waitForFunction(() => !document.fullscreenElement);
        await page.keyboard.press('l');
        assert.match(await page.textContent('#links-list'), /\/cam\/stream\.mjpg/);
        await page.keyboard.press('Escape');
        await page.keyboard.press('g');
        await page.waitForURL(`${shared.mock.url}/`);
    });
});

test('pause closes the connection and keeps the picture; play is live at once', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        await page.keyboard.press(' ');
        await waitForPhase(page, 'paused');
        assert.ok(await page.locator('.still').isVisible());
        await until(() => shared.mock.viewerCount === 0, 'nothing is received');
        await page.click('#play');
        await waitForPlaying(page, 'webcodecs');
        /* The first picture may be the cached keyframe, from which it catches up. */
        await until(
            () =>
                page.evaluate(() => avocet.readTimecode().then((ms) => Date.now() - ms < 500)),
            'caught up',
            3000,
        );
    });
});

test('transport and mode by menu, with the arrow keys', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        await page.focus('#transport');
        await page.keyboard.press('Enter');
        const checked = page.locator('[role=menuitemradio][aria-checked=true]');
        assert.equal(await checked.locator('span span').textContent(), 'Automatic');
        for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter']) {
            await page.keyboard.press(key);
        }
        await waitForPlaying(page, 'mse');
        assert.equal(await page.evaluate(() => avocet.reason), 'chosen by hand');
        assert.equal(await page.evaluate(() => document.activeElement.id), 'transport');
        shared.mock.requests.length = 0;
        await page.keyboard.press('d');
        await page.keyboard.press('Home');
        await page.keyboard.press('Enter');
        await until(
            () => shared.mock.requests.some((request) => request.includes('format=mp4&mode=drive')),
            'drive',
        );
        await page.keyboard.press('t');
        await page.keyboard.press('Escape');
        assert.equal(await page.getAttribute('#transport', 'aria-expanded'), 'false');
    });
});

test('a snapshot is a JPEG of what is on screen', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        const [download] = await Promise.all([
            page.waitForEvent('download'),
            page.keyboard.press('s'),
        ]);
        assert.match(download.suggestedFilename(), /^cam-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.jpg$/);
        const chunks = [];
        for await (const chunk of await download.createReadStream()) {
            chunks.push(chunk);
        }
        const bytes = Buffer.concat(chunks);
        assert.equal(bytes.subarray(0, 3).toString('hex'), 'ffd8ff');
        assert.ok(bytes.length > 2000);
    });
});

test('every control has a name, and a key shows where the focus is', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        for (const button of await page.locator('button, a').all()) {
            const name = await button.evaluate(
                (element) => element.ariaLabel || element.textContent.trim(),
            );
            assert.ok(name, await button.evaluate((element) => element.outerHTML));
        }
        await page.keyboard.press('Tab');
        const outline = await page.evaluate(
            () => getComputedStyle(document.activeElement).outlineStyle,
        );
        assert.equal(outline, 'solid');
        await page.waitForFunction(() => document.getElementById('live').textContent === 'Live');
        assert.equal(await page.getAttribute('#live', 'aria-live'), 'polite');
    });
});

test('sound is hidden where there is none', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        assert.ok(!(await page.locator('#mute').isVisible()));
    });
});

test('embedded: only the picture, controls when the pointer moves', async () => {
    await withPage('/cam/?embed', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        assert.ok(!(await page.locator('#bar').isVisible()));
        const stage = await page.locator('#stage').boundingBox();
        assert.deepEqual(stage, { x: 0, y: 0, width: 960, height: 600 });
        await page.waitForFunction(
            () => getComputedStyle(document.getElementById('controls')).opacity === '0',
        );
        await page.mouse.move(300, 200);
        await page.waitForFunction(
            () => getComputedStyle(document.getElementById('controls')).opacity === '1',
        );
    });
});

test('a phone held upright: no sideways scrolling, targets large enough', async () => {
    await withPage(
        '/cam/',
        async (page) => {
            await waitForPlaying(page, 'webcodecs');
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390);
            assert.ok(await page.locator('#stats').isVisible(), 'there is room for the figures');
            for (const button of await page.locator('.controls button:visible').all()) {
                const { width, height } = await button.boundingBox();
                assert.ok(width >= 44 && height >= 44);
            }
        },
        { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true },
    );
});

test('the window comes back from hidden: nothing was received meanwhile', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        await page.evaluate(() =>
            dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true })),
        );
        await waitForPhase(page, 'suspended');
        await until(() => shared.mock.viewerCount === 0, 'nothing is received');
        await page.evaluate(() =>
            dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })),
        );
        await waitForPlaying(page, 'webcodecs');
    });
});
