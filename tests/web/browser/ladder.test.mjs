import { beforeEach } from 'node:test';
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

beforeEach(() => {
    shared.mock.broken.clear();
    shared.mock.silent.clear();
    shared.mock.state = 'live';
    shared.mock.error = null;
    shared.mock.isSending = true;
    shared.mock.requests.length = 0;
});

const report = (page) =>
    page.evaluate(() => Object.fromEntries(avocet.report.map((row) => [row.id, row])));

test('each transport in turn, as those before it are broken, with the reason in words', async () => {
    const { mock } = shared;
    await withPage('/cam/?stats', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        await page.waitForFunction(
            () =>
                document.getElementById('fact-reason').textContent ===
                'WebRTC: the server has no WebRTC',
        );
    });
    mock.broken.add('h264');
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'mse');
        assert.match(
            await page.evaluate(() => avocet.reason),
            /WebCodecs: no WebSocket to the server/,
        );
    });
    mock.broken.add('mp4');
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'mjpeg');
        assert.equal((await report(page)).mse.state, 'failed');
    });
});

test('a transport that says nothing is left after 1.5 s', async () => {
    shared.mock.silent.add('webrtc');
    shared.mock.silent.add('h264');
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'mse');
        const elapsedMs = await page.evaluate(() => performance.now());
        assert.ok(elapsedMs > 3000 && elapsedMs < 6000, `${elapsedMs}`);
        const rows = await report(page);
        assert.match(rows.webrtc.reason, /no picture within 1.5 s: no answer to the offer/);
        assert.match(
            rows.webcodecs.reason,
            /no picture within 1.5 s: connected, but no data comes/,
        );
    });
});

test('when nothing works it says why, transport by transport, and goes on trying', async () => {
    ['h264', 'mp4', 'mjpeg'].forEach((format) => shared.mock.broken.add(format));
    await withPage('/cam/', async (page) => {
        await waitForPhase(page, 'failed');
        assert.equal(await page.textContent('#message-title'), 'No way to play it works here');
        assert.equal(await page.locator('#reasons li').count(), 4);
        assert.match(await page.textContent('#reasons'), /WebRTC the server has no WebRTC/);
        shared.mock.broken.delete('mp4');
        await waitForPlaying(page, 'mse');
    });
});

test('what worked is tried first the next time, and kept', async () => {
    shared.mock.broken.add('h264');
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'mse');
        shared.mock.broken.clear();
        shared.mock.requests.length = 0;
        await page.reload();
        await waitForPlaying(page, 'mse');
        assert.ok(
            !shared.mock.requests.some((request) => /whep|h264/.test(request)),
            String(shared.mock.requests),
        );
        assert.equal(await page.evaluate(() => avocet.reason), 'it worked here last time');
    });
});

test('without HTTPS there is no WebCodecs, and the menu says so', async () => {
    await withPage('/cam/', async (page) => {
        await page
            .context()
            .addInitScript(() =>
                Object.defineProperty(globalThis, 'isSecureContext', { value: false }),
            );
        await page.reload();
        await waitForPlaying(page, 'mse');
        await page.keyboard.press('t');
        const row = page.locator('[role=menuitemradio]', { hasText: 'WebCodecs' });
        assert.match(await row.textContent(), /it needs HTTPS/);
        assert.equal(await row.getAttribute('aria-disabled'), 'true');
    });
});

test('an iPhone has only ManagedMediaSource, which serves as well', async () => {
    await withPage('/cam/?via=mse', async (page) => {
        await page.context().addInitScript(() => {
            globalThis.ManagedMediaSource = globalThis.MediaSource;
            delete globalThis.MediaSource;
        });
        await page.reload();
        await waitForPlaying(page, 'mse');
        assert.equal(await page.evaluate(() => typeof MediaSource), 'undefined');
        assert.equal(await page.evaluate(() => avocet.picture.disableRemotePlayback), true);
    });
});

test('a camera that takes its time uses up no transport', async () => {
    shared.mock.state = 'starting';
    shared.mock.silent.add('webrtc');
    await withPage('/cam/', async (page) => {
        await waitForPhase(page, 'starting');
        await page.waitForTimeout(3500);
        assert.equal((await report(page)).webrtc.state, 'trying');
        assert.equal(await page.textContent('#message-title'), 'The camera is starting');
        shared.mock.state = 'live';
        await waitForPlaying(page, 'webcodecs');
    });
});

test('a stall is shown with the reason of the server, and is nobody’s fault', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        const before = shared.mock.requests.filter((request) => request.includes('h264')).length;
        Object.assign(shared.mock, {
            state: 'stalled',
            error: '/dev/video0 was unplugged',
            isSending: false,
        });
        await waitForPhase(page, 'stalled');
        assert.match(
            await page.textContent('#message'),
            /The camera is not sending.*\/dev\/video0 was unplugged/s,
        );
        await page.waitForTimeout(4000);
        Object.assign(shared.mock, { state: 'live', error: null, isSending: true });
        await waitForPlaying(page, 'webcodecs');
        const after = shared.mock.requests.filter((request) => request.includes('h264')).length;
        assert.equal(after, before, 'the connection was kept');
    });
});

test('a picture that stops though the camera sends is fetched anew', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        shared.mock.isSending = false;
        await waitForPhase(page, 'connecting');
        shared.mock.isSending = true;
        await page.waitForFunction(() => avocet.phase === 'playing');
        assert.equal(
            await page.evaluate(() => avocet.transport),
            'webcodecs',
            'the same one first',
        );
    });
});

for (const transport of ['webcodecs', 'mse', 'mjpeg']) {
    test(`the server restarts: ${transport} comes back by itself, and by the same way`, async () => {
        const { mock } = shared;
        await withPage(`/cam/?via=${transport}`, async (page) => {
            await waitForPlaying(page, transport);
            await mock.stop();
            await waitForPhase(page, 'reconnecting');
            assert.match(await page.textContent('#badge'), /Reconnecting/);
            assert.ok(await page.locator('.still').isVisible(), 'the last picture stays');
            await mock.start(mock.port);
            await waitForPlaying(page, transport);
            await until(
                () =>
                    page.evaluate(() =>
                        avocet.readTimecode().then((ms) => Math.abs(ms - Date.now()) < 2000),
                    ),
                'a new picture',
            );
        });
    });
}

test('a stream that is taken away is missed, and found again', async () => {
    await withPage('/cam/', async (page) => {
        await waitForPlaying(page, 'webcodecs');
        shared.mock.names = [];
        shared.mock.drop();
        await waitForPhase(page, 'missing');
        assert.match(await page.textContent('#message'), /There is no stream “cam”/);
        shared.mock.names = ['cam'];
        await waitForPlaying(page, 'webcodecs');
    });
});
