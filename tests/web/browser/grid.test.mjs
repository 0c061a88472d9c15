import { beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { shared, test, until, useMock, withPage } from './browser.mjs';

useMock();

beforeEach(() => {
    shared.mock.broken.clear();
    shared.mock.names = ['cam'];
    shared.mock.requests.length = 0;
});

const names = (n) => Array.from({ length: n }, (_, i) => `cam-${i}`);
const count = (part) => shared.mock.requests.filter((request) => request.includes(part)).length;

test('a live tile for every stream in view, none for those below', async () => {
    shared.mock.names = names(12);
    await withPage('/', async (page) => {
        await page.waitForSelector('.tile:nth-child(4) .picture:not([hidden])');
        await page.waitForTimeout(1000);
        assert.equal(await page.locator('.tile').count(), 12);
        assert.equal(await page.locator('#count').textContent(), '12 streams');
        const nBefore = await page.locator('.tile .picture:not([hidden])').count();
        assert.ok(nBefore >= 4 && nBefore < 12, `${nBefore} tiles play`);
        await page.locator('.tile').last().scrollIntoViewIfNeeded();
        await page.waitForSelector('.tile:last-child .picture:not([hidden])');
        await page.waitForTimeout(2500);
        const first = await page.locator('.tile:first-child').boundingBox();
        assert.ok(first.y + first.height < 0, 'the first is out of view');
        assert.ok(shared.mock.viewerCount < 12, `${shared.mock.viewerCount} are received`);
    });
});

test('with MJPEG only, four tiles play and the others are snapshots', async () => {
    shared.mock.names = names(8);
    ['h264', 'mp4'].forEach((format) => shared.mock.broken.add(format));
    await withPage(
        '/',
        async (page) => {
            await until(
                async () => (await page.locator('.tile img.picture:not([hidden])').count()) === 8,
                'all have a picture',
                25000,
            );
            assert.equal(shared.mock.viewerCount, 4);
            assert.ok(count('snapshot.jpg') >= 4);
        },
        { viewport: { width: 1500, height: 1000 } },
    );
});

test('the list is kept up to date, and a tile opens its player', async () => {
    await withPage('/', async (page) => {
        await page.waitForSelector('.tile');
        shared.mock.names = ['cam', 'garden'];
        await page.waitForSelector('.tile:nth-child(2)');
        shared.mock.names = ['garden'];
        await until(async () => (await page.locator('.tile').count()) === 1, 'one is gone');
        await page.click('.tile');
        await page.waitForURL('**/garden/');
        await page.waitForFunction(() => globalThis.avocet?.phase === 'playing');
    });
});

test('no streams: it says how to add one', async () => {
    shared.mock.names = [];
    await withPage('/', async (page) => {
        await page.waitForSelector('#empty:not([hidden])');
        assert.match(await page.textContent('#empty'), /avocet serve cam=v4l2:\/dev\/video0/);
        shared.mock.names = ['cam'];
        await page.waitForSelector('.tile');
        assert.ok(!(await page.locator('#empty').isVisible()));
    });
});

test('the server goes away and comes back', async () => {
    const { mock } = shared;
    await withPage('/', async (page) => {
        await page.waitForSelector('.tile .picture:not([hidden])');
        await mock.stop();
        await page.waitForSelector('#notice:not([hidden])');
        assert.match(await page.textContent('#notice'), /Reconnecting/);
        await mock.start(mock.port);
        await page.waitForSelector('#notice', { state: 'hidden' });
        await page.waitForSelector('.tile .picture:not(.still):not([hidden])');
    });
});
